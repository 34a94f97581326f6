package vault

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/aead/xchacha20poly1305"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

const (
	keyBytes = 32
	// Of 32 random bytes about 30 differ. Fewer than this means that somebody
	// typed the key, or that it is all zeros (CVE-2026-33504 and its kin).
	minDistinct = 16
	maxKeyFile  = 64 << 10
)

// Create writes a new keyset to path and returns its vault. The file has mode
// 0600 and is on the disk, with its name, when Create returns. A file that is
// already there is an error and stays as it is.
func Create(path string) (*Vault, error) {
	handle, err := keyset.NewHandle(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make vault key: %w", err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return nil, fmt.Errorf("encode vault key: %w", err)
	}
	if err := writeNew(path, append(text.Bytes(), '\n')); err != nil {
		return nil, fmt.Errorf("write vault key: %w", err)
	}
	return newVault(handle)
}

func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		// Half a key must not be mistaken for one at the next start.
		return errors.Join(err, os.Remove(path))
	}
	// Without this a crash could keep the rows that were sealed and lose the
	// name of the file that opens them.
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// OpenFile reads the keyset at path. It refuses a file that others can read or
// write, that belongs to another user, and a keyset that is empty, short, made
// of other than 256-bit AEAD keys, or plainly not random. No error contains any
// of the key.
func OpenFile(path string) (*Vault, error) {
	content, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("read vault key: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		// The decoder quotes what it could not read; that may be key material.
		return nil, fmt.Errorf("read vault key: %s is not a keyset", path)
	}
	v, err := newVault(handle)
	if err != nil {
		return nil, fmt.Errorf("read vault key: %s: %w", path, err)
	}
	return v, nil
}

func readPrivate(path string) ([]byte, error) {
	link, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !ours(link) {
		// A link that somebody else made can be pointed at a key they know.
		return nil, fmt.Errorf("%s belongs to another user", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat() // of what was opened, not of what the name means by now
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case !ours(info):
		return nil, fmt.Errorf("%s belongs to another user", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s has mode %04o, others on this machine can use it; run: chmod 600 %s", path, info.Mode().Perm(), path)
	case info.Size() > maxKeyFile:
		return nil, fmt.Errorf("%s is %d bytes long, no keyset is", path, info.Size())
	}
	return io.ReadAll(io.LimitReader(file, maxKeyFile))
}

// ours reports whether the file belongs to this process's user or to root, who
// can replace the program itself.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}

// inspect checks every enabled key and returns the fingerprint of the first.
func inspect(handle *keyset.Handle) (fingerprint string, err error) {
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return "", fmt.Errorf("key %d: %w", i+1, err)
		}
		if entry.KeyStatus() == keyset.Destroyed {
			continue
		}
		raw, err := material(entry)
		if err != nil {
			return "", fmt.Errorf("key %d: %w", i+1, err)
		}
		if fingerprint == "" {
			mac := hmac.New(sha256.New, raw)
			mac.Write([]byte("deputy vault fingerprint 1"))
			fingerprint = hex.EncodeToString(mac.Sum(nil)[:16])
		}
	}
	if fingerprint == "" {
		return "", errors.New("keyset without a key")
	}
	if primary, err := handle.Primary(); err != nil || primary.KeyStatus() != keyset.Enabled {
		return "", errors.New("keyset without an enabled primary key")
	}
	return fingerprint, nil
}

// material returns the bytes of a key that may be in a vault.
func material(entry *keyset.Entry) ([]byte, error) {
	var raw []byte
	switch key := entry.Key().(type) {
	case *xchacha20poly1305.Key:
		raw = key.KeyBytes().Data(insecuresecretdataaccess.Token{})
	case *aesgcm.Key:
		raw = key.KeyBytes().Data(insecuresecretdataaccess.Token{})
	default:
		return nil, errors.New("neither XChaCha20-Poly1305 nor AES-256-GCM")
	}
	if len(raw) != keyBytes {
		return nil, fmt.Errorf("%d bits, want %d", len(raw)*8, keyBytes*8)
	}
	if !entry.Key().Parameters().HasIDRequirement() {
		return nil, errors.New("made without an id, could never be replaced")
	}
	var seen [256]bool
	distinct := 0
	for _, b := range raw {
		if !seen[b] {
			seen[b] = true
			distinct++
		}
	}
	if distinct < minDistinct {
		return nil, errors.New("not random")
	}
	return raw, nil
}
