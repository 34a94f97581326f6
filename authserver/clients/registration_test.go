package clients_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// eachOpen runs test on servers that let apps register themselves.
func eachOpen(t *testing.T, test func(t *testing.T, d *deputytest.Deputy)) {
	t.Helper()
	deputytest.EachWith(t, deputytest.Options{Registration: "public"}, test)
}

func register(d *deputytest.Deputy, body string) deputytest.Answer {
	return d.Send("POST", "/oauth/register", body, "Content-Type", "application/json")
}

const wanted = `{"client_name":"Scout","redirect_uris":["https://scout.example/callback"]}`

// registered registers an app and returns it with its registration token.
func registered(t testing.TB, d *deputytest.Deputy) (deputytest.App, string) {
	t.Helper()
	got := register(d, wanted)
	if got.Status != http.StatusCreated {
		t.Fatalf("register: %d %s", got.Status, got.Raw)
	}
	app := deputytest.App{ID: consent.AppID(got.Text("client_id")), RedirectURI: "https://scout.example/callback", Verifier: strings.Repeat("v", 43)}
	return app, got.Text("registration_access_token")
}

func TestRegister(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		got := register(d, `{
			"client_name": "Repo\u202e Scout", "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback", "http://127.0.0.1/callback"],
			"grant_types": ["authorization_code", "refresh_token", "implicit"], "response_types": ["code"], "token_endpoint_auth_method": "client_secret_post",
			"scope": "identity.profile.read no.such.scope", "application_type": "native", "client_uri": "https://scout.example", "logo_uri": "javascript:alert(1)",
			"contacts": ["a@scout.example"], "software_id": "s-1", "a_member_nobody_knows": {"deep": [1]}}`)
		if got.Status != http.StatusCreated || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%d %v %s", got.Status, got.Header, got.Raw)
		}
		id, token := got.Text("client_id"), got.Text("registration_access_token")
		want := map[string]any{
			"client_id": id, "registration_access_token": token, "registration_client_uri": d.URL + "/oauth/register/" + id,
			"client_id_issued_at": float64(d.Clock.Now().Unix()), "client_name": "Repo Scout",
			"redirect_uris": []any{"http://127.0.0.1/callback", "http://localhost/callback"}, "grant_types": []any{"authorization_code", "refresh_token"},
			"response_types": []any{"code"}, "token_endpoint_auth_method": "none", "scope": "identity.profile.read", "application_type": "native",
			"client_uri": "https://scout.example", "contacts": []any{"a@scout.example"}, "software_id": "s-1",
		}
		if diff := cmp.Diff(want, got.JSON); diff != "" {
			t.Error(diff)
		}
		if n := d.Count("SELECT count(*) FROM apps WHERE secret_hash IS NOT NULL"); n != 0 {
			t.Error("a secret was made")
		}
		if !strings.Contains(d.Send("GET", "/.well-known/oauth-authorization-server", "").Raw, `"registration_endpoint":"`+d.URL+`/oauth/register"`) {
			t.Error("discovery does not say where")
		}
		// The person is told that nobody checked it; its scope is no ceiling.
		app := deputytest.App{ID: consent.AppID(id), RedirectURI: "http://127.0.0.1:7777/callback", Verifier: strings.Repeat("v", 43)}
		ana := d.SignedIn("ana")
		page := ana.Ask(app.Query("identity.profile.read", "identity.email.read"))
		for _, want := range []string{"Repo Scout", "Nobody checked who this is.", "a program on this computer"} {
			if !page.Says(want) {
				t.Errorf("the page does not say %q: %s", want, page.Text())
			}
		}
		tokens := d.Redeem(app, ana.Code(page.Agree()))
		if tokens.Scope != "identity.profile.read identity.email.read" {
			t.Errorf("scope %q", tokens.Scope)
		}
	})
}

func TestRegistrationIsOffByDefault(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	if got := register(d, wanted); got.Status != http.StatusNotFound {
		t.Errorf("%d %s", got.Status, got.Raw)
	}
	meta := d.Send("GET", "/.well-known/oauth-authorization-server", "")
	if strings.Contains(meta.Raw, "registration_endpoint") || meta.JSON["client_id_metadata_document_supported"] != true {
		t.Error(meta.Raw)
	}
	if !strings.Contains(meta.Raw, `"token_endpoint_auth_signing_alg_values_supported":["ES256","PS256","EdDSA","Ed25519","RS256"]`) {
		t.Error(meta.Raw)
	}
}

func TestThreat_O28_RegistrationsThatAreRefused(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{Registration: "public"})
	many := `"https://a.example/1"` + strings.Repeat(`,"https://a.example/2"`, 10)
	uris := func(list string) string { return `{"client_name":"a","redirect_uris":[` + list + `]}` }
	and := func(more string) string {
		return `{"client_name":"a","redirect_uris":["https://a.example/cb"],` + more + `}`
	}
	for name, c := range map[string]struct{ body, code string }{
		"no redirect_uris":        {`{"client_name":"a"}`, "invalid_redirect_uri"},
		"none":                    {uris(``), "invalid_redirect_uri"},
		"javascript:":             {uris(`"javascript:alert(1)"`), "invalid_redirect_uri"},
		"JaVaScRiPt:":             {uris(`"JaVaScRiPt:alert(1)"`), "invalid_redirect_uri"},
		"javascript after a tab":  {uris(`"\tjavascript:alert(1)"`), "invalid_redirect_uri"},
		"data:":                   {uris(`"data:text/html,x"`), "invalid_redirect_uri"},
		"file:":                   {uris(`"file:///etc/passwd"`), "invalid_redirect_uri"},
		"blob:":                   {uris(`"blob:https://a.example/x"`), "invalid_redirect_uri"},
		"vbscript:":               {uris(`"vbscript:x"`), "invalid_redirect_uri"},
		"http elsewhere":          {uris(`"http://a.example/cb"`), "invalid_redirect_uri"},
		"http 127.0.0.1.evil":     {uris(`"http://127.0.0.1.evil.example/cb"`), "invalid_redirect_uri"},
		"a fragment":              {uris(`"https://a.example/cb#x"`), "invalid_redirect_uri"},
		"userinfo":                {uris(`"https://good@evil.example/cb"`), "invalid_redirect_uri"},
		"backslashes":             {uris(`"https:\\\\evil.example"`), "invalid_redirect_uri"},
		"dots":                    {uris(`"https://a.example/x/../cb"`), "invalid_redirect_uri"},
		"an unreadable host":      {uris(`"https://b\u00fccher.example/cb"`), "invalid_redirect_uri"},
		"eleven":                  {uris(many), "invalid_redirect_uri"},
		"one good, one bad":       {uris(`"https://a.example/cb","data:x"`), "invalid_redirect_uri"},
		"a number in the list":    {uris(`5`), "invalid_redirect_uri"},
		"not a list":              {`{"redirect_uris":"https://a.example/cb"}`, "invalid_redirect_uri"},
		"a name that is a number": {and(`"client_name_":1,"client_uri":5`), "invalid_client_metadata"},
		"implicit only":           {and(`"grant_types":["implicit"]`), "invalid_client_metadata"},
		"client_credentials only": {and(`"grant_types":["client_credentials"]`), "invalid_client_metadata"},
		"response type token":     {and(`"response_types":["token"]`), "invalid_client_metadata"},
		"private_key_jwt":         {and(`"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://a.example/jwks"`), "invalid_client_metadata"},
		"an unknown method":       {and(`"token_endpoint_auth_method":"magic"`), "invalid_client_metadata"},
		"application_type":        {and(`"application_type":"toaster"`), "invalid_client_metadata"},
		"a symmetric key":         {and(`"jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}`), "invalid_client_metadata"},
		"jwks_uri inside":         {and(`"jwks_uri":"http://169.254.169.254/"`), "invalid_client_metadata"},
		"scope is a list":         {and(`"scope":["a"]`), "invalid_client_metadata"},
		"a member twice":          {and(`"redirect_uris":["https://evil.example/cb"]`), "invalid_client_metadata"},
		"a statement":             {and(`"software_statement":"a.b.c"`), "unapproved_software_statement"},
		"not JSON":                {`client_name=a`, "invalid_client_metadata"},
		"a list instead":          {`[]`, "invalid_client_metadata"},
		"null":                    {`null`, "invalid_client_metadata"},
		"nothing":                 {``, "invalid_client_metadata"},
		"two":                     {wanted + wanted, "invalid_client_metadata"},
		"not UTF-8":               {"{\"client_name\":\"\xff\",\"redirect_uris\":[\"https://a.example/cb\"]}", "invalid_client_metadata"},
		"20 KB":                   {and(`"x":"` + strings.Repeat("x", 20<<10) + `"`), "invalid_client_metadata"},
	} {
		got := register(d, c.body)
		if got.Status != http.StatusBadRequest || got.Text("error") != c.code || got.Text("error_description") == "" || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, got.Status, got.Raw)
		}
		for _, r := range got.Text("error_description") {
			if r < ' ' || r > '~' || r == '"' || r == '\\' {
				t.Errorf("%s: the description has %q", name, r)
			}
		}
	}
	if got := d.Send("POST", "/oauth/register", wanted, "Content-Type", "text/plain"); got.Status != http.StatusBadRequest {
		t.Errorf("as text: %d", got.Status)
	}
	if got := d.Send("GET", "/oauth/register", ""); got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", got.Status, got.Header)
	}
	if n := d.Count("SELECT count(*) FROM apps"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestThreat_O28_OnePlaceCannotFillTheTable(t *testing.T) {
	t.Parallel()
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		var mu sync.Mutex
		status := map[int]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 25 {
					got := register(d, wanted)
					mu.Lock()
					status[got.Status]++
					mu.Unlock()
					if got.Status == http.StatusTooManyRequests && got.Header.Get("Retry-After") == "" {
						t.Error("no Retry-After")
					}
				}
			})
		}
		wg.Wait()
		if status[201] != 30 || status[429] != 170 {
			t.Errorf("200 registrations: %v", status)
		}
		if n := d.Count("SELECT count(*) FROM apps"); n != 30 {
			t.Errorf("%d rows", n)
		}
		// A day later those that nobody used make room for new ones.
		d.Clock.Add(25 * time.Hour)
		registered(t, d)
		registered(t, d)
		if n := d.Count("SELECT count(*) FROM apps"); n != 2 {
			t.Errorf("%d rows a day later", n)
		}
	})
}

func TestRegistrationsVanishByLastUse(t *testing.T) {
	t.Parallel()
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		held, _ := registered(t, d)   // somebody has agreed
		tried, _ := registered(t, d)  // somebody agreed and took it back
		unused, _ := registered(t, d) // nothing ever happened
		operators := d.App(deputytest.Public)
		tokens := d.Redeem(held, ana.Authorize(held, profile, "offline_access"))
		d.Clock.Add(time.Minute)
		ana.Authorize(tried, profile)
		d.Exec("UPDATE grants SET revoked_at = 1 WHERE app_id = ?", tried.ID)
		there := func(app deputytest.App) bool {
			return d.Count("SELECT count(*) FROM apps WHERE id = ?", app.ID) == 1
		}
		d.Clock.Add(25 * time.Hour)
		registered(t, d)
		if there(unused) || !there(tried) || !there(held) || !there(operators) {
			t.Error("a day later")
		}
		d.Refresh(held, tokens.Refresh)
		d.Clock.Add(28 * 24 * time.Hour)
		registered(t, d)
		if !there(tried) {
			t.Error("used 29 days ago, and gone a day early")
		}
		d.Clock.Add(48 * time.Hour)
		registered(t, d)
		if there(tried) || !there(held) || !there(operators) {
			t.Error("a month later")
		}
	})
}

// The preflight of a script's registration.
func TestRegistrationFromABrowser(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Registration: "public"})
	for _, path := range []string{"/oauth/register", "/oauth/register/x"} {
		got := d.Send("OPTIONS", path, "", "Origin", "https://inspector.example", "Access-Control-Request-Method", "PUT")
		if got.Status != http.StatusNoContent || !strings.Contains(got.Header.Get("Access-Control-Allow-Methods"), "DELETE") {
			t.Errorf("%s: %d %v", path, got.Status, got.Header)
		}
	}
}

// Registered apps may not have tokens of their own, whatever they try.
func TestARegistrationHasNoTokenOfItsOwn(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{Registration: "public"})
	app, _ := registered(t, d)
	for name, form := range map[string]url.Values{
		"plain":         app.Form("grant_type", "client_credentials", "scope", profile),
		"with a secret": app.Form("grant_type", "client_credentials", "client_secret", "x"),
	} {
		if got := d.Token(form); got.Status != 400 && got.Status != 401 {
			t.Errorf("%s: %d %s", name, got.Status, got.Raw)
		}
	}
	if got := d.Post("/oauth/introspect", app.Form("token", "x")); got.Status != 401 {
		t.Errorf("introspect: %d", got.Status)
	}
}

func TestOpenGrantTypesHaveNoTokenWithoutAPerson(t *testing.T) {
	for _, g := range clients.OpenGrantTypes() {
		if g == "client_credentials" || strings.Contains(g, "token-exchange") {
			t.Errorf("%s is open to strangers", g)
		}
	}
}
