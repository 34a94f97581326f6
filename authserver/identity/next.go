package identity

import (
	"net/url"
	"strings"

	"github.com/deputy-oauth/deputy/internal/fault"
)

const longestNext = 4096 // bytes

// Next checks a path to go to after a sign-in: it stays on our own origin whatever
// a browser makes of it. "" means home. The error is a fault.Invalid.
func Next(raw string) (string, error) {
	if raw == "" {
		return "/", nil
	}
	if len(raw) > longestNext || !ownPath(raw) {
		return "", fault.New(fault.Invalid, "The link that brought you here does not lead to a page of ours. Nothing was shared. Start again where you came from.")
	}
	return raw, nil
}

// ownPath reports whether a browser resolves raw to a path of this origin. The
// URL standard makes "\" a "/", and drops tabs and line ends anywhere, so that
// neither may be there at all.
func ownPath(raw string) bool {
	if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") {
		return false
	}
	for _, b := range []byte(raw) {
		if b <= ' ' || b >= 0x7f || b == '\\' {
			return false
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	// A decoded path is what a careless reader would redirect to.
	return !strings.HasPrefix(u.Path, "//") && !strings.HasPrefix(u.Path, `/\`)
}
