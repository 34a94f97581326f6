package flow

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// An app that nobody registered by hand may be anybody with a good name. What it
// cannot have before an operator approved it is not on the page, and is in no
// token; and only so many people may allow it (OAuth 2.1 section 7.9). What such
// an app has already is not taken away by a stricter rule.

// offered is what people may allow the app of ask, and what waits for an operator.
func (f *Flow) offered(app clients.Client, asked []consent.Scope) (offered, waiting []consent.Scope) {
	if app.Reviewed() {
		return asked, nil
	}
	return f.Review.Offer(asked)
}

// closed says why nobody new may allow the app anything now, "" when they may.
// have is what the person has agreed to already.
func (f *Flow) closed(ctx context.Context, app clients.Client, have consent.GrantID, rows int) (string, error) {
	if rows == 0 {
		return "All of what it asks for waits until somebody has looked at the app.", nil
	}
	if app.Reviewed() || have != "" || f.Review == consent.ReviewNothing {
		return "", nil
	}
	people, err := f.Ledger.AppUsers(ctx, app.ID, consent.MostUnreviewed)
	if err != nil || !f.Review.Full(people) {
		return "", err
	}
	return strconv.Itoa(consent.MostUnreviewed) + " people have allowed it, and nobody has looked at it yet.", nil
}

// errClosed is what an app is told that waits for an operator.
const errClosed = "The operator of this server has to approve the app first."

// unreviewed answers a request of an app that nobody may allow anything now. It
// reports false when there is nothing to say.
func (f *Flow) unreviewed(c *gin.Context, ask oauth.Ask, p identity.Person, plan consent.Plan) (bool, error) {
	why, err := f.closed(c.Request.Context(), ask.Client, plan.Grant, len(plan.Rows))
	if err != nil || why == "" {
		return false, err
	}
	web.Note(c, slog.String("waits_for_review", string(ask.Client.ID)))
	if ask.Silent {
		return true, to(c, f.Protocol.Refuse(ask, "access_denied", errClosed))
	}
	return true, f.Site.Render(c, http.StatusForbidden, templates.Error{
		Frame: f.frame(p), Title: "Nothing was shared.",
		Lead: ask.Client.Name + " has to wait. Ask whoever runs this server to approve it, and say what stands below.",
		What: why + " Its id is " + string(ask.Client.ID), At: f.Now(), Next: back(ask), Reference: web.Reference(),
	})
}

// room makes sure, in the transaction of a yes, that the app may have one more
// person. Adopt holds others of the same app back until it ends.
func (f *Flow) room(ctx context.Context, app clients.Client, have consent.GrantID) error {
	why, err := f.closed(ctx, app, have, 1)
	if err == nil && why != "" {
		err = fault.New(fault.Conflict, "%s", "Nothing was shared. "+why)
	}
	return err
}

// waits is the notice that part of what the app asks for waits for the operator.
func (f *Flow) waits(ask oauth.Ask) []templates.Notice {
	_, waiting := f.offered(ask.Client, ask.Scopes)
	if len(waiting) == 0 {
		return nil
	}
	return []templates.Notice{{Kind: templates.NoticeWaits, What: waiting[0].Words, Count: len(waiting)}}
}
