package clients_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// gallery serves a picture, and what only looks like one.
func gallery(t *testing.T) *httptest.Server {
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewRGBA(image.Rect(0, 0, 300, 200))); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/logo.png":
			_, _ = w.Write(append(drawn.Bytes(), "<script>canary</script>"...))
		case "/moved.png":
			http.Redirect(w, r, "/logo.png", http.StatusFound)
		case "/logo.svg":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`))
		case "/long.png":
			_, _ = w.Write(append(drawn.Bytes(), make([]byte, 300<<10)...))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// shownLogo is the address of the picture on a page, "" when there are initials.
func shownLogo(p deputytest.Page) string {
	_, after, found := strings.Cut(p.Body, `<img class="tile big" src="`)
	if !found {
		return ""
	}
	address, _, _ := strings.Cut(after, `"`)
	return address
}

// The logo of an app that the operator answers for is drawn again and comes from
// here.
func TestThreat_D2_ALogoIsOurOwnPicture(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ctx, from := context.Background(), gallery(t)
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		if page := ana.Ask(app.Query(profile)); shownLogo(page) != "" {
			t.Error("a logo before there is one")
		}
		for path, kind := range map[string]fault.Kind{
			"/logo.svg": fault.Invalid, "/moved.png": fault.Upstream, "/none.png": fault.Upstream, "/long.png": fault.Upstream,
		} {
			if _, err := d.Foundation.SetLogo(ctx, app.ID, from.URL+path); !fault.Is(err, kind) {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, address := range []string{"http://10.0.0.1/logo.png", "http://169.254.169.254/logo.png", "ftp://x.example/l.png", ""} {
			if _, err := d.Foundation.SetLogo(ctx, app.ID, address); err == nil {
				t.Errorf("%q was fetched", address)
			}
		}
		digest, err := d.Foundation.SetLogo(ctx, app.ID, from.URL+"/logo.png")
		if err != nil {
			t.Fatal(err)
		}
		later(d, time.Second)
		page := ana.Ask(app.Query(profile))
		if shownLogo(page) != "/logos/"+digest+".png" {
			t.Fatalf("no logo: %s", page.Body)
		}
		got := d.Send("GET", shownLogo(page), "")
		if got.Status != 200 || got.Header.Get("Content-Type") != "image/png" || strings.Contains(got.Raw, "canary") {
			t.Errorf("the picture: %d %v", got.Status, got.Header)
		}
		for name, want := range map[string]string{
			"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "Content-Disposition": `attachment; filename="logo.png"`,
		} {
			if got.Header.Get(name) != want {
				t.Errorf("%s: %q", name, got.Header.Get(name))
			}
		}
		for _, path := range []string{"/logos/" + strings.Repeat("0", 64) + ".png", "/logos/" + digest, "/logos/x.png", "/logos/.png"} {
			if got := d.Send("GET", path, ""); got.Status != 404 || strings.Contains(got.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d", path, got.Status)
			}
		}
		ana.Code(page.Agree())
		if home := ana.Get("/").Link("Repo Scout"); shownLogo(home) != shownLogo(page) {
			t.Error("the app's own page has another picture")
		}
		d.Exec("DELETE FROM apps WHERE id = ?", app.ID)
		if n := d.Count("SELECT count(*) FROM logos"); n != 0 {
			t.Error("the picture stays without its app")
		}
	})
}

// A stranger's logo is neither fetched nor shown; an approved one's is, until the
// app names another.
func TestAStrangersLogoIsNotShown(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		ctx, from, ana := context.Background(), gallery(t), d.SignedIn("ana")
		s := newSite(t)
		s.change("logo_uri", from.URL+"/logo.png")
		app := s.app()
		ana.Authorize(app, profile)
		if _, err := d.Foundation.SetLogo(ctx, app.ID, ""); !fault.Is(err, fault.Conflict) {
			t.Fatalf("a stranger's: %v", err)
		}
		if _, err := d.Foundation.ApproveApp(ctx, app.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Foundation.SetLogo(ctx, app.ID, from.URL+"/other.png"); !fault.Is(err, fault.Invalid) {
			t.Errorf("an address that the app does not name: %v", err)
		}
		if _, err := d.Foundation.SetLogo(ctx, app.ID, ""); err != nil {
			t.Fatal(err)
		}
		logo := func() string { return shownLogo(ana.Ask(app.Query(profile, "agents.jobs.background"))) }
		later(d, time.Second)
		if logo() == "" {
			t.Error("no logo after the approval")
		}
		s.change("logo_uri", from.URL+"/moved.png")
		later(d, 25*time.Hour)
		ana = d.Browser()
		ana.SignIn(d.User("ben"))
		if got := logo(); got != "" {
			t.Errorf("another address, and still %s", got)
		}
	})
}
