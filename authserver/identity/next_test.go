package identity

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNextKeepsOrdinaryPaths(t *testing.T) {
	for raw, want := range map[string]string{
		"":                               "/",
		"/":                              "/",
		"/apps/grant_1?tab=2#top":        "/apps/grant_1?tab=2#top",
		"/consent?flow=abc_-.~%2F":       "/consent?flow=abc_-.~%2F",
		"/oauth/authorize?r=https://a.b": "/oauth/authorize?r=https://a.b",
	} {
		if got, err := Next(raw); err != nil || got != want {
			t.Errorf("Next(%q) = %q, %v", raw, got, err)
		}
	}
}

// browserTarget is what the URL standard makes of a Location: tabs and line ends
// go, and in http a backslash is a slash.
func browserTarget(t interface{ Fatal(...any) }, location string) *url.URL {
	clean := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimFunc(location, func(r rune) bool { return r <= ' ' }))
	base, err := url.Parse("https://deputy.example/signin")
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(clean)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Whatever Next lets through stays on our own origin, as it is and after net/http
// has cleaned it for a redirect.
func TestNextStaysHere(t *testing.T) {
	piece := rapid.SampledFrom([]string{"/", "//", `\`, "\t", "\n", "\r", " ", "\x00", ".", "..", "@", ":", "?", "#", "%2f", "%5c", "%09",
		"https:", "javascript:", "evil.example", "a", "é", "\u2028", "/./", "/../"})
	rapid.Check(t, func(t *rapid.T) {
		raw := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "")
		next, err := Next(raw)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodPost, "/signin", nil), next, http.StatusSeeOther)
		for _, location := range []string{next, w.Header().Get("Location")} {
			if u := browserTarget(t, location); u.Scheme != "https" || u.Host != "deputy.example" || u.User != nil {
				t.Fatalf("%q leads to %s", raw, u)
			}
		}
	})
}

func FuzzNext(f *testing.F) {
	for _, seed := range []string{"/", "//evil", `/\evil`, "/\t/evil", "/.//evil", "/%2f/evil", "/a?b=//c", "http://evil"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		next, err := Next(raw)
		if err != nil {
			return
		}
		if u := browserTarget(t, next); u.Scheme != "https" || u.Host != "deputy.example" {
			t.Fatalf("%q leads to %s", raw, u)
		}
	})
}
