package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

func create(t *testing.T) *vault.Vault {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func place() vault.Place {
	return vault.Place{Table: "credentials", Row: "c1", Column: "tokens", Version: 3}
}

func TestASealedValueOpensAtItsPlace(t *testing.T) {
	v := create(t)
	for _, text := range []string{"", "gho_abc", strings.Repeat("x", 1<<16), "\x00\xff"} {
		sealed, err := v.Seal(place(), secret.New(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Open(place(), sealed)
		if err != nil || got.Reveal() != text {
			t.Errorf("open = %q, %v; want %q", got.Reveal(), err, text)
		}
	}
}

func TestSealingTwiceGivesTwoCiphertextsAndNeverThePlaintext(t *testing.T) {
	v := create(t)
	text := secret.New("gho_recognisable_canary")
	one, err := v.Seal(place(), text)
	if err != nil {
		t.Fatal(err)
	}
	two, err := v.Seal(place(), text)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(one, two) {
		t.Error("the same value sealed twice is the same ciphertext")
	}
	if bytes.Contains(one, []byte(text.Reveal())) {
		t.Error("the ciphertext contains the plaintext")
	}
}

// The swap-one-field attack: whoever can write to the database moves a
// ciphertext to a row they own.
func TestThreat_C11_AMovedCiphertextDoesNotOpen(t *testing.T) {
	v := create(t)
	word := rapid.StringMatching(`[a-c]{1,4}`)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) vault.Place {
			return vault.Place{
				Table: word.Draw(t, label+" table"), Row: word.Draw(t, label+" row"), Column: word.Draw(t, label+" column"),
				Version: rapid.Int64Range(-2, 2).Draw(t, label+" version"),
			}
		}
		from, to := draw("from"), draw("to")
		sealed, err := v.Seal(from, secret.New("token"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Open(to, sealed)
		if from == to && err != nil {
			t.Fatalf("does not open at home: %v", err)
		}
		if from != to && !errors.Is(err, vault.ErrWrongPlace) {
			t.Fatalf("sealed for %+v, open at %+v: %v", from, to, err)
		}
	})
}

func TestThreat_C11_EachFieldOfThePlaceCounts(t *testing.T) {
	v := create(t)
	sealed, err := v.Seal(place(), secret.New("token"))
	if err != nil {
		t.Fatal(err)
	}
	for name, move := range map[string]func(*vault.Place){
		"table":        func(p *vault.Place) { p.Table = "registrations" },
		"row":          func(p *vault.Place) { p.Row = "c2" },
		"column":       func(p *vault.Place) { p.Column = "secret" },
		"version":      func(p *vault.Place) { p.Version-- },
		"shifted join": func(p *vault.Place) { p.Table, p.Row = "credentialsc", "1" },
	} {
		p := place()
		move(&p)
		if _, err := v.Open(p, sealed); !errors.Is(err, vault.ErrWrongPlace) {
			t.Errorf("moved by %s: %v, want ErrWrongPlace", name, err)
		}
	}
}

func TestAChangedCiphertextDoesNotOpen(t *testing.T) {
	v := create(t)
	sealed, err := v.Seal(place(), secret.New("token"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := v.Open(place(), changed); !errors.Is(err, vault.ErrWrongPlace) {
			t.Errorf("byte %d flipped: %v, want ErrWrongPlace", i, err)
		}
	}
	for _, short := range [][]byte{nil, sealed[:3], sealed[:len(sealed)-1], append(bytes.Clone(sealed), 0)} {
		if _, err := v.Open(place(), short); !errors.Is(err, vault.ErrWrongPlace) {
			t.Errorf("%d bytes: %v, want ErrWrongPlace", len(short), err)
		}
	}
}

func TestThreat_C12_AnotherKeyDoesNotOpen(t *testing.T) {
	ours, theirs := create(t), create(t)
	sealed, err := ours.Seal(place(), secret.New("token"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Open(place(), sealed); !errors.Is(err, vault.ErrWrongPlace) {
		t.Errorf("opened with another key: %v", err)
	}
	if ours.Fingerprint() == theirs.Fingerprint() {
		t.Error("two keys share a fingerprint")
	}
}

func TestNothingIsSealedWithoutAPlace(t *testing.T) {
	v := create(t)
	for _, p := range []vault.Place{{}, {Row: "r", Column: "c"}, {Table: "t", Column: "c"}, {Table: "t", Row: "r"}} {
		if _, err := v.Seal(p, secret.New("token")); err == nil {
			t.Errorf("sealed at %+v", p)
		}
	}
}

func TestThreat_C18_AVaultPrintsNoKey(t *testing.T) {
	v := create(t)
	if len(v.Fingerprint()) != 32 {
		t.Errorf("fingerprint %q, want 32 characters", v.Fingerprint())
	}
	sealed, err := v.Seal(place(), secret.New("gho_canary"))
	if err != nil {
		t.Fatal(err)
	}
	moved := place()
	moved.Row = "c2"
	_, err = v.Open(moved, sealed)
	if strings.Contains(fmt.Sprint(err), "gho_canary") {
		t.Errorf("the error says the secret: %v", err)
	}
}

// Threat C14: every sealed value has a data key and two nonces of its own, at random
// and never from a counter: no two of them agree in any part that has to differ.
func TestThreat_C14_NothingIsSealedTwiceAlike(t *testing.T) {
	const values, window = 20_000, 16
	v, text := create(t), secret.New("gho_0123456789")
	first, err := v.Seal(place(), text)
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.Seal(place(), text)
	if err != nil {
		t.Fatal(err)
	}
	// What differs from one to the next is random; what stays is how it is laid out.
	fixed := 0
	for i := range first {
		if first[i] == second[i] {
			fixed++
		}
	}
	if fixed > 32 {
		t.Errorf("%d of %d bytes stay as they were", fixed, len(first))
	}
	seen := map[[window]byte]bool{}
	for range values {
		sealed, err := v.Seal(place(), text)
		if err != nil {
			t.Fatal(err)
		}
		// The key's nonce is behind the header, the value's is where the text begins.
		for _, at := range []int{len(first) - len(text.Reveal()) - 16 - 24, 4 + 5} {
			var part [window]byte
			copy(part[:], sealed[at:])
			if seen[part] {
				t.Fatalf("a nonce came twice, at %d", at)
			}
			seen[part] = true
		}
	}
}
