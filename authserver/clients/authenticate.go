package clients

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

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
	ID     string
	Secret string
	Method string // client_secret_basic | client_secret_post | none
}

// Present reads client credentials from the Authorization header and the body.
// Exactly one method may be used (OAuth 2.1 section 2.4).
func Present(authorization string, form url.Values) (Credentials, error) {
	basic := authorization != ""
	refuse := func(why string) (Credentials, error) { return Credentials{}, &Refused{Reason: why, Basic: basic} }
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if !basic {
		switch {
		case id == "":
			return refuse("no client_id")
		case secret == "":
			return Credentials{ID: id, Method: "none"}, nil
		}
		return Credentials{ID: id, Secret: secret, Method: "client_secret_post"}, nil
	}
	if secret != "" {
		return refuse("two methods in one request")
	}
	user, pass, err := parseBasic(authorization)
	if err != nil {
		return refuse(err.Error())
	}
	if id != "" && id != user {
		return refuse("the body names another client than the header")
	}
	return Credentials{ID: user, Secret: pass, Method: "client_secret_basic"}, nil
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

// Authenticate finds the client and checks that it used its own method with the
// right secret.
func Authenticate(ctx context.Context, from Source, cred Credentials) (Client, error) {
	basic := cred.Method == "client_secret_basic"
	c, err := from.Client(ctx, consent.AppID(cred.ID))
	if errors.Is(err, ErrUnknown) {
		// The same work as for a known one, so that time tells nothing.
		Client{Confidential: true, SecretHash: HashSecret("")}.Matches(cred.Secret)
		return Client{}, &Refused{Reason: "no such client", Basic: basic}
	}
	if err != nil {
		return Client{}, err
	}
	switch {
	case !c.Confidential && cred.Method == "none":
		return c, nil
	case c.Confidential && cred.Method != "none" && c.Matches(cred.Secret):
		return c, nil
	}
	return Client{}, &Refused{Reason: "wrong secret or method", Basic: basic}
}
