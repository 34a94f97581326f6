package clients_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

// What a person said yes to before is answered without a page only when the app
// proves who it is, is what it was, and asks for no more than stands (OAuth 2.1
// section 7.3.1). Each row asks once more after a yes to profile.
func TestThreat_O17_RememberedConsent(t *testing.T) {
	t.Parallel()
	const silently, page, click, changed = "silently", "page", "click", "click, told that it changed"
	k := newKey(t, "ES256", "k")
	proving := []any{"token_endpoint_auth_method", "private_key_jwt", "jwks", set(k.public())}
	nothing := func(*deputytest.Deputy, *site, *deputytest.App) {}
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		byHand := func(confidential bool, uris ...string) func(*site) deputytest.App {
			return func(*site) deputytest.App {
				return d.Register(server.NewApp{Name: "Repo Scout", Confidential: confidential, RedirectURIs: uris})
			}
		}
		document := func(pairs ...any) func(*site) deputytest.App {
			return func(s *site) deputytest.App { s.change(pairs...); return s.app() }
		}
		secret := byHand(true, "https://scout.example/callback", "https://scout.example/other")
		public, local := byHand(false, "https://scout.example/callback"), byHand(false, "http://127.0.0.1/callback")
		changes := func(pairs ...any) func(*deputytest.Deputy, *site, *deputytest.App) {
			return func(d *deputytest.Deputy, s *site, _ *deputytest.App) { s.change(pairs...); later(d, 6*time.Minute) }
		}
		for i, row := range []struct {
			name   string
			app    func(*site) deputytest.App
			before func(*deputytest.Deputy, *site, *deputytest.App)
			scopes []string
			prompt string
			want   string
		}{
			{"a secret, the same", secret, nothing, []string{profile}, "", silently},
			{"a secret, asking silently", secret, nothing, []string{profile}, "none", silently},
			{"a secret, more", secret, nothing, []string{profile, "identity.email.read"}, "", page},
			{"a secret, also in the background", secret, nothing, []string{profile, background}, "", page},
			{"a secret, also changes without asking", secret, nothing, []string{profile, unattended}, "", page},
			{"a secret, wanting the page", secret, nothing, []string{profile}, "consent", click},
			{"a secret, after the yes has ended", secret, func(d *deputytest.Deputy, _ *site, a *deputytest.App) {
				d.Exec("UPDATE grant_items SET until = 1 WHERE grant_id IN (SELECT id FROM grants WHERE app_id = ?)", a.ID)
			}, []string{profile}, "", page},
			{"a public app, the same", public, nothing, []string{profile}, "", click},
			{"a public app, more", public, nothing, []string{profile, "offline_access"}, "", page},
			{"a program here, the same", local, nothing, []string{profile}, "", click},
			{"a program here, at another port", local, func(_ *deputytest.Deputy, _ *site, a *deputytest.App) {
				a.RedirectURI = "http://127.0.0.1:5555/callback"
			}, []string{profile}, "", click},
			{"a document, the same", document(), nothing, []string{profile}, "", click},
			{"a document, with another address", document(), changes("redirect_uris", []string{"https://notes.example/callback", "https://evil.example/"}), []string{profile}, "", changed},
			{"a document that proves itself, the same", document(proving...), nothing, []string{profile}, "", silently},
			{"a document that proves itself, with another key", document(proving...), changes("jwks", set(newKey(t, "ES256", "other").public())), []string{profile}, "", changed},
			{"a document that proves itself, with another address", document(proving...), changes("redirect_uris", []string{"https://notes.example/callback", "https://evil.example/"}), []string{profile}, "", changed},
			{"a document that proves itself, with another name", document(proving...), changes("client_name", "Field Mail"), []string{profile}, "", changed},
			{"a document that proves itself, with another website", document(append(proving, "client_uri", "https://notes.example")...), changes("client_uri", "https://mail.example"), []string{profile}, "", changed},
			{"a document that proves itself, with another page of its website", document(append(proving, "client_uri", "https://notes.example")...), changes("client_uri", "https://notes.example/app"), []string{profile}, "", silently},
			{"a document that proves itself no more", document(proving...), changes("token_endpoint_auth_method", "none", "jwks", nil), []string{profile}, "", changed},
		} {
			s, ana := newSite(t), d.SignedIn(fmt.Sprintf("person%d", i))
			app := row.app(s)
			ana.Authorize(app, profile)
			row.before(d, s, &app)
			q := app.Query(row.scopes...)
			if row.prompt != "" {
				q.Set("prompt", row.prompt)
			}
			got := ana.Ask(q)
			is := page
			switch {
			case got.Away() && got.Answer("code") != "":
				is = silently
			case got.Says("Nothing new."):
				is = click
			case got.Says("Since you last agreed, this app changed.") && got.Says("It asks for nothing new"):
				is = changed
			case got.Away() || !got.HasForm("/consent"):
				is = got.URL.String()
			}
			if is != row.want {
				t.Errorf("%s: %s, want %s: %s", row.name, is, row.want, got.Text())
			}
			if row.want != silently && row.prompt == "" { // and nobody gets past it without a person
				q.Set("prompt", "none")
				if got := ana.Ask(q); got.Answer("error") != "consent_required" || got.Answer("code") != "" {
					t.Errorf("%s, silently: %s", row.name, got.URL)
				}
			}
		}
	})
}
