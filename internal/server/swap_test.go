package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// request is a request that carries an artefact: a code, a refresh token, a
// consent ticket, a connect state, a flow parameter.
type request struct {
	browser *deputytest.Browser // nil: a script's request
	method  string
	path    string
	form    url.Values // sent as the query of a GET
}

func (r request) send(d *deputytest.Deputy) (status int, says string) {
	if r.browser == nil {
		a := d.Post(r.path, r.form)
		return a.Status, a.Raw
	}
	target := r.path
	if r.method == http.MethodGet {
		target += "?" + r.form.Encode()
	}
	p := r.browser.Do(r.method, target, r.form)
	return p.Status, p.Text() + p.Header.Get("Location")
}

// swap replaces one field of an honest request.
type swap struct {
	field  string
	change func(r *request)
	status int
	says   string
}

// artefact is something that must count only together with everything it was
// made for.
type artefact struct {
	name  string
	make  func(w *world) (honest request, swaps []swap)
	works func(status int, says string) bool
	again int // the status of the honest request a second time; 0 when it counts more than once
}

// world is a server with two people, two apps, and somebody's second browser.
type world struct {
	*deputytest.Deputy
	app, other deputytest.App // what was made for app is swapped to other
	public     deputytest.App
	ana, anas2 *deputytest.Browser // two browsers of the same person
	bob        *deputytest.Browser
}

const profile = "identity.profile.read"

func newWorld(d *deputytest.Deputy) *world {
	w := &world{Deputy: d, app: d.App(deputytest.Confidential), other: d.App(deputytest.Confidential), public: d.App(deputytest.Public)}
	ana := d.User("ana")
	w.ana, w.anas2, w.bob = d.Browser(), d.Browser(), d.SignedIn("bob")
	w.ana.SignIn(ana)
	w.anas2.SignIn(ana)
	return w
}

// TestThreat_O1_O4_O14_O41_OneFieldSwapped sends every artefact with one field of its request replaced,
// for every field: it is refused in the right words, nothing is changed, and the
// honest request still works afterwards (threats O1, O4, O14, O41, C1, C2, C6).
func TestThreat_O1_O4_O14_O41_OneFieldSwapped(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		w := newWorld(d)
		for _, a := range []artefact{codeArtefact(), refreshArtefact("refresh token of a public app", false), refreshArtefact("refresh token of a confidential app", true),
			ticketArtefact(), flowArtefact(), stateArtefact()} {
			t.Run(a.name, func(t *testing.T) {
				honest, swaps := a.make(w)
				for _, s := range swaps {
					r := honest
					r.form = maps.Clone(honest.form)
					s.change(&r)
					before := w.rows(t)
					status, says := r.send(d)
					if status != s.status || !strings.Contains(says, s.says) {
						t.Errorf("another %s: %d %q, want %d and %q", s.field, status, says, s.status, s.says)
					}
					if diff := cmp.Diff(before, w.rows(t)); diff != "" {
						t.Errorf("another %s was refused but had an effect:\n%s", s.field, diff)
					}
				}
				if status, says := honest.send(d); !a.works(status, says) {
					t.Errorf("the honest request afterwards: %d %s", status, says)
				}
				if a.again == 0 {
					return
				}
				if status, says := honest.send(d); status != a.again {
					t.Errorf("the honest request a second time: %d %s, want %d", status, says, a.again)
				}
			})
		}
	})
}

// rows is everything that an artefact can change, and what GitHub was asked.
func (w *world) rows(t *testing.T) []string {
	t.Helper()
	out := []string{fmt.Sprintf("github token requests %d", w.GitHub.TokenRequests())}
	for _, query := range []string{
		"SELECT used_at, family_id, app_id FROM codes", "SELECT id, generation, refreshed_at, revoked_at FROM families", "SELECT id, app_id, revoked_at FROM grants",
		"SELECT grant_id, scope, until, resources FROM grant_items", "SELECT app_id, scope FROM refusals", "SELECT id, decision FROM receipts",
		"SELECT user_id, decided_at FROM consents WHERE decided_at IS NOT NULL", "SELECT id, subject, health FROM connections", "SELECT connection_id, version FROM credentials",
		"SELECT user_id, used_at FROM connect_states", "SELECT id FROM denials",
	} {
		var rows []map[string]any
		if err := w.Foundation.DB.Read(t.Context()).Raw(query).Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			line := query
			for _, name := range slices.Sorted(maps.Keys(r)) {
				line += fmt.Sprintf(" %s=%v", name, r[name])
			}
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func set(name, value string) func(*request) { return func(r *request) { r.form.Set(name, value) } }

// bytesOf are the swaps of the bytes of a value: one character at its start, in
// its middle, at its end; one more, one less, and none at all.
func bytesOf(name, value string, status int, says string) []swap {
	var out []swap
	for _, at := range []int{0, 4, len(value) / 2, len(value) - 2} {
		c := byte('A')
		if value[at] == c {
			c = 'B'
		}
		out = append(out, swap{fmt.Sprintf("%s, character %d", name, at), set(name, value[:at]+string(c)+value[at+1:]), status, says})
	}
	return append(out, swap{name + ", longer", set(name, value+"A"), status, says}, swap{name + ", shorter", set(name, value[:len(value)-1]), status, says})
}

func codeArtefact() artefact {
	return artefact{
		name: "code",
		make: func(w *world) (request, []swap) {
			code := w.ana.Authorize(w.app, profile)
			honest := request{path: "/oauth/token", form: w.app.Redemption(code)}
			return honest, append(bytesOf("code", code, 400, "invalid_grant"),
				swap{"client", func(r *request) {
					r.form = w.other.Redemption(code)
					r.form.Set("code_verifier", w.app.Verifier)
				}, 400, "invalid_grant"},
				swap{"client without a secret", func(r *request) {
					r.form = w.public.Redemption(code)
					r.form.Set("code_verifier", w.app.Verifier)
				}, 400, "invalid_grant"},
				swap{"client secret", set("client_secret", w.other.Secret), 401, "invalid_client"},
				swap{"redirect_uri", set("redirect_uri", "https://scout.example/callback/"), 400, "invalid_grant"},
				swap{"code_verifier", set("code_verifier", w.other.Verifier), 400, "invalid_grant"},
				swap{"code_verifier, absent", func(r *request) { r.form.Del("code_verifier") }, 400, "invalid_grant"},
				swap{"code_verifier, the challenge itself", set("code_verifier", deputytest.Challenge(w.app.Verifier)), 400, "invalid_grant"},
				swap{"resource", set("resource", "https://notes.example/mcp"), 400, "invalid_target"},
				swap{"grant_type", set("grant_type", "refresh_token"), 400, "invalid_grant"},
			)
		},
		works: func(status int, says string) bool { return status == 200 && strings.Contains(says, "access_token") },
		again: 400,
	}
}

func refreshArtefact(name string, confidential bool) artefact {
	return artefact{
		name: name,
		make: func(w *world) (request, []swap) {
			app := w.public
			if confidential {
				app = w.app
			}
			token := w.Redeem(app, w.ana.Authorize(app, profile)).Refresh
			honest := request{path: "/oauth/token", form: app.Refreshing(token)}
			return honest, append(bytesOf("refresh_token", token, 400, "invalid_grant"),
				swap{"client", func(r *request) { r.form = w.other.Refreshing(token) }, 400, "invalid_grant"},
				swap{"resource", set("resource", "https://notes.example/mcp"), 400, "invalid_target"},
				swap{"scope, wider", set("scope", profile+" identity.email.read"), 400, "invalid_scope"},
				swap{"scope, unknown", set("scope", "no.such.scope"), 400, "invalid_scope"},
				swap{"grant_type", set("grant_type", "authorization_code"), 400, "invalid_grant"},
			)
		},
		works: func(status int, says string) bool { return status == 200 && strings.Contains(says, "refresh_token") },
	}
}

func ticketArtefact() artefact {
	return artefact{
		name: "consent ticket",
		make: func(w *world) (request, []swap) {
			app, another := w.App(deputytest.Confidential), w.App(deputytest.Confidential)
			form := func(b *deputytest.Browser, a deputytest.App, scopes ...string) *deputytest.Form {
				return b.Ask(a.Query(scopes...)).Form("/consent").Set("do", "allow")
			}
			f := form(w.ana, app, profile, "identity.email.read")
			again := form(w.ana, app, profile, "identity.email.read")
			wider := form(w.ana, app, profile, "identity.email.read", "offline_access")
			foreign := form(w.ana, another, profile, "identity.email.read")
			bobs := form(w.bob, app, profile, "identity.email.read")
			const wrongForm, wrongBrowser = "This form was made for another page or another sign-in", "This page was opened in another browser"
			first, second, _ := strings.Cut(f.Values.Get("csrf"), ".")
			otherFirst, otherSecond, _ := strings.Cut(again.Values.Get("csrf"), ".")
			_, widerSecond, _ := strings.Cut(wider.Values.Get("csrf"), ".")
			honest := request{browser: w.ana, method: "POST", path: "/consent", form: f.Values}
			swaps := append(bytesOf("flow", f.Values.Get("flow"), 400, "This address is not complete"),
				swap{"flow, of a second tab", set("flow", again.Values.Get("flow")), 403, wrongForm},
				swap{"flow, of another app", set("flow", foreign.Values.Get("flow")), 403, wrongForm},
				swap{"flow, of another person", set("flow", bobs.Values.Get("flow")), 403, wrongBrowser},
				swap{"form half", set("csrf", otherFirst+"."+second), 403, wrongForm},
				swap{"form half, another person's", set("csrf", bobs.Values.Get("csrf")), 403, wrongForm},
				swap{"form half, absent", set("csrf", "."+second), 403, wrongForm},
				swap{"shown half", set("csrf", first+"."+otherSecond), 409, "Allow"},
				swap{"shown half, of a wider page", set("csrf", first+"."+widerSecond), 409, "Allow"},
				swap{"shown half, absent", set("csrf", first), 409, "Allow"},
				swap{"button", set("do", "grant"), 400, "no such button"},
				swap{"person in the same browser", cookie(w.ana, "deputy_session", w.bob), 403, wrongForm},
				swap{"sign-in of the same person", cookie(w.ana, "deputy_session", w.anas2), 403, wrongForm},
				swap{"browser", cookie(w.ana, "deputy_browser", w.bob), 403, wrongBrowser},
				swap{"browser, of the same person", func(r *request) { r.browser = w.anas2 }, 403, wrongBrowser},
				swap{"sign-in, absent", func(r *request) {
					r.browser = w.ana.Copy()
					r.browser.SetCookie("deputy_session", "")
				}, 303, "/signin"},
			)
			return honest, swaps
		},
		works: func(status int, says string) bool {
			return status == 303 && strings.Contains(says, "https://scout.example/callback?code=")
		},
		again: 409,
	}
}

// cookie sends the request from a copy of the browser with one cookie of another
// one.
func cookie(of *deputytest.Browser, name string, from *deputytest.Browser) func(*request) {
	return func(r *request) {
		r.browser = of.Copy()
		r.browser.SetCookie(name, from.Cookie(name))
	}
}

func flowArtefact() artefact {
	return artefact{
		name: "flow parameter",
		make: func(w *world) (request, []swap) {
			page := w.ana.Ask(w.App(deputytest.Public).Query(profile))
			flow := page.URL.Query().Get("flow")
			honest := request{browser: w.ana, method: "GET", path: "/consent", form: url.Values{"flow": {flow}}}
			return honest, append(bytesOf("flow", flow, 400, "This address is not complete"),
				swap{"browser", cookie(w.ana, "deputy_browser", w.bob), 403, "This page was opened in another browser"},
				swap{"browser, of another person", func(r *request) { r.browser = w.bob }, 403, "This page was opened in another browser"},
				swap{"browser, unknown", func(r *request) { r.browser = w.Browser() }, 403, "This page was opened in another browser"},
				swap{"flow, absent", func(r *request) { r.form.Del("flow") }, 400, "This address is not complete"},
				swap{"flow, a provider's state", set("flow", "dpc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 400, "This address is not complete"},
			)
		},
		works: func(status int, says string) bool { return status == 200 && strings.Contains(says, "Allow") },
	}
}

func stateArtefact() artefact {
	return artefact{
		name: "connect state",
		make: func(w *world) (request, []swap) {
			there := w.ana.Get("/services").Form("/connect/github/start").Submit("").Form("").Set("login", "octocat").Set("password", "octocat").Submit("")
			back := there.Form("").Set("authorize", "1").Send("").Location()
			state := back.Query().Get("state")
			const foreign, ended = "began in another browser or under another sign-in", "This attempt to connect has ended"
			honest := request{browser: w.ana, method: "GET", path: "/connect/github/callback", form: back.Query()}
			return honest, append(bytesOf("state", state, 409, ended),
				swap{"person in the same browser", cookie(w.ana, "deputy_session", w.bob), 403, foreign},
				swap{"sign-in of the same person", cookie(w.ana, "deputy_session", w.anas2), 403, foreign},
				swap{"browser", cookie(w.ana, "deputy_browser", w.bob), 403, foreign},
				swap{"browser, of another person", func(r *request) { r.browser = w.bob }, 403, foreign},
				swap{"sign-in, absent", func(r *request) { r.browser = w.Browser() }, 403, "Nobody is signed in here"},
				swap{"registration", func(r *request) { r.path = "/connect/slack/callback" }, 403, foreign},
				swap{"registration, unknown", func(r *request) { r.path = "/connect/nobody/callback" }, 403, foreign},
				swap{"state, absent", func(r *request) { r.form.Del("state") }, 400, "cannot read"},
				swap{"code, absent", func(r *request) { r.form.Del("code") }, 400, "cannot read"},
				swap{"state, twice", func(r *request) { r.form["state"] = []string{state, state} }, 400, "cannot read"},
			)
		},
		works: func(status int, says string) bool {
			return status == 303 && strings.Contains(says, "outcome=connected")
		},
	}
}
