package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// cache is a build cache of one worker: what a mutant leaves there is of no use to
// anybody, and hundreds of them fill a disk.
type cache struct {
	dir  string
	kept map[string]bool // files that every mutant needs
}

// newCache makes one that has what the package's tests are built of.
func newCache(dir, pkg string) (cache, error) {
	c := cache{dir: dir, kept: map[string]bool{}}
	cmd := exec.Command("go", "test", "-vet=off", "-run", "^$", pkg)
	cmd.Env = append(os.Environ(), "GOCACHE="+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		return c, fmt.Errorf("build the tests of %s: %w: %s", pkg, err, said)
	}
	return c, c.each(func(path string) error {
		c.kept[path] = true
		return nil
	})
}

// tidy removes everything that came since.
func (c cache) tidy() error {
	return c.each(func(path string) error {
		if c.kept[path] {
			return nil
		}
		return os.Remove(path)
	})
}

func (c cache) each(file func(path string) error) error {
	return filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return file(path)
	})
}
