package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/fault"
)

// Forms makes and checks form tokens: a MAC over the browser, the step it was
// made for and what it is about, so that a token minted for one step, page or
// person is useless at another.
type Forms struct{ Key []byte }

// Token returns the token for one form. parts name, in this order, the browser
// or session, the step, and the object.
func (f Forms) Token(parts ...string) string {
	mac := hmac.New(sha256.New, f.Key)
	var size [8]byte
	for _, p := range parts {
		// Lengths first: ("ab","c") and ("a","bc") must differ.
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		mac.Write(size[:])
		mac.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Check compares a token in constant time; the error is a page that tells the
// person to go back.
func (f Forms) Check(token string, parts ...string) error {
	if hmac.Equal([]byte(token), []byte(f.Token(parts...))) {
		return nil
	}
	return fault.New(fault.Denied, "This form was made for another page or another sign-in. Nothing was changed. Go back, reload the page and try again.")
}

// SameOrigin refuses a form sent by another site (http.CrossOriginProtection:
// Sec-Fetch-Site, else Origin against Host). It complements form tokens; neither
// is enough alone.
func (s *Site) SameOrigin() gin.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c *gin.Context) {
		if err := protection.Check(c.Request); err != nil {
			s.fail(c, fault.Wrap(fault.Denied, err, "This form came from another site. Nothing was changed."))
			c.Abort()
			return
		}
		c.Next()
	}
}

// Readable refuses what is no text in the path, the query or the form: bad
// escapes, bytes that are not UTF-8, and NUL. PostgreSQL fails on them, and a
// failure would be ours. It comes after MaxBody.
func (s *Site) Readable() gin.HandlerFunc {
	return func(c *gin.Context) {
		err := c.Request.ParseForm()
		if err == nil && readable(c.Request) {
			c.Next()
			return
		}
		s.fail(c, fault.Wrap(fault.Invalid, err, "This address or form cannot be read. Nothing was changed. Go back and try again."))
		c.Abort()
	}
}

func readable(r *http.Request) bool {
	text := func(v string) bool { return utf8.ValidString(v) && !strings.ContainsRune(v, 0) }
	for _, values := range r.Form { // query and body
		if slices.ContainsFunc(values, func(v string) bool { return !text(v) }) {
			return false
		}
	}
	return text(r.URL.Path)
}

// MaxBody bounds what a request may send, in bytes.
func MaxBody(limit int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, limit)
		c.Next()
	}
}
