package oauth

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"
)

// signsNothing is a Signer that has signed nothing yet.
type signsNothing struct{}

func (signsNothing) Sign(context.Context, map[string]any, string) (string, error) {
	return "", errors.New("not asked for here")
}

func (signsNothing) Hint(context.Context, string, string) (map[string]any, error) {
	return nil, errors.New("not ours")
}

// A made-up token is found out without a database: this server has none, and
// whoever touches it panics.
func TestAMadeUpTokenCostsNoRead(t *testing.T) {
	key := newKey(t)
	s := &Server{Config: Config{Signer: signsNothing{}, Now: time.Now}, access: accessTokens{box: key.Box("access token")}, content: key.Box("content of at+jwt")}
	others, err := accessTokens{box: newKey(t).Box("access token")}.mint(token{ID: "1", App: "app_1", Expires: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	body := newSecret() + newSecret()
	for name, raw := range map[string]string{
		"random, its checksum wrong": accessPrefix + body + "AAAAAA",
		"random, its checksum right": accessPrefix + body + checksum(body),
		"another server's":           others,
		"a JWT":                      "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
		"a refresh token's prefix":   refreshPrefix + body,
		"nothing we know":            body,
	} {
		if a, err := s.Verify(t.Context(), raw); err != nil || !reflect.DeepEqual(a, Authorization{}) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}
