// Package fault says what kind of failure happened, in a sentence a person may
// read, with the cause for the log. It owns the six kinds and nothing else: how
// a kind becomes a status or a page is package web's affair.
package fault

import (
	"errors"
	"fmt"
)

// Kind is one of the six ways to fail.
type Kind int

// The kinds. The zero Kind is Internal, so that an unknown error is internal.
const (
	Internal Kind = iota // our mistake; the person reads only that it is ours
	Invalid              // the request makes no sense
	Denied               // it makes sense, and the answer is no
	NotFound             // absent, or not for this caller: the same answer
	Conflict             // it was right once: expired, used, decided already
	Upstream             // somebody else's server is at fault
)

// Error is a failure with a sentence for people and a cause for the log.
type Error struct {
	Kind    Kind
	Message string // whole sentences; shown to people
	Cause   error  // never shown
}

// Error returns the message and the cause, for the log.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New returns an error of the given kind whose message people may read.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of the given kind with a cause for the log.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// KindOf returns the kind of err, Internal when it has none.
func KindOf(err error) Kind {
	var f *Error
	if errors.As(err, &f) {
		return f.Kind
	}
	return Internal
}

// Is reports whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
