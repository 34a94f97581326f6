package connect_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent/connect"
)

// threats.md C2 to C6 and the generic attack "swap one field": a callback is
// answered only in the situation it was made for, and the provider hears nothing
// of the others.
func TestThreat_C1_C2_C3_C6_ACallbackWithOneFieldSwapped(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	callback := ana.agree(ana.start(nil), "octocat", "1")
	other := ana.agree(ana.start(nil), "octocat", "1")
	state := func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("state")
	}
	for name, attack := range map[string]struct {
		who *browser
		url string
	}{
		"another user":            {w.browser("ben", "s1", "b1"), callback},
		"another sign-in":         {w.browser("ana", "s2", "b1"), callback},
		"another browser":         {w.browser("ana", "s1", "b2"), callback},
		"nobody":                  {w.browser("", "", ""), callback},
		"another registration":    {ana, strings.Replace(callback, "/connect/gh/", "/connect/gh-other/", 1)},
		"an unknown registration": {ana, strings.Replace(callback, "/connect/gh/", "/connect/github/", 1)},
		"a made-up state":         {ana, strings.Replace(callback, state(callback), strings.Repeat("A", 43), 1)},
		"no state":                {ana, strings.Replace(callback, "state=", "x=", 1)},
		"two states":              {ana, callback + "&state=" + state(other)},
		"two codes":               {ana, callback + "&code=x"},
		"a code and an error":     {ana, callback + "&error=access_denied"},
		"neither":                 {ana, strings.Replace(callback, "code=", "x=", 1)},
	} {
		p := attack.who.get(attack.url)
		if p.status < 400 || p.status >= 500 || p.location != "" {
			t.Errorf("%s: %d %q %s", name, p.status, p.location, p.body)
		}
		if !strings.Contains(p.body, "Nothing was connected") {
			t.Errorf("%s: the page does not say that nothing was connected: %s", name, p.body)
		}
	}
	if got := w.sim.TokenRequests(); got != 0 {
		t.Errorf("the provider saw %d token requests, want 0", got)
	}
	ana.arrives(ana.get(callback), connect.Connected) // and none of it was used up
}

func TestThreat_C4_ACodeOfAnotherTripIsRefusedByThePin(t *testing.T) {
	w := newWorld(t)
	ana, eve := w.browser("ana", "s1", "b1"), w.browser("eve", "s9", "b9")
	victim := ana.agree(ana.start(nil), "octocat", "1")
	attacker, err := url.Parse(eve.agree(eve.start(nil), "hubot", "1"))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(victim)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("code", attacker.Query().Get("code")) // threat C4: Eve's code in Ana's trip
	u.RawQuery = query.Encode()
	if p := ana.get(u.String()); p.status != http.StatusConflict {
		t.Errorf("%d %s, want a conflict: the code needs Eve's verifier", p.status, p.body)
	}
	if _, ok := w.mem.account("ana", "hubot"); ok {
		t.Error("Eve's account was connected for Ana")
	}
}

func TestATripEndsAfterTenMinutes(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	callback := ana.agree(ana.start(nil), "octocat", "1")
	w.advance(10 * time.Minute)
	if p := ana.get(callback); p.status != http.StatusConflict {
		t.Errorf("%d %s, want a conflict", p.status, p.body)
	}
	if got := w.sim.TokenRequests(); got != 0 {
		t.Errorf("%d token requests, want 0", got)
	}
}

func TestATripIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	callback := ana.agree(ana.start(nil), "octocat", "1")
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch p := ana.get(callback); p.status {
			case http.StatusSeeOther:
				won.Add(1)
			case http.StatusConflict:
				lost.Add(1)
			default:
				t.Errorf("%d %s", p.status, p.body)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 19 || w.sim.TokenRequests() != 1 {
		t.Errorf("%d won, %d lost, %d token requests; want 1, 19, 1", won.Load(), lost.Load(), w.sim.TokenRequests())
	}
}
