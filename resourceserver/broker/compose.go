package broker

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/letter"
)

// composed is an e-mail of an app's, written anew.
type composed struct {
	letter.Letter
	text []byte
}

// MarshalJSON writes it as it is sent on.
func (c composed) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.RawURLEncoding.EncodeToString(c.text))
}

// compose reads an e-mail and writes it anew.
func compose(p *catalog.Param, text string) (composed, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return composed{}, errors.New(p.Name + " is not base64url")
	}
	l, err := letter.Read(raw)
	if err != nil {
		return composed{}, fmt.Errorf("%s is no e-mail that can be written: %w", p.Name, err)
	}
	out, err := l.Write()
	if err != nil {
		return composed{}, fmt.Errorf("%s cannot be written: %w", p.Name, err)
	}
	return composed{l, out}, nil
}
