package server_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// TestThreat_A13_ALoopEnds: an app that runs in a loop makes exactly as many calls
// as one app may, is told when it may go on, and the person reads of it. Another
// app of the same person goes on.
func TestThreat_A13_ALoopEnds(t *testing.T) {
	o := deputytest.Options{Allowance: config.Allowance{CallsPerDay: 40, ChangesPerDay: 3}}
	deputytest.EachWith(t, o, func(t *testing.T, d *deputytest.Deputy) {
		who, ana := d.User("ana"), d.Browser()
		ana.SignIn(who)
		app, other := d.App(deputytest.Confidential), d.App(deputytest.Confidential)
		looping, calm := d.Redeem(app, ana.Authorize(app, readRepos)), d.Redeem(other, ana.Authorize(other, readRepos))

		var passed, refused atomic.Int64
		var all sync.WaitGroup
		for range 120 {
			all.Go(func() {
				switch got := d.API(looping.Access, "GET", web); {
				case got.Status == http.StatusOK:
					passed.Add(1)
				case got.Status == http.StatusTooManyRequests && got.Text("error") == "too_many_calls" && got.Header.Get("Retry-After") != "":
					refused.Add(1)
				default:
					t.Errorf("%d %v", got.Status, got.JSON)
				}
			})
		}
		all.Wait()
		if passed.Load() != 40 || refused.Load() != 80 {
			t.Errorf("%d passed, %d were refused", passed.Load(), refused.Load())
		}
		if got := d.API(calm.Access, "GET", web); got.Status != http.StatusOK {
			t.Errorf("the other app: %d %v", got.Status, got.JSON)
		}
		if log := ana.Get("/activity"); !strings.Contains(log.Text(), "more calls than one app may") {
			t.Errorf("the activity says %s", log.Text())
		}
	})
}
