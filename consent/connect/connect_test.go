package connect_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

func (w *world) kinds() []audit.Kind {
	w.mem.mu.Lock()
	defer w.mem.mu.Unlock()
	var out []audit.Kind
	for _, e := range w.mem.events {
		out = append(out, e.Kind)
	}
	return out
}

// works makes a call with a connection's stored tokens.
func (w *world) works(id consent.ConnectionID) error {
	w.client.Forget(id)
	base, err := w.client.APIBase(context.Background(), id)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodGet, base+"/user", nil)
	if err != nil {
		return err
	}
	resp, err := w.client.Do(context.Background(), id, req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func TestAPersonConnectsAnAccount(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	callback := ana.agree(ana.start(nil), "octocat", "1")
	if !strings.HasPrefix(callback, w.server.URL+"/connect/gh/callback?") {
		t.Errorf("came back to %s, want the registration's own path", callback)
	}
	query := ana.arrives(ana.get(callback), connect.Connected)
	got, ok := w.mem.account("ana", "octocat")
	if !ok || got.Subject != "583231" || got.Health != consent.Healthy || !slices.Contains(got.Granted, "repo") {
		t.Fatalf("connection %+v", got)
	}
	if query.Get("flow") != "f1" || query.Get("connection") != string(got.ID) {
		t.Errorf("came back with %v, want the flow and the connection", query)
	}
	if err := w.works(got.ID); err != nil {
		t.Errorf("call with the new connection: %v", err)
	}
	if diff := cmp.Diff([]audit.Kind{audit.ConnectionAdded}, w.kinds()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestOnePersonConnectsSeveralAccounts(t *testing.T) {
	w := newWorld(t)
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, nil)
	w.browser("ana", "s1", "b1").connect("hubot", connect.Connected, nil)
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, nil)
	octocat, ok1 := w.mem.account("ana", "octocat")
	hubot, ok2 := w.mem.account("ana", "hubot")
	if !ok1 || !ok2 || len(w.mem.rows) != 2 {
		t.Fatalf("%d connections, want octocat and hubot once each", len(w.mem.rows))
	}
	if octocat.cred.Version != 2 || hubot.cred.Version != 1 {
		t.Errorf("generations %d and %d, want 2 and 1", octocat.cred.Version, hubot.cred.Version)
	}
	if err := w.works(octocat.ID); err != nil {
		t.Error(err)
	}
}

func TestConnectingForLessTakesNothingAway(t *testing.T) {
	w := newWorld(t)
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, nil)
	before, _ := w.mem.account("ana", "octocat")
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, url.Values{"scopes": {"services.github.account.read"}})
	after, _ := w.mem.account("ana", "octocat")
	if diff := cmp.Diff(before.Granted, after.Granted); diff != "" || after.cred.Version != 1 {
		t.Errorf("generation %d, granted (-before +after):\n%s", after.cred.Version, diff)
	}
	if err := w.works(after.ID); err != nil {
		t.Error(err)
	}
}

func TestWideningKeepsWhatWasThere(t *testing.T) {
	w := newWorld(t)
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, url.Values{"scopes": {"services.github.account.read"}})
	c, _ := w.mem.account("ana", "octocat")
	if slices.Contains(c.Granted, "repo") {
		t.Fatalf("granted %v before anybody asked", c.Granted)
	}
	w.browser("ana", "s1", "b1").connect("octocat", connect.Widened, url.Values{"connection": {string(c.ID)}})
	wide, _ := w.mem.account("ana", "octocat")
	if wide.ID != c.ID || !slices.Contains(wide.Granted, "repo") || !slices.Contains(wide.Granted, "read:user") {
		t.Errorf("connection %+v", wide)
	}
	// Asked for less later, the account must go on serving what others use.
	w.browser("ana", "s1", "b1").connect("octocat", connect.Widened, url.Values{
		"connection": {string(c.ID)}, "scopes": {"services.github.account.read"},
	})
	if after, _ := w.mem.account("ana", "octocat"); !slices.Contains(after.Granted, "repo") {
		t.Errorf("granted %v after widening, want repo still", after.Granted)
	}
	if diff := cmp.Diff([]audit.Kind{audit.ConnectionAdded, audit.ConnectionWidened, audit.ConnectionWidened}, w.kinds()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

// threats.md C7: grants on the wanted account must not act on another one.
func TestThreat_C7_AnotherAccountNeverTakesAConnectionsPlace(t *testing.T) {
	w := newWorld(t)
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, nil)
	octocat, _ := w.mem.account("ana", "octocat")
	ana := w.browser("ana", "s1", "b1")
	query := ana.arrives(ana.get(ana.agree(ana.reconnect(octocat.ID), "hubot", "1")), connect.OtherAccount)
	hubot, ok := w.mem.account("ana", "hubot")
	if !ok || query.Get("connection") != string(hubot.ID) || query.Get("wanted") != string(octocat.ID) {
		t.Errorf("came back with %v", query)
	}
	after, _ := w.mem.account("ana", "octocat")
	if diff := cmp.Diff(octocat.Connection, after.Connection); diff != "" || after.cred.Version != octocat.cred.Version {
		t.Errorf("the wanted connection changed (-before +after):\n%s", diff)
	}
}

func TestABrokenConnectionIsRepairedInPlace(t *testing.T) {
	w := newWorld(t)
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, nil)
	c, _ := w.mem.account("ana", "octocat")
	w.sim.RevokeAll("octocat")
	if err := w.works(c.ID); err == nil {
		t.Fatal("revoked tokens work")
	}
	if broken, _ := w.mem.account("ana", "octocat"); broken.Health != consent.NeedsPerson {
		t.Fatalf("health %s", broken.Health)
	}
	ana := w.browser("ana", "s1", "b1")
	ana.arrives(ana.get(ana.agree(ana.reconnect(c.ID), "octocat", "1")), connect.Reconnected)
	fixed, _ := w.mem.account("ana", "octocat")
	if fixed.ID != c.ID || fixed.Health != consent.Healthy || fixed.cred.Version != 2 {
		t.Errorf("connection %+v generation %d", fixed.Connection, fixed.cred.Version)
	}
	if err := w.works(c.ID); err != nil {
		t.Error(err)
	}
}

func TestLessThanAskedIsSaid(t *testing.T) {
	w := newWorld(t)
	w.sim.SetQuirks(simulator.Quirks{FewerScopes: true})
	w.browser("ana", "s1", "b1").connect("octocat", connect.Less, nil)
	c, ok := w.mem.account("ana", "octocat")
	if !ok || slices.Contains(c.Granted, "repo") {
		t.Errorf("granted %v", c.Granted)
	}
}

func TestANoAtTheProviderComesBackAsANo(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	callback := ana.agree(ana.start(nil), "octocat", "0")
	if query := ana.arrives(ana.get(callback), connect.Refused); query.Get("flow") != "f1" {
		t.Errorf("came back with %v", query)
	}
	if p := ana.get(callback); p.status != http.StatusConflict {
		t.Errorf("a second time: %d", p.status)
	}
	if _, ok := w.mem.account("ana", "octocat"); ok {
		t.Error("connected in spite of the no")
	}
}

func TestAProviderThatIsDownIsAClear503(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	callback := ana.agree(ana.start(nil), "octocat", "1")
	w.sim.SetDown(true)
	p := ana.get(callback)
	if p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "GitHub does not answer now. Nothing was connected.") {
		t.Errorf("%d %s", p.status, p.body)
	}
	w.sim.SetDown(false)
	if p := ana.get(callback); p.status != http.StatusConflict {
		t.Errorf("the trip is spent, but a reload gave %d", p.status)
	}
	ana.connect("octocat", connect.Connected, nil)
}

func TestDisconnectingIsLocalFirst(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	ana.connect("octocat", connect.Connected, nil)
	c, _ := w.mem.account("ana", "octocat")
	for name, who := range map[string]*browser{"somebody else": w.browser("ben", "s2", "b2"), "nobody": w.browser("", "", "")} {
		if p := who.disconnect(c.ID); p.status < 400 {
			t.Errorf("%s disconnected it: %d", name, p.status)
		}
	}
	p := ana.disconnect(c.ID)
	if p.status != 200 || p.body != "octocat answered revoked" {
		t.Errorf("%d %s", p.status, p.body)
	}
	if err := w.works(c.ID); err == nil {
		t.Error("a disconnected connection works")
	}
	if p := ana.disconnect(c.ID); p.status != http.StatusNotFound {
		t.Errorf("again: %d", p.status)
	}
	ana.connect("octocat", connect.Connected, nil)
	again, _ := w.mem.account("ana", "octocat")
	if again.ID == c.ID {
		t.Error("grants on the old connection came alive again")
	}
	w.sim.SetDown(true)
	if p := ana.disconnect(again.ID); p.status != 200 || p.body != "octocat answered unreachable" {
		t.Errorf("while GitHub is down: %d %s", p.status, p.body)
	}
	if _, ok := w.mem.account("ana", "octocat"); ok {
		t.Error("still connected")
	}
	want := []audit.Kind{
		audit.ConnectionAdded, audit.ConnectionRemoved, audit.ConnectionTold, audit.ConnectionAdded, audit.ConnectionRemoved, audit.ConnectionTold,
	}
	if diff := cmp.Diff(want, w.kinds()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if last := w.mem.events[len(w.mem.events)-1]; last.Outcome != audit.Failed || last.Detail != "unreachable" {
		t.Errorf("last event %+v", last)
	}
}

func TestARefreshInBetweenIsNotOverwritten(t *testing.T) {
	w := newWorld(t)
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, nil)
	c, _ := w.mem.account("ana", "octocat")
	w.mem.race = func() {
		r := w.mem.rows[c.ID]
		r.cred.Version = 7
		w.mem.rows[c.ID] = r
	}
	w.browser("ana", "s1", "b1").connect("octocat", connect.Connected, nil)
	if got, _ := w.mem.account("ana", "octocat"); got.cred.Version != 8 {
		t.Errorf("generation %d, want 8", got.cred.Version)
	}
	if err := w.works(c.ID); err != nil {
		t.Errorf("sealed for another generation: %v", err)
	}
}

func TestAFormIsRefusedUnlessItIsOurs(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	ana.connect("octocat", connect.Connected, nil)
	c, _ := w.mem.account("ana", "octocat")
	for name, change := range map[string]url.Values{
		"no token":                 {"csrf": {""}},
		"token of another sign-in": {"csrf": {w.handler.StartToken("s2", "github")}},
		"token of another service": {"csrf": {w.handler.StartToken("s1", "slack")}},
		"token of another step":    {"csrf": {w.handler.ReconnectToken("s1", "github")}},
		"unknown scope":            {"scopes": {"services.github.everything"}},
		"scope of another service": {"scopes": {"services.slack.channels.read"}},
		"too many scopes":          {"scopes": {strings.Repeat("services.github.account.read ", 51)}},
		"somebody's connection":    {"connection": {"conn_of_ben"}},
		"a return elsewhere":       {"return": {"https://evil.example/"}},
		"a return without scheme":  {"return": {"//evil.example/"}},
		"a return with backslash":  {"return": {`/\evil.example/`}},
		"a return with a tab":      {"return": {"/\t/evil.example/"}},
		"a relative return":        {"return": {"services"}},
		"an encoded return":        {"return": {"/%2fevil.example"}},
		"a very long return":       {"return": {"/" + strings.Repeat("x", 5000)}},
	} {
		if p := ana.start(change); p.status < 400 || p.status >= 500 {
			t.Errorf("%s: %d %q", name, p.status, p.location)
		}
	}
	if p := w.browser("ben", "s2", "b2").start(url.Values{"connection": {string(c.ID)}}); p.status != http.StatusNotFound {
		t.Errorf("Ben widens Ana's connection: %d", p.status)
	}
	if p := w.browser("ben", "s2", "b2").reconnect(c.ID); p.status != http.StatusNotFound {
		t.Errorf("Ben reconnects Ana's connection: %d", p.status)
	}
	if p := w.browser("", "", "").start(nil); p.status != http.StatusForbidden {
		t.Errorf("nobody starts: %d", p.status)
	}
}

func TestNothingInARowGivesATripAway(t *testing.T) {
	w := newWorld(t)
	ana := w.browser("ana", "s1", "b1")
	started := ana.start(nil)
	u, err := url.Parse(started.location)
	if err != nil {
		t.Fatal(err)
	}
	state := u.Query().Get("state")
	if len(state) != 43 {
		t.Errorf("state has %d characters, want 256 bits", len(state))
	}
	for _, st := range w.mem.states {
		if string(st.Hash) == state || strings.Contains(string(st.Verifier), u.Query().Get("code_challenge")) || string(st.Browser) == "b1" {
			t.Errorf("row %+v holds what must not be stored", st)
		}
		if st.RedirectURI != w.handler.RedirectURI(provider.RegistrationID("gh")) || st.RedirectURI != u.Query().Get("redirect_uri") {
			t.Errorf("redirect URI %q is not pinned", st.RedirectURI)
		}
	}
}
