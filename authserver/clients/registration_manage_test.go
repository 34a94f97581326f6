package clients_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

func TestManageARegistration(t *testing.T) {
	t.Parallel()
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, token := registered(t, d)
		other, otherToken := registered(t, d)
		mine, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		path := "/oauth/register/" + string(app.ID)
		bearer := []string{"Authorization", "Bearer " + token, "Content-Type", "application/json"}
		got := d.Send("GET", path, "", bearer...)
		if got.Status != 200 || got.Text("client_id") != string(app.ID) || got.Text("registration_access_token") != token {
			t.Fatalf("read: %d %s", got.Status, got.Raw)
		}
		for name, a := range map[string]deputytest.Answer{
			"no token":            d.Send("GET", path, ""),
			"another's token":     d.Send("GET", path, "", "Authorization", "Bearer "+otherToken),
			"Basic":               d.Send("GET", path, "", "Authorization", "Basic "+token),
			"an empty token":      d.Send("GET", path, "", "Authorization", "Bearer "),
			"no such app":         d.Send("GET", "/oauth/register/app_none", "", "Authorization", "Bearer "+token),
			"an operator's app":   d.Send("DELETE", "/oauth/register/"+string(mine.ID), "", "Authorization", "Bearer "+token),
			"another's, to end":   d.Send("DELETE", path, "", "Authorization", "Bearer "+otherToken),
			"another's, to write": d.Send("PUT", path, wanted, "Authorization", "Bearer "+otherToken, "Content-Type", "application/json"),
		} {
			if a.Status != 401 || a.Text("error") != "invalid_token" || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s: %d %s", name, a.Status, a.Raw)
			}
		}
		tokens := d.Redeem(app, ana.Authorize(app, profile))
		put := func(more string) deputytest.Answer {
			return d.Send("PUT", path, fmt.Sprintf(`{"client_id":%q,"client_name":"Scout 2",%s}`, app.ID, more), bearer...)
		}
		for name, a := range map[string]deputytest.Answer{
			"another client_id": d.Send("PUT", path, strings.Replace(wanted, "{", fmt.Sprintf(`{"client_id":%q,`, other.ID), 1), bearer...),
			"no client_id":      d.Send("PUT", path, wanted, bearer...),
			"a bad address":     put(`"redirect_uris":["javascript:alert(1)"]`),
			"the token":         put(`"redirect_uris":["https://scout.example/callback"],"registration_access_token":"x"`),
			"the time":          put(`"redirect_uris":["https://scout.example/callback"],"client_id_issued_at":1`),
		} {
			if a.Status != 400 {
				t.Errorf("%s: %d %s", name, a.Status, a.Raw)
			}
		}
		// Another name changes nothing; another return address needs another yes.
		if a := put(`"redirect_uris":["https://scout.example/callback"]`); a.Status != 200 || a.Text("client_name") != "Scout 2" {
			t.Fatalf("rename: %d %s", a.Status, a.Raw)
		}
		tokens = d.Refresh(app, tokens.Refresh)
		if a := put(`"redirect_uris":["https://scout.example/callback","https://scout.example/new"]`); a.Status != 200 {
			t.Fatalf("another address: %d %s", a.Status, a.Raw)
		}
		if a := d.Token(app.Refreshing(tokens.Refresh)); a.Text("error") != "invalid_grant" {
			t.Errorf("refresh after another return address: %d %s", a.Status, a.Raw)
		}
		ana.Authorize(app, profile)
		if a := d.Token(app.Refreshing(tokens.Refresh)); a.Status != 200 {
			t.Errorf("refresh after another yes: %d %s", a.Status, a.Raw)
		}
	})
}

func TestDeletingARegistrationEndsEverything(t *testing.T) {
	t.Parallel()
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, token := registered(t, d)
		ana, bob := d.SignedIn("ana"), d.SignedIn("bob")
		tokens := d.Redeem(app, ana.Authorize(app, profile, "offline_access"))
		bob.Authorize(app, profile)
		if got := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.Access); got.Status != 200 {
			t.Fatalf("before: %d", got.Status)
		}
		if got := d.Send("DELETE", "/oauth/register/"+string(app.ID), "", "Authorization", "Bearer "+token); got.Status != http.StatusNoContent || got.Raw != "" {
			t.Fatalf("delete: %d %s", got.Status, got.Raw)
		}
		if got := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.Access); got.Status != 401 {
			t.Errorf("the access token still counts: %d", got.Status)
		}
		if got := d.Token(app.Refreshing(tokens.Refresh)); got.Status != 401 {
			t.Errorf("refresh: %d %s", got.Status, got.Raw)
		}
		if page := ana.Ask(app.Query(profile)); page.Status != http.StatusBadRequest {
			t.Errorf("authorize: %d", page.Status)
		}
		for _, left := range []string{"apps", "grants", "families", "codes"} {
			if n := d.Count("SELECT count(*) FROM " + left); n != 0 {
				t.Errorf("%d rows of %s", n, left)
			}
		}
		if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'grant.revoked' AND app_id = ?", app.ID); n != 2 {
			t.Errorf("%d records", n)
		}
		if got := d.Send("DELETE", "/oauth/register/"+string(app.ID), "", "Authorization", "Bearer "+token); got.Status != 401 {
			t.Errorf("delete again: %d", got.Status)
		}
	})
}

// A registration that vanished while the person was reading grants nothing.
func TestARegistrationThatVanishesMeanwhile(t *testing.T) {
	t.Parallel()
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, token := registered(t, d)
		page := d.SignedIn("ana").Ask(app.Query(profile))
		d.Send("DELETE", "/oauth/register/"+string(app.ID), "", "Authorization", "Bearer "+token)
		if after := page.Agree(); after.Away() || after.Status >= 500 {
			t.Errorf("%d %s %s", after.Status, after.URL, after.Text())
		}
		if n := d.Count("SELECT count(*) FROM codes"); n != 0 {
			t.Error("a code was issued")
		}
	})
}

// What an app says about itself is kept, told back, and changed as a whole (RFC
// 7592 section 2.2): what a change leaves out is gone.
func TestARegistrationIsChangedAsAWhole(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		told := []string{"redirect_uris", "post_logout_redirect_uris", "authorization_details_types", "require_pushed_authorization_requests", "dpop_bound_access_tokens", "client_uri"}
		about := func(a deputytest.Answer) map[string]any {
			t.Helper()
			if a.Status >= 300 {
				t.Fatalf("%d %s", a.Status, a.Raw)
			}
			out := map[string]any{}
			for _, name := range told {
				if v, there := a.JSON[name]; there {
					out[name] = v
				}
			}
			return out
		}
		made := register(d, `{"redirect_uris":["https://scout.example/callback"],"post_logout_redirect_uris":["https://scout.example/bye"],
			"authorization_details_types":["github.repository"],"require_pushed_authorization_requests":true,"dpop_bound_access_tokens":true,"client_uri":"https://scout.example"}`)
		all := map[string]any{
			"redirect_uris": []any{"https://scout.example/callback"}, "post_logout_redirect_uris": []any{"https://scout.example/bye"},
			"authorization_details_types": []any{"github.repository"}, "require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true, "client_uri": "https://scout.example",
		}
		id, path := made.Text("client_id"), "/oauth/register/"+made.Text("client_id")
		bearer := "Bearer " + made.Text("registration_access_token")
		read := func() map[string]any { t.Helper(); return about(d.Send("GET", path, "", "Authorization", bearer)) }
		if diff := cmp.Diff(all, about(made)) + cmp.Diff(all, read()); diff != "" {
			t.Error(diff)
		}
		less := map[string]any{"redirect_uris": []any{"https://scout.example/other"}, "post_logout_redirect_uris": []any{"https://scout.example/left"}}
		body := `{"client_id":"` + id + `","redirect_uris":["https://scout.example/other"],"post_logout_redirect_uris":["https://scout.example/left"]}`
		changed := d.Send("PUT", path, body, "Authorization", bearer, "Content-Type", "application/json")
		if next := changed.Text("registration_access_token"); next != "" {
			bearer = "Bearer " + next
		}
		if diff := cmp.Diff(less, about(changed)) + cmp.Diff(less, read()); diff != "" {
			t.Error(diff)
		}
	})
}
