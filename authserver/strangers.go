package authserver

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
)

// What strangers can make this server do before anybody knows them: fetch a
// document about themselves, and register.

// admitted counts an authorization request that would make us fetch a document.
func (p Parts) admitted(h web.Handler) web.Handler {
	return func(c *gin.Context) error {
		err := p.Documents.Admit(c.Request.Context(), consent.AppID(c.Query("client_id")), c.ClientIP())
		var many *clients.TooMany
		if errors.As(err, &many) {
			c.Header("Retry-After", seconds(many.Wait))
			return fault.Wrap(fault.Denied, err, "Too many apps we do not know were started from your network. Nothing was shared. Wait a quarter of an hour and start again in the app.")
		}
		if err != nil {
			return err
		}
		return h(c)
	}
}

// peek bounds what is read of a body to find out whose it is, in bytes. A longer
// one is refused by its handler.
const peek = 64 << 10

// admit counts a direct request that would make us fetch a document, and holds
// back who failed too often to be the client it names.
func (p Parts) admit(c *gin.Context) {
	if c.Request.Method != http.MethodPost {
		return
	}
	start, err := io.ReadAll(io.LimitReader(c.Request.Body, peek))
	if err != nil {
		web.Note(c, slog.String("cause", err.Error()))
		c.AbortWithStatusJSON(http.StatusBadRequest, gin.H{"error": "invalid_request", "error_description": "The body could not be read."})
		return
	}
	c.Request.Body = rest{io.MultiReader(bytes.NewReader(start), c.Request.Body), c.Request.Body}
	form, err := url.ParseQuery(string(start))
	if err != nil {
		return // its handler says so
	}
	cred, err := clients.Present(c.GetHeader("Authorization"), form)
	if err != nil {
		return // likewise
	}
	err = p.Documents.Admit(c.Request.Context(), consent.AppID(cred.ID), c.ClientIP())
	var many *clients.TooMany
	switch {
	case errors.As(err, &many):
		c.Header("Retry-After", seconds(many.Wait))
		c.Header("Cache-Control", "no-store")
		c.AbortWithStatusJSON(http.StatusTooManyRequests, gin.H{"error": "temporarily_unavailable", "error_description": "There were too many unknown clients from this network. Try again later."})
	case err != nil:
		web.Note(c, slog.String("cause", err.Error()))
		c.Header("Cache-Control", "no-store")
		c.AbortWithStatusJSON(http.StatusInternalServerError, gin.H{"error": "server_error", "error_description": "The server could not complete the request."})
	case cred.Secret != "": // a signed assertion cannot be guessed
		p.tried(c, guessOf(cred.ID, c.ClientIP()))
	}
}

// tried lets a request go on, unless there were too many that failed.
func (p Parts) tried(c *gin.Context, who guess) {
	if wait := p.guesses.wait(who); wait > 0 {
		c.Header("Retry-After", seconds(wait+time.Second-1))
		c.Header("Cache-Control", "no-store")
		c.AbortWithStatusJSON(http.StatusTooManyRequests, gin.H{"error": "temporarily_unavailable", "error_description": "Client authentication failed too often from this network. Try again later."})
		return
	}
	c.Next()
	if c.Writer.Status() == http.StatusUnauthorized {
		p.guesses.fail(who)
	}
}

// rest is a body whose beginning was read already.
type rest struct {
	io.Reader
	io.Closer
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func (p Parts) register(c *gin.Context) {
	note(c, p.Registrar.Register(c.Writer, c.Request, c.ClientIP()))
}

// admitManager holds back who tries registration access tokens.
func (p Parts) admitManager(c *gin.Context) { p.tried(c, guessOf(c.Param("client"), c.ClientIP())) }

func (p Parts) manage(c *gin.Context) {
	note(c, p.Registrar.Manage(c.Writer, c.Request, consent.AppID(url.PathEscape(c.Param("client"))), c.ClientIP()))
}

// note logs why a request was answered with an error.
func note(c *gin.Context, err error) {
	if err != nil {
		web.Note(c, slog.String("cause", err.Error()))
	}
}
