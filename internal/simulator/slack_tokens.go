package simulator

import (
	"slices"
	"time"
)

const (
	slackAccessLife = 43200 * time.Second
	// slackGrace is how long a used refresh token still works.
	slackGrace = 30 * time.Second
	// slackLive is how many rotating access tokens one person may have.
	slackLive = 2
)

// slackCode is an authorization code on its way back to the app.
type slackCode struct {
	user        string
	userScopes  []string
	botScopes   []string
	redirectURI string
	at          time.Time
}

// slackToken is one access token. What it may do is what its subject was
// granted, at once for all its tokens: scopes pile up.
type slackToken struct {
	access, refresh string
	serial          int
	user            string // whose; the bot's id for a bot token
	expires         time.Time
	refreshUsed     time.Time // zero: not yet
	revoked         bool
}

// slackGrants is what people agreed to and what came of it.
type slackGrants struct {
	codes     map[string]slackCode
	byAccess  map[string]*slackToken
	byRefresh map[string]*slackToken
	scopes    map[string][]string // user or bot id → scopes
	serial    int
}

func newSlackGrants() slackGrants {
	return slackGrants{
		codes: map[string]slackCode{}, byAccess: map[string]*slackToken{},
		byRefresh: map[string]*slackToken{}, scopes: map[string][]string{},
	}
}

// approve makes a code for a yes.
func (g *slackGrants) approve(c slackCode) string {
	for code, old := range g.codes {
		if len(g.codes) >= maxCodes || c.at.Sub(old.at) > codeLife {
			delete(g.codes, code)
		}
	}
	code := "4724469134.4644010092847." + randomHex(32)
	g.codes[code] = c
	return code
}

// redeem takes a code out: whatever happens next, it was its only use.
func (g *slackGrants) redeem(code string, now time.Time) (slackCode, bool) {
	found, ok := g.codes[code]
	delete(g.codes, code)
	return found, ok && now.Sub(found.at) <= codeLife
}

// grant adds scopes to a subject and gives it a token. Without rotation that
// is the token it already has.
func (g *slackGrants) grant(user string, scopes []string, rotate bool, now time.Time) *slackToken {
	for _, scope := range scopes {
		if !slices.Contains(g.scopes[user], scope) {
			g.scopes[user] = append(g.scopes[user], scope)
		}
	}
	if rotate {
		return g.rotate(user, now)
	}
	for _, t := range g.byAccess {
		if t.user == user && t.expires.IsZero() && !t.revoked {
			return t
		}
	}
	return g.add(&slackToken{access: slackPrefix(user) + "1-" + randomText(48), user: user})
}

func slackPrefix(user string) string {
	if user == slackBot {
		return "xoxb-"
	}
	return "xoxp-"
}

// rotate gives a subject a new pair. Of more than two live access tokens the
// oldest is revoked.
func (g *slackGrants) rotate(user string, now time.Time) *slackToken {
	t := g.add(&slackToken{
		access: "xoxe." + slackPrefix(user) + "1-" + randomText(60), refresh: "xoxe-1-" + randomText(60),
		user: user, expires: now.Add(slackAccessLife),
	})
	g.byRefresh[t.refresh] = t
	var live []*slackToken
	for _, other := range g.byAccess {
		if other.user == user && !other.revoked && now.Before(other.expires) {
			live = append(live, other)
		}
	}
	if len(live) > slackLive {
		slices.MinFunc(live, func(a, b *slackToken) int { return a.serial - b.serial }).revoked = true
	}
	return t
}

// add keeps a token and forgets the oldest when there are too many.
func (g *slackGrants) add(t *slackToken) *slackToken {
	g.serial++
	t.serial = g.serial
	g.byAccess[t.access] = t
	for access, old := range g.byAccess {
		if len(g.byAccess) > maxTokens && old.serial <= g.serial-maxTokens {
			delete(g.byAccess, access)
			delete(g.byRefresh, old.refresh)
		}
	}
	return t
}

// refresh redeems a refresh token. It works once, and again within the grace
// for whoever lost the answer.
func (g *slackGrants) refresh(refresh string, now time.Time) *slackToken {
	old, known := g.byRefresh[refresh]
	if !known || g.scopes[old.user] == nil {
		return nil
	}
	if old.refreshUsed.IsZero() {
		old.refreshUsed = now
	}
	if now.Sub(old.refreshUsed) > slackGrace {
		return nil
	}
	return g.rotate(old.user, now)
}

// revoke ends one token. Without rotation that undoes the authorization.
func (g *slackGrants) revoke(t *slackToken) {
	if t.expires.IsZero() {
		g.dropAll(t.user)
		return
	}
	t.revoked = true
}

// dropAll ends everything a subject agreed to.
func (g *slackGrants) dropAll(user string) {
	for _, t := range g.byAccess {
		if t.user == user {
			t.revoked = true
			delete(g.byRefresh, t.refresh)
		}
	}
	for code, c := range g.codes {
		if c.user == user {
			delete(g.codes, code)
		}
	}
	delete(g.scopes, user)
}
