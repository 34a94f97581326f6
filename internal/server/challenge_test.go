package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// parameters reads a challenge of one scheme.
func parameters(t testing.TB, a deputytest.Answer) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`([a-z_]+)="([^"]*)"`).FindAllStringSubmatch(a.Header.Get("WWW-Authenticate"), -1) {
		if _, twice := out[m[1]]; twice {
			t.Errorf("%s stands twice in %s", m[1], a.Header.Get("WWW-Authenticate"))
		}
		out[m[1]] = m[2]
	}
	return out
}

// sample is a value that a parameter may have.
func sample(t testing.TB, op catalog.Operation, p catalog.Param) string {
	t.Helper()
	if len(p.Enum) > 0 {
		return p.Enum[0]
	}
	if p.Kind == catalog.KindBool {
		return "true"
	}
	for _, try := range []string{"1", "acme", "C0GENERAL1", "F0000000001", "1700000000.000100", strings.Repeat("a", 40), "refs/heads/x", "YQ==", "main...next", "U0PERSON01",
		"1a000000-0000-4000-8000-000000000001", "ana@northwind.example", "2026-12-01T00:00:00Z", "'acme' in parents",
		"cus_00000000", "ch_00000000", "pi_00000000", "re_00000000", "in_00000000", "sub_00000000", "po_00000000"} {
		if p.Check(try) == nil {
			return try
		}
	}
	t.Fatalf("%s: no value for %s", op.ID, p.Name)
	return ""
}

// inBody is sample for a JSON body: an object has what it needs, a list one item.
func inBody(t testing.TB, op catalog.Operation, p catalog.Param) any {
	t.Helper()
	switch p.Kind {
	case catalog.KindInt, catalog.KindNumber:
		return 1
	case catalog.KindBool:
		return true
	case catalog.KindStrings:
		return []string{sample(t, op, p)}
	case catalog.KindList:
		return []any{inBody(t, op, *p.Of)}
	case catalog.KindObject:
		object := map[string]any{}
		for _, m := range p.Members {
			if m.Required {
				object[m.Name] = inBody(t, op, *m.Param)
			}
		}
		return object
	case catalog.KindMail:
		return "VG86IGFAYi5leGFtcGxlCgpo" // To: a@b.example
	case catalog.KindMap:
		return map[string]any{}
	}
	return sample(t, op, p)
}

// call makes a call of op with nothing in it but what it needs.
func call(t testing.TB, d *deputytest.Deputy, op catalog.Operation, method, token string) deputytest.Answer {
	t.Helper()
	path, query, body, file := op.Path, url.Values{}, map[string]any{}, ""
	for _, p := range op.Params {
		if !p.Required && p.In != catalog.InPath {
			continue
		}
		switch {
		case p.Kind == catalog.KindContent:
			file = p.Name
		case p.In == catalog.InPath:
			v := sample(t, op, p)
			path = strings.NewReplacer("{"+p.Name+"}", v, "{"+p.Name+"...}", v).Replace(path)
		case p.In == catalog.InBody, p.In == catalog.InArgs && method != "GET":
			body[p.Name] = inBody(t, op, p)
		default:
			query.Set(p.Name, sample(t, op, p))
		}
	}
	if method == "GET" {
		return d.Send(method, "/api/"+string(op.Provider)+path+"?"+query.Encode(), "", "Authorization", "Bearer "+token)
	}
	if op.Form {
		form := url.Values{}
		for name, value := range body {
			form.Set(name, fmt.Sprint(value))
		}
		return d.Send(method, "/api/"+string(op.Provider)+path, form.Encode(), "Authorization", "Bearer "+token, "Content-Type", "application/x-www-form-urlencoded")
	}
	kind := "application/json"
	if file != "" {
		kind = "multipart/related; boundary=x"
		path += "?" + query.Encode()
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if file != "" {
		raw = []byte("--x\r\nContent-Type: application/json\r\n\r\n" + string(raw) + "\r\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n")
	}
	return d.Send(method, "/api/"+string(op.Provider)+path, string(raw), "Authorization", "Bearer "+token, "Content-Type", kind)
}

// Every operation tells in one 403 all the scopes it needs as things stand, so
// that the person is asked once (MCP, Runtime Insufficient Scope).
func TestEveryOperationNamesAllItsScopesAtOnce(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	token := d.Redeem(app, ana.Authorize(app, profile, "offline_access")).Access // not of the session mode, which ends with the sign-in
	calls := 0
	for _, away := range []bool{false, true} {
		if away {
			ana.SignOut()
		}
		for id, p := range d.Foundation.Catalog.Providers {
			for _, op := range p.Operations {
				want := []string{string(op.Scope)}
				if op.Access != consent.Read {
					want = append(want, string(consent.UnattendedWrites))
				}
				if away && !d.Foundation.Catalog.Scopes[op.Scope].Attended {
					want = append(want, string(consent.Background))
				}
				for _, method := range op.Methods {
					a := call(t, d, op, method, token)
					calls++
					got := parameters(t, a)
					if a.Status != 403 || got["error"] != "insufficient_scope" || got["error_description"] == "" || got["resource_metadata"] != d.URL+"/.well-known/oauth-protected-resource/api/"+string(id) {
						t.Errorf("%s %s: %d %s %s", method, op.ID, a.Status, a.Raw, a.Header.Get("WWW-Authenticate"))
					}
					if diff := cmp.Diff(want, strings.Fields(got["scope"])); diff != "" {
						t.Errorf("%s %s, away: %v: challenge %s", method, op.ID, away, diff)
					}
					if diff := cmp.Diff(want, list(t, a.JSON, "missing_scopes")); diff != "" {
						t.Errorf("%s %s, away: %v: body %s", method, op.ID, away, diff)
					}
					if strings.Contains(a.Header.Get("WWW-Authenticate"), "offline_access") || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") {
						t.Errorf("%s %s: %v", method, op.ID, a.Header)
					}
				}
			}
		}
	}
	if calls < 40 {
		t.Errorf("only %d calls", calls)
	}
}

// A call outside of what was picked says what to ask for, and the answer is the
// same whether the resource exists or not (threats B).
func TestWhatIsOutsideSaysWhatToAskForAndNothingElse(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		const issues, messages = "services.github.issues.read", "services.slack.messages.read"
		ana.Connect("github", "octocat")
		ana.Connect("slack", "ana")
		page := ana.Ask(app.Query(issues, messages)).Complete()
		token := d.Redeem(app, ana.Code(page.Agree())).Access
		same := func(what, exists, not string) (a deputytest.Answer) {
			t.Helper()
			a = d.API(token, "GET", exists)
			b := d.API(token, "GET", not)
			// What may differ is what the call itself said, and what is sealed.
			sealed := regexp.MustCompile(`need=[A-Za-z0-9_-]+`)
			named := func(s string) string {
				s = sealed.ReplaceAllStringFunc(s, func(n string) string { return "need of " + strconv.Itoa(len(n)) })
				return strings.ReplaceAll(s, "C0MISSING1", "C01RANDOM1")
			}
			if a.Status != 404 || b.Status != 404 || a.JSON["error"] != "resource_unavailable" {
				t.Errorf("%s: %d %s and %d %s", what, a.Status, a.Raw, b.Status, b.Raw)
			}
			if diff := cmp.Diff(named(a.Raw), named(b.Raw)); diff != "" {
				t.Errorf("%s: the bodies differ: %s", what, diff)
			}
			return a
		}
		github := same("a repository", "/api/github/repos/acme/payments-reconciliation-and-reporting/issues", "/api/github/repos/acme/no-such-repository/issues")
		if got := parameters(t, github); got["error"] != "insufficient_authorization" || got["scope"] != issues || got["authorization_remediation"] != "" {
			t.Errorf("a repository: %v", got)
		}
		slack := same("a channel", "/api/slack/conversations.history?channel=C01RANDOM1", "/api/slack/conversations.history?channel=C0MISSING1")
		raw, err := base64.RawURLEncoding.DecodeString(parameters(t, slack)["authorization_remediation"])
		if err != nil {
			t.Fatal(err)
		}
		want := `{"authorization_details":[{"type":"slack.channel","identifier":"C01RANDOM1","actions":["services.slack.messages.read"]}]}`
		if string(raw) != want || len(slack.Header.Get("WWW-Authenticate")) > 4<<10 {
			t.Errorf("a channel: %s", raw)
		}
		if got := slack.Raw; !strings.Contains(got, `"authorization_details":[{"type":"slack.channel","identifier":"C01RANDOM1","actions":["services.slack.messages.read"]}]`) {
			t.Errorf("a channel, body: %s", got)
		}
	})
}
