package flow

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// visit is one request to a page of the conversation, with everything it needs.
type visit struct {
	conversation
	ask     oauth.Ask
	person  identity.Person
	choices consent.Choices
	plan    consent.Plan
	// continued is the app that the person went on with, as faceOf says.
	continued string
	// language is the one in which the page is read.
	language string
}

// draft is what is kept of a visit.
type draft struct {
	consent.Choices
	Continued string
}

// enter is arrive for a page on which something is decided: who was not told yet that
// nobody here looked at the app is told first.
func (f *Flow) enter(c *gin.Context, flow string) (visit, bool, error) {
	v, ok, err := f.arrive(c, flow)
	if err != nil || !ok {
		return visit{}, false, err
	}
	switch warned, err := f.warned(c.Request.Context(), v); {
	case err != nil:
		return visit{}, false, err
	case warned:
		return visit{}, false, to(c, strangerPath+"?flow="+url.QueryEscape(v.flow))
	}
	return v, true, nil
}

// arrive opens the conversation for whoever is signed in. It reports false when
// it has answered itself: by a sign-in page, a redirect or a page that says the
// request ended.
func (f *Flow) arrive(c *gin.Context, flow string) (visit, bool, error) {
	p, in, err := f.People.Person(c)
	if err != nil {
		return visit{}, false, err
	}
	v, ask, err := f.resume(c, flow, p)
	if errors.Is(err, errEnded) {
		return visit{}, false, f.ended(c, v, p, err)
	}
	if err != nil && !in {
		return visit{}, false, f.signInFirst(c, v, err)
	}
	if err != nil {
		return visit{}, false, f.tell(c, err, in)
	}
	if !in {
		return visit{}, false, f.People.Ask(c, v.path())
	}
	switch ask.Fits(p.SignedInAt, p.Level, v.began(), f.Now()) {
	case oauth.SignInAgain:
		return visit{}, false, f.People.Ask(c, v.path())
	case oauth.SignInFalls:
		return visit{}, false, to(c, f.Protocol.Refuse(ask, "unmet_authentication_requirements", "The person did not sign in as surely as was asked."))
	}
	out := visit{conversation: v, ask: ask, person: p, language: f.Site.Language(c)}
	kept, decided, err := f.Decisions.Draft(c.Request.Context(), pageOf(v, p))
	if err != nil {
		return visit{}, false, err
	}
	if decided {
		return visit{}, false, f.answered(c, out)
	}
	if kept != nil {
		var d draft
		if err := json.Unmarshal(kept, &d); err != nil {
			return visit{}, false, err
		}
		out.choices, out.continued = d.Choices, d.Continued
	}
	if out.plan, err = f.propose(c.Request.Context(), ask, p, out.choices); err != nil {
		return visit{}, false, err
	}
	if u := ask.Misfit(out.plan.Grant); u != nil {
		return visit{}, false, f.misfit(c, out, u)
	}
	done, err := f.unreviewed(c, ask, p, out.plan)
	return out, err == nil && !done, err
}

// misfit answers a request about another grant than the person has: of somebody
// else, or one that has ended.
func (f *Flow) misfit(c *gin.Context, v visit, u *oauth.Unanswerable) error {
	if v.Device == "" {
		return to(c, f.Protocol.Tell(u))
	}
	if err := f.Devices.RefuseDevice(c.Request.Context(), v.Device, v.person.Session); err != nil {
		return err
	}
	return fault.Wrap(fault.Conflict, u, "This device asks about something you do not have here. Nothing was shared. Start again on the device.")
}

// signInFirst keeps an error for the app back until somebody is signed in.
func (f *Flow) signInFirst(c *gin.Context, v conversation, err error) error {
	var u *oauth.Unanswerable
	if errors.As(err, &u) && v.flow != "" {
		return f.People.Ask(c, v.path())
	}
	return err
}

// Consent is GET /consent: the dispatcher. It shows the page from the plan, or
// answers the app when nothing is left.
func (f *Flow) Consent(c *gin.Context) error {
	v, ok, err := f.enter(c, c.Query("flow"))
	if err != nil || !ok {
		return err
	}
	if v.plan.Done() && len(v.plan.Token) > 0 {
		if v.Need != nil {
			return f.leave(c, v.conversation, "")
		}
		return f.issue(c, v.ask, v.person, v.plan)
	}
	notices, err := f.notices(c, v.person.User)
	if err != nil {
		return err
	}
	return f.show(c, v, http.StatusOK, notices)
}

// show renders the consent page, or the one-click page when nothing is new.
func (f *Flow) show(c *gin.Context, v visit, status int, notices []templates.Notice) error {
	if v.flow == "" {
		return errors.New("a page without its conversation")
	}
	// The answer goes on to the app, so the form must be allowed to end there.
	web.AllowFormTo(c, v.ask.RedirectURI)
	page, err := f.fill(c.Request.Context(), v)
	if err != nil {
		return err
	}
	if onlyConfirm(v.plan) {
		return f.Site.Render(c, status, templates.Confirm{
			Frame: page.Frame, Flow: page.Flow, App: page.App, Had: page.Had, Returns: page.Returns, Expires: page.Expires,
		})
	}
	page.Notices = append(notices, f.waits(v.ask)...)
	return f.Site.Render(c, status, page)
}

// onlyConfirm reports whether one click is all that is left. When the app wants
// the page or changed, what the person said no to before is on it.
func onlyConfirm(plan consent.Plan) bool {
	for _, s := range plan.Steps {
		if s.Kind != consent.Confirm {
			return false
		}
		for _, r := range plan.Rows {
			if s.Reason != consent.AppUnproven && r.Reason != consent.AgreedBefore {
				return false
			}
		}
	}
	return true
}

// ended tells that the time is over, with a way back to the app.
func (f *Flow) ended(c *gin.Context, v conversation, p identity.Person, cause error) error {
	ask, err := f.read(c.Request.Context(), v, p)
	if err != nil {
		return cause
	}
	return f.Site.Render(c, http.StatusConflict, templates.Error{
		Frame: f.frame(p), Title: "Nothing was shared.",
		Lead: "The request from " + ask.Client.Name + " ended before you answered. Go back there and start again.",
		What: "10 minutes had passed", At: v.expires(), Next: back(ask), Reference: web.Reference(),
	})
}

// answered tells that this page was decided before: the back button grants
// nothing a second time.
func (f *Flow) answered(c *gin.Context, v visit) error {
	return f.Site.Render(c, http.StatusConflict, templates.Error{
		Frame: f.frame(v.person), Title: "You have answered this already.",
		Lead: "Your answer stands. Nothing was changed now. To ask again, start in " + v.ask.Client.Name + ".",
		What: "This page was sent twice", At: f.Now(), Next: back(v.ask), Reference: web.Reference(),
	})
}

// back leads to the app's site, never to its return address: arriving there
// without an answer would look like one.
func back(ask oauth.Ask) templates.Link {
	u, err := url.Parse(ask.RedirectURI)
	if err != nil || host(ask.RedirectURI) == "" {
		return templates.Link{}
	}
	return templates.Link{Href: u.Scheme + "://" + u.Host + "/", Text: "Go back to " + u.Host}
}

func (f *Flow) frame(p identity.Person) templates.Frame {
	fr := templates.Frame{Path: "/consent", Now: f.Now()}
	if p.User != "" {
		fr.Account, fr.SignOut = p.Email, f.People.SignOutToken(p)
	}
	return fr
}

// frameOf is the frame of a page of the conversation, which "Not you?" leads back to.
func (f *Flow) frameOf(v visit) templates.Frame {
	fr := f.frame(v.person)
	fr.Return = v.path()
	return fr
}

// unreadable is for forms that no page of ours sends.
func unreadable(cause error) error {
	return fault.Wrap(fault.Invalid, cause, "This form could not be read. Nothing was shared. Go back and try again.")
}
