package provider

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Account is whose account tokens belong to. Only Subject decides; the rest is
// for people and may change at any time.
type Account struct {
	Subject string // the provider's own id, with its realm where ids are only unique inside one
	Login   string
	Name    string
	Picture string // https URL, "" when there is none
}

// Identify asks the provider whose tokens these are. People can switch accounts
// on the provider's page, so it must be asked after every exchange.
func (c *Client) Identify(ctx context.Context, reg Registration, tokens Tokens) (Account, error) {
	e, err := c.resolve(reg)
	if err != nil {
		return Account{}, err
	}
	return c.identify(ctx, e, tokens)
}

func (c *Client) identify(ctx context.Context, e *endpoint, tokens Tokens) (Account, error) {
	const doing = "identify account"
	got, err := c.invoke(ctx, e, e.provider.Identity.Call, tokens, doing)
	if err != nil {
		return Account{}, err
	}
	if class, wait, refused := e.provider.Classify(got.status, got.header, got.body); refused && class != catalog.Incomplete {
		return Account{}, &Error{Provider: e.provider.ID, Doing: doing, Kind: class, Status: got.status, Wait: wait}
	}
	doc, err := decodeReply(http.Header{"Content-Type": {"application/json"}}, got.body)
	if err != nil {
		return Account{}, &Error{Provider: e.provider.ID, Doing: doing, Kind: catalog.ProviderDown, Status: got.status}
	}
	id := e.provider.Identity
	subject, _ := text(doc, []string{id.Subject})
	if id.Realm != "" {
		realm, _ := text(doc, []string{id.Realm})
		if realm == "" {
			subject = ""
		}
		subject = realm + "/" + subject
	}
	if !usableID(subject) {
		return Account{}, fmt.Errorf("%s at %s: the answer names no account", doing, e.provider.ID)
	}
	account := Account{Subject: subject, Login: words(doc, id.Login, 100), Name: words(doc, id.Name, 200), Picture: words(doc, id.Picture, 2048)}
	if !strings.HasPrefix(account.Picture, "https://") {
		account.Picture = ""
	}
	if account.Login == "" {
		account.Login = account.Subject
	}
	return account, nil
}

// usableID reports whether an id can be compared and stored: printable ASCII, not
// too long, no empty part.
func usableID(id string) bool {
	if id == "" || len(id) > 200 || strings.HasPrefix(id, "/") || strings.HasSuffix(id, "/") {
		return false
	}
	for _, r := range id {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}

// words reads a text for people: bounded, without control characters. Its words
// are somebody else's; pages escape them.
func words(doc any, pointer string, most int) string {
	if pointer == "" {
		return ""
	}
	raw, _ := text(doc, []string{pointer})
	return readable(raw, most)
}

// readable is raw without control characters, most characters of it.
func readable(raw string, most int) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, raw)
	clean = strings.TrimSpace(clean)
	if runes := []rune(clean); len(runes) > most {
		clean = string(runes[:most])
	}
	return clean
}

// Revocation is what a provider answered when it was told that we are done.
type Revocation string

// The answers. Each is shown to the person and kept in the audit.
const (
	Revoked     Revocation = "revoked"      // the provider confirmed
	AlreadyGone Revocation = "already_gone" // it no longer knew the tokens
	NotOffered  Revocation = "not_offered"  // the provider has no such call
	Unconfirmed Revocation = "unconfirmed"  // it answered something else
	Unreachable Revocation = "unreachable"  // it did not answer
)

// Settled reports whether nothing is left to be told.
func (r Revocation) Settled() bool {
	return r == Revoked || r == AlreadyGone || r == NotOffered
}

// Revoke tells the provider that these tokens are not wanted any more. What else
// that ends there is the variant's Blast. Tokens that ran out are refreshed first,
// and handed to keep before they are used: the old ones may be spent. The error says
// why it was not confirmed, for the log; the answer counts also with an error.
func (c *Client) Revoke(ctx context.Context, reg Registration, tokens Tokens, keep func(Tokens) error) (Revocation, error) {
	const doing = "revoke tokens"
	e, err := c.resolve(reg)
	if err != nil {
		return Unconfirmed, err
	}
	call := e.variant.Revoke
	if call == nil {
		return NotOffered, nil
	}
	if !tokens.Refresh.Empty() && c.ended(held{expires: tokens.ExpiresAt}) {
		// A token that ran out names nothing there, and what it stood for lives on.
		fresh, err := c.refresh(ctx, e, tokens.Refresh, tokens.Granted)
		if err != nil {
			return unrefreshed(err)
		}
		if fresh.Refresh.Empty() {
			fresh.Refresh = tokens.Refresh // RFC 6749 section 6: the old one stays
		}
		if err := keep(fresh); err != nil {
			return Unconfirmed, err
		}
		tokens = fresh
	}
	got, err := c.invoke(ctx, e, *call, tokens, doing)
	if err != nil {
		return Unreachable, err
	}
	class, _, refused := e.provider.Classify(got.status, got.header, got.body)
	out := &Error{Provider: e.provider.ID, Doing: doing, Kind: class, Status: got.status}
	switch {
	case !refused && got.status < 300:
		return Revoked, nil
	case class == catalog.ProviderDown:
		return Unreachable, out
	case call.Auth == "basic" && got.status == http.StatusUnauthorized:
		return Unconfirmed, out // it is our own secret that was refused
	case class == catalog.ResourceGone, class == catalog.ReauthRequired, class == catalog.TokenInvalid:
		return AlreadyGone, nil
	}
	return Unconfirmed, out
}

// unrefreshed is the answer when the tokens to revoke could not be renewed first.
func unrefreshed(err error) (Revocation, error) {
	switch class, _ := ClassOf(err); class {
	case catalog.ReauthRequired:
		return AlreadyGone, nil
	case catalog.ProviderDown:
		return Unreachable, err
	}
	return Unconfirmed, err
}
