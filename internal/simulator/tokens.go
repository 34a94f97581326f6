package simulator

import (
	"slices"
	"time"
)

// codeLife is how long most authorization codes can be redeemed.
const codeLife = 10 * time.Minute

// codeBook keeps authorization codes on their way back to the app, with what a
// person agreed to.
type codeBook[T any] struct {
	life time.Duration
	kept map[string]datedCode[T]
}

type datedCode[T any] struct {
	what T
	at   time.Time
}

func newCodeBook[T any](life time.Duration) codeBook[T] {
	return codeBook[T]{life: life, kept: map[string]datedCode[T]{}}
}

// put keeps a code, and makes room when there are too many.
func (b *codeBook[T]) put(code string, what T, now time.Time) {
	for old, c := range b.kept {
		if len(b.kept) >= maxCodes || now.Sub(c.at) > b.life {
			delete(b.kept, old)
		}
	}
	b.kept[code] = datedCode[T]{what, now}
}

// take takes a code out: whatever happens next, it was its only use.
func (b *codeBook[T]) take(code string, now time.Time) (T, bool) {
	found, ok := b.kept[code]
	delete(b.kept, code)
	return found.what, ok && now.Sub(found.at) <= b.life
}

// drop forgets the codes for which gone says so.
func (b *codeBook[T]) drop(gone func(T) bool) {
	for code, c := range b.kept {
		if gone(c.what) {
			delete(b.kept, code)
		}
	}
}

// token is what a provider handed out: an access token, a refresh token or
// both.
type token struct {
	access, refresh string
	owner           string // whose: a login or an id, as the provider likes
	scopes          []string
	app             bool // of a GitHub App: the installation says what it may do
	issued          time.Time
	expires         time.Time // zero: never
	refreshExpires  time.Time // zero: never
	refreshUsed     time.Time // zero: not yet
	revoked         bool      // remembered only to say so
}

func (t *token) live(now time.Time) bool {
	return !t.revoked && (t.expires.IsZero() || now.Before(t.expires))
}

// refreshable reports whether the refresh token still works.
func (t *token) refreshable(now time.Time) bool {
	return !t.revoked && (t.refreshExpires.IsZero() || now.Before(t.refreshExpires))
}

// ledger is every token a provider handed out.
type ledger struct {
	tokens    []*token // oldest first
	byAccess  map[string]*token
	byRefresh map[string]*token
	spent     []spentToken // newest last
}

// spentToken is a refresh token that was used up, and whose it was.
type spentToken struct{ refresh, owner string }

func newLedger() ledger {
	return ledger{byAccess: map[string]*token{}, byRefresh: map[string]*token{}}
}

// add keeps a token and forgets the oldest when there are too many.
func (l *ledger) add(t *token) *token {
	l.tokens = append(l.tokens, t)
	if t.access != "" {
		l.byAccess[t.access] = t
	}
	if t.refresh != "" {
		l.byRefresh[t.refresh] = t
	}
	l.evict(func(*token) bool { return true }, maxTokens)
	return t
}

// evict drops the oldest of a set until it fits.
func (l *ledger) evict(in func(*token) bool, limit int) {
	var set []*token
	for _, t := range l.tokens {
		if in(t) {
			set = append(set, t)
		}
	}
	for _, t := range set[:max(0, len(set)-limit)] {
		l.drop(t)
	}
}

// drop ends a token and its refresh token.
func (l *ledger) drop(t *token) {
	delete(l.byAccess, t.access)
	delete(l.byRefresh, t.refresh)
	l.tokens = slices.DeleteFunc(l.tokens, func(other *token) bool { return other == t })
}

// dropOwner ends everything one owner has.
func (l *ledger) dropOwner(owner string) {
	l.evict(func(t *token) bool { return t.owner == owner }, 0)
}

// spend ends a refresh token that may be used once, and remembers it. keepAccess
// lets the access token beside it live on.
func (l *ledger) spend(t *token, keepAccess bool) {
	l.spent = keepNewest(append(l.spent, spentToken{t.refresh, t.owner}), maxTokens)
	if !keepAccess || t.access == "" {
		l.drop(t)
		return
	}
	delete(l.byRefresh, t.refresh)
	t.refresh = ""
}

// spentBy returns whose refresh token this was before it was used up, or "".
func (l *ledger) spentBy(refresh string) string {
	at := slices.IndexFunc(l.spent, func(s spentToken) bool { return s.refresh == refresh })
	if at < 0 || refresh == "" {
		return ""
	}
	return l.spent[at].owner
}

// expire ends every access token now. Refresh tokens go on working; a token that
// has none is gone.
func (l *ledger) expire(now time.Time) {
	for _, t := range slices.Clone(l.tokens) {
		switch {
		case t.access == "":
		case t.refresh == "":
			l.drop(t)
		default:
			t.expires = now
		}
	}
}

// sorted returns the scopes in one order, for comparing.
func sorted(scopes []string) []string {
	ordered := slices.Clone(scopes)
	slices.Sort(ordered)
	return ordered
}
