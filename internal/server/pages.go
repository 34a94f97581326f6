package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/templates"
)

// sets are the pages of each site, a site → func() (*templates.Set, error). The
// templates are in the program: they are read once a process for pages, mails and
// commands, and for the hundreds of servers that tests make.
var sets sync.Map

type site struct{ operator, language string }

// pages is what pages and mails say.
func (f *Foundation) pages() (*templates.Set, error) {
	read, _ := sets.LoadOrStore(site{f.Config.Operator, f.Config.Language}, sync.OnceValues(func() (*templates.Set, error) {
		return templates.New(templates.Site{Operator: f.Config.Operator, Language: f.Config.Language, Said: f.Catalog.Said})
	}))
	set, err := read.(func() (*templates.Set, error))()
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	return set, nil
}

func (s *Server) buildSite(context.Context) error {
	pages, err := s.pages()
	if err != nil {
		return err
	}
	s.languages = pages.Languages()
	s.site = &web.Site{Renderer: pages, Log: s.log, HTTPS: s.Config.ExternalURL.Scheme == "https", ErrorPage: s.errorPage}
	return nil
}

// errorPage is what a person reads when something went wrong.
func (s *Server) errorPage(c *gin.Context, kind fault.Kind, message, reference string) any {
	page := templates.Error{Frame: s.frame(c), Title: titles[kind], Lead: message, At: s.Now(), Reference: reference}
	if kind == fault.Internal {
		page.Lead = "Something went wrong on our side. Nothing was shared. Try again; if it happens again, tell your operator the reference below."
	}
	return page
}

var titles = map[fault.Kind]string{
	fault.Internal: "That did not work.",
	fault.Invalid:  "This cannot be answered.",
	fault.Denied:   "This was not done.",
	fault.NotFound: "There is nothing here.",
	fault.Conflict: "This is over.",
	fault.Upstream: "A service does not answer.",
}

// frame is the frame of pages outside a conversation. Who is signed in cannot
// always be read then; the page does without.
func (s *Server) frame(c *gin.Context) templates.Frame {
	f := templates.Frame{Path: c.Request.URL.Path, Now: s.Now()}
	if s.identity == nil {
		return f
	}
	if p, in, err := s.identity.Person(c); err == nil && in {
		f.Account, f.SignOut = p.Email, s.identity.SignOutToken(p)
	}
	return f
}

// otherMethod answers a known address asked in another way than it offers; gin
// has set Allow.
func (s *Server) otherMethod(c *gin.Context) error {
	page := s.errorPage(c, fault.Invalid, "This address cannot be used that way. Nothing was changed. Go back and follow a link or a button.", web.Reference())
	return s.site.Render(c, http.StatusMethodNotAllowed, page)
}

func (s *Server) nothingHere(*gin.Context) error {
	return fault.New(fault.NotFound, "There is no such page. Check the address, or go to your home page.")
}

// disconnected shows what a provider said when it was told.
func (s *Server) disconnected(c *gin.Context, p connect.Person, d connect.Disconnection) error {
	page := templates.DisconnectResult{Frame: s.frame(c), Account: d.Connection.Login, Answer: answers[d.Answer]}
	if known := s.Catalog.Providers[d.Connection.Provider]; known != nil {
		page.Provider = templates.Provider{ID: string(known.ID), Name: known.Name, Mark: known.Mark}
	}
	apps, err := store.Dashboard{Store: s.Store}.Apps(c.Request.Context(), p.User)
	if err != nil {
		return err
	}
	for _, held := range apps {
		if uses(held.Grant, d.Connection.ID) {
			page.Stopped = append(page.Stopped, held.App.Name)
		}
	}
	return s.site.Render(c, http.StatusOK, page)
}

var answers = map[provider.Revocation]templates.Answer{
	provider.Revoked: templates.AnswerRevoked, provider.AlreadyGone: templates.AnswerUnknown, provider.NotOffered: templates.AnswerNone,
	provider.Unconfirmed: templates.AnswerFailed, provider.Unreachable: templates.AnswerFailed,
}

func uses(g consent.Grant, id consent.ConnectionID) bool {
	for _, it := range g.Items {
		if it.Connection == id {
			return true
		}
	}
	return false
}
