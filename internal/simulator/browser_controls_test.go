package simulator_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// Who tries an app by hand ends tokens on the front page.
func TestEndingTokensOnTheFrontPage(t *testing.T) {
	h := newHub(t, simulator.Quirks{Expiring: true})
	answer := h.redeem(url.Values{"code": {h.code(nil)}})
	p := newPerson(t, h.srv)
	if home := p.open("/", nil); !strings.Contains(home.body, "octocat takes everything back") {
		t.Fatalf("the front page: %s", home.body)
	}
	refresh := func() any {
		answer = h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {answer["refresh_token"].(string)}})
		return answer["error"]
	}
	p.read(p.http.PostForm(h.srv.URL+"/simulator/expire", nil))
	status, _ := h.api("GET", "/user", answer["access_token"].(string), "")
	if problem := refresh(); status != 401 || problem != nil {
		t.Errorf("after all access tokens ended: %d, refresh %v", status, problem)
	}
	p.read(p.http.PostForm(h.srv.URL+"/simulator/revoke", url.Values{"account": {"octocat"}}))
	wantText(t, "a refresh after everything was taken back", refresh(), "bad_refresh_token")

	req := request(t, "POST", h.srv.URL+"/simulator/expire", "", "")
	req.Header.Set("Origin", "https://elsewhere.example")
	status, _, _ = raw(t, req)
	wantText(t, "another website's form", status, http.StatusForbidden)
}

func TestGitHubTarball(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	status, header, _ := raw(t, request(t, "GET", h.srv.URL+"/api/v3/repos/acme/web/tarball/main", h.token("repo"), ""))
	target := header.Get("Location")
	if status != http.StatusFound || !strings.HasPrefix(target, "http://localhost:") {
		t.Fatalf("the tarball answers %d to %s, want another host", status, target)
	}
	_, _, packed := raw(t, request(t, "GET", target, "", ""))
	zipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	names, archive := 0, tar.NewReader(zipped)
	for {
		entry, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil || !strings.HasPrefix(entry.Name, "acme-web/") {
			t.Fatalf("%v: %v", entry, err)
		}
		names++
	}
	status, _, _ = raw(t, request(t, "GET", strings.Replace(target, "ref=main", "ref=next", 1), "", ""))
	unknown, _ := h.api("GET", "/repos/acme/web/tarball/nothing", h.token("repo"), "")
	if names < 5 || status != 404 || unknown != 404 {
		t.Errorf("%d files; another ref with the same signature: %d; an unknown ref: %d", names, status, unknown)
	}
}
