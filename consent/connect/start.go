package connect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

const (
	maxScopes = 50
	maxReturn = 4096 // bytes
)

// Trip is what a person goes to a provider for.
type Trip struct {
	Provider   consent.ProviderID
	Connection consent.ConnectionID // to widen or reconnect; "" connects an account
	Reconnect  bool                 // with Connection: only new tokens
	Scopes     []consent.ScopeName  // our scopes that the account must be able to serve
	Return     string               // path of ours to come back to
}

// Start is POST /connect/{provider}/start with the fields csrf, scopes (our
// names, separated by spaces), connection (to widen one; may be empty) and return.
func (h *Handler) Start(c *gin.Context) error {
	id := consent.ProviderID(c.Param("provider"))
	p, err := h.formOf(c, startStep, string(id))
	if err != nil {
		return err
	}
	form := c.Request.PostForm
	trip := Trip{Provider: id, Connection: consent.ConnectionID(form.Get("connection")), Return: form.Get("return")}
	for _, name := range strings.Fields(form.Get("scopes")) {
		trip.Scopes = append(trip.Scopes, consent.ScopeName(name))
	}
	return h.send(c, p, trip)
}

// Reconnect is POST /services/{connection}/reconnect with the fields csrf and
// return: the same account signs in at its provider again.
func (h *Handler) Reconnect(c *gin.Context) error {
	id := consent.ConnectionID(c.Param("connection"))
	p, err := h.formOf(c, reconnectStep, string(id))
	if err != nil {
		return err
	}
	return h.send(c, p, Trip{Connection: id, Reconnect: true, Return: c.Request.PostForm.Get("return")})
}

func (h *Handler) send(c *gin.Context, p Person, trip Trip) error {
	target, err := h.Begin(c.Request.Context(), p, trip)
	if err != nil {
		return err
	}
	// 303: the provider gets a GET without our form (RFC 9700 section 4.12).
	c.Redirect(http.StatusSeeOther, target)
	return nil
}

// formOf reads a form of ours and who sent it.
func (h *Handler) formOf(c *gin.Context, step, object string) (Person, error) {
	p, in, err := h.cfg.People.Person(c)
	if err != nil {
		return Person{}, fmt.Errorf("find who is signed in: %w", err)
	}
	if !in {
		return Person{}, fault.New(fault.Denied, "You are signed out. Nothing was changed. Sign in, go back and try again.")
	}
	if err := c.Request.ParseForm(); err != nil {
		return Person{}, fault.Wrap(fault.Invalid, err, "This form could not be read. Nothing was changed. Go back and try again.")
	}
	return p, h.cfg.Forms.Check(c.Request.PostForm.Get("csrf"), string(p.Session), step, object)
}

// Begin stores a trip and returns the provider's URL to send the person to. The
// caller has checked that the person asked for it.
func (h *Handler) Begin(ctx context.Context, p Person, trip Trip) (string, error) {
	back, err := ownPath(trip.Return)
	if err != nil {
		return "", err
	}
	reg, known, err := h.registration(ctx, p, trip)
	if err != nil {
		return "", err
	}
	needed, err := h.needs(reg, trip.Scopes)
	if err != nil {
		return "", err
	}
	// The union: some providers give a new token for exactly what is asked, and what
	// other apps use already must not get lost.
	asked, err := h.cfg.Providers.ScopesFor(reg, append(needed, known.Granted...))
	if err != nil {
		return "", fmt.Errorf("scopes for registration %s: %w", reg.ID, err)
	}
	another := false
	if known.ID == "" {
		if another, err = h.cfg.Connections.Connected(ctx, p.User, reg.ID); err != nil {
			return "", fmt.Errorf("look for accounts at %s: %w", reg.Provider, err)
		}
	}
	state, verifier := secret.Random(), provider.NewVerifier()
	row := State{
		Hash: hash(state.Reveal()), User: p.User, Session: p.Session, Browser: hash(p.Browser), Registration: reg.ID,
		Purpose: purpose(trip), Connection: known.ID, RedirectURI: h.RedirectURI(reg.ID), Scopes: asked, Return: back,
		Created: h.cfg.Now(), Expires: h.cfg.Now().Add(stateLife),
	}
	if row.Verifier, err = h.cfg.Vault.Seal(verifierPlace(row.Hash), verifier); err != nil {
		return "", fmt.Errorf("seal verifier: %w", err)
	}
	if err := h.cfg.States.PutState(ctx, row); err != nil {
		return "", fmt.Errorf("store connect state: %w", err)
	}
	target, err := h.cfg.Providers.AuthorizeURL(reg, provider.Ask{
		Scopes: asked, State: state, Verifier: verifier, RedirectURI: row.RedirectURI, Account: known.Login, Another: another,
	})
	if err != nil {
		return "", fmt.Errorf("start at %s: %w", reg.Provider, err)
	}
	return target, nil
}

// registration is where a trip goes: where the connection is registered, else
// where new ones are.
func (h *Handler) registration(ctx context.Context, p Person, trip Trip) (provider.Registration, Linked, error) {
	if trip.Connection == "" {
		if _, ok := h.cfg.Catalog.Providers[trip.Provider]; !ok {
			return provider.Registration{}, Linked{}, fault.New(fault.NotFound, "There is no such service. Nothing was changed.")
		}
		reg, err := h.cfg.Providers.Current(ctx, trip.Provider)
		if err != nil {
			return provider.Registration{}, Linked{}, fmt.Errorf("connect %s: %w", trip.Provider, err)
		}
		return reg, Linked{}, nil
	}
	known, err := h.cfg.Connections.ConnectionOf(ctx, p.User, trip.Connection)
	if err != nil {
		return provider.Registration{}, Linked{}, fmt.Errorf("load connection %s: %w", trip.Connection, err)
	}
	if trip.Provider != "" && trip.Provider != known.Provider {
		return provider.Registration{}, Linked{}, fault.New(fault.Invalid, "This account belongs to another service. Nothing was changed. Go back and try again.")
	}
	reg, err := h.cfg.Providers.Registration(ctx, known.Registration)
	if err != nil {
		return provider.Registration{}, Linked{}, fmt.Errorf("reach connection %s: %w", known.ID, err)
	}
	return reg, known, nil
}

// needs are the provider scopes behind our scopes.
func (h *Handler) needs(reg provider.Registration, scopes []consent.ScopeName) ([]string, error) {
	bad := func(format string, args ...any) error {
		return fault.Wrap(fault.Invalid, fmt.Errorf(format, args...), "This service cannot do what was asked. Nothing was changed. Go back and try again.")
	}
	if len(scopes) > maxScopes {
		return nil, bad("%d scopes", len(scopes))
	}
	var out []string
	for _, name := range scopes {
		s, ok := h.cfg.Catalog.Scopes[name]
		if !ok || s.Provider != reg.Provider {
			return nil, bad("scope %q is not one of %s", name, reg.Provider)
		}
		needs, ok := s.Needs[reg.Variant]
		if !ok {
			return nil, bad("variant %s of %s cannot serve %s", reg.Variant, reg.Provider, name)
		}
		out = append(out, needs...)
	}
	return out, nil
}

func purpose(t Trip) Purpose {
	switch {
	case t.Connection == "":
		return Connect
	case t.Reconnect:
		return Reconnect
	}
	return Widen
}

func verifierPlace(stateHash []byte) vault.Place {
	return vault.Place{Table: "connect_states", Row: hex.EncodeToString(stateHash), Column: "verifier"}
}

func hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// ownPath accepts a path of this origin, whatever a browser makes of it: the URL
// standard reads "\" as "/" and drops tabs and line ends. "" means the list of
// services.
func ownPath(raw string) (string, error) {
	if raw == "" {
		return "/services", nil
	}
	bad := func(cause string) (string, error) {
		return "", fault.Wrap(fault.Invalid, errors.New(cause), "The way back does not lead to a page of ours. Nothing was changed. Start again.")
	}
	if len(raw) > maxReturn || raw[0] != '/' || strings.HasPrefix(raw, "//") {
		return bad("return path is not a path of ours")
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] >= 0x7f || raw[i] == '\\' {
			return bad("return path holds a character no path has")
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, `/\`) {
		return bad("return path leads elsewhere")
	}
	return raw, nil
}
