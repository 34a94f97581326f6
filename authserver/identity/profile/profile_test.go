package profile_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// photo is a PNG with a word of the camera behind the picture.
func photo(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 300, 200))
	for x := range 300 {
		for y := range 200 {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), 80, 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), "taken at 52.5 N, 13.4 E"...)
}

// send posts the form with the picture as a browser does.
func send(t *testing.T, d *deputytest.Deputy, b *deputytest.Browser, csrf, do string, file []byte) deputytest.Answer {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range map[string]string{"csrf": csrf, "do": do} {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if file != nil {
		part, err := w.CreateFormFile("picture", `../../"me".svg`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cookies := "deputy_session=" + b.Cookie("deputy_session") + "; deputy_browser=" + b.Cookie("deputy_browser")
	return d.Send("POST", "/profile/picture", body.String(), "Content-Type", w.FormDataContentType(), "Cookie", cookies, "Origin", d.URL)
}

func token(b *deputytest.Browser) string {
	return b.Get("/profile").Form("/profile/picture").Values.Get("csrf")
}

// tells is what the app learns about a person.
func tells(d *deputytest.Deputy, access string) deputytest.Answer {
	return d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+access)
}

func TestAPersonChangesNameAndPicture(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		app := d.App(deputytest.Confidential)
		access := d.Redeem(app, ana.Authorize(app, "identity.profile.read")).Access
		mail := d.Redeem(app, ana.Authorize(app, "identity.email.read")).Access

		page := ana.Get("/profile").Form("/profile").Set("name", "  Ana Lúcia <b>  ").Submit("")
		if page.URL.Path != "/profile" || page.Form("/profile").Values.Get("name") != "Ana Lúcia <b>" {
			t.Fatalf("%d %s", page.Status, page.Text())
		}
		if got := send(t, d, ana, token(ana), "use", photo(t)); got.Status != 303 {
			t.Fatalf("a picture: %d %s", got.Status, got.Raw)
		}
		told := tells(d, access)
		if told.Text("name") != "Ana Lúcia <b>" || !strings.HasPrefix(told.Text("picture"), d.URL+"/pictures/") {
			t.Fatalf("the app is told %s", told.Raw)
		}
		if got := tells(d, mail); got.JSON["picture"] != nil || got.JSON["name"] != nil {
			t.Errorf("an app that may see the address only is told %s", got.Raw)
		}
		path := strings.TrimPrefix(told.Text("picture"), d.URL)
		got := d.Send("GET", path, "")
		m, err := png.Decode(strings.NewReader(got.Raw))
		if err != nil || m.Bounds().Dx() != m.Bounds().Dy() || got.Header.Get("Content-Type") != "image/png" || strings.Contains(got.Raw, "taken at") {
			t.Errorf("the picture is %v, %v", got.Header, err)
		}
		d.Clock.Add(time.Second) // what was read of a session is believed for a moment
		if !strings.Contains(ana.Get("/profile").Body, `src="`+path+`"`) || !strings.Contains(ana.Get("/accounts").Body, path) {
			t.Error("the pages do not show it")
		}

		send(t, d, ana, token(ana), "use", photo(t))
		if old := d.Send("GET", path, ""); old.Status != 404 || d.Count("SELECT count(*) FROM pictures") != 1 {
			t.Errorf("the picture before: %d", old.Status)
		}
		if got := send(t, d, ana, token(ana), "remove", nil); got.Status != 303 || tells(d, access).JSON["picture"] != nil || d.Count("SELECT count(*) FROM pictures") != 0 {
			t.Errorf("removed: %d, and the app is told %s", got.Status, tells(d, access).Raw)
		}
		if !ana.Get("/activity").Says("You changed your name or your picture.") {
			t.Error("it is not on record")
		}
	})
}

// What is no name, no picture, and nobody's form, changes nothing.
func TestWhatAProfileRefuses(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana, ben := d.SignedIn("ana"), d.SignedIn("ben")
	for _, name := range []string{"", "   ", strings.Repeat("a", 201), "Ana\u202e"} {
		if page := ana.Get("/profile").Form("/profile").Set("name", name).Submit(""); page.Status != 400 || !page.Says("A name has") {
			t.Errorf("%q: %d %s", name, page.Status, page.Text())
		}
	}
	if page := ana.Get("/profile").Form("/profile").In(ben).Submit(""); page.Status != 403 {
		t.Errorf("Ana's form, sent by Ben: %d", page.Status)
	}
	good, huge := photo(t), append(photo(t), make([]byte, 9<<20)...)
	for name, c := range map[string]struct {
		csrf, do string
		file     []byte
		status   int
		says     string
	}{
		"no token":        {"", "use", good, 403, "another page or another sign-in"},
		"another's token": {token(ben), "use", good, 403, "another page or another sign-in"},
		"no file":         {token(ana), "use", nil, 400, "This is no picture"},
		"no such button":  {token(ana), "eat", good, 400, "This is no picture"},
		"a program":       {token(ana), "use", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`), 400, "This is no picture"},
		"a broken file":   {token(ana), "use", good[:60], 400, "This picture is broken"},
		"a long file":     {token(ana), "use", huge, 400, "This picture has more than 8 MB"},
	} {
		if got := send(t, d, ana, c.csrf, c.do, c.file); got.Status != c.status || !strings.Contains(got.Raw, c.says) {
			t.Errorf("%s: %d %s", name, got.Status, got.Raw)
		}
	}
	if got := send(t, d, d.Browser(), token(ana), "use", good); got.Status != 303 || got.Header.Get("Location") != "/signin" {
		t.Errorf("nobody: %d to %s", got.Status, got.Header.Get("Location"))
	}
	if n := d.Count("SELECT count(*) FROM pictures") + d.Count("SELECT count(*) FROM users WHERE name NOT IN ('Ana Example', 'Ben Example')"); n != 0 {
		t.Errorf("%d things changed", n)
	}
}
