package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// How long one item of a list and one text of a map may be, in characters.
const (
	maxItem   = 256
	MaxMember = 1024
)

// base64url is the alphabet of RFC 4648 section 5.
const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Check reports why text may not be sent as this parameter, nil when it may. The
// error names the parameter and never repeats the value. Cursors are opened by
// who sealed them; here only their size is looked at. Of a list, text is one item; of a map,
// one member's text.
func (p Param) Check(text string) error {
	if err := p.check(text); err != nil {
		return fmt.Errorf("%s %w", p.Name, err)
	}
	return nil
}

func (p Param) check(text string) error {
	switch p.Kind {
	case KindInt:
		// One spelling for each number: no sign, no leading zero, never below 1.
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > p.Max || strconv.Itoa(n) != text {
			return fmt.Errorf("must be a whole number from 1 to %d", p.Max)
		}
	case KindBool:
		if text != "true" && text != "false" {
			return errors.New("must be true or false")
		}
	case KindEnum:
		if !slices.Contains(p.Enum, text) {
			return fmt.Errorf("must be one of %q", p.Enum)
		}
	case KindUUID:
		if _, err := uuid.Parse(text); err != nil || (len(text) != 32 && len(text) != 36) {
			return errors.New("must be a UUID")
		}
	case KindPage, KindCursor:
		if len(text) > maxPath {
			return errors.New("is too long")
		}
	case KindMail:
		// Alphabet and size; what it says is read by who writes it anew.
		if len(text) > p.Max || strings.Trim(strings.TrimRight(text, "="), base64url) != "" {
			return fmt.Errorf("must be an e-mail in base64url, %d characters at most", p.Max)
		}
	case KindString, KindStrings, KindMap:
		return p.checkString(text)
	default:
		return errors.New("has no known kind")
	}
	return nil
}

// Canonical is text, checked before, in the one spelling it is compared and sent in.
func (p Param) Canonical(text string) string {
	if p.Kind == KindUUID {
		// RFC 9562 section 4: lower case and with dashes, however it came.
		return uuid.MustParse(text).String()
	}
	return text
}

func (p Param) checkString(text string) error {
	switch {
	case !utf8.ValidString(text):
		return errors.New("must be UTF-8")
	case p.Kind == KindStrings && utf8.RuneCountInString(text) > maxItem:
		return fmt.Errorf("must have items of %d characters at most", maxItem)
	case p.Kind == KindMap && utf8.RuneCountInString(text) > MaxMember:
		return fmt.Errorf("must have texts of %d characters at most", MaxMember)
	case p.Kind == KindString && utf8.RuneCountInString(text) > p.Max:
		return fmt.Errorf("must be %d characters at most", p.Max)
	case p.Match != nil && !p.Match.MatchString(text):
		return errors.New("has a form that is not allowed here")
	case p.Refuse != nil && p.Refuse.MatchString(text):
		return errors.New("has a part that is not allowed here")
	}
	return nil
}
