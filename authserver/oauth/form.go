package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Limits of what a request may carry, in bytes.
const (
	maxForm  = 64 << 10
	maxValue = 8 << 10
)

// readForm reads the body of a direct request: POST, form encoded, nothing twice
// (OAuth 2.1 section 3.2), nothing in the query. It leaves the form on the
// request, so that fosite reads the same.
func readForm(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return nil, &Error{Code: "invalid_request", Description: "Use POST.", Status: http.StatusMethodNotAllowed}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("Send the parameters as application/x-www-form-urlencoded.")
	}
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, invalidRequest("There are two Authorization headers.")
	}
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("Send the parameters in the body, not in the address.")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) || len(raw) > maxForm {
		return nil, &Error{Code: "invalid_request", Description: "The request is too large.", Status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return nil, &Error{Code: "invalid_request", Description: "The body could not be read.", Status: http.StatusBadRequest, Cause: err}
	}
	form, err := parse(string(raw))
	if err != nil {
		return nil, err
	}
	if err := once(form); err != nil {
		return nil, err
	}
	r.PostForm, r.Form = form, form
	return form, nil
}

// parse reads form encoding strictly; an empty value counts as absent.
func parse(raw string) (url.Values, error) {
	form, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalidRequest("The parameters are not valid form encoding.")
	}
	for name, values := range form {
		if len(values) == 1 && values[0] == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// once refuses repeated and oversized parameters. Only resource may be repeated
// (RFC 8707 section 2).
func once(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return invalidRequest("The parameter " + printable(name) + " is there more than once.")
		}
		for _, v := range values {
			if len(v) > maxValue {
				return invalidRequest("The parameter " + printable(name) + " is too long.")
			}
			if !readable(v) {
				return invalidRequest("The parameter " + printable(name) + " is not UTF-8, or has a NUL character.")
			}
		}
	}
	return nil
}

// readable reports whether a value is text that a database takes: PostgreSQL
// fails on anything else, and a failure would be ours.
func readable(v string) bool { return utf8.ValidString(v) && !strings.ContainsRune(v, 0) }

// printable keeps of a name what may stand in an error_description (RFC 6749
// section 5.2) and bounds it.
func printable(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r > ' ' && r < 0x7f && r != '"' && r != '\\' && b.Len() < 40 {
			b.WriteRune(r)
		}
	}
	return b.String()
}
