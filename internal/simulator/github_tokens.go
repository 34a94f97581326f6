package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	appAccessLife  = 28800 * time.Second
	appRefreshLife = 15811200 * time.Second
	// tokensPerSet is how many tokens one person, app and scope set may have;
	// the oldest dies when one more is made.
	tokensPerSet = 10
)

// githubCode is what a person agreed to at GitHub.
type githubCode struct {
	login       string
	scopes      []string
	redirectURI string
	challenge   string
}

// githubGrants is what people agreed to and what came of it. Owners of tokens
// are logins.
type githubGrants struct {
	ledger
	codes    codeBook[githubCode]
	approved map[string][]string // login → every scope ever agreed to
}

func newGithubGrants() githubGrants {
	return githubGrants{ledger: newLedger(), codes: newCodeBook[githubCode](codeLife), approved: map[string][]string{}}
}

// approve remembers a yes and makes a code for it.
func (g *githubGrants) approve(c githubCode, now time.Time) string {
	union := normalizeScopes(strings.Join(slices.Concat(g.approved[c.login], c.scopes), " "))
	if union == nil {
		union = []string{}
	}
	g.approved[c.login] = union
	code := randomHex(10)
	g.codes.put(code, c, now)
	return code
}

// issue makes a token and lets the oldest of its set die when there are more
// than limit; 0 is GitHub's own limit.
func (g *githubGrants) issue(login string, scopes []string, app bool, limit int, now time.Time) *token {
	t := &token{access: "gho_" + randomText(36), owner: login, scopes: scopes, issued: now}
	if app {
		t.app, t.scopes = true, nil
		t.access, t.refresh = "ghu_"+randomText(36), "ghr_"+randomText(76)
		t.expires, t.refreshExpires = now.Add(appAccessLife), now.Add(appRefreshLife)
	}
	g.add(t)
	g.evict(func(other *token) bool {
		return other.owner == t.owner && other.app == t.app && slices.Equal(sorted(other.scopes), sorted(t.scopes))
	}, cmp.Or(limit, tokensPerSet))
	return t
}

// dropAll ends everything one person agreed to.
func (g *githubGrants) dropAll(login string) {
	g.dropOwner(login)
	g.codes.drop(func(c githubCode) bool { return c.login == login })
	delete(g.approved, login)
}
