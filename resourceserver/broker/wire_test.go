package broker_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

type authority struct {
	mu          sync.Mutex
	grant       consent.Grant
	connections []consent.Connection
	err         error
}

func (a *authority) Live(_ context.Context, id consent.GrantID) (consent.Grant, []consent.Connection, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id != a.grant.ID {
		return consent.Grant{}, nil, a.err
	}
	return a.grant, a.connections, a.err
}

// budgets notes what is spent and says what short says.
type budgets struct {
	mu    sync.Mutex
	spent []consent.Budget
	short consent.Shortage
	err   error

	calls, changes int
	over           consent.Shortage // what Count says
}

func (b *budgets) Count(_ context.Context, id consent.GrantID, change bool) (consent.Shortage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id != grant {
		return consent.Shortage{}, errors.New("another grant")
	}
	if b.over == (consent.Shortage{}) {
		b.calls++
		if change {
			b.changes++
		}
	}
	return b.over, nil
}

func (b *budgets) Spend(_ context.Context, id consent.GrantID, list []consent.Budget) (consent.Shortage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id != grant {
		return consent.Shortage{}, errors.New("another grant")
	}
	if b.err == nil && b.short == (consent.Shortage{}) {
		b.spent = append(b.spent, list...)
	}
	return b.short, b.err
}

var errGone = errors.New("gone")

type end struct{ base, token string }

// wire attaches tokens like package provider does, and notes what was sent.
type wire struct {
	mu   sync.Mutex
	ends map[consent.ConnectionID]end
	sent []*http.Request
	body []string
	fail error
}

func (w *wire) APIBase(_ context.Context, id consent.ConnectionID) (string, error) {
	return w.ends[id].base, nil
}

func (w *wire) Fetch(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error) {
	return w.Do(ctx, id, req)
}

func (w *wire) Do(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error) {
	var body []byte
	if req.GetBody != nil {
		r, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		body, err = io.ReadAll(r)
		if err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	w.sent, w.body = append(w.sent, req.Clone(ctx)), append(w.body, string(body))
	fail := w.fail
	w.mu.Unlock()
	if fail != nil {
		return nil, fail
	}
	req.Header.Set("Authorization", "Bearer "+w.ends[id].token)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return client.Do(req)
}

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

// last returns the newest request and its body.
func (w *wire) last() (*http.Request, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[len(w.sent)-1], w.body[len(w.body)-1]
}

type audit struct {
	mu     sync.Mutex
	events []broker.Event
	fail   bool
	left   int // records until it fails; 0 never
}

func (a *audit) Record(ctx context.Context, e broker.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail {
		return errors.New("disk full")
	}
	if a.left > 0 {
		a.left--
		a.fail = a.left == 0
	}
	a.events = append(a.events, e)
	return ctx.Err()
}

// Has implements broker.Made.
func (a *audit) Has(_ context.Context, grant consent.GrantID, on consent.ConnectionID, i broker.Item) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.events, func(e broker.Event) bool { return e.Grant == grant && e.Connection == on && e.Made == i }), nil
}

func (a *audit) last() broker.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.events[len(a.events)-1]
}

// cursors seals with AES-GCM, the bound as associated data.
type cursors struct{ aead cipher.AEAD }

func newCursors(t testing.TB) *cursors {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return &cursors{aead}
}

func (c *cursors) Seal(plain []byte, bound string) (string, error) {
	sealed := c.aead.Seal(nil, make([]byte, 12), plain, []byte(bound))
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func (c *cursors) Open(sealed, bound string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	return c.aead.Open(nil, make([]byte, 12), raw, []byte(bound))
}

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	action = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	box    = regexp.MustCompile(`<input type="checkbox" name="picked" value="([^"]*)"`)
)

// dance signs in at a simulator, picks everything there is to pick and agrees; it
// returns the code.
func dance(t testing.TB, base, path, who, scope string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "deputy.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	query := url.Values{"client_id": {"simulated-app"}, "redirect_uri": {"https://deputy.example/cb"}, "scope": {scope}, "state": {"s"}, "response_type": {"code"}, "owner": {"user"}}
	resp, err := client.Get(base + path + "?" + query.Encode())
	for range 3 {
		if err != nil {
			t.Fatal(err)
		}
		body, readErr := io.ReadAll(resp.Body)
		resp.Body.Close()
		if readErr != nil {
			t.Fatal(readErr)
		}
		if to, _ := resp.Location(); to != nil {
			return to.Query().Get("code")
		}
		form := url.Values{"login": {who}, "password": {who}, "authorize": {"1"}, "ticked": {"all"}}
		for _, field := range hidden.FindAllStringSubmatch(string(body), -1) {
			form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		for _, one := range box.FindAllStringSubmatch(string(body), -1) {
			form.Add("picked", one[1])
		}
		to := action.FindStringSubmatch(string(body))
		if to == nil {
			t.Fatalf("no form: %s", body)
		}
		resp, err = client.PostForm(base+html.UnescapeString(to[1]), form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	return to.Query().Get("code")
}

func redeem(t testing.TB, target, code string) map[string]any {
	t.Helper()
	form := url.Values{
		"client_id": {"simulated-app"}, "client_secret": {"simulated-secret"}, "redirect_uri": {"https://deputy.example/cb"},
		"code": {code}, "grant_type": {"authorization_code"},
	}
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	return tokenReply(t, req)
}

// redeemJSON is redeem at Notion.
func redeemJSON(t testing.TB, target, code string) string {
	t.Helper()
	body := `{"grant_type":"authorization_code","code":"` + code + `","redirect_uri":"https://deputy.example/cb"}`
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("simulated-app", "simulated-secret")
	req.Header.Set("Content-Type", "application/json")
	token, _ := tokenReply(t, req)["access_token"].(string)
	return token
}

// redeemKey is redeem at Stripe.
func redeemKey(t testing.TB, target, code string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader("grant_type=authorization_code&code="+code))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("simulated-secret", "")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	token, _ := tokenReply(t, req)["access_token"].(string)
	return token
}

func tokenReply(t testing.TB, req *http.Request) map[string]any {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
