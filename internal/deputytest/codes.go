package deputytest

import (
	"regexp"
	"strings"

	"github.com/pquerna/otp/totp"
)

// CodeApp is an app that makes codes. Its clock is the server's.
type CodeApp struct {
	d   *Deputy
	key string
}

// Scan is an app that was given the key of a page that turns codes on.
func (p Page) Scan() CodeApp {
	p.b.t.Helper()
	key := regexp.MustCompile(`<p class="mono">([A-Z2-7 ]+)</p>`).FindStringSubmatch(p.Body)
	if key == nil {
		p.b.t.Fatalf("%s shows no key: %s", p.URL, p.Text())
	}
	return CodeApp{p.b.d, strings.ReplaceAll(key[1], " ", "")}
}

// Code is what the app shows now.
func (a CodeApp) Code() string {
	a.d.t.Helper()
	code, err := totp.GenerateCode(a.key, a.d.Clock.Now())
	a.d.must(err)
	return code
}

// RecoveryCodes are those that a page shows.
func (p Page) RecoveryCodes() []string {
	var codes []string
	for _, m := range regexp.MustCompile(`<li class="mono">([^<]+)</li>`).FindAllStringSubmatch(p.Body, -1) {
		codes = append(codes, m[1])
	}
	return codes
}

// TurnCodesOn turns codes on for whoever is signed in, just now.
func (b *Browser) TurnCodesOn() (CodeApp, []string) {
	b.t.Helper()
	page := b.Get("/sessions/codes/new")
	app := page.Scan()
	done := page.Form("/sessions/codes").Set("code", app.Code()).Submit("")
	codes := done.RecoveryCodes()
	if done.Status != 200 || len(codes) == 0 {
		b.t.Fatalf("codes were not turned on: %d %s", done.Status, done.Text())
	}
	return app, codes
}
