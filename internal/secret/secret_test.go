package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// However a secret is printed, logged or encoded, alone or inside something
// else, it does not show.
func TestASecretDoesNotShow(t *testing.T) {
	const value = "gho_do-not-print-me"
	s := secret.New(value)
	type holder struct {
		Token  secret.Text
		hidden secret.Text
		Ref    *secret.Text
	}
	h := holder{Token: s, hidden: s, Ref: &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", s, &s, []secret.Text{s})
		fmt.Fprintf(&out, verb+"\n", h)
	}
	fmt.Fprintln(&out, fmt.Errorf("sign in: %v", s))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", "secret", s, "holder", h, "list", []secret.Text{s})
	}
	if err := json.NewEncoder(&out).Encode(map[string]any{"secret": s, "holder": h}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), value) || strings.Contains(out.String(), fmt.Sprintf("%x", value)) {
		t.Errorf("it shows:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Errorf("nothing says that something is hidden:\n%s", out.String())
	}
	if s.Reveal() != value {
		t.Errorf("Reveal gives %q", s.Reveal())
	}
}

func TestRandomSecretsDiffer(t *testing.T) {
	a, b := secret.Random(), secret.Random()
	if a.Reveal() == b.Reveal() || len(a.Reveal()) != 43 || a.Empty() {
		t.Errorf("two random secrets of %d and %d characters, equal: %v", len(a.Reveal()), len(b.Reveal()), a.Reveal() == b.Reveal())
	}
}
