package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hook is a message to the app, and how its provider signs it.
type hook struct {
	body object
	sign func(header http.Header, secret, body string)
}

// emit does something with the lock held and sends the events that came of it
// without it, one after the other.
func (b *base) emit(work func() []hook) {
	b.mu.Lock()
	events, quirks := work(), b.quirks
	b.mu.Unlock()
	if b.cfg.EventsTo == "" {
		return
	}
	for _, e := range events {
		b.send(e, quirks)
	}
}

func (b *base) send(e hook, quirks Quirks) {
	body, err := json.Marshal(e.body)
	if err != nil {
		panic(err) // of our own making
	}
	secret, times := b.cfg.EventSecret, 1
	if quirks.EventForged {
		secret = randomText(20)
	}
	if quirks.EventTwice {
		times = 2
	}
	header := http.Header{"Content-Type": {"application/json"}}
	e.sign(header, secret, string(body))
	client := http.Client{Timeout: 10 * time.Second}
	for range times {
		req, err := http.NewRequest(http.MethodPost, b.cfg.EventsTo, strings.NewReader(string(body)))
		if err != nil {
			return
		}
		req.Header = header.Clone()
		// Whoever does not listen misses it, as at the provider after its last try.
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
		}
	}
}

func macOf(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func githubRevoked(a *account) hook {
	return hook{object{"action": "revoked", "sender": object{"login": a.login, "id": a.id, "type": "User"}}, func(h http.Header, secret, body string) {
		h.Set("X-GitHub-Event", "github_app_authorization")
		h.Set("X-GitHub-Delivery", randomHex(16))
		h.Set("X-Hub-Signature-256", "sha256="+macOf(secret, body))
	}}
}

// TellRevoked sends the event of RevokeAll for a login once more: nothing ends.
func (g *GitHub) TellRevoked(login string) {
	g.emit(func() []hook {
		if a := g.world.account(login); a != nil {
			return []hook{githubRevoked(a)}
		}
		return nil
	})
}

// TellRevoked sends the event of RevokeAll for a name once more: nothing ends.
func (s *Slack) TellRevoked(name string) {
	s.emit(func() []hook {
		for _, m := range s.world.members {
			if m.name == name {
				return []hook{slackRevoked(s.cfg.Now(), m.id)}
			}
		}
		return nil
	})
}

func slackRevoked(now time.Time, id string) hook {
	return slackEvent(now, object{"type": "tokens_revoked", "tokens": object{"oauth": []string{id}, "bot": []string{}}})
}

func slackEvent(now time.Time, what object) hook {
	body := object{"type": "event_callback", "team_id": slackTeam, "api_app_id": "A0SIMULATED", "event_id": "Ev" + strings.ToUpper(randomHex(5)), "event_time": now.Unix(), "event": what}
	return hook{body, func(h http.Header, secret, body string) {
		stamp := strconv.FormatInt(now.Unix(), 10)
		h.Set("X-Slack-Request-Timestamp", stamp)
		h.Set("X-Slack-Signature", "v0="+macOf(secret, "v0:"+stamp+":"+body))
	}}
}

func stripeDeauthorized(found *shop, cfg Config) hook {
	now := cfg.Now()
	body := object{"id": "evt_" + randomText(24), "object": "event", "type": "account.application.deauthorized", "account": found.id, "created": now.Unix(),
		"livemode": false, "data": object{"object": object{"id": cfg.ClientID, "object": "application", "name": cfg.AppName}}}
	return hook{body, func(h http.Header, secret, body string) {
		stamp := strconv.FormatInt(now.Unix(), 10)
		h.Set("Stripe-Signature", "t="+stamp+",v1="+macOf(secret, stamp+"."+body)+",v0="+macOf("old", body))
	}}
}
