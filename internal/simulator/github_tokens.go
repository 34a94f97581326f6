package simulator

import (
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

// githubCode is an authorization code on its way back to the app.
type githubCode struct {
	login       string
	scopes      []string
	redirectURI string
	challenge   string
	at          time.Time
}

// githubToken is one access token, with its refresh token when it expires.
type githubToken struct {
	access, refresh string
	serial          int // order of issue; clocks may stand still
	login           string
	scopes          []string
	app             bool // of a GitHub App: the installation says what it may do
	issued          time.Time
	expires         time.Time // zero: never
	refreshExpires  time.Time
}

func (t *githubToken) live(now time.Time) bool { return t.expires.IsZero() || now.Before(t.expires) }

// githubGrants is what people agreed to and what came of it.
type githubGrants struct {
	codes     map[string]githubCode
	byAccess  map[string]*githubToken
	byRefresh map[string]*githubToken
	approved  map[string][]string // login → every scope ever agreed to
	serial    int
}

func newGithubGrants() githubGrants {
	return githubGrants{
		codes: map[string]githubCode{}, byAccess: map[string]*githubToken{},
		byRefresh: map[string]*githubToken{}, approved: map[string][]string{},
	}
}

// approve remembers a yes and makes a code for it.
func (g *githubGrants) approve(c githubCode) string {
	for code, old := range g.codes {
		if len(g.codes) >= maxCodes || c.at.Sub(old.at) > codeLife {
			delete(g.codes, code)
		}
	}
	union := normalizeScopes(strings.Join(slices.Concat(g.approved[c.login], c.scopes), " "))
	if union == nil {
		union = []string{}
	}
	g.approved[c.login] = union
	code := randomHex(10)
	g.codes[code] = c
	return code
}

// redeem takes a code out: whatever happens next, it was its only use.
func (g *githubGrants) redeem(code string, now time.Time) (githubCode, bool) {
	found, ok := g.codes[code]
	delete(g.codes, code)
	return found, ok && now.Sub(found.at) <= codeLife
}

// issue makes a token and lets the oldest of its set die when there are too many.
func (g *githubGrants) issue(login string, scopes []string, app bool, now time.Time) *githubToken {
	g.serial++
	t := &githubToken{access: "gho_" + randomText(36), serial: g.serial, login: login, scopes: scopes, issued: now}
	if app {
		t.app, t.scopes = true, nil
		t.access, t.refresh = "ghu_"+randomText(36), "ghr_"+randomText(76)
		t.expires, t.refreshExpires = now.Add(appAccessLife), now.Add(appRefreshLife)
		g.byRefresh[t.refresh] = t
	}
	g.byAccess[t.access] = t
	g.evict(func(other *githubToken) bool {
		return other.login == t.login && other.app == t.app && slices.Equal(sorted(other.scopes), sorted(t.scopes))
	}, tokensPerSet)
	g.evict(func(*githubToken) bool { return true }, maxTokens)
	return t
}

// evict removes the oldest of a set until it fits.
func (g *githubGrants) evict(in func(*githubToken) bool, limit int) {
	var set []*githubToken
	for _, t := range g.byAccess {
		if in(t) {
			set = append(set, t)
		}
	}
	if len(set) <= limit {
		return
	}
	slices.SortFunc(set, func(a, b *githubToken) int { return a.serial - b.serial })
	for _, t := range set[:len(set)-limit] {
		g.drop(t)
	}
}

// drop ends a token and its refresh token.
func (g *githubGrants) drop(t *githubToken) {
	delete(g.byAccess, t.access)
	delete(g.byRefresh, t.refresh)
}

// dropAll ends everything one person agreed to.
func (g *githubGrants) dropAll(login string) {
	for _, t := range g.byAccess {
		if t.login == login {
			g.drop(t)
		}
	}
	for code, c := range g.codes {
		if c.login == login {
			delete(g.codes, code)
		}
	}
	delete(g.approved, login)
}

// sorted returns the scopes in one order, for comparing.
func sorted(scopes []string) []string {
	ordered := slices.Clone(scopes)
	slices.Sort(ordered)
	return ordered
}
