package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// ErrDisconnected is returned for a connection without tokens: the person, or an
// operator, took it away.
var ErrDisconnected = errors.New("connection is disconnected")

// Error is what went wrong at a provider. Its text holds no token, no body and no
// URL query, so it can be logged.
type Error struct {
	Provider consent.ProviderID
	Doing    string             // "refresh tokens"
	Kind     catalog.ErrorClass // what it means
	Code     string             // the provider's own error code, if it looks like one
	Status   int                // HTTP status; 0 when there was no answer
	Wait     time.Duration      // what the provider asks for; 0 when it asks for nothing
	Sent     bool               // the request may have had its effect
	Cause    error              // a network error; nil when the provider answered
}

// Error implements error.
func (e *Error) Error() string {
	parts := []string{fmt.Sprintf("%s at %s: %s", e.Doing, e.Provider, e.Kind)}
	if e.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", e.Status))
	}
	if e.Code != "" {
		parts = append(parts, "code "+e.Code)
	}
	if e.Cause != nil {
		parts = append(parts, e.Cause.Error())
	}
	return strings.Join(parts, ", ")
}

// Unwrap returns the network error.
func (e *Error) Unwrap() error { return e.Cause }

// Class says what the failure means, for callers that know only this method.
func (e *Error) Class() catalog.ErrorClass { return e.Kind }

// RetryAfter is how long the provider wants to be left alone.
func (e *Error) RetryAfter() time.Duration { return e.Wait }

// MayHaveHappened reports whether a write may have been done although no answer
// came back.
func (e *Error) MayHaveHappened() bool { return e.Sent }

// ClassOf returns what err means, ProviderDown for errors that are not a
// provider's.
func ClassOf(err error) (catalog.ErrorClass, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind, true
	}
	return catalog.ProviderDown, false
}

// unanswered is the error of a call without an answer.
func (e *endpoint) unanswered(doing string, err error, sent bool) *Error {
	// url.Error repeats the URL, and a query can hold what a person looked for.
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return &Error{Provider: e.provider.ID, Doing: doing, Kind: catalog.ProviderDown, Sent: sent, Cause: err}
}

// printable returns code when it looks like an error code. A provider's free text
// may repeat what we sent.
func printable(code string) string {
	if len(code) > 64 {
		return ""
	}
	for _, r := range code {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("_.:-", r) {
			return ""
		}
	}
	return code
}
