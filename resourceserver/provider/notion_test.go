package provider_test

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// wiki is a world with a simulated Notion that ana connected, with everything in it.
func wiki(t *testing.T, quirks simulator.Quirks) (*world, *simulator.Notion, provider.Registration, provider.Tokens) {
	t.Helper()
	w := newWorld(t, defaultCatalog(t))
	sim := simulator.NewNotion(simulator.Config{ClientID: "app", ClientSecret: "s3cret", Now: w.now, Quirks: quirks})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	reg := w.register(provider.Registration{ID: "n1", Provider: "notion", ClientID: "app", Secret: secret.New("s3cret"), WebURL: srv.URL, APIURL: srv.URL})
	code, verifier := dance(t, w.client, reg, "ana", nil)
	tokens, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New(code), Verifier: verifier, RedirectURI: callback})
	if err != nil {
		t.Fatal(err)
	}
	w.store("c1", reg, tokens)
	return w, sim, reg, tokens
}

// Notion's token endpoint wants JSON, and does not say when a token ends.
func TestAPersonConnectsNotion(t *testing.T) {
	w, _, reg, tokens := wiki(t, simulator.Quirks{})
	if tokens.ExpiresAt != w.now().Add(55*time.Minute) || tokens.Refresh.Empty() || len(tokens.Granted) > 0 {
		t.Errorf("tokens %+v", tokens)
	}
	account, err := w.client.Identify(t.Context(), reg, tokens)
	want := "9a000000-0000-4000-8000-000000000001/2a000000-0000-4000-8000-000000000001"
	if err != nil || account.Subject != want || account.Login != "Northwind" || account.Name != "Ana Ferreira" {
		t.Errorf("account %+v, %v", account, err)
	}
	w.advance(time.Hour)
	if status, _, err := call(t.Context(), w.client, "c1", "/v1/users/me"); status != 200 || err != nil {
		t.Errorf("an hour later: %d, %v", status, err)
	}
	if got, err := w.client.Revoke(t.Context(), reg, tokens, keepNothing); got != provider.Revoked && got != provider.AlreadyGone {
		t.Errorf("revoked: %s, %v", got, err)
	}
}

// Without a refresh token the access token has no end that anybody knows.
func TestANotionTokenWithoutRefreshLives(t *testing.T) {
	w, _, _, tokens := wiki(t, simulator.Quirks{LongLived: true})
	w.advance(1000 * time.Hour)
	if status, _, err := call(t.Context(), w.client, "c1", "/v1/users/me"); status != 200 || err != nil || !tokens.Refresh.Empty() {
		t.Errorf("six weeks later: %d, %v", status, err)
	}
}

// Pages are listed by a POST whose cursor is in the body, by titles whose column
// people named; rows are not among them.
func TestAPersonPicksNotionPagesAndDatabases(t *testing.T) {
	w, sim, _, _ := wiki(t, simulator.Quirks{})
	w.cat.Providers["notion"].Pickers["notion.page"].Call.JSON["page_size"] = 50
	for kind, want := range map[consent.ResourceType][]string{
		"notion.page": {"Finance", "Handbook", "Holidays", "Projects", "Remote work"}, "notion.data_source": {"Budget", "Tasks"},
	} {
		var names []string
		for cursor, first := "", true; first || cursor != ""; first = false {
			page, err := w.client.ListResources(t.Context(), "c1", kind, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				if item.Type != kind || item.Updated.IsZero() {
					t.Errorf("item %+v is not complete", item)
				}
				names = append(names, item.Name)
			}
			cursor = page.Next
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("%s: %v, want %v", kind, names, want)
		}
	}
	if _, err := w.client.ListResources(t.Context(), "c1", "notion.page", "{access}"); err == nil {
		t.Error("a template was accepted as a cursor")
	}
	sim.SetQuirks(simulator.Quirks{ShortSearch: true})
	page, err := w.client.ListResources(t.Context(), "c1", "notion.data_source", "")
	if err != nil || !page.Incomplete {
		t.Errorf("incomplete: %v, %v", page.Incomplete, err)
	}
}
