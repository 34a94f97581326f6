package clients

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/consent"
)

// Refused is why a client could not be authenticated. The sentence is the same
// for an unknown client and a wrong secret.
type Refused struct {
	Reason string // for the log
	Basic  bool   // the client used the Authorization header, so the answer must too
}

// Error implements error.
func (r *Refused) Error() string { return "client authentication failed: " + r.Reason }

// Credentials are what a request presented.
type Credentials struct {
	ID        string
	Secret    string
	Assertion string // a compact JWT; only claims what ID says until it is verified
	Method    string // client_secret_basic | client_secret_post | private_key_jwt | none
}

// ErrTwoMethods is returned for a request that authenticates in two ways: it is
// malformed, whoever sent it (RFC 6749 section 5.2, invalid_request).
var ErrTwoMethods = errors.New("two ways to authenticate in one request")

// Present reads client credentials from the Authorization header and the body.
// Exactly one method may be used (OAuth 2.1 section 2.4).
func Present(authorization string, form url.Values) (Credentials, error) {
	basic := authorization != ""
	refuse := func(why string) (Credentials, error) { return Credentials{}, &Refused{Reason: why, Basic: basic} }
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		if basic || secret != "" {
			return Credentials{}, ErrTwoMethods
		}
		return presentAssertion(id, form)
	}
	if !basic {
		switch {
		case id == "":
			return refuse("no client_id")
		case secret == "":
			return Credentials{ID: id, Method: None}, nil
		}
		return Credentials{ID: id, Secret: secret, Method: SecretPost}, nil
	}
	if secret != "" {
		return Credentials{}, ErrTwoMethods
	}
	user, pass, err := parseBasic(authorization)
	if err != nil {
		return refuse(err.Error())
	}
	if strings.ContainsRune(user, 0) || !utf8.ValidString(user) {
		return refuse("the client_id is no text") // PostgreSQL would fail on it
	}
	if id != "" && id != user {
		return refuse("the body names another client than the header")
	}
	return Credentials{ID: user, Secret: pass, Method: SecretBasic}, nil
}

// presentAssertion reads the parameters of RFC 7521 section 4.2. client_id may be
// left out, and must be the assertion's subject otherwise.
func presentAssertion(id string, form url.Values) (Credentials, error) {
	if form.Get("client_assertion_type") != assertionType {
		return Credentials{}, &Refused{Reason: "unknown client_assertion_type"}
	}
	compact := form.Get("client_assertion")
	subject := string(claimed(compact))
	switch {
	case subject == "":
		return Credentials{}, &Refused{Reason: "client assertion: it does not say whose it is"}
	case strings.ContainsRune(subject, 0) || !utf8.ValidString(subject):
		return Credentials{}, &Refused{Reason: "client assertion: its subject is no text"}
	case id != "" && id != subject:
		return Credentials{}, &Refused{Reason: "client assertion: client_id names another client"}
	}
	return Credentials{ID: subject, Assertion: compact, Method: PrivateKeyJWT}, nil
}

// parseBasic reads a Basic header. Both halves are form-encoded inside it (OAuth
// 2.1 section 2.4.1); a half that is not valid form encoding is taken as it is,
// because many clients forget to encode and their secrets may hold a percent.
func parseBasic(header string) (user, pass string, err error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", errors.New("not a Basic header")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", errors.New("the Basic header is not base64")
	}
	user, pass, ok := strings.Cut(string(raw), ":")
	if !ok {
		return "", "", errors.New("the Basic header has no colon")
	}
	return formDecoded(user), formDecoded(pass), nil
}

func formDecoded(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

// Uses keeps when a client that nobody registered by hand was last used.
type Uses interface {
	Used(ctx context.Context, id consent.AppID) error
}

// Authenticator authenticates the clients of Source.
type Authenticator struct {
	Source
	Issuer string // the one audience of client assertions
	Keys   *KeySets
	Seen   Seen
	Uses   Uses
	Now    func() time.Time
}

// Authenticate finds the client and checks that it used its own method and proved
// who it is. The error is a *Refused when it did not.
func (a Authenticator) Authenticate(ctx context.Context, cred Credentials) (Client, error) {
	basic := cred.Method == SecretBasic
	c, err := a.Client(ctx, consent.AppID(cred.ID))
	if errors.Is(err, ErrUnknown) {
		// The same work as for a known one, so that time tells nothing.
		Client{Confidential: true, SecretHash: HashSecret("")}.Matches(cred.Secret)
		return Client{}, &Refused{Reason: err.Error(), Basic: basic}
	}
	if err != nil {
		return Client{}, err
	}
	if !c.uses(cred.Method) {
		return Client{}, &Refused{Reason: "another method than the client's", Basic: basic}
	}
	switch cred.Method {
	case PrivateKeyJWT:
		if err := a.proves(ctx, c, cred.Assertion); err != nil {
			return Client{}, err
		}
	case SecretBasic, SecretPost:
		if !c.Matches(cred.Secret) {
			return Client{}, &Refused{Reason: "wrong secret", Basic: basic}
		}
	}
	return c, a.noteUse(ctx, c)
}

// uses reports whether the client authenticates by the method.
func (c Client) uses(method string) bool {
	if c.AuthMethod != "" {
		return method == c.AuthMethod
	}
	if !c.Confidential {
		return method == None
	}
	return method == SecretBasic || method == SecretPost
}

// usedEvery is how exactly the last use of a client is known.
const usedEvery = time.Hour

// noteUse keeps a client that registered itself from vanishing.
func (a Authenticator) noteUse(ctx context.Context, c Client) error {
	if c.Origin != Dynamic || a.Now().Sub(c.Used) < usedEvery {
		return nil
	}
	if err := a.Uses.Used(ctx, c.ID); err != nil {
		return fmt.Errorf("note the use of a client: %w", err)
	}
	return nil
}
