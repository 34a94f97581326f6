// Package errorsx stands in for github.com/ory/x/errorsx, of which fosite uses
// only the names below. The original drags tracing exporters, gRPC and a web
// toolkit into the binary, several of them with known vulnerabilities.
//
// WithStack returns its argument: capturing a stack for every handler that
// answers "not mine" costs a tenth of the token endpoint's time and nobody
// reads those stacks.
package errorsx

import "errors"

// WithStack returns err as it is.
func WithStack(err error) error { return err }

// Cause returns the innermost error that err wraps.
func Cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// StatusCodeCarrier is an error that knows its HTTP status.
type StatusCodeCarrier interface{ StatusCode() int }

// RequestIDCarrier is an error that knows the request it belongs to.
type RequestIDCarrier interface{ RequestID() string }

// ReasonCarrier is an error with a reason for people.
type ReasonCarrier interface{ Reason() string }

// DebugCarrier is an error with a text for developers.
type DebugCarrier interface{ Debug() string }

// StatusCarrier is an error that knows its HTTP status text.
type StatusCarrier interface{ Status() string }

// DetailsCarrier is an error with named details.
type DetailsCarrier interface{ Details() map[string]interface{} }
