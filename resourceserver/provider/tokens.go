package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// maxReply is how much of a token or identity reply is read, in bytes.
const maxReply = 1 << 20

// Tokens is what a token endpoint gave. A zero ExpiresAt means that the access
// token has no known end.
type Tokens struct {
	Access, Refresh     secret.Text
	Granted             []string // what the reply says, with everything that comes along
	IssuedAt, ExpiresAt time.Time
	Subject             string // the account, where the reply names it
}

// Redemption is a code with everything it is bound to.
type Redemption struct {
	Code        secret.Text
	Verifier    secret.Text
	RedirectURI string   // the exact value that was sent with the person
	Asked       []string // what was asked for: counts when the reply says nothing (RFC 6749 section 5.1)
}

// Exchange redeems a code, once: it is never sent again, whatever the answer.
func (c *Client) Exchange(ctx context.Context, reg Registration, r Redemption) (Tokens, error) {
	e, err := c.resolve(reg)
	if err != nil {
		return Tokens{}, err
	}
	form := url.Values{
		"grant_type":   {"authorization_code"},
		"code":         {r.Code.Reveal()},
		"redirect_uri": {r.RedirectURI},
	}
	if e.variant.PKCE {
		form.Set("code_verifier", r.Verifier.Reveal())
	}
	reply, err := c.askForTokens(ctx, e, e.variant.Reply, "exchange code", form)
	if err != nil {
		return Tokens{}, err
	}
	return reply.tokens(e.variant, scopesFor(e.variant, r.Asked)), nil
}

// refresh redeems a refresh token, once.
func (c *Client) refresh(ctx context.Context, e *endpoint, token secret.Text, before []string) (Tokens, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.Reveal()}}
	reply, err := c.askForTokens(ctx, e, e.variant.OfRefresh(), "refresh tokens", form)
	var refused *Error
	if errors.As(err, &refused) && refused.Kind == catalog.CallerFault {
		refused.Kind = catalog.Misconfigured // nobody but us made this request
	}
	if err != nil {
		return Tokens{}, err
	}
	if said, present := reply.text(reply.at.Scope); present && said == "" {
		reply.silent = true // an empty scope here repeats nothing and takes nothing away
	}
	return reply.tokens(e.variant, before), nil
}

// tokenReply is a decoded reply that holds an access token.
type tokenReply struct {
	doc    any
	at     catalog.Reply
	sent   time.Time
	silent bool // about scopes
}

// askForTokens posts to the token endpoint, once. at says where the answer keeps
// its values.
func (c *Client) askForTokens(ctx context.Context, e *endpoint, at catalog.Reply, doing string, form url.Values) (*tokenReply, error) {
	req, err := e.tokenRequest(ctx, form)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", doing, e.provider.ID, err)
	}
	req, sent := traced(req)
	// The end of a token counts from before it was made: never too long.
	start := c.cfg.Now()
	resp, err := c.token.Do(req)
	if err != nil {
		return nil, e.unanswered(doing, err, sent.Load())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, e.unanswered(doing, err, true)
	}
	doc, err := decodeReply(resp.Header, body)
	if refused := e.refusal(at, doing, resp, doc, err == nil); refused != nil {
		return nil, refused
	}
	return &tokenReply{doc: doc, at: at, sent: start}, nil
}

// tokenRequest authenticates in the one way the catalogue names: trying both, as
// x/oauth2 does by itself, would use up a code that can be used once.
func (e *endpoint) tokenRequest(ctx context.Context, form url.Values) (*http.Request, error) {
	target, err := e.address(e.variant.Token, e.values(Tokens{}))
	if err != nil {
		return nil, err
	}
	if e.variant.ClientAuth == "form" {
		form.Set("client_id", e.reg.ClientID)
		form.Set("client_secret", e.reg.Secret.Reveal())
	}
	for _, name := range e.variant.TokenOmit {
		form.Del(name)
	}
	body, kind, err := e.tokenBody(form)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the token endpoint cannot be called")
	}
	req.GetBody = nil // the transport must not send it a second time by itself
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "deputy")
	for name, value := range e.variant.TokenHeaders {
		req.Header.Set(name, value)
	}
	switch e.variant.ClientAuth {
	case "basic":
		// RFC 6749 section 2.3.1: both parts are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(e.reg.ClientID), url.QueryEscape(e.reg.Secret.Reveal()))
	case "secret_as_user":
		// Stripe's way: a secret key is a user without a password.
		req.SetBasicAuth(e.reg.Secret.Reveal(), "")
	}
	return req, nil
}

// tokenBody writes the request as RFC 6749 section 4.1.3 says, or as the JSON that
// some providers want instead.
func (e *endpoint) tokenBody(form url.Values) (body, kind string, err error) {
	if e.variant.TokenBody != "json" {
		return form.Encode(), "application/x-www-form-urlencoded", nil
	}
	doc := map[string]string{}
	for name := range form {
		doc[name] = form.Get(name)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return "", "", errors.New("the token request cannot be written")
	}
	return string(text), "application/json", nil
}

// decodeReply reads JSON, or the form encoding that some providers fall back to.
func decodeReply(header http.Header, body []byte) (any, error) {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err == nil && (kind == "application/x-www-form-urlencoded" || kind == "text/plain" && len(body) > 0 && body[0] != '{') {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("read form reply: %w", err)
		}
		doc := map[string]any{}
		for name := range values {
			doc[name] = values.Get(name)
		}
		return doc, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber() // an account id of 64 bits must not pass through a float
	var doc any
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	return doc, nil
}

// refusal says why a token reply does not count, or nil when it holds an access
// token. Status 200 is no sign of success: GitHub and Slack refuse with it.
func (e *endpoint) refusal(at catalog.Reply, doing string, resp *http.Response, doc any, readable bool) *Error {
	out := &Error{Provider: e.provider.ID, Doing: doing, Status: resp.StatusCode}
	if !readable {
		doc = nil
	}
	code := e.errorCode(doc)
	access, _ := text(doc, at.Access)
	accepted := e.variant.OK == ""
	if !accepted {
		value, _ := catalog.Lookup(doc, e.variant.OK)
		accepted = value == true
	}
	if resp.StatusCode < 300 && code == "" && access != "" && accepted {
		return nil
	}
	out.Code = printable(code)
	out.Wait = seconds(resp.Header.Get("Retry-After"))
	out.Kind = tokenClass(e.provider, resp.StatusCode, code)
	// After a 5xx, or a success nobody can read, the grant may be used up.
	out.Sent = code == "" && (resp.StatusCode >= 500 || resp.StatusCode < 300)
	return out
}

func (e *endpoint) errorCode(doc any) string {
	for _, pointer := range append([]string{"/error"}, e.variant.Error...) {
		if v, ok := catalog.Lookup(doc, pointer); ok {
			if code, ok := v.(string); ok && code != "" {
				return code
			}
		}
	}
	return ""
}

// tokenClass is the catalogue's answer, then the registered codes of RFC 6749
// section 5.2. What nobody knows is our mistake and never a person's: it must not
// end a connection.
func tokenClass(p *catalog.Provider, status int, code string) catalog.ErrorClass {
	if class := p.ClassifyToken(status, code); class != catalog.CallerFault {
		return class
	}
	switch code {
	case "":
		if status < 300 {
			return catalog.ProviderDown // a success without a token
		}
		return catalog.Misconfigured
	case "invalid_grant":
		return catalog.ReauthRequired
	case "temporarily_unavailable", "server_error":
		return catalog.ProviderDown
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request":
		return catalog.Misconfigured
	}
	return catalog.CallerFault
}

func (r *tokenReply) text(pointers []string) (string, bool) { return text(r.doc, pointers) }

// text returns the first pointer's value that exists and is a string or a number.
func text(doc any, pointers []string) (string, bool) {
	for _, pointer := range pointers {
		v, ok := catalog.Lookup(doc, pointer)
		if !ok {
			continue
		}
		switch v := v.(type) {
		case string:
			return v, true
		case json.Number:
			return v.String(), true
		}
	}
	return "", false
}

func (r *tokenReply) tokens(v *catalog.Variant, asked []string) Tokens {
	access, _ := r.text(r.at.Access)
	refresh, _ := r.text(r.at.Refresh)
	subject, _ := r.text(r.at.Subject)
	said, present := r.text(r.at.Scope)
	t := Tokens{
		Access: secret.New(access), Refresh: secret.New(refresh), Subject: subject, IssuedAt: r.sent,
		Granted: granted(v, said, present && !r.silent, asked),
	}
	life := v.AssumeAccess
	if raw, ok := r.text(r.at.ExpiresIn); ok {
		if said := seconds(raw); said > 0 {
			life = said
		}
	}
	if life > 0 {
		t.ExpiresAt = r.sent.Add(life)
	}
	return t
}

// seconds reads "3600", "3599.5" and " 28800 ", bounded to ten years. Anything
// else, also a negative number, is no statement.
func seconds(raw string) time.Duration {
	n, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	if err != nil || math.IsNaN(n) || n <= 0 {
		return 0
	}
	return time.Duration(min(n, 10*365*24*3600) * float64(time.Second))
}
