package oauth

import (
	"slices"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// asksFor reads acr_values: the least level that answers it, of those that a
// sign-in here can reach. "" asks for nothing. The parameter is voluntary (OpenID
// Connect Core section 3.1.2.1): values nobody here can reach are passed over, and
// acr tells the app what was reached.
func asksFor(values string, reachable []consent.Level) consent.Level {
	var least consent.Level
	for _, v := range strings.Fields(values) {
		l := consent.Level(v)
		if slices.Contains(reachable, l) && (least == "" || least.Meets(l)) {
			least = l
		}
	}
	return least
}

// Fit is how a sign-in meets what an app asks of it.
type Fit int

// The fits.
const (
	SignInFits  Fit = iota
	SignInAgain     // too old or too weak: the person signs in once more
	SignInFalls     // they just did, and it is still too weak (RFC 9470 section 5)
)

// Fits judges a sign-in made at signedIn at a level, for a request that began at
// since; zero when it begins now. A sign-in after that is as fresh as can be
// asked, but being fresh is not being sure: a level that was asked for must be
// reached by it (threat O44).
func (a Ask) Fits(signedIn time.Time, level consent.Level, since, now time.Time) Fit {
	fresh := !since.IsZero() && !signedIn.Before(since)
	weak := !level.Meets(a.Level)
	old := a.SignInAgain || (a.MaxAge > 0 && now.Sub(signedIn) > a.MaxAge)
	switch {
	case fresh && weak:
		return SignInFalls
	case weak, old && !fresh:
		return SignInAgain
	}
	return SignInFits
}
