package simulator

import (
	"slices"
)

// Slack is a simulated Slack with one workspace, Northwind, on one origin: web
// pages at /oauth/…, the API at /api/<method>. The accounts are ana and ben;
// the password is the name.
type Slack struct {
	*base
	world  *workspace
	grants slackGrants
}

// Message is a message as a test sees it.
type Message struct {
	TS       string
	ThreadTS string // of the message it answers, or ""
	User     string // id of the author
	Text     string
}

// NewSlack returns a Slack with its usual content.
func NewSlack(cfg Config) *Slack {
	s := &Slack{
		base: newBase(cfg, brand{
			Name: "Slack", Mark: "Sl", Theme: "slack", Account: "Name", Cookie: "slack_simulator_session", SignIn: "/signin",
		}),
		grants: newSlackGrants(),
	}
	s.world = newWorkspace(s.cfg.Now())
	s.people = s.world.people()
	s.webRoutes(s, "/oauth/v2_user/authorize", "/api/oauth.v2.user.access", "/api")
	for _, path := range []string{"/oauth/v2/authorize", "/oauth/v2_user/authorize"} {
		s.mux.HandleFunc("GET "+path, s.showAuthorize)
		s.mux.Handle("POST "+path, sameSiteOnly(s.takeAuthorize))
	}
	s.mux.HandleFunc("/api/oauth.v2.access", s.token)
	s.mux.HandleFunc("/api/oauth.v2.user.access", s.token)
	s.mux.HandleFunc("/api/{method}", s.api)
	return s
}

// Messages returns a channel's messages (by id or name), oldest first.
func (s *Slack) Messages(idOrName string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.world.channels, func(c *channel) bool { return c.id == idOrName || c.name == idOrName })
	if at < 0 {
		return nil
	}
	var list []Message
	for _, m := range s.world.channels[at].messages {
		list = append(list, Message{TS: m.ts, ThreadTS: m.thread, User: m.user, Text: m.text})
	}
	return list
}

// RevokeAll ends everything a person (id or name) agreed to.
func (s *Slack) RevokeAll(subject string) {
	s.emit(func() (events []hook) {
		for _, m := range s.world.members {
			if m.id == subject || m.name == subject {
				s.grants.dropAll(m.id)
				events = append(events, slackRevoked(s.cfg.Now(), m.id))
			}
		}
		return events
	})
}

// Uninstall takes the app out of the workspace.
func (s *Slack) Uninstall() {
	s.emit(func() []hook {
		for _, m := range s.world.members {
			s.grants.dropAll(m.id)
		}
		return []hook{slackEvent(s.cfg.Now(), object{"type": "app_uninstalled"})}
	})
}

// ExpireTokens ends every rotating access token now; tokens that do not expire
// are revoked. Refresh tokens go on working.
func (s *Slack) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for _, t := range s.grants.tokens {
		if t.expires.IsZero() {
			t.revoked = true
			continue
		}
		t.expires = now
	}
}
