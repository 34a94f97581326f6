package clients

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
)

// The longest return address that is accepted, in bytes.
const maxRedirect = 2000

// ValidRedirect says why a return address may not be registered, or nil.
// Allowed are https; http towards this very computer; and private-use schemes
// that contain a dot (OAuth 2.1 section 2.3.1, RFC 8252 section 7.1).
func ValidRedirect(raw string) error {
	u, err := strictURL(raw)
	if err != nil {
		return err
	}
	switch {
	case u.Scheme == "https":
		if u.Hostname() == "" {
			return errors.New("it has no host")
		}
	case u.Scheme == "http":
		if !isLoopback(u.Hostname()) {
			return errors.New("http is only possible for 127.0.0.1, [::1] and localhost; use https")
		}
	case !strings.Contains(u.Scheme, "."):
		return errors.New("an app's own scheme must contain a dot, like com.example.app:/callback")
	case u.Opaque != "":
		return errors.New("it has no path; write com.example.app:/callback")
	}
	return nil
}

// strictURL parses an address that means the same to every parser: it must come
// out of net/url as it went in, without the parts a return address cannot have.
func strictURL(raw string) (*url.URL, error) {
	if raw == "" || len(raw) > maxRedirect {
		return nil, errors.New("it is empty or too long")
	}
	for _, r := range raw {
		if r <= ' ' || r >= 0x7f || r == '\\' {
			return nil, errors.New("it has a character that is not allowed in an address")
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("it is not a URL")
	}
	switch {
	case u.Scheme == "":
		return nil, errors.New("it has no scheme")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, errors.New("it has a fragment (#…)") // OAuth 2.1 section 2.3
	case u.User != nil:
		return nil, errors.New("it has a user name (…@)")
	case u.String() != raw:
		return nil, errors.New("it is not in its plain form; it would be read as " + u.String())
	case slices.Contains(strings.Split(u.Path, "/"), "..") || slices.Contains(strings.Split(u.Path, "/"), "."):
		return nil, errors.New("it has a path with dots (/../)")
	}
	return u, nil
}

// MatchRedirect reports whether a requested return address is one of the
// registered. The comparison is byte for byte; only the port of an http address
// on this very computer may differ (RFC 8252 section 7.3, OAuth 2.1 section
// 8.4.2; for the name localhost as well, because deployed clients need it).
func MatchRedirect(registered []string, requested string) bool {
	if slices.Contains(registered, requested) {
		return true
	}
	want, ok := withoutPort(requested)
	if !ok {
		return false
	}
	for _, r := range registered {
		if have, ok := withoutPort(r); ok && have == want {
			return true
		}
	}
	return false
}

// withoutPort returns a loopback http address with its port cut out of the text,
// so that everything else is still compared byte for byte.
func withoutPort(raw string) (string, bool) {
	u, err := strictURL(raw)
	if err != nil || u.Scheme != "http" || !isLoopback(u.Hostname()) {
		return "", false
	}
	if u.Port() == "" {
		return raw, !strings.HasSuffix(u.Host, ":")
	}
	return strings.Replace(raw, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1), true
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() && (host == "127.0.0.1" || host == "::1")
}

// ThisComputer reports whether a return address leads to a program on the
// person's own computer, which anybody there can listen on.
func ThisComputer(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" && isLoopback(u.Hostname()) || u.Scheme != "http" && u.Scheme != "https")
}
