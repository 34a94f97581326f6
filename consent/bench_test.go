package consent_test

import (
	"fmt"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
)

// BenchmarkDecideForOneWithManyApps decides for a person who has allowed 10,000
// apps the same on the same account: the page says who they are.
func BenchmarkDecideForOneWithManyApps(b *testing.B) {
	req := asks(readRepos, writeRepos, readProfile, consent.Background)
	grants := make([]consent.Grant, 10_000)
	for i := range grants {
		grants[i] = agreed(yes(readRepos, "octocat", only(repo("site"))))
		grants[i].App = consent.AppID(fmt.Sprint("app", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		p := consent.Decide(req, []consent.Connection{octocat("contents", "contents:write")}, grants, noon())
		if r, _ := p.Row(readRepos); len(r.AlsoFor) == 0 || !r.AlsoMore {
			b.Fatalf("decided wrong:\n%s", sentences(p))
		}
	}
}

// BenchmarkDecide decides for one of 10,000 grants: 100 of asha's apps and those
// of 9,900 other people, the worst a careless caller could hand over.
func BenchmarkDecide(b *testing.B) {
	req := asks(readRepos, writeRepos, readProfile, consent.Background)
	connections := []consent.Connection{octocat("contents", "contents:write"), acme("chat:write")}
	grants := make([]consent.Grant, 0, 10_000)
	for i := range 10_000 {
		g := agreed(yes(readRepos, "octocat", only(repo("site"), repo("api"))), yes(postMessages, "acme", consent.Limit{}))
		g.ID = consent.GrantID(fmt.Sprint("grant", i))
		switch {
		case i == 5_000:
		case i%100 == 0:
			g.App = consent.AppID(fmt.Sprint("app", i))
		default:
			g.User = consent.UserID(fmt.Sprint("user", i))
		}
		grants = append(grants, g)
	}
	b.ReportAllocs()
	for b.Loop() {
		p := consent.Decide(req, connections, grants, noon())
		if len(p.Token) != 1 || len(p.Rows[1].AlsoFor) != 0 {
			b.Fatalf("decided wrong:\n%s", sentences(p))
		}
	}
}

// BenchmarkPermit is what every brokered call pays.
func BenchmarkPermit(b *testing.B) {
	a, v := writing(), vocabulary()
	b.ReportAllocs()
	for b.Loop() {
		if got := consent.Permit(v, a.call, a.bearer, a.grant, a.connections, noon()); got.Denial != consent.Permitted {
			b.Fatal(got.Denial)
		}
	}
}
