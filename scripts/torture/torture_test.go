// Package torture_test is what a refresh at a provider must survive: a thousand
// calls at once, and kill -9 between every two of its steps. The replicas are the
// whole program, in processes of their own, on one database; the provider is the
// simulated GitHub, whose refresh tokens work once and whose refreshes end the old
// access token. `make torture` runs it at full size, `make test` with fewer calls.
package torture_test

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

var calls = flag.Int("calls", 150, "how many calls come at once")

const readFiles = "services.github.repositories.read"

// leases is longer than any lease.
const leases = time.Minute

// asked is where a program is killed from outside: the provider has acted and
// answers late.
const asked provider.Step = "asked"

// row is what a credential's row tells after a crash or a call.
type row struct {
	Version           int64
	Attempted, Unsure bool
	Health            consent.Health
	Reason            string
}

// deaths are the places to die at, in the order of a refresh.
var deaths = []struct {
	at      provider.Step
	after   row // the crash
	next    int // refreshes of the call after it
	healed  row // after that call
	answers int // that call's status
}{
	{provider.Found, row{Version: 1, Health: consent.Healthy}, 1, row{Version: 2, Health: consent.Healthy}, 200},
	{provider.Leased, row{Version: 1, Attempted: true, Health: consent.Healthy}, 1, row{Version: 2, Health: consent.Healthy}, 200},
	{asked, row{Version: 1, Attempted: true, Health: consent.Healthy}, 1, row{Version: 1, Unsure: true, Health: consent.NeedsPerson, Reason: provider.AnswerLost}, 424},
	{provider.Answered, row{Version: 1, Attempted: true, Health: consent.Healthy}, 1, row{Version: 1, Unsure: true, Health: consent.NeedsPerson, Reason: provider.AnswerLost}, 424},
	{provider.Stored, row{Version: 2, Health: consent.Healthy}, 0, row{Version: 2, Health: consent.Healthy}, 200},
}

// bar shows how far it is.
type bar struct{ done, of int }

func (b *bar) step(what string) {
	b.done++
	fmt.Fprintf(os.Stderr, "[%-*s] %s\n", b.of, "############"[:b.done], what)
}

func TestThreat_C17_RefreshesUnderTorture(t *testing.T) {
	progress := &bar{of: 2 * (1 + len(deaths))}
	for name, replicas := range map[string]int{"sqlite": 1, "postgres": 3} {
		t.Run(name, func(t *testing.T) {
			d := deputytest.New(t, deputytest.Options{Postgres: name == "postgres", Quirks: simulator.Quirks{Expiring: true}})
			_, err := d.Foundation.SetProvider(t.Context(), server.NewProvider{
				Provider: "github", Variant: "github_app", ClientID: "simulated-app", Secret: secret.New(d.ProviderSecret),
				WebURL: d.Words("SELECT web_url FROM registrations WHERE id = 'github'"), APIURL: d.Words("SELECT api_url FROM registrations WHERE id = 'github'"),
			})
			if err != nil {
				t.Fatal(err)
			}
			progress.step(fmt.Sprintf("%s: %d calls at once on %d replicas", name, *calls, replicas))
			herd(t, d, replicas)
			for i, death := range deaths {
				progress.step(fmt.Sprintf("%s: kill -9 at %q", name, death.at))
				user, token := person(d, fmt.Sprint("ana", i))
				d.GitHub.ExpireTokens()
				dies(t, d, death.at, token)
				if diff := cmp.Diff(death.after, rowOf(d, user)); diff != "" {
					t.Errorf("after kill -9 at %q:\n%s", death.at, diff)
				}
				d.Clock.Add(leases)
				before := d.GitHub.TokenRequests()
				next := start(t, d, "")
				for range 3 { // the second and third learn nothing new
					if status, body, err := next.call(token); err != nil || status != death.answers {
						t.Errorf("a call after kill -9 at %q: %d %s %v, want %d", death.at, status, body, err, death.answers)
					}
				}
				next.stop()
				if got := d.GitHub.TokenRequests() - before; got != death.next {
					t.Errorf("after kill -9 at %q: %d refreshes, want %d", death.at, got, death.next)
				}
				if diff := cmp.Diff(death.healed, rowOf(d, user)); diff != "" {
					t.Errorf("after a call after kill -9 at %q:\n%s", death.at, diff)
				}
			}
		})
	}
}

// herd lets many calls on all replicas find out at once that their token ended.
func herd(t *testing.T, d *deputytest.Deputy, n int) {
	t.Helper()
	user, token := person(d, "herd")
	var replicas []*replica
	for range n {
		replicas = append(replicas, start(t, d, ""))
	}
	d.GitHub.ExpireTokens()
	before := d.GitHub.TokenRequests()
	var all sync.WaitGroup
	for i := range *calls {
		all.Go(func() {
			if status, body, err := replicas[i%n].call(token); err != nil || status != 200 {
				t.Errorf("call %d: %d %s %v", i, status, body, err)
			}
		})
	}
	all.Wait()
	for _, r := range replicas {
		r.stop()
	}
	if got := d.GitHub.TokenRequests() - before; got != 1 {
		t.Errorf("%d calls cost %d refreshes, want 1", *calls, got)
	}
	if diff := cmp.Diff(row{Version: 2, Health: consent.Healthy}, rowOf(d, user)); diff != "" {
		t.Error(diff)
	}
}

// dies makes a call on a replica that is killed at a step of its refresh.
func dies(t *testing.T, d *deputytest.Deputy, at provider.Step, token string) {
	t.Helper()
	before := d.GitHub.TokenRequests()
	r := start(t, d, at)
	answered := make(chan int, 1)
	go func() {
		status, _, _ := r.call(token) // the program dies over it: an error is what is hoped for
		answered <- status
	}()
	if at == asked {
		d.GitHub.SetQuirks(simulator.Quirks{Expiring: true, SlowToken: 2 * time.Second})
		defer d.GitHub.SetQuirks(simulator.Quirks{Expiring: true})
		for d.GitHub.TokenRequests() == before {
			time.Sleep(time.Millisecond)
		}
		r.kill()
	} else {
		r.killed()
	}
	if status := <-answered; status != 0 {
		t.Errorf("kill -9 at %q answered %d", at, status)
	}
}

// person is somebody who connected GitHub, and the token of an app of theirs.
func person(d *deputytest.Deputy, name string) (user consent.UserID, token string) {
	app, u, b := d.App(deputytest.Confidential), d.User(name), d.Browser()
	b.SignIn(u)
	return u.ID, d.Redeem(app, b.Code(b.Ask(app.Query(readFiles)).Agree("700100001"))).Access
}

func rowOf(d *deputytest.Deputy, user consent.UserID) row {
	const of = " FROM credentials k JOIN connections c ON c.id = k.connection_id WHERE c.user_id = ?"
	flag := func(what string) bool { return d.Count("SELECT CASE WHEN "+what+" THEN 1 ELSE 0 END"+of, user) == 1 }
	return row{
		Version: int64(d.Count("SELECT k.version"+of, user)), Attempted: flag("k.attempt IS NOT NULL"), Unsure: flag("k.unsure"),
		Health: consent.Health(d.Words("SELECT c.health"+of, user)), Reason: d.Words("SELECT c.reason"+of, user),
	}
}
