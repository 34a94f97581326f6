package catalog

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/deputy-oauth/deputy/consent"
)

//go:embed platform.yaml providers/*.yaml
var embedded embed.FS

// Default loads the files that come with the program.
func Default() (*Catalog, error) { return Load(embedded) }

// With loads the files that come with the program and those of an operator's own
// providers, all *.yaml in more.
func With(more fs.FS) (*Catalog, error) { return load(embedded, more) }

// Load reads platform.yaml and providers/*.yaml from files and proves them. The
// error, if any, joins every violation found, each in words that name the file
// and the entry; a catalogue with one is not returned.
func Load(files fs.FS) (*Catalog, error) { return load(files, nil) }

// load is Load; the files of more, if any, are held to the same proofs.
func load(files, more fs.FS) (*Catalog, error) {
	c := &Catalog{Providers: map[consent.ProviderID]*Provider{}, Scopes: consent.Vocabulary{}, Said: map[string]map[string]string{}}
	p := &problems{}
	c.loadPlatform(files, p)
	uses := map[*Provider]*problems{}
	c.loadProviders(files, "providers/*.yaml", p, uses)
	if more != nil {
		c.loadProviders(more, "*.yaml", p, uses)
	}
	c.prove(p, uses)
	if err := p.err(); err != nil {
		return nil, err
	}
	for _, provider := range c.Providers {
		provider.route()
	}
	return c, nil
}

func (c *Catalog) loadPlatform(files fs.FS, p *problems) {
	at := p.in("platform.yaml")
	var f platformFile
	if !decode(files, "platform.yaml", "platform/v1", &f, func() string { return f.Schema }, at) {
		return
	}
	for _, name := range f.Retired {
		c.Retired = append(c.Retired, consent.ScopeName(name))
	}
	for _, s := range f.Scopes {
		c.add(buildScope(s, "", at), at)
		c.sayScope(s, at)
	}
}

// loadProviders reads the files of that pattern and notes in uses where what is
// wrong with each is collected.
func (c *Catalog) loadProviders(files fs.FS, pattern string, p *problems, uses map[*Provider]*problems) {
	names, err := fs.Glob(files, pattern)
	if err != nil || len(names) == 0 {
		p.in(pattern).add("there is no provider file")
	}
	for _, name := range names {
		if provider, at := c.loadProvider(files, name, p); provider != nil {
			uses[provider] = at
		}
	}
}

func (c *Catalog) loadProvider(files fs.FS, name string, p *problems) (*Provider, *problems) {
	at := p.in(name)
	var f providerFile
	if !decode(files, name, "provider/v1", &f, func() string { return f.Schema }, at) {
		return nil, nil
	}
	provider := buildProvider(f, at)
	if want := strings.TrimSuffix(path.Base(name), ".yaml"); f.ID != want {
		at.add("id is %q, but the file's name says %q", f.ID, want)
	}
	if _, twice := c.Providers[provider.ID]; twice {
		at.add("provider %q is defined twice", f.ID)
		return nil, nil
	}
	c.Providers[provider.ID] = provider
	for _, s := range f.Scopes {
		c.add(buildScope(s, provider.ID, at), at)
		c.sayScope(s, at)
	}
	c.sayProvider(f, at)
	return provider, at
}

// add puts s into the vocabulary; a name counts once over all files.
func (c *Catalog) add(s consent.Scope, at *problems) {
	if _, twice := c.Scopes[s.Name]; twice {
		at.add("scope %q is defined twice", s.Name)
		return
	}
	if slices.Contains(c.Retired, s.Name) {
		at.add("scope %q is retired; its name cannot be used again", s.Name)
	}
	c.Scopes[s.Name] = s
}

// decode reads one strict YAML document: unknown keys, repeated keys and a second
// document are violations.
func decode(files fs.FS, name, schema string, into any, got func() string, at *problems) bool {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		at.add("cannot be read: %v", err)
		return false
	}
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField())
	if err := d.Decode(into); err != nil {
		at.add("%s", strings.TrimSpace(yaml.FormatError(err, false, false)))
		return false
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		at.add("has a second document after the first")
		return false
	}
	if got() != schema {
		at.add("schema is %q, this program reads %q", got(), schema)
		return false
	}
	return true
}

// problems collects violations; in gives a collector that names its place.
type problems struct {
	place string
	found *[]error
}

func (p *problems) in(place string) *problems {
	if p.found == nil {
		p.found = &[]error{}
	}
	if p.place != "" {
		place = p.place + ": " + place
	}
	return &problems{place: place, found: p.found}
}

// add notes a violation once: an operation that can be written in two ways would
// repeat it.
func (p *problems) add(format string, args ...any) {
	err := errors.New(p.place + ": " + fmt.Sprintf(format, args...))
	for _, have := range *p.found {
		if have.Error() == err.Error() {
			return
		}
	}
	*p.found = append(*p.found, err)
}

func (p *problems) err() error {
	if p.found == nil {
		return nil
	}
	return errors.Join(*p.found...)
}
