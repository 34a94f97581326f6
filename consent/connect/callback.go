package connect

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Outcome is what a trip came to. It travels back as the query parameter outcome
// of the return path, with connection (and for OtherAccount wanted, for Refused
// provider) beside it. It
// is for words on a page only: what stands is in the rows.
type Outcome string

// The outcomes.
const (
	Connected    Outcome = "connected"
	Reconnected  Outcome = "reconnected"
	Widened      Outcome = "widened"
	Less         Outcome = "less"          // connected, but the provider gave less than was asked
	OtherAccount Outcome = "other_account" // connection is another account than wanted, which stays as it was
	Refused      Outcome = "refused"       // the person said no at the provider
)

// Callback is GET /connect/{registration}/callback: the person comes back. The
// order is the defence: who, which registration, once, and only then the code.
func (h *Handler) Callback(c *gin.Context) error {
	answer, err := readAnswer(c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	p, in, err := h.cfg.People.Person(c)
	if err != nil {
		return fmt.Errorf("find who is signed in: %w", err)
	}
	if !in {
		return fault.New(fault.Denied, "Nobody is signed in here. Nothing was connected. Sign in and start again in this browser.")
	}
	ctx := c.Request.Context()
	st, err := h.spend(ctx, p, provider.RegistrationID(c.Param("provider")), answer.state)
	if err != nil {
		return err
	}
	reg, err := h.cfg.Providers.Registration(ctx, st.Registration)
	if err != nil {
		return fmt.Errorf("finish connecting: %w", err)
	}
	web.Note(c, slog.String("provider", string(reg.Provider)), slog.String("purpose", string(st.Purpose)))
	if answer.failure == "access_denied" {
		return h.back(c, st, result{outcome: Refused, provider: reg.Provider})
	}
	if answer.failure != "" {
		return fault.Wrap(fault.Upstream, errors.New("provider answered an error to the authorization request"),
			"%s did not let you connect. Nothing was connected. Go back and try again.", h.name(reg))
	}
	done, err := h.finish(ctx, reg, st, answer.code)
	if err != nil {
		return err
	}
	return h.back(c, st, done)
}

// callbackAnswer is what a provider sends back with a person.
type callbackAnswer struct {
	state, code secret.Text
	failure     string
}

// readAnswer refuses repeated parameters: which one counts would be a guess
// (RFC 6749 section 3.1).
func readAnswer(raw string) (callbackAnswer, error) {
	bad := fault.New(fault.Invalid, "The service sent you back with an answer we cannot read. Nothing was connected. Start again.")
	query, err := url.ParseQuery(raw)
	if err != nil || len(raw) > 8192 {
		return callbackAnswer{}, bad
	}
	for _, name := range []string{"state", "code", "error"} {
		if len(query[name]) > 1 {
			return callbackAnswer{}, bad
		}
	}
	a := callbackAnswer{state: secret.New(query.Get("state")), code: secret.New(query.Get("code")), failure: query.Get("error")}
	if a.state.Empty() || a.code.Empty() == (a.failure == "") {
		return callbackAnswer{}, bad
	}
	return a, nil
}

// spend finds the trip, checks that it is this person's in this browser and for
// this registration, and uses it up. Nothing that belongs to somebody else is
// used up.
func (h *Handler) spend(ctx context.Context, p Person, at provider.RegistrationID, state secret.Text) (State, error) {
	ended := fault.New(fault.Conflict, "This attempt to connect has ended. Nothing was connected. Go back and start again.")
	st, err := h.cfg.States.State(ctx, hash(state.Reveal()))
	if fault.Is(err, fault.NotFound) {
		return State{}, ended
	}
	if err != nil {
		return State{}, fmt.Errorf("load connect state: %w", err)
	}
	if why := st.foreign(p, at); why != "" {
		return State{}, fault.Wrap(fault.Denied, errors.New(why),
			"This attempt to connect began in another browser or under another sign-in. Nothing was connected. Start again here.")
	}
	spent, err := h.cfg.States.SpendState(ctx, st.Hash, h.cfg.Now())
	if err != nil {
		return State{}, fmt.Errorf("spend connect state: %w", err)
	}
	if !spent {
		return State{}, ended
	}
	return st, nil
}

// foreign says why a trip is not this person's, "" when it is.
func (s State) foreign(p Person, at provider.RegistrationID) string {
	switch {
	case s.User != p.User:
		return "callback by another user"
	case s.Session != p.Session:
		return "callback under another sign-in"
	case subtle.ConstantTimeCompare(s.Browser, hash(p.Browser)) != 1:
		return "callback from another browser"
	case s.Registration != at:
		return "callback for another registration"
	}
	return ""
}

// finish redeems the code, learns whose account it is, and stores the tokens.
func (h *Handler) finish(ctx context.Context, reg provider.Registration, st State, code secret.Text) (result, error) {
	verifier, err := h.cfg.Vault.Open(verifierPlace(st.Hash), st.Verifier)
	if err != nil {
		return result{}, fmt.Errorf("open verifier: %w", err)
	}
	tokens, err := h.cfg.Providers.Exchange(ctx, reg, provider.Redemption{
		Code: code, Verifier: verifier, RedirectURI: st.RedirectURI, Asked: st.Scopes,
	})
	if err != nil {
		return result{}, h.worded(reg, err)
	}
	account, err := h.cfg.Providers.Identify(ctx, reg, tokens)
	if err != nil {
		return result{}, h.worded(reg, err)
	}
	return h.save(ctx, reg, st, tokens, account)
}

// worded says to a person what a provider's failure means for them.
func (h *Handler) worded(reg provider.Registration, err error) error {
	name := h.name(reg)
	class, known := provider.ClassOf(err)
	switch {
	case !known:
		return fmt.Errorf("connect at %s: %w", reg.Provider, err)
	case class == catalog.ProviderDown || class == catalog.RateLimited:
		return fault.Wrap(fault.Upstream, err, "%s does not answer now. Nothing was connected. Wait a few minutes, go back and try again.", name)
	case class == catalog.Misconfigured:
		h.cfg.Log.Error("provider refuses this server", slog.String("registration", string(reg.ID)), slog.String("error", err.Error()))
		return fault.Wrap(fault.Upstream, err, "%s does not accept this server. That is our fault. Nothing was connected. Tell the operator.", name)
	}
	return fault.Wrap(fault.Conflict, err, "%s did not accept the answer it gave you. Nothing was connected. Go back and start again.", name)
}

func (h *Handler) name(reg provider.Registration) string {
	if p, ok := h.cfg.Catalog.Providers[reg.Provider]; ok {
		return p.Name
	}
	return string(reg.Provider)
}

// result is what a trip came to, for the page it returns to.
type result struct {
	outcome    Outcome
	connection consent.ConnectionID
	wanted     consent.ConnectionID
	provider   consent.ProviderID // only for Refused, which has no connection
}

// back sends the person to where they came from, with the outcome.
func (h *Handler) back(c *gin.Context, st State, r result) error {
	u, err := url.Parse(st.Return)
	if err != nil {
		return fmt.Errorf("return after connecting: %w", err)
	}
	query := u.Query()
	for name, value := range map[string]string{
		"outcome": string(r.outcome), "connection": string(r.connection), "wanted": string(r.wanted), "provider": string(r.provider),
	} {
		query.Del(name)
		if value != "" {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	web.Note(c, slog.String("outcome", string(r.outcome)))
	c.Redirect(http.StatusSeeOther, u.String())
	return nil
}

// includes reports whether have holds everything in want.
func includes(have, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(have, s) })
}
