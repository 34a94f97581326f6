package simulator

import (
	"crypto/rsa"
	"slices"
)

// Google is a simulated Google on one origin: web pages at /o/oauth2/…, the
// token endpoint at /token, Drive at /drive/v3, Gmail at /gmail/v1 and Calendar
// at /calendar/v3. The accounts are ana and ben of northwind.example; the
// password is the name.
type Google struct {
	*base
	world  *googleWorld
	grants googleGrants
	signer *rsa.PrivateKey // of ID tokens; made when the first is asked for
}

// Mail is a message as a test sees it.
type Mail struct {
	ID      string
	From    string
	To      []string // with Cc and Bcc
	Subject string
	Text    string
	Labels  []string
}

// File is a Drive file as a test sees it.
type File struct {
	ID, Name, Parent string
	Content          string
	Trashed          bool
}

// NewGoogle returns a Google with its usual content.
func NewGoogle(cfg Config) *Google {
	g := &Google{
		base: newBase(cfg, brand{
			Name: "Google", Mark: "Go", Theme: "google", Account: "Name", Cookie: "google_simulator_session", SignIn: "/signin",
		}),
		grants: newGoogleGrants(),
	}
	g.world = newGoogleWorld(g.cfg.Now())
	for _, a := range g.world.accounts {
		g.people = append(g.people, a.name)
	}
	g.webRoutes(g, "/o/oauth2/v2/auth", "/token", "")
	g.oauthRoutes()
	g.driveRoutes()
	g.gmailRoutes()
	g.calendarRoutes()
	return g
}

// RevokeAll ends everything a person (name, address or sub) agreed to.
func (g *Google) RevokeAll(subject string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.world.account(subject); a != nil {
		g.grants.dropAll(a.sub)
	}
}

// ExpireTokens ends every access token now. Refresh tokens go on working.
func (g *Google) ExpireTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.grants.expire(g.cfg.Now())
}

// Open gives the app a file of this person, as Google's picker does: with the
// scope drive.file it reaches nothing else but what it made itself.
func (g *Google) Open(person, fileID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.world.account(person); a != nil {
		g.world.open(a, fileID)
	}
}

// Mails returns a person's messages with a label, oldest first.
func (g *Google) Mails(person, label string) []Mail {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Mail
	for _, m := range g.world.account(person).mailbox.messages {
		if slices.Contains(m.labels, label) {
			list = append(list, Mail{m.id, m.from, slices.Concat(m.to, m.cc, m.bcc), m.subject, m.text, slices.Clone(m.labels)})
		}
	}
	return list
}

// File returns a Drive file.
func (g *Google) File(id string) (File, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.world.file(id)
	if f == nil {
		return File{}, false
	}
	return File{f.id, f.name, f.parent, string(f.content), f.trashed}, true
}
