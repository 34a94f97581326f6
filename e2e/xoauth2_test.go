package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// golang.org/x/oauth2, unchanged, in both ways it can authenticate and in its
// default, in which it tries one after the other.
func TestXOAuth2(t *testing.T) {
	p := start(t, options{githubVariant: "oauth_app"})
	app := p.app("Go App")
	for name, style := range map[string]oauth2.AuthStyle{"header": oauth2.AuthStyleInHeader, "parameters": oauth2.AuthStyleInParams, "guess": oauth2.AuthStyleAutoDetect} {
		t.Run(name, func(t *testing.T) {
			config := oauth2.Config{
				ClientID: app.ID, ClientSecret: app.Secret, RedirectURL: callback, Scopes: []string{"services.github.repositories.read", "offline_access", "agents.jobs.background"},
				Endpoint: oauth2.Endpoint{AuthURL: p.url + "/oauth/authorize", TokenURL: p.url + "/oauth/token", AuthStyle: style},
			}
			verifier := oauth2.GenerateVerifier()
			back := newPerson(t, &recorder{}).complete(config.AuthCodeURL("state-1", oauth2.S256ChallengeOption(verifier)), []string{"acme/web"}, nil)
			if back.Get("state") != "state-1" || back.Get("iss") != p.url {
				t.Fatalf("state and iss should come back, got %v", back)
			}
			token, err := config.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
			must(t, err)
			expectCall(t, config.Client(t.Context(), token), p.url+"/api/github/repos/acme/web", http.StatusOK, `"acme/web"`)

			token.Expiry = time.Now().Add(-time.Hour)
			renewed, err := config.TokenSource(t.Context(), token).Token()
			must(t, err)
			if renewed.AccessToken == token.AccessToken || !renewed.Valid() {
				t.Fatalf("a renewed token should be another one, and valid until %v", renewed.Expiry)
			}
			expectCall(t, config.Client(t.Context(), renewed), p.url+"/api/github/repos/acme/infra", http.StatusNotFound, "")
		})
	}
}

func TestXOAuth2ForAnAppItself(t *testing.T) {
	p := start(t, options{githubVariant: "oauth_app"})
	const notes = "https://notes.example/mcp"
	p.register("resource-server", "create", "--identifier", notes, "--scope", "mcp:read=Read your notes")
	app := p.app("Nightly", "--grant-type", "client_credentials", "--scope", "mcp:read")
	config := clientcredentials.Config{
		ClientID: app.ID, ClientSecret: app.Secret, TokenURL: p.url + "/oauth/token", Scopes: []string{"mcp:read"},
		EndpointParams: map[string][]string{"resource": {notes}},
	}
	var token *oauth2.Token
	// A running server may answer half a second from memory before it knows a new API.
	for range 40 {
		var err error
		if token, err = config.Token(t.Context()); err == nil {
			break
		}
		if code(err) != "invalid_scope" && code(err) != "invalid_target" {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if token == nil || !strings.HasPrefix(token.AccessToken, "dpa_") || token.RefreshToken != "" {
		t.Fatalf("the app should get an access token and nothing else, got %+v", token)
	}
	config.ClientSecret += "x"
	if _, err := config.Token(context.WithoutCancel(t.Context())); code(err) != "invalid_client" {
		t.Errorf("a wrong secret should be refused, got %v", err)
	}
}

// code is the OAuth error code of err, "" when there is none.
func code(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refused.ErrorCode
	}
	return ""
}

func expectCall(t *testing.T, client *http.Client, target string, status int, holds string) {
	t.Helper()
	res, err := client.Get(target)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != status || !strings.Contains(string(body), holds) {
		t.Errorf("GET %s: status %d, want %d with %q:\n%s", target, res.StatusCode, status, holds, body)
	}
}
