// Package secret owns the type for values that must never be printed: client
// secrets, provider tokens, passwords. Printing, logging or encoding one gives
// "[redacted]"; only Reveal gives the value, so that every place that does can
// be found by name.
package secret

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Text is a secret string. The value is behind a pointer: fmt cannot call the
// methods below on an unexported field of somebody's struct, and prints what it
// finds there, but of a pointer only the address. Two Texts are never compared
// with ==.
type Text struct {
	_     [0]func() // not comparable
	value *string
}

// New wraps a secret.
func New(value string) Text { return Text{value: &value} }

// Reveal returns the secret itself.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Empty reports whether there is no secret.
func (t Text) Empty() bool { return t.Reveal() == "" }

// String implements fmt.Stringer.
func (Text) String() string { return redacted }

// GoString implements fmt.GoStringer, for %#v.
func (Text) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb shows the value.
func (Text) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText implements encoding.TextMarshaler, and with it JSON and YAML.
func (Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// Random returns a new secret of 256 bits, base64url without padding. The
// standard library ends the program when the system has no randomness.
func Random() Text {
	var b [32]byte
	rand.Read(b[:])
	return New(base64.RawURLEncoding.EncodeToString(b[:]))
}
