package clients_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Registrations from everywhere, for days: whoever registers and is never used is
// gone a day later, so that what is stored is what a day brings, not what a year
// does. Those in use are never pushed out.
func TestThreat_O28_WhatIsStoredHasAnEnd(t *testing.T) {
	t.Parallel()
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			d := deputytest.New(t, deputytest.Options{Postgres: postgres, Registration: "public", TrustedProxies: []string{"127.0.0.0/8"}})
			kept, _ := registered(t, d)
			ana := d.SignedIn("ana")
			tokens := d.Redeem(kept, ana.Authorize(kept, profile, "offline_access"))
			const days, perDay = 10, 100
			most := 0
			for n := range days * perDay {
				d.Clock.Add(24 * time.Hour / perDay)
				from := fmt.Sprintf("203.%d.%d.7", n/250%250, n%250) // a network of its own each
				got := d.Send("POST", "/oauth/register", fmt.Sprintf(`{"client_name":"N","redirect_uris":["https://n%d.example/cb"]}`, n), "Content-Type", "application/json", "X-Forwarded-For", from)
				if got.Status != http.StatusCreated {
					t.Fatalf("registration %d: %d %s", n, got.Status, got.Raw)
				}
				if n%perDay == 0 {
					most = max(most, d.Count("SELECT count(*) FROM apps"))
				}
			}
			most = max(most, d.Count("SELECT count(*) FROM apps"))
			if most > perDay+25 {
				t.Errorf("%d rows with %d registrations a day", most, perDay)
			}
			if n := d.Count("SELECT count(*) FROM attempts"); n > perDay {
				t.Errorf("%d counters", n)
			}
			if n := d.Count("SELECT count(*) FROM audit"); n > 20 {
				t.Errorf("%d records", n)
			}
			if got := d.Token(kept.Refreshing(tokens.Refresh)); got.Status != http.StatusOK {
				t.Errorf("the app in use: %d %s", got.Status, got.Raw)
			}
		})
	}
}
