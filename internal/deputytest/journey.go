package deputytest

import (
	"net/url"
	"strings"
)

// SignedIn adds an account and opens a browser signed in to it.
func (d *Deputy) SignedIn(name string) *Browser {
	d.t.Helper()
	b := d.Browser()
	b.SignIn(d.User(name))
	return b
}

// SignIn signs in and returns the page that follows.
func (b *Browser) SignIn(u User) Page {
	b.t.Helper()
	return b.Get("/signin").SignIn(u)
}

// SignIn fills the sign-in form of this page.
func (p Page) SignIn(u User) Page {
	p.b.t.Helper()
	next := p.Form("/signin").Set("email", u.Email).Set("password", u.Password).Submit("")
	if next.At() == "" && next.HasForm("/signin") {
		p.b.t.Fatalf("sign-in of %s: %s", u.Email, next.Text())
	}
	return next
}

// SignOut signs out.
func (b *Browser) SignOut() Page {
	b.t.Helper()
	return b.Get("/sessions").Form("/signout").Submit("")
}

// Connect connects an account at a provider from the list of services.
func (b *Browser) Connect(provider, login string) Page {
	b.t.Helper()
	if b.Login[provider] != login {
		b.Login[provider] = login
		b.SetCookie(provider+"_simulator_session", "") // signed out there; cookies know no ports
	}
	return b.Get("/services").Form("/connect/" + provider + "/start").Submit("").ThereAndBack()
}

// ThereAndBack says yes to everything a provider asks, until the browser is back.
func (p Page) ThereAndBack() Page {
	p.b.t.Helper()
	for range 6 {
		provider := p.At()
		if provider == "" {
			return p
		}
		login := p.b.Login[provider]
		switch {
		case p.HasForm("/login/switch") && !p.Says("Continue as "+login):
			p = p.Form("/login/switch").Submit("")
		case p.HasForm("/login/switch"):
			p = p.Link("Continue as " + login)
		case strings.Contains(p.Body, `name="password"`):
			p = p.Form("").Set("login", login).Set("password", login).Submit("")
		default:
			f := p.Form("").Set("authorize", "1")
			p = f.Set("ticked", f.Boxes("ticked")...).Submit("")
		}
	}
	p.b.t.Fatalf("%s does not send the browser back: %s", p.At(), p.Text())
	return p
}

// Ask opens the app's authorization request, and goes on where a page says first who
// asks.
func (b *Browser) Ask(query url.Values) Page {
	b.t.Helper()
	return b.Get("/oauth/authorize?" + query.Encode()).Continue()
}

// Continue goes on from a page that says who asks. Any other page stays.
func (p Page) Continue() Page {
	p.b.t.Helper()
	if p.Away() || !p.HasForm("/consent/app") {
		return p
	}
	return p.Form("/consent/app").Submit("continue")
}

// Authorize agrees to all of what the app asks for and returns the code.
func (b *Browser) Authorize(a App, scopes ...string) string {
	b.t.Helper()
	return b.Code(b.Ask(a.Query(scopes...)).Agree())
}

// Code is the code in the answer to the app.
func (b *Browser) Code(p Page) string {
	b.t.Helper()
	if !p.Away() || p.Answer("code") == "" {
		b.t.Fatalf("no code, but %s: %s", p.URL, p.Text())
	}
	return p.Answer("code")
}

// Agree takes every missing step of a consent page, ticks every row and allows.
// pick are the ids of the resources to pick; none means the first ones offered.
func (p Page) Agree(pick ...string) Page {
	p.b.t.Helper()
	p = p.Complete(pick...)
	if p.Away() {
		return p
	}
	f := p.Form("/consent")
	return f.Set("allow", f.Boxes("allow")...).Submit("allow")
}

// Complete takes every missing step of a consent page.
func (p Page) Complete(pick ...string) Page {
	p.b.t.Helper()
	for range 8 {
		if p.Away() {
			return p
		}
		steps := p.Missing()
		if len(steps) == 0 {
			return p
		}
		do := steps[0]
		p = p.Form("/consent").Submit(do)
		if strings.HasPrefix(do, "pick:") {
			p = p.Pick(pick...)
			continue
		}
		for _, action := range []string{"/connect/", "/services/"} {
			if p.HasForm(action) {
				p = p.Form(action).Submit("").ThereAndBack()
				break
			}
		}
	}
	p.b.t.Fatalf("steps are still missing: %s", p.Text())
	return p
}

// Pick ticks the ids in a picker, or the first one offered, and uses them.
func (p Page) Pick(ids ...string) Page {
	p.b.t.Helper()
	f := p.Form("/consent/pick")
	if offered := f.Boxes("pick"); len(ids) == 0 && len(offered) > 0 {
		ids = offered[:1]
	}
	return f.Set("pick", ids...).Submit("use")
}
