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

// slackCode is what a person agreed to at Slack.
type slackCode struct {
	user        string
	userScopes  []string
	botScopes   []string
	redirectURI string
}

// slackGrants is what people agreed to and what came of it. The owner of a token
// is a person or the bot. What a token may do is what its owner was granted, at
// once for all tokens: scopes pile up.
type slackGrants struct {
	ledger
	codes  codeBook[slackCode]
	scopes map[string][]string // user or bot id → scopes
}

func newSlackGrants() slackGrants {
	return slackGrants{ledger: newLedger(), codes: newCodeBook[slackCode](codeLife), scopes: map[string][]string{}}
}

// approve makes a code for a yes.
func (g *slackGrants) approve(c slackCode, now time.Time) string {
	code := "4724469134.4644010092847." + randomHex(32)
	g.codes.put(code, c, now)
	return code
}

// grant adds scopes to an owner and gives it a token. Without rotation that is
// the token it already has.
func (g *slackGrants) grant(user string, scopes []string, rotate bool, now time.Time) *token {
	for _, scope := range scopes {
		if !slices.Contains(g.scopes[user], scope) {
			g.scopes[user] = append(g.scopes[user], scope)
		}
	}
	if rotate {
		return g.rotate(user, now)
	}
	for _, t := range g.tokens {
		if t.owner == user && t.expires.IsZero() && !t.revoked {
			return t
		}
	}
	return g.add(&token{access: slackPrefix(user) + "1-" + randomText(48), owner: user, issued: now})
}

func slackPrefix(user string) string {
	if user == slackBot {
		return "xoxb-"
	}
	return "xoxp-"
}

// rotate gives an owner a new pair. Of more than two live access tokens the
// oldest is revoked.
func (g *slackGrants) rotate(user string, now time.Time) *token {
	t := g.add(&token{
		access: "xoxe." + slackPrefix(user) + "1-" + randomText(60), refresh: "xoxe-1-" + randomText(60),
		owner: user, issued: now, expires: now.Add(slackAccessLife),
	})
	var live []*token
	for _, other := range g.tokens {
		if other.owner == user && other.live(now) && !other.expires.IsZero() {
			live = append(live, other)
		}
	}
	if len(live) > slackLive {
		live[0].revoked = true
	}
	return t
}

// refresh redeems a refresh token. It works once, and again within the grace
// for whoever lost the answer.
func (g *slackGrants) refresh(refresh string, quirks Quirks, now time.Time) *token {
	old, known := g.byRefresh[refresh]
	if !known || g.scopes[old.owner] == nil {
		return nil
	}
	late := !old.refreshUsed.IsZero() && (quirks.NoGrace || now.Sub(old.refreshUsed) > slackGrace)
	if late && quirks.FamilyRevoke {
		g.dropAll(old.owner)
	}
	if late {
		return nil
	}
	if old.refreshUsed.IsZero() {
		old.refreshUsed = now
	}
	if quirks.OldAccessDies {
		old.expires = now
	}
	return g.rotate(old.owner, now)
}

// revoke ends one token. Without rotation that undoes the authorization.
func (g *slackGrants) revoke(t *token) {
	if t.expires.IsZero() {
		g.dropAll(t.owner)
		return
	}
	t.revoked = true
}

// dropAll ends everything an owner agreed to. The tokens stay known as revoked.
func (g *slackGrants) dropAll(user string) {
	for _, t := range g.tokens {
		if t.owner == user {
			t.revoked = true
			delete(g.byRefresh, t.refresh)
		}
	}
	g.codes.drop(func(c slackCode) bool { return c.user == user })
	delete(g.scopes, user)
}
