package events_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/events"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// world is registrations with secrets, and what was heard.
type world struct {
	secrets map[provider.RegistrationID]string
	doubt   []consent.ConnectionID
	fails   error
	heard   []events.Message
	checked []consent.ConnectionID
}

func (w *world) Registration(_ context.Context, id provider.RegistrationID) (provider.Registration, error) {
	key, ok := w.secrets[id]
	if !ok {
		return provider.Registration{}, fault.New(fault.NotFound, "There is none.")
	}
	return provider.Registration{ID: id, Provider: consent.ProviderID(id), Webhook: secret.New(key)}, nil
}

func (w *world) Check(_ context.Context, id consent.ConnectionID) error {
	w.checked = append(w.checked, id)
	return errors.New("refused")
}

func (w *world) Hear(_ context.Context, m events.Message, _ int) (events.Heard, error) {
	w.heard = append(w.heard, m)
	return events.Heard{Doubt: w.doubt}, w.fails
}

// key is the secret in GitHub's documentation, as is its signature below; the one of
// Slack's documentation stands where it is used.
const key = "It's a Secret to Everybody"

var now = time.Unix(1_795_000_000, 0)

func (w *world) receive(t *testing.T, id provider.RegistrationID, at time.Time, header http.Header, body string) events.Answer {
	t.Helper()
	cat, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	r, err := events.New(events.Config{Catalog: cat, Providers: w, Connections: w, Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.Receive(t.Context(), id, header, strings.NewReader(body))
	if !errors.Is(err, w.fails) {
		t.Errorf("received with %v", err)
	}
	return answer
}

func newWorld() *world {
	return &world{secrets: map[provider.RegistrationID]string{"github": key, "slack": key, "stripe": key, "notion": key, "google": ""}}
}

func mac(text string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func github(event, body string) http.Header {
	return headers("X-GitHub-Event", event, "X-GitHub-Delivery", "d1", "X-Hub-Signature-256", "sha256="+mac(body))
}

func slack(at time.Time, body string) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return headers("X-Slack-Request-Timestamp", stamp, "X-Slack-Signature", "v0="+mac("v0:"+stamp+":"+body))
}

func stripe(at time.Time, body string) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return headers("Stripe-Signature", "t="+stamp+",v1="+strings.Repeat("0", 64)+",v1="+mac(stamp+"."+body)+",v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39")
}

const (
	githubBody = `{"action":"revoked","sender":{"id":583231,"login":"octocat"}}`
	slackBody  = `{"type":"event_callback","team_id":"T1","event_id":"Ev1","event_time":1795000000,"event":{"type":"tokens_revoked","tokens":{"oauth":["U1","U2"],"bot":["B1"]}}}`
	goneBody   = `{"type":"event_callback","team_id":"T1","event_id":"Ev2","event_time":1795000000,"event":{"type":"app_uninstalled"}}`
	stripeBody = `{"id":"evt_1","type":"account.application.deauthorized","account":"acct_1","created":1795000000}`
)

// The signatures are those of the providers' own documentation: their body is no
// message, and with the right signature that is all that is wrong with it.
func TestThreat_B17_SignaturesAsDocumented(t *testing.T) {
	w := newWorld()
	hello := headers("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	if got := w.receive(t, "github", now, hello, "Hello, World!"); got.Status != http.StatusBadRequest {
		t.Errorf("GitHub's: %+v", got)
	}
	w.secrets["slack"] = "8f742231b10e8888abcd99yyyzzz85a5"
	form := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
		"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	signed := headers("X-Slack-Request-Timestamp", "1531420618", "X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	if got := w.receive(t, "slack", time.Unix(1531420618, 0), signed, form); got.Status != http.StatusBadRequest {
		t.Errorf("Slack's: %+v", got)
	}
}

func TestThreat_B17_WhoIsMeant(t *testing.T) {
	before := now.Add(-time.Minute)
	for name, c := range map[string]struct {
		id     provider.RegistrationID
		header http.Header
		body   string
		want   events.Message
	}{
		"GitHub, which does not say when": {"github", github("github_app_authorization", githubBody), githubBody, events.Message{ID: "d1", Subjects: []string{"583231"}}},
		"people at Slack":                 {"slack", slack(now, slackBody), slackBody, events.Message{ID: "Ev1", Subjects: []string{"T1/U1", "T1/U2"}, Before: before}},
		"a workspace":                     {"slack", slack(now, goneBody), goneBody, events.Message{ID: "Ev2", Realm: "T1/", Before: before}},
		"an account at Stripe":            {"stripe", stripe(now, stripeBody), stripeBody, events.Message{ID: "evt_1", Subjects: []string{"acct_1"}, Before: before}},
	} {
		w := newWorld()
		w.doubt = []consent.ConnectionID{"conn"}
		c.want.Registration, c.want.Until = c.id, now.Add(4*24*time.Hour)
		if got := w.receive(t, c.id, now, c.header, c.body); got.Status != http.StatusOK {
			t.Errorf("%s: %+v", name, got)
		}
		if diff := cmp.Diff([]events.Message{c.want}, w.heard); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if !cmp.Equal(w.checked, w.doubt) {
			t.Errorf("%s: asked about %q", name, w.checked)
		}
	}
}

func TestThreat_B17_WhatIsNotTheProviders(t *testing.T) {
	changed := strings.Replace(slackBody, "U2", "U3", 1)
	twice := slack(now, slackBody)
	twice.Add("X-Slack-Signature", twice.Get("X-Slack-Signature"))
	times := stripe(now, stripeBody)
	times.Set("Stripe-Signature", times.Get("Stripe-Signature")+",t=1")
	long := strings.Repeat(" ", events.MaxBody) + githubBody
	for name, c := range map[string]struct {
		id     provider.RegistrationID
		header http.Header
		body   string
		want   int
	}{
		"no signature":                    {"github", headers("X-GitHub-Event", "github_app_authorization"), githubBody, http.StatusUnauthorized},
		"SHA-1":                           {"github", headers("X-Hub-Signature", "sha1=00"), githubBody, http.StatusUnauthorized},
		"no prefix":                       {"github", headers("X-Hub-Signature-256", mac(githubBody)), githubBody, http.StatusUnauthorized},
		"half a signature":                {"github", headers("X-Hub-Signature-256", "sha256="+mac(githubBody)[:32]), githubBody, http.StatusUnauthorized},
		"an empty one":                    {"github", headers("X-Hub-Signature-256", "sha256="), githubBody, http.StatusUnauthorized},
		"another body":                    {"slack", slack(now, slackBody), changed, http.StatusUnauthorized},
		"another time":                    {"slack", headers("X-Slack-Request-Timestamp", "1795000001", "X-Slack-Signature", slack(now, slackBody).Get("X-Slack-Signature")), slackBody, http.StatusUnauthorized},
		"no time":                         {"slack", headers("X-Slack-Signature", slack(now, slackBody).Get("X-Slack-Signature")), slackBody, http.StatusUnauthorized},
		"an old one":                      {"slack", slack(now.Add(-301*time.Second), slackBody), slackBody, http.StatusUnauthorized},
		"one of the future":               {"stripe", stripe(now.Add(301*time.Second), stripeBody), stripeBody, http.StatusUnauthorized},
		"two headers":                     {"slack", twice, slackBody, http.StatusUnauthorized},
		"two times":                       {"stripe", times, stripeBody, http.StatusUnauthorized},
		"Stripe's other scheme":           {"stripe", headers("Stripe-Signature", "t=1795000000,v0="+mac("1795000000."+stripeBody)), stripeBody, http.StatusUnauthorized},
		"the way of another provider":     {"stripe", slack(now, stripeBody), stripeBody, http.StatusUnauthorized},
		"too long":                        {"github", github("github_app_authorization", long), long, http.StatusRequestEntityTooLarge},
		"no JSON":                         {"github", github("github_app_authorization", "x"), "x", http.StatusBadRequest},
		"a provider that tells nothing":   {"notion", github("x", githubBody), githubBody, http.StatusNotFound},
		"one without a secret":            {"google", github("x", githubBody), githubBody, http.StatusNotFound},
		"one that is not there":           {"nobody", github("x", githubBody), githubBody, http.StatusNotFound},
		"something else of GitHub":        {"github", github("push", githubBody), githubBody, http.StatusOK},
		"GitHub, and nobody is named":     {"github", github("github_app_authorization", `{"action":"revoked"}`), `{"action":"revoked"}`, http.StatusOK},
		"GitHub, and nothing was revoked": {"github", github("github_app_authorization", `{"action":"x","sender":{"id":1}}`), `{"action":"x","sender":{"id":1}}`, http.StatusOK},
	} {
		w := newWorld()
		if got := w.receive(t, c.id, now, c.header, c.body); got.Status != c.want || strings.Contains(got.Text, "octocat") {
			t.Errorf("%s: %+v, want %d", name, got, c.want)
		}
		if len(w.heard) > 0 || len(w.checked) > 0 {
			t.Errorf("%s: heard %+v, asked about %q", name, w.heard, w.checked)
		}
	}
}

// Slack tries the address before it uses it. Only who can sign gets the text back.
func TestThreat_B17_SlacksChallenge(t *testing.T) {
	body := `{"type":"url_verification","token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}`
	w := newWorld()
	if got := w.receive(t, "slack", now, slack(now, body), body); got.Status != http.StatusOK || got.Text != "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" {
		t.Errorf("answered %+v", got)
	}
	if got := w.receive(t, "slack", now, slack(now, "{}"), body); got.Status != http.StatusUnauthorized {
		t.Errorf("a stranger is answered %+v", got)
	}
}

// What could not be written down is not said to be taken: the provider sends it
// again.
func TestAMessageThatCouldNotBeKept(t *testing.T) {
	w := newWorld()
	w.fails = errors.New("disk full")
	if got := w.receive(t, "stripe", now, stripe(now, stripeBody), stripeBody); got.Status != 0 || len(w.checked) > 0 {
		t.Errorf("answered %+v", got)
	}
}
