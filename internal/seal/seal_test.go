package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/internal/seal"
)

func newKey(t *testing.T) seal.Key {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.key")
	if err := seal.Create(path); err != nil {
		t.Fatal(err)
	}
	k, err := seal.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestThreat_C13_OpenFileRefuses(t *testing.T) {
	random := base64.StdEncoding.EncodeToString([]byte("k3J9x!qZ7w#Lm2@Vb5^Nc8&Rt1*Yp4(D"))
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		says    string
	}{
		"world-readable":  {random, 0o644, "chmod 600"},
		"group-readable":  {random, 0o640, "chmod 600"},
		"short":           {base64.StdEncoding.EncodeToString([]byte("short")), 0o600, "256 random bits"},
		"all the same":    {base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("a"), 32)), 0o600, "256 random bits"},
		"not base64":      {"correct horse battery staple", 0o600, "256 random bits"},
		"an empty file":   {"", 0o600, "256 random bits"},
		"example in docs": {base64.StdEncoding.EncodeToString([]byte("changemechangemechangemechangeme")), 0o600, "256 random bits"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "server.key")
			if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := seal.OpenFile(path)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
			if err != nil && c.content != "" && strings.Contains(err.Error(), c.content) {
				t.Error("the error repeats the key")
			}
		})
	}
	if _, err := seal.OpenFile(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestCreateNeverReplacesAKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.key")
	if err := seal.Create(path); err != nil {
		t.Fatal(err)
	}
	if err := seal.Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("second Create: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
}

func TestThreat_C18_KeyPrintsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.key")
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString([]byte("k3J9x!qZ7w#Lm2@Vb5^Nc8&Rt1*Yp4(D"))), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := seal.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, k); got != "[redacted]" {
			t.Errorf("%s prints %q", verb, got)
		}
		if got := fmt.Sprintf(verb, struct{ hidden seal.Key }{k}); strings.Contains(got, "k3J9x") || strings.Contains(got, "107 51 74") || strings.Contains(got, "0x6b, 0x33") {
			t.Errorf("%s prints the key inside a struct: %s", verb, got)
		}
	}
}

// A sealed value opens with exactly the values it was bound to, and not when a
// single bit of it changed.
func TestBoxOpensOnlyInItsPlace(t *testing.T) {
	k := newKey(t)
	box := k.Box("test")
	rapid.Check(t, func(r *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(r, "plain")
		bound := rapid.SliceOfN(rapid.StringN(0, 5, 20), 0, 3).Draw(r, "bound")
		other := rapid.SliceOfN(rapid.StringN(0, 5, 20), 0, 3).Draw(r, "other")
		sealed := box.Seal(plain, bound...)
		got, err := box.Open(sealed, bound...)
		if err != nil || !bytes.Equal(got, plain) {
			r.Fatalf("opened %q, %v; want %q", got, err, plain)
		}
		if fmt.Sprintf("%q", bound) != fmt.Sprintf("%q", other) {
			if _, err := box.Open(sealed, other...); !errors.Is(err, seal.ErrNotOurs) {
				r.Fatalf("bound to %q, opened with %q", bound, other)
			}
		}
		if _, err := k.Box("other").Open(sealed, bound...); !errors.Is(err, seal.ErrNotOurs) {
			r.Fatal("another purpose's box opened it")
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(r, "at")
		changed := []byte(sealed)
		if changed[at] == 'A' {
			changed[at] = 'B'
		} else {
			changed[at] = 'A'
		}
		if _, err := box.Open(string(changed), bound...); !errors.Is(err, seal.ErrNotOurs) {
			r.Fatalf("a changed value opened: %v", err)
		}
	})
}
