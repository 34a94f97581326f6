package oauth_test

import (
	"net/url"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

// What a client says it will always do is asked of everybody who speaks in its
// name (RFC 9126 section 5, RFC 9449 section 5.2).
func TestAClientIsHeldToWhatItDemands(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		register := func(n server.NewApp) deputytest.App {
			n.Name, n.RedirectURIs = "Repo Scout", []string{"https://scout.example/callback"}
			return d.Register(n)
		}
		ana := d.SignedIn("ana")
		pushes := register(server.NewApp{Confidential: true, MustPush: true})
		if p := ana.Ask(pushes.Query(profile)); p.Answer("error") != "invalid_request" || p.Answer("code") != "" {
			t.Errorf("a request that was not pushed: %d %s", p.Status, p.URL)
		}
		if got := d.Redeem(pushes, ana.Code(ana.Ask(referring(pushes, push(t, d, pushing(pushes, profile)))).Agree())); got.Scope != profile {
			t.Errorf("the pushed request gives %q", got.Scope)
		}

		proves, mine := register(server.NewApp{MustProve: true}), newProver(t, d)
		code := ana.Authorize(proves, profile)
		refusedWith(t, "a code without a proof", d.Token(proves.Redemption(code)), 400, "invalid_dpop_proof")
		got := mine.token(proves.Redemption(code))
		if got.Status != 200 || got.Text("token_type") != "DPoP" {
			t.Errorf("the refused try used the code up: %d %s", got.Status, got.Raw)
		}
		refusedWith(t, "a refresh without a proof", d.Token(proves.Refreshing(got.Text("refresh_token"))), 400, "invalid_dpop_proof")
		if gone := d.Post("/oauth/revoke", proves.Form("token", got.Text("refresh_token"))); gone.Status != 200 {
			t.Errorf("taking back needs no proof: %d %s", gone.Status, gone.Raw)
		}
		if plain := d.App(deputytest.Public); d.Token(plain.Redemption(ana.Code(ana.Ask(url.Values(plain.Query(profile))).Agree()))).Text("token_type") != "Bearer" {
			t.Error("others are held to it, too")
		}
	})
}
