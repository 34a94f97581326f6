package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// A refresh asks everything anew: also what changed at somebody else's since the
// token was made.
func TestThreat_O43_WhatARefreshAsksAnew(t *testing.T) {
	const repos = "services.github.repositories.read"
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			d := deputytest.New(t, deputytest.Options{Postgres: postgres, Registration: "public"})
			app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
			tokens := d.Redeem(app, ana.Authorize(app, profile, repos, offline))
			reads := func(token string) bool {
				return d.API(token, "GET", "/api/github/user/repos").Status == http.StatusOK
			}
			if !reads(tokens.Access) {
				t.Fatal("the token does not read repositories")
			}
			// The person disconnects the account at the provider.
			gone := ana.Get("/services").Link("Disconnect").Form("/services/").Submit("")
			if gone.Status != http.StatusOK {
				t.Fatalf("disconnect: %d %s", gone.Status, gone.Text())
			}
			time.Sleep(stale)
			next := d.Refresh(app, tokens.Refresh)
			if reads(tokens.Access) || reads(next.Access) {
				t.Error("repositories are read after the account was disconnected")
			}
			// Another account is another yes.
			ana.Connect("github", "hubot")
			time.Sleep(stale)
			if again := d.Refresh(app, next.Refresh); reads(again.Access) {
				t.Error("an old yes reads another account")
			}

			// The app itself ends its registration.
			got := d.Send("POST", "/oauth/register", `{"client_name":"Scout","redirect_uris":["https://scout.example/callback"]}`, "Content-Type", "application/json")
			self := deputytest.App{ID: consent.AppID(got.Text("client_id")), RedirectURI: "https://scout.example/callback", Verifier: strings.Repeat("v", 43)}
			held := d.Redeem(self, ana.Authorize(self, profile, offline))
			d.Send("DELETE", "/oauth/register/"+string(self.ID), "", "Authorization", "Bearer "+got.Text("registration_access_token"))
			time.Sleep(stale)
			if got := d.Token(self.Refreshing(held.Refresh)); !slices.Contains([]string{"invalid_client", "invalid_grant"}, got.Text("error")) {
				t.Errorf("a refresh by an app that is gone: %d %s", got.Status, got.Raw)
			}
		})
	}
}
