package oauth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// Whatever is asked along a chain: what comes of it is covered by what was there
// (O18).
func TestThreat_O18_AnExchangeOnlyNarrows(t *testing.T) {
	words := consent.Vocabulary{
		"offline_access": {}, "agents.jobs.background": {Modifier: true}, "agents.writes.unattended": {Modifier: true},
		"a.write": {Implies: []consent.ScopeName{"a.read"}}, "a.read": {Implies: []consent.ScopeName{"a.list"}}, "a.list": {},
		"b.write": {}, "b.read": {},
	}
	var names []string
	for name := range words {
		names = append(names, string(name))
	}
	names = append(names, "unknown")
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 0, 5).Draw(t, what), " ")
		}
		held := Authorization{
			Active: true, Token: "t0", User: "user_ana", App: "app", Grant: "grant", Family: "family", Audience: "https://deputy.example/api",
			Expires: start.Add(10 * time.Minute), Thumbprint: rapid.SampledFrom([]string{"", "key"}).Draw(t, "key"),
		}
		for _, name := range strings.Fields(draw("scopes")) {
			if name != "unknown" {
				held.Scopes = append(held.Scopes, consent.ScopeName(name))
			}
		}
		now, hops := start, 0
		for range 6 {
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
			d := delegation{by: held.holder(), key: held.Thumbprint, subject: held, scope: draw("asked")}
			if rapid.Bool().Draw(t, "to another") {
				d.actor = &Authorization{Active: true, App: consent.AppID(fmt.Sprint("agent", hops)), Thumbprint: rapid.SampledFrom([]string{"", "agent's key"}).Draw(t, "agent's key")}
			}
			child, err := d.decide(words, now, 10*time.Minute)
			if err != nil {
				continue
			}
			hops++
			next := Authorization{
				Active: true, Token: child.ID, User: child.User, App: child.App, Grant: child.Grant, Family: child.Family, Audience: child.Audience,
				Expires: time.Unix(child.Expires, 0), Thumbprint: child.Thumbprint, Actors: child.Actors, parents: child.Parents,
			}
			for _, name := range strings.Fields(child.Scopes) {
				next.Scopes = append(next.Scopes, consent.ScopeName(name))
			}
			less(t, words, held, next)
			held = next
		}
		if hops > maxDelegations || len(held.Actors) > hops {
			t.Fatalf("%d hops, actors %v", hops, held.Actors)
		}
	})
}

// less fails when the child has anything that its parent has not.
func less(t *rapid.T, words consent.Vocabulary, parent, child Authorization) {
	for _, name := range child.Scopes {
		covered := false
		for _, have := range parent.Scopes {
			covered = covered || words.Covers(have, name)
		}
		if !covered || name == consent.OfflineAccess {
			t.Fatalf("%s came out of %v", name, parent.Scopes)
		}
	}
	same := child.User == parent.User && child.App == parent.App && child.Grant == parent.Grant && child.Family == parent.Family && child.Audience == parent.Audience
	if !same || len(child.Scopes) == 0 || child.Expires.After(parent.Expires) || (parent.Thumbprint != "" && child.Thumbprint == "") {
		t.Fatalf("%+v\nbecame\n%+v", parent, child)
	}
	if parent.Token != child.parents[len(child.parents)-1] || len(child.parents) != len(parent.parents)+1 {
		t.Fatalf("the parents of %+v are %v", parent, child.parents)
	}
}

// TestDelegation says who may hand what on. The app holds a token of a person.
func TestDelegation(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	words := consent.Vocabulary{"read": {}, "offline_access": {}}
	for _, c := range []struct {
		name   string
		change func(d *delegation)
		want   string // the reason, or the error's code, or "" for a token
	}{
		{"the app to itself", func(*delegation) {}, ""},
		{"the app to an agent", func(d *delegation) { d.actor = &Authorization{Active: true, App: "agent"} }, ""},
		{"the agent, when it holds the token", func(d *delegation) { d.subject.Actors, d.by = []consent.AppID{"agent"}, "agent" }, ""},
		{"the same resource", func(d *delegation) { d.targets = []string{"api", "api"} }, ""},
		{"the key it is bound to", func(d *delegation) { d.subject.Thumbprint, d.key = "key", "key" }, ""},
		{"the app, when an agent holds the token", func(d *delegation) { d.subject.Actors = []consent.AppID{"agent"} }, "held by another client"},
		{"an agent that handed it on", func(d *delegation) { d.subject.Actors, d.by = []consent.AppID{"second", "agent"}, "agent" }, "held by another client"},
		{"a stranger", func(d *delegation) { d.by = "stranger" }, "held by another client"},
		{"no token", func(d *delegation) { d.subject = Authorization{} }, "none of ours"},
		{"an app's own token", func(d *delegation) { d.subject.User = "" }, "nobody to act for"},
		{"another key", func(d *delegation) { d.subject.Thumbprint, d.key = "key", "other" }, "bound to a key"},
		{"no key", func(d *delegation) { d.subject.Thumbprint = "key" }, "bound to a key"},
		{"a dead actor", func(d *delegation) { d.actor = &Authorization{} }, "actor token is none of ours"},
		{"a person as the actor", func(d *delegation) { d.actor = &Authorization{Active: true, App: "agent", User: "user_eve"} }, "a person's"},
		{"the app as its own actor", func(d *delegation) { d.actor = &Authorization{Active: true, App: "app"} }, "in the chain already"},
		{"a circle", func(d *delegation) {
			d.subject.Actors, d.by, d.actor = []consent.AppID{"second", "agent"}, "second", &Authorization{Active: true, App: "agent"}
		}, "in the chain already"},
		{"the fourth time", func(d *delegation) { d.subject.parents = []string{"1", "2", "3"} }, "as often as one can"},
		{"another resource", func(d *delegation) { d.targets = []string{"api", "other"} }, "invalid_target"},
		{"more", func(d *delegation) { d.scope = "read write" }, "invalid_scope"},
		{"a refresh token", func(d *delegation) { d.scope = "offline_access" }, "invalid_scope"},
		{"nothing that flows down", func(d *delegation) { d.subject.Scopes = []consent.ScopeName{"offline_access"} }, "invalid_scope"},
	} {
		d := delegation{by: "app", subject: Authorization{
			Active: true, Token: "t", User: "user_ana", App: "app", Audience: "api", Expires: now.Add(time.Minute), Scopes: []consent.ScopeName{"read", "offline_access"},
		}}
		c.change(&d)
		child, err := d.decide(words, now, time.Hour)
		switch {
		case c.want == "" && (err != nil || child.Scopes != "read" || child.Expires != now.Add(time.Minute).Unix()):
			t.Errorf("%s: %v, %+v", c.name, err, child)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
