package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/deputy-oauth/deputy/internal/secret"
)

func TestHashesAreSaltedAndVerify(t *testing.T) {
	h := newHasher(1)
	one, err := h.hash(t.Context(), secret.New("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.hash(t.Context(), secret.New("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(one, "sesame") {
		t.Errorf("hashes are %q and %q", one, two)
	}
	for password, want := range map[string]bool{"open sesame": true, "open sesamE": false, "": false, "open sesame ": false} {
		if match, stale, err := h.verify(t.Context(), one, secret.New(password)); match != want || stale || err != nil {
			t.Errorf("verify %q: %v %v %v", password, match, stale, err)
		}
	}
	if match, _, err := h.verify(t.Context(), h.decoy, secret.New("")); match || err != nil {
		t.Errorf("the decoy verifies: %v %v", match, err)
	}
}

// An account that does not exist is compared with a decoy: one of today's cost, so
// that the work is the same, and no password fits it.
func TestThreat_O35_TheDecoyCostsWhatAPasswordCosts(t *testing.T) {
	h := newHasher(1)
	real, err := h.hash(t.Context(), secret.New("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	parts, decoy := strings.Split(real, "$"), strings.Split(h.decoy, "$")
	if len(decoy) != len(parts) || strings.Join(decoy[:4], "$") != strings.Join(parts[:4], "$") || len(decoy[4]) != len(parts[4]) || len(decoy[5]) != len(parts[5]) {
		t.Errorf("the decoy is %q, a password's hash %q", h.decoy, real)
	}
	if h.decoy == newHasher(1).decoy {
		t.Error("two processes have the same decoy")
	}
	for _, password := range []string{"", "open sesame", h.decoy} {
		if match, stale, err := h.verify(t.Context(), h.decoy, secret.New(password)); match || stale || err != nil {
			t.Errorf("the decoy and %q: %v %v %v", password, match, stale, err)
		}
	}
}

func TestAHashOfAnotherCostIsStale(t *testing.T) {
	cheap := cost{memory: 64, passes: 1, threads: 1}
	salt := []byte("sixteen bytes ok")
	phc := encode(cheap, salt, argon2.IDKey([]byte("open sesame"), salt, cheap.passes, cheap.memory, cheap.threads, 32))
	h := newHasher(1)
	if match, stale, err := h.verify(t.Context(), phc, secret.New("open sesame")); !match || !stale || err != nil {
		t.Errorf("right: %v %v %v", match, stale, err)
	}
	if match, stale, err := h.verify(t.Context(), phc, secret.New("wrong")); match || stale || err != nil {
		t.Errorf("wrong: %v %v %v", match, stale, err)
	}
}

// A row that somebody changed must not decide how much memory a sign-in takes,
// nor let anybody in.
func TestHashesThatCannotBeOurs(t *testing.T) {
	b64 := base64.RawStdEncoding
	salt, key := b64.EncodeToString(make([]byte, 16)), b64.EncodeToString(make([]byte, 32))
	h := newHasher(1)
	for _, phc := range []string{
		"", "x", "$argon2id$", "plain password",
		"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967295,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=4000,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$",
		"$argon2id$v=19$m=19456,t=2,p=1$$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + b64.EncodeToString(make([]byte, 4096)),
	} {
		if match, _, err := h.verify(t.Context(), phc, secret.New("open sesame")); match || !errors.Is(err, errHash) {
			t.Errorf("%.60q: %v %v", phc, match, err)
		}
	}
}

func TestWaitingForATurnEndsWithTheRequest(t *testing.T) {
	h := newHasher(1)
	h.slots <- struct{}{} // somebody else's hash
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, secret.New("open sesame")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-h.slots
	if _, err := h.hash(t.Context(), secret.New("open sesame")); err != nil {
		t.Errorf("with a free turn: %v", err)
	}
}
