package clients_test

import (
	"math"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Who guesses ids or secrets learns the same from every wrong guess.
func TestThreat_O35_UnknownAndKnownClientsAnswerTheSame(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, gone := d.App(deputytest.Confidential), d.App(deputytest.Confidential)
		d.Exec("UPDATE apps SET disabled_at = 1 WHERE id = ?", gone.ID)
		for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/par", "/oauth/device_authorization"} {
			var want deputytest.Answer
			for i, id := range []consent.AppID{app.ID, gone.ID, "app_nobody"} {
				guess := deputytest.App{ID: id, Secret: "wrong"}
				got := d.Post(path, guess.Form("grant_type", "client_credentials", "token", "x"))
				if i == 0 {
					want = got
				}
				if got.Status != 401 || got.Text("error") != "invalid_client" || got.Raw != want.Raw {
					t.Errorf("%s as %s: %d %s, and %s", path, id, got.Status, got.Raw, want.Raw)
				}
			}
		}
	})
}

// BenchmarkThreat_O35_ClientSecrets reports Welch's t between guesses at a known
// client's secret and at an unknown client; beyond 4.5 in several runs a stranger
// could tell them apart. It asserts nothing: time on a busy machine proves nothing.
//
//	go test ./authserver/clients -run '^$' -bench O35 -benchtime 50000x
func BenchmarkThreat_O35_ClientSecrets(b *testing.B) {
	a := clients.Authenticator{Source: source{"app": {ID: "app", Confidential: true, SecretHash: clients.HashSecret("right")}}}
	var known, unknown sample
	for b.Loop() {
		for id, into := range map[string]*sample{"app": &known, "nobody": &unknown} {
			began := time.Now()
			if _, err := a.Authenticate(b.Context(), clients.Credentials{ID: id, Secret: "wrong", Method: clients.SecretPost}); err == nil {
				b.Fatal("a wrong secret was right")
			}
			into.add(float64(time.Since(began)))
		}
	}
	b.ReportMetric(welch(known, unknown), "welch-t")
}

// sample is mean and spread of what was added (Welford's way).
type sample struct{ n, mean, squares float64 }

func (s *sample) add(x float64) {
	s.n++
	delta := x - s.mean
	s.mean += delta / s.n
	s.squares += delta * (x - s.mean)
}

func welch(a, b sample) float64 {
	return math.Abs(a.mean-b.mean) / math.Sqrt(a.squares/(a.n-1)/a.n+b.squares/(b.n-1)/b.n)
}
