package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// crowd is how many come at the same time where a race would be worth most.
const crowd = 1000

// Of a thousand redemptions of one code one succeeds, and the others end what it
// gave (OAuth 2.1 section 4.1.3).
func TestThreat_O5_AThousandRedemptionsOfOneCode(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		form := app.Redemption(ana.Authorize(app, profile))
		var won []deputytest.Answer
		for _, got := range together(crowd, func() deputytest.Answer { return d.Token(form) }) {
			if got.Status == http.StatusOK {
				won = append(won, got)
				continue
			}
			refused(t, "a later redemption", got, 400, "invalid_grant")
		}
		if len(won) != 1 {
			t.Fatalf("%d redemptions won", len(won))
		}
		if d.Active(app, won[0].Text("access_token")) {
			t.Error("the access token still counts")
		}
		refused(t, "the refresh token", d.Token(app.Refreshing(won[0].Text("refresh_token"))), 400, "invalid_grant")
	})
}

// A thousand honest refreshes with one token get the same successor, which then
// works; the generation before is stolen goods (RFC 9700 section 4.14.2).
func TestThreat_O42_AThousandRefreshesWithOneToken(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Public), d.SignedIn("ana")
		token := d.Redeem(app, ana.Authorize(app, profile)).Refresh
		successors := map[string]int{}
		for _, got := range together(crowd, func() deputytest.Answer { return d.Token(app.Refreshing(token)) }) {
			successors[got.Text("refresh_token")]++
		}
		if len(successors) != 1 || successors[""] > 0 || successors[token] > 0 {
			t.Fatalf("%d different successors, and %d without one", len(successors), successors[""])
		}
		if n := d.Count("SELECT generation FROM families"); n != 1 {
			t.Errorf("the family is at generation %d", n)
		}
		for next := range successors {
			last := d.Refresh(app, next).Refresh
			refused(t, "two generations back", d.Token(app.Refreshing(token)), 400, "invalid_grant")
			refused(t, "the newest, after that", d.Token(app.Refreshing(last)), 400, "invalid_grant")
		}
	})
}

// The answer is lost after the commit, as when the process dies there: whoever
// asks again with the same token gets the successor that was lost.
func TestThreat_O42_AnAnswerThatIsLost(t *testing.T) {
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			answers := make(chan string, 1)
			d := deputytest.New(t, deputytest.Options{Postgres: postgres, Wrap: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("X-Lose") == "" {
						h.ServeHTTP(w, r)
						return
					}
					rec := httptest.NewRecorder()
					h.ServeHTTP(rec, r)
					answers <- rec.Body.String()
					panic(http.ErrAbortHandler)
				})
			}})
			app, ana := d.App(deputytest.Public), d.SignedIn("ana")
			token := d.Redeem(app, ana.Authorize(app, profile)).Refresh
			req, err := http.NewRequest("POST", d.URL+"/oauth/token", strings.NewReader(app.Refreshing(token).Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("X-Lose", "1")
			if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
				res.Body.Close()
				t.Fatalf("the answer arrived: %d", res.StatusCode)
			}
			again, lost := d.Refresh(app, token), <-answers
			if again.Refresh == token || !strings.Contains(lost, `"`+again.Refresh+`"`) {
				t.Errorf("another successor than the one that was lost")
			}
			d.Refresh(app, again.Refresh)
		})
	}
}
