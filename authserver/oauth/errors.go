package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/internal/web"
)

// Error is an OAuth error: a registered code and one sentence for developers.
type Error struct {
	Code        string
	Description string
	Status      int
	Cause       error // for the log
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Code + ": " + e.Description + ": " + e.Cause.Error()
	}
	return e.Code + ": " + e.Description
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func invalidRequest(description string) *Error {
	return &Error{Code: "invalid_request", Description: description, Status: http.StatusBadRequest}
}

func invalidScope(description string) *Error {
	return &Error{Code: "invalid_scope", Description: description, Status: http.StatusBadRequest}
}

func invalidTarget(description string) *Error { // RFC 8707 section 2
	return &Error{Code: "invalid_target", Description: description, Status: http.StatusBadRequest}
}

// invalidGrant says one sentence whatever is wrong with a code or refresh token;
// the reason goes to the log.
func invalidGrant(reason string) *Error {
	return &Error{Code: "invalid_grant", Status: http.StatusBadRequest, Cause: errors.New(reason),
		Description: "The code or refresh token is unknown, expired, used, revoked, or was issued to another client or for another request."}
}

// registered maps what fosite and our packages return to the registered codes
// (RFC 6749 sections 4.1.2.1 and 5.2); fosite has a dozen of its own.
func registered(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var proof *BadProof
	if errors.As(err, &proof) {
		return proof.registered()
	}
	if errors.Is(err, clients.ErrTwoMethods) {
		return invalidRequest("Authenticate in one way, not in two.")
	}
	var refused *clients.Refused
	if errors.As(err, &refused) {
		return &Error{Code: "invalid_client", Description: "Client authentication failed.", Status: http.StatusUnauthorized, Cause: err}
	}
	if errors.Is(err, clients.ErrUnreachable) {
		return &Error{Code: "temporarily_unavailable", Description: "The client's own server, which says how it authenticates, does not answer. Try again.", Status: http.StatusServiceUnavailable, Cause: err}
	}
	var f *fosite.RFC6749Error
	if !errors.As(err, &f) {
		return &Error{Code: "server_error", Description: "The server could not complete the request.", Status: http.StatusInternalServerError, Cause: err}
	}
	out := &Error{Code: f.ErrorField, Description: f.GetDescription(), Status: f.CodeField, Cause: f}
	switch {
	case errors.Is(err, fosite.ErrUnsupportedResponseType), errors.Is(err, fosite.ErrInvalidScope), errors.Is(err, fosite.ErrUnauthorizedClient):
	case errors.Is(err, fosite.ErrServerError):
		return &Error{Code: "server_error", Description: "The server could not complete the request.", Status: http.StatusInternalServerError, Cause: err}
	case errors.Is(err, fosite.ErrUnsupportedResponseMode):
		out.Code, out.Description = "invalid_request", "Only response_mode=query is offered."
	case errors.Is(err, fosite.ErrInvalidRequest):
	default:
		out.Code, out.Status = "invalid_request", http.StatusBadRequest
	}
	return out
}

// writeError answers a direct request (RFC 6749 section 5.2).
func writeError(c *gin.Context, err error) {
	if errors.Is(c.Request.Context().Err(), context.Canceled) {
		return
	}
	e := registered(err)
	level := "oauth_error"
	web.Note(c, slog.String(level, e.Code))
	if e.Cause != nil {
		web.Note(c, slog.String("cause", e.Cause.Error()))
	}
	if e.Status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", `Basic realm="deputy", charset="UTF-8"`)
	}
	setNonce(c, err)
	c.Header("Pragma", "no-cache")
	c.JSON(e.Status, gin.H{"error": e.Code, "error_description": e.Description})
}
