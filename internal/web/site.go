// Package web is the glue between gin and handlers that return errors: it is the
// only writer of error pages, of security headers and of the request log, and it
// owns the two defences every form needs (same-origin check and form token).
//
// It knows nothing about grants, tokens or providers, and it has no routes: each
// HTTP package brings its handlers, the assembly brings the route table.
package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/fault"
)

// Renderer turns a page's struct into HTML. Package templates implements it.
type Renderer interface {
	// Render writes page in a language; here is its path, "" when that does not lead back.
	Render(w io.Writer, page any, language, here string) error
	// Language is the one that fits the first wish that any fits. A wish is a list
	// as in Accept-Language.
	Language(wishes ...string) string
	// Languages are those of the pages, BCP 47.
	Languages() []string
	// Say is what an English text of the program or the catalogue is in a language; one
	// that nobody translated stays as it is.
	Say(language, english string) string
}

// Site renders pages and writes errors.
type Site struct {
	Renderer Renderer
	Log      *slog.Logger
	// ErrorPage makes the struct of the page that tells a person what went wrong.
	ErrorPage func(c *gin.Context, kind fault.Kind, message, reference string) any
	// HTTPS is true when the external URL is https: it turns HSTS on.
	HTTPS bool
}

// Handler is a handler that leaves errors to Site.
type Handler func(*gin.Context) error

// Page makes a gin handler of h. An error becomes a page with the sentence of
// its fault and a reference; its cause goes to the log only. A panic is an
// internal error. A request the client has left is not an error.
func (s *Site) Page(h Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := safely(h, c)
		if err == nil || errors.Is(c.Request.Context().Err(), context.Canceled) {
			return
		}
		s.fail(c, err)
	}
}

func safely(h Handler, c *gin.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return h(c)
}

func (s *Site) fail(c *gin.Context, err error) {
	kind, message := fault.KindOf(err), ""
	var f *fault.Error
	if errors.As(err, &f) {
		message = f.Message
	}
	if kind == fault.Internal {
		message = "" // whatever it says was not written for people
	}
	reference := Reference()
	Note(c, slog.String("reference", reference), slog.String("error", err.Error()))
	if c.Writer.Written() {
		return // half an answer is out; the log has the rest
	}
	page := s.ErrorPage(c, kind, message, reference)
	if err := s.Render(c, Status(kind), page); err != nil {
		Note(c, slog.String("error_page", err.Error()))
		c.String(http.StatusInternalServerError, "Something went wrong on our side. Nothing was shared. Reference: %s", reference)
	}
}

// Status is the HTTP status of a kind of failure.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Upstream:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Render writes a page whole or not at all.
func (s *Site) Render(c *gin.Context, status int, page any) error {
	var buf bytes.Buffer
	language := s.Language(c)
	if err := s.Renderer.Render(&buf, page, language, here(c)); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	c.Header("Content-Language", language)
	c.Data(status, "text/html; charset=utf-8", buf.Bytes())
	return nil
}

// Reference returns a short random name for one failure, easy to read out: the
// same name stands on the page and in the log.
func Reference() string {
	const letters = "23456789BCDFGHJKMNPQRTVWXYZ"
	var b [8]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b[:4]) + "-" + string(b[4:])
}
