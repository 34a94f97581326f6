package identity

import (
	"crypto/sha256"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
)

// Several people, or one with several accounts, can be signed in in one browser.
// One of the sign-ins acts: its token is in the session cookie, and every page but
// the account chooser knows that one only. The others are set aside: their tokens
// are in a cookie of their own, sealed for this browser, so that it is of no use in
// another. An account is there once: signing in to it again ends what it had.

const (
	asideName = "deputy_aside"
	// mostPresent is how many sign-ins one browser has. One more ends the one that
	// was used least lately.
	mostPresent = 5
)

// present is a living sign-in of a browser.
type present struct {
	remembered
	token string
	acts  bool
}

// present returns the sign-ins of the browser of c, the one that acts first, then
// those that were used most lately.
func (i *Identity) present(c *gin.Context) ([]present, error) {
	acting := i.sessionCookie(c)
	var list []present
	for _, token := range append([]string{acting}, i.aside(c)...) {
		if token == "" {
			continue
		}
		r, lives, err := i.recall(c.Request.Context(), sha256.Sum256([]byte(token)))
		if err != nil {
			return nil, err
		}
		if lives {
			list = append(list, present{r, token, token == acting})
		}
	}
	return list, nil
}

// aside returns the tokens of the sign-ins that are set aside, dead ones among
// them.
func (i *Identity) aside(c *gin.Context) []string {
	k, err := c.Request.Cookie(i.cookieName(asideName))
	if err != nil {
		return nil // the only error is that there is none
	}
	plain, err := i.cfg.Box.Open(k.Value, asideName, i.cookie(c, browserName))
	if err != nil {
		return nil // another browser's, or not ours
	}
	tokens := strings.Fields(string(plain))
	return tokens[:min(len(tokens), mostPresent-1)]
}

// setAside keeps sign-ins for later in the browser of c, in the place of what it
// kept.
func (i *Identity) setAside(c *gin.Context, list []present) {
	if len(list) == 0 {
		if _, err := c.Request.Cookie(i.cookieName(asideName)); err == nil {
			i.setCookie(c, asideName, "", -1)
		}
		return
	}
	tokens := make([]string, len(list))
	for n, p := range list {
		tokens[n] = p.token
	}
	i.setCookie(c, asideName, i.cfg.Box.Seal([]byte(strings.Join(tokens, " ")), asideName, i.Browser(c)), 0)
}

// room parts the sign-ins of a browser in which user signs in: those that stay, and
// the hashes of those that end.
func room(list []present, user consent.UserID) (stay []present, end [][]byte) {
	for _, p := range list {
		if p.session.User != user && len(stay) < mostPresent-1 {
			stay = append(stay, p)
			continue
		}
		hash := sha256.Sum256([]byte(p.token))
		end = append(end, hash[:])
	}
	return stay, end
}

// Others lists who else is signed in in the browser of c, beside the one that acts.
func (i *Identity) Others(c *gin.Context) ([]Person, error) {
	list, err := i.present(c)
	if err != nil {
		return nil, err
	}
	var others []Person
	for _, p := range list {
		if !p.acts {
			others = append(others, p.person(i.Browser(c)))
		}
	}
	return others, nil
}
