package consent_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// drawAttempt draws a call that is likely enough to be permitted, into a world
// that is as hostile as any.
func drawAttempt(t *rapid.T, w world) attempt {
	a := attempt{grant: w.grant(), connections: w.connections}
	if len(w.grants) > 0 && rapid.IntRange(0, 3).Draw(t, "any grant") == 0 {
		a.grant = rapid.SampledFrom(w.grants).Draw(t, "grant")
	}
	a.bearer = consent.Bearer{User: a.grant.User, App: a.grant.App, Grant: a.grant.ID, Present: rapid.Bool().Draw(t, "present")}
	switch rapid.IntRange(0, 9).Draw(t, "stranger") {
	case 0:
		a.bearer.User = "bruno"
	case 1:
		a.bearer.App = "zed"
	case 2:
		a.bearer.Grant = "other"
	}
	a.bearer.Scopes = names()
	if rapid.Bool().Draw(t, "smaller token") {
		a.bearer.Scopes = rapid.SliceOfDistinct(rapid.SampledFrom(names()), rapid.ID).Draw(t, "token")
	}
	wanted := names()
	for _, it := range a.grant.Items {
		wanted = append(wanted, it.Scope, it.Scope, it.Scope)
	}
	a.bearer.Details = drawDetails(t)
	s := w.req.Vocabulary[rapid.SampledFrom(wanted).Draw(t, "wanted")]
	a.call = consent.Call{Scope: s.Name, Provider: s.Provider, Access: rapid.SampledFrom([]consent.Access{
		consent.Read, consent.Read, consent.Write, consent.Destructive, "",
	}).Draw(t, "access")}
	if rapid.IntRange(0, 9).Draw(t, "wrong provider") == 0 {
		a.call.Provider = rapid.SampledFrom([]consent.ProviderID{"", "slack"}).Draw(t, "provider")
	}
	if len(s.Resources) > 0 && rapid.Bool().Draw(t, "names a resource") {
		a.call.Resource = drawResource(t, s.Resources...)
	}
	return a
}

// standing lists the grant's live items that give the scope on the connection.
func (a attempt) standing(v consent.Vocabulary, name consent.ScopeName, on consent.ConnectionID) []consent.Item {
	var out []consent.Item
	for _, it := range a.grant.Items {
		if it.Connection == on && noon().Before(it.Until) && v.Covers(it.Scope, name) {
			out = append(out, it)
		}
	}
	return out
}

func (a attempt) inToken(v consent.Vocabulary, name consent.ScopeName) bool {
	return slices.ContainsFunc(a.bearer.Scopes, func(have consent.ScopeName) bool { return v.Covers(have, name) })
}

// TestThreat_O18_NothingIsPermittedBeyondTokenGrantAndConnection: whatever is permitted is
// in the token, in the live grant, on a healthy connection of the same person
// and inside the limit; it writes only with unattended writes, and happens
// without the person only in the background.
func TestThreat_O18_NothingIsPermittedBeyondTokenGrantAndConnection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		a := drawAttempt(t, w)
		v := w.req.Vocabulary
		got := consent.Permit(v, a.call, a.bearer, a.grant, a.connections, noon())
		if got.Denial != consent.Permitted {
			return
		}
		items := a.standing(v, a.call.Scope, got.Connection.ID)
		switch {
		case a.grant.Revoked || a.grant.ID != a.bearer.Grant || a.grant.User != a.bearer.User || a.grant.App != a.bearer.App:
			t.Fatalf("the token %+v is not of the live grant %+v", a.bearer, a.grant)
		case len(items) == 0:
			t.Fatalf("nothing that stands gives %s on %q", a.call.Scope, got.Connection.ID)
		case !a.inToken(v, a.call.Scope):
			t.Fatalf("the token does not carry %s", a.call.Scope)
		case a.call.Access != consent.Read && !a.has(v, consent.UnattendedWrites):
			t.Fatal("it writes without unattended writes")
		case !a.bearer.Present && !a.has(v, consent.Background):
			t.Fatal("the person is away, and there is no background")
		}
		onHealthyAccount(t, a, v[a.call.Scope], got.Connection)
		insideLimit(t, a, items, got.Limit)
	})
}

func (a attempt) has(v consent.Vocabulary, modifier consent.ScopeName) bool {
	return a.inToken(v, modifier) && len(a.standing(v, modifier, "")) > 0
}

func onHealthyAccount(t *rapid.T, a attempt, s consent.Scope, c consent.Connection) {
	if s.Provider == "" {
		if a.call.Provider != "" {
			t.Fatalf("%s is of no provider, but the call goes to %q", s.Name, a.call.Provider)
		}
		return
	}
	if serves, _ := c.Serves(s); c.User != a.bearer.User || c.Provider != a.call.Provider || c.Health != consent.Healthy || !serves {
		t.Fatalf("the call to %q of %s is made with %+v", a.call.Provider, s.Name, c)
	}
	if !slices.ContainsFunc(a.connections, func(have consent.Connection) bool { return have.ID == c.ID }) {
		t.Fatalf("the connection %q came from nowhere", c.ID)
	}
}

func insideLimit(t *rapid.T, a attempt, items []consent.Item, l consent.Limit) {
	var all consent.Limit
	for _, it := range items {
		all = all.Union(it.Limit)
	}
	if !l.Within(all) {
		t.Fatalf("the limit %v is wider than what stands, %v", l, all)
	}
	if a.call.Resource.ID != "" && !all.Allows(a.call.Resource) {
		t.Fatalf("%v is outside %v", a.call.Resource, all)
	}
}

// TestPermitAndDecideAgree: what Decide puts into a token may be used at once,
// and what may be used is what Decide calls allowed.
func TestPermitAndDecideAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := w.decide()
		for _, r := range p.Rows {
			c := consent.Call{Scope: r.Scope.Name, Access: consent.Read, Provider: r.Scope.Provider}
			if len(r.Limit.Resources) > 0 {
				c.Resource = r.Limit.Resources[0]
			}
			b := consent.Bearer{User: asha, App: bot, Grant: w.grant().ID, Scopes: names(), Present: true}
			got := consent.Permit(w.req.Vocabulary, c, b, w.grant(), w.connections, noon())
			if r.Held() && got.Denial != consent.Permitted {
				t.Fatalf("%s is allowed, but %s", r.Scope.Name, got.Denial)
			}
			usable := r.Scope.Narrowing == consent.NarrowingNone || !got.Limit.Empty()
			if !r.Held() && got.Denial == consent.Permitted && usable {
				t.Fatalf("%s may be used, but %s", r.Scope.Name, r.Status)
			}
		}
	})
}
