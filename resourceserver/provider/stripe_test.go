package provider_test

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Stripe's token endpoint takes the secret key as a user without a password, and
// refuses a redirect_uri. The account has another name in the answer to a refresh.
func TestAPersonConnectsStripe(t *testing.T) {
	w := newWorld(t, defaultCatalog(t))
	sim := simulator.NewStripe(simulator.Config{ClientID: "app", ClientSecret: "sk_test_app", Now: w.now})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	reg := w.register(provider.Registration{ID: "t1", Provider: "stripe", ClientID: "app", Secret: secret.New("sk_test_app"), WebURL: srv.URL, APIURL: srv.URL})
	code, verifier := dance(t, w.client, reg, "ana", nil)
	tokens, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New(code), Verifier: verifier, RedirectURI: callback})
	if err != nil || tokens.Subject != "acct_1NorthwindShop001" || tokens.ExpiresAt != w.now().Add(55*time.Minute) {
		t.Fatalf("tokens %+v, %v", tokens, err)
	}
	account, err := w.client.Identify(t.Context(), reg, tokens)
	if err != nil || account.Subject != "acct_1NorthwindShop001" || account.Login != "Northwind Shop" {
		t.Errorf("account %+v, %v", account, err)
	}
	w.store("c1", reg, tokens)
	w.advance(time.Hour)
	if status, _, err := call(t.Context(), w.client, "c1", "/v1/account"); status != 200 || err != nil {
		t.Errorf("an hour later: %d, %v", status, err)
	}
	if got, err := w.client.Revoke(t.Context(), reg, tokens, keepNothing); got != provider.NotOffered || err != nil {
		t.Errorf("revoked: %s, %v", got, err)
	}

	// Customers are listed a page behind the last one.
	w.cat.Providers["stripe"].Pickers["stripe.customer"].Call.Query["limit"] = "20"
	var names []string
	for cursor, first := "", true; first || cursor != ""; first = false {
		page, err := w.client.ListResources(t.Context(), "c1", "stripe.customer", cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			names = append(names, item.Name)
		}
		cursor = page.Next
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != 45 || names[0] != "Customer 01" {
		t.Errorf("%d customers: %v", len(names), names)
	}
	sim.RevokeAll("ana")
	_, _, err = call(t.Context(), w.client, "c1", "/v1/account")
	wantClass(t, err, "reauth_required")
}
