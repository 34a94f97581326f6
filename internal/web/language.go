package web

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// The cookies that hold a language. What an app asked for is forgotten when its
// request ends; what a person chose stays for a year.
const (
	askedCookie  = "deputy_language_asked"
	chosenCookie = "deputy_language"
	askedAge     = 10 * 60            // seconds
	chosenAge    = 365 * 24 * 60 * 60 // seconds
	longestWish  = 100                // bytes
)

// AskLanguage remembers the languages an app asks for, separated by spaces
// (ui_locales, OpenID Connect Core 1.0 section 3.1.2.1), while its request lasts.
func (s *Site) AskLanguage(c *gin.Context, locales string) {
	if locales == "" || len(locales) > longestWish {
		return
	}
	wanted := s.Renderer.Language(commas(locales), s.Language(c))
	c.Set(askedCookie, wanted) // this answer may be a page already
	s.setLanguage(c, askedCookie, wanted, askedAge)
}

// ChooseLanguage remembers the language a person chose.
func (s *Site) ChooseLanguage(c *gin.Context, language string) {
	s.setLanguage(c, chosenCookie, s.Renderer.Language(language), chosenAge)
	s.setLanguage(c, askedCookie, "", -1) // the person's choice is the later one
}

func (s *Site) setLanguage(c *gin.Context, name, language string, age int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: language, MaxAge: age, Path: "/", Secure: s.HTTPS, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Language is the one to answer in: what the app asked for, what the person
// chose, what the browser wants, what the operator set.
func (s *Site) Language(c *gin.Context) string {
	return s.Renderer.Language(c.GetString(askedCookie), languageOf(c, askedCookie), languageOf(c, chosenCookie), c.GetHeader("Accept-Language"))
}

func languageOf(c *gin.Context, cookie string) string {
	k, err := c.Request.Cookie(cookie)
	if err != nil || len(k.Value) > longestWish {
		return "" // the only error is that there is none
	}
	return k.Value
}

// commas makes a list as in Accept-Language of one with spaces.
func commas(list string) string { return strings.Join(strings.Fields(list), ",") }

// here is the address of a page that can be asked for again. What came in a query
// is never written on a page: it may be a secret, or somebody else's words.
func here(c *gin.Context) string {
	if c.Request.Method != http.MethodGet || c.Request.URL.RawQuery != "" {
		return ""
	}
	return c.Request.URL.EscapedPath()
}
