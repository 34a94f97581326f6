package flow

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

// What an administrator has to approve first is on the page, but cannot be ticked.
// The person asks them from there, with a reason, and reads there what became of it.
// Nobody is told when the answer comes: the page shows it when it is read again, and
// so does the person's home page.

const (
	adminStep = "admin"
	adminPath = "/consent/admin"
	// mostWhy bounds a reason, in characters.
	mostWhy = 140
)

// petitions are what the person asked about the app as it is now.
func (f *Flow) petitions(ctx context.Context, app clients.Client, user consent.UserID) ([]consent.Petition, error) {
	all, err := f.Admins.PetitionsOf(ctx, user, app.ID)
	return slices.DeleteFunc(all, func(p consent.Petition) bool { return p.AppDigest != app.Digest() }), err
}

// approved makes sure, in the transaction of a yes, that administrators still let
// the person say it.
func (f *Flow) approved(ctx context.Context, v visit, items []consent.Item) error {
	req := request(v.ask, v.person, v.choices)
	var err error
	if req.Rules, err = f.Admins.Rules(ctx); err != nil || len(req.Rules) == 0 {
		return err
	}
	if req.Petitions, err = f.petitions(ctx, v.ask.Client, v.person.User); err != nil {
		return err
	}
	if len(consent.Unapproved(req, items, f.Now())) > 0 {
		return fault.New(fault.Conflict, "Your admin has to approve this first. Nothing was shared. Go back to the app and start again.")
	}
	return nil
}

// AdminPage is GET /consent/admin: asking, and what became of it.
func (f *Flow) AdminPage(c *gin.Context) error {
	v, ok, err := f.enter(c, c.Query("flow"))
	if err != nil || !ok {
		return err
	}
	return f.showAdmin(c, v, http.StatusOK, templates.AskProblem(""), "")
}

func (f *Flow) showAdmin(c *gin.Context, v visit, status int, problem templates.AskProblem, why string) error {
	page := templates.AskAdmin{Frame: f.frame(v.person), Flow: v.flow, App: app(v.ask, 0), Why: why, Problem: problem, Back: v.path()}
	page.CSRF, page.Here = f.Forms.Token(string(v.person.Session), adminStep, v.flow), adminPath+"?flow="+url.QueryEscape(v.flow)
	open := unasked(v.plan)
	for _, r := range open {
		page.Asks = append(page.Asks, templates.Ask{ID: string(r.Scope.Name), Label: r.Scope.Words, Ticked: r.On || len(open) == 1})
	}
	asked, err := f.petitions(c.Request.Context(), v.ask.Client, v.person.User)
	if err != nil {
		return err
	}
	for _, p := range asked {
		page.Petitions = append(page.Petitions, petition(p, v))
	}
	if len(page.Asks)+len(page.Petitions) == 0 {
		return to(c, v.path()) // nobody has to be asked any more
	}
	return f.Site.Render(c, status, page)
}

// unasked are the rows that an administrator has to approve and was not asked for.
func unasked(plan consent.Plan) []consent.Row {
	var out []consent.Row
	for _, r := range plan.Rows {
		if r.Status == consent.NeedsAdmin && r.Admin == "" {
			out = append(out, r)
		}
	}
	return out
}

func petition(p consent.Petition, v visit) templates.Petition {
	out := templates.Petition{ID: string(p.ID), State: templates.PetitionState(p.State), Why: p.Why, Answer: p.Answer, Asked: p.Asked, Answered: p.Answered, Until: p.Until}
	for _, name := range p.Scopes {
		out.Rows = append(out.Rows, v.ask.Words[name].Words)
	}
	return out
}

// AskAdmin is POST /consent/admin: the buttons of that page.
func (f *Flow) AskAdmin(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return unreadable(err)
	}
	form := c.Request.PostForm
	v, ok, err := f.enter(c, form.Get("flow"))
	if err != nil || !ok {
		return err
	}
	if err := f.Forms.Check(form.Get("csrf"), string(v.person.Session), adminStep, v.flow); err != nil {
		return err
	}
	switch verb, object, _ := strings.Cut(form.Get("do"), ":"); verb {
	case "withdraw":
		if err := f.Admins.Withdraw(c.Request.Context(), v.person.User, consent.PetitionID(object)); err != nil {
			return err
		}
		return to(c, v.path()+"&outcome="+string(templates.NoticeWithdrawn))
	case "ask":
		return f.ask(c, v, form)
	}
	return fault.New(fault.Invalid, "This form has no such button. Nothing was sent. Go back and try again.")
}

func (f *Flow) ask(c *gin.Context, v visit, form url.Values) error {
	now, why := f.Now(), strings.TrimSpace(form.Get("why"))
	p := consent.Petition{User: v.person.User, App: v.ask.Client.ID, AppDigest: v.ask.Client.Digest(), Why: why, Asked: now, Until: now.Add(consent.PetitionLife)}
	for _, r := range unasked(v.plan) {
		if slices.Contains(form["ask"], string(r.Scope.Name)) {
			p.Scopes = append(p.Scopes, r.Scope.Name)
		}
	}
	switch {
	case why == "" || !utf8.ValidString(why) || utf8.RuneCountInString(why) > mostWhy:
		return f.showAdmin(c, v, http.StatusUnprocessableEntity, templates.AskNeedsWhy, why)
	case len(p.Scopes) == 0:
		return f.showAdmin(c, v, http.StatusUnprocessableEntity, templates.AskNeedsTick, why)
	}
	err := f.Tx(c.Request.Context(), func(ctx context.Context) error {
		if err := f.Decisions.Adopt(ctx, v.ask.Client); err != nil {
			return err
		}
		return f.Admins.Petition(ctx, p)
	})
	if err != nil {
		return err
	}
	return to(c, v.path()+"&outcome="+string(templates.NoticeAsked))
}
