package clients

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// assertionType is the one client_assertion_type (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Bounds of an assertion.
const (
	maxAssertion  = 8 << 10
	assertionLife = 5 * time.Minute
	// skew is how far a client's clock may be ahead or behind.
	skew = 10 * time.Second
)

// assertion is a client assertion, read and not yet believed.
type assertion struct {
	compact  string
	alg, kid string
	subject  string
	id       string
	expires  time.Time
}

// readAssertion reads the parts of a compact JWT. It checks what needs no key.
func readAssertion(compact, issuer string, now time.Time) (assertion, error) {
	a := assertion{compact: compact}
	head, body, err := split(compact)
	if err != nil {
		return a, err
	}
	if err := a.header(head); err != nil {
		return a, err
	}
	return a, a.claims(body, issuer, now)
}

// split returns header and claims. Only base64url without padding and without
// stray bits counts, so that one assertion has one spelling.
func split(compact string) (head, body object, err error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 || len(compact) > maxAssertion {
		return nil, nil, errors.New("it is not a compact JWT")
	}
	var decoded [3][]byte
	for i, p := range parts {
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil || strings.ContainsAny(p, "\r\n") {
			return nil, nil, errors.New("a part of it is not base64url")
		}
	}
	if head, err = readObject(decoded[0]); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if body, err = readObject(decoded[1]); err != nil {
		return nil, nil, fmt.Errorf("claims: %w", err)
	}
	return head, body, nil
}

// header reads alg, kid and typ. Keys and addresses of keys that a header brings
// along are not looked at; extensions we do not know are refused (RFC 7515
// section 4.1.11).
func (a *assertion) header(o object) error {
	if _, there := o["crit"]; there {
		return errors.New("it has critical extensions")
	}
	if _, there := o["b64"]; there {
		return errors.New("its payload is not encoded")
	}
	var err1, err2, err3 error
	var typ string
	a.alg, err1 = o.text("alg")
	a.kid, err2 = o.text("kid")
	typ, err3 = o.text("typ")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if !slices.Contains(AssertionAlgorithms(), a.alg) {
		return errors.New("its algorithm is not offered")
	}
	// A token made for something else is no assertion (RFC 10070, RFC 8725 section
	// 3.11); many libraries leave typ out.
	if typ != "" && !strings.EqualFold(typ, "JWT") && !strings.EqualFold(typ, "client-authentication+jwt") {
		return errors.New("its typ is not that of a client assertion")
	}
	return nil
}

// claims reads and judges the claims of RFC 7523 section 3 as RFC 10070 narrows
// them.
func (a *assertion) claims(o object, issuer string, now time.Time) error {
	iss, err1 := o.text("iss")
	sub, err2 := o.text("sub")
	jti, err3 := o.text("jti")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	a.subject, a.id = sub, jti
	switch {
	case sub == "" || iss != sub:
		return errors.New("iss and sub are not both the client")
	case !onlyAudience(o["aud"], issuer):
		return errors.New("its aud is not this issuer and nothing else; use " + issuer)
	case jti == "" || len(jti) > 256:
		return errors.New("its jti is missing or too long")
	}
	return a.times(o, now)
}

// onlyAudience reports whether aud is the issuer alone, as a string or in a list
// of one (RFC 10070): an assertion for another server, or for two, could be
// passed on by the other.
func onlyAudience(raw json.RawMessage, issuer string) bool {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one == issuer
	}
	var list []string
	return json.Unmarshal(raw, &list) == nil && len(list) == 1 && list[0] == issuer
}

func (a *assertion) times(o object, now time.Time) error {
	var err error
	if a.expires, err = o.time("exp"); err != nil {
		return err
	}
	switch {
	case a.expires.IsZero():
		return errors.New("it has no exp")
	case !now.Before(a.expires.Add(skew)):
		return errors.New("it has expired")
	case a.expires.After(now.Add(assertionLife + skew)):
		return errors.New("its exp is more than five minutes away")
	}
	for _, name := range []string{"nbf", "iat"} {
		at, err := o.time(name)
		if err != nil {
			return err
		}
		if at.After(now.Add(skew)) {
			return fmt.Errorf("its %s is in the future", name)
		}
	}
	return nil
}

// time returns a NumericDate member, the zero time when it is absent.
func (o object) time(name string) (time.Time, error) {
	if !o.has(name) {
		return time.Time{}, nil
	}
	var f float64
	if err := json.Unmarshal(o[name], &f); err != nil || f < 0 || f > 1e11 {
		return time.Time{}, fmt.Errorf("%s is not a time", name)
	}
	return time.UnixMilli(int64(f * 1000)), nil
}

// claimed returns whom an assertion says it is from. Nothing is verified: this
// only says whose keys to verify it with.
func claimed(compact string) consent.AppID {
	_, body, err := split(compact)
	if err != nil {
		return ""
	}
	sub, err := body.text("sub")
	if err != nil {
		return ""
	}
	return consent.AppID(sub)
}

// Seen keeps what may be presented once, for all replicas.
type Seen interface {
	// First reports whether id is presented for the first time, and remembers it
	// until the given time.
	First(ctx context.Context, id string, until time.Time) (bool, error)
}

// proves checks an assertion against the client's keys. The one write comes last:
// nobody can use up somebody else's jti with an assertion that is not theirs.
func (a Authenticator) proves(ctx context.Context, c Client, compact string) error {
	now := a.Now()
	read, err := readAssertion(compact, a.Issuer, now)
	if err != nil {
		return &Refused{Reason: "client assertion: " + err.Error()}
	}
	if read.subject != string(c.ID) {
		return &Refused{Reason: "client assertion: it is another client's"}
	}
	if err := a.signed(ctx, c, read); err != nil {
		return err
	}
	id := fmt.Sprintf("assertion:%x", HashSecret(string(c.ID)+"\x00"+read.id))
	first, err := a.Seen.First(ctx, id, read.expires.Add(skew))
	if err != nil {
		return fmt.Errorf("remember a client assertion: %w", err)
	}
	if !first {
		return &Refused{Reason: "client assertion: its jti was used before"}
	}
	return nil
}

func (a Authenticator) signed(ctx context.Context, c Client, read assertion) error {
	if c.JWKSURI != "" {
		ok, err := a.Keys.signed(ctx, c.JWKSURI, read)
		if err == nil && !ok {
			err = &Refused{Reason: "client assertion: no key of the client's made its signature"}
		}
		return err
	}
	keys, err := readKeys([]byte(c.JWKS))
	if err != nil {
		return &Refused{Reason: "client assertion: " + err.Error()}
	}
	if !keys.signed(read.compact, read.alg, read.kid) {
		return &Refused{Reason: "client assertion: no key of the client's made its signature"}
	}
	return nil
}
