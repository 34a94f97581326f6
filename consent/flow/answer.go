package flow

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

// Answer is POST /consent: the buttons of the page.
func (f *Flow) Answer(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return unreadable(err)
	}
	form := c.Request.PostForm
	v, ok, err := f.enter(c, form.Get("flow"))
	if err != nil || !ok {
		return err
	}
	same, err := f.checkTicket(v, form.Get("csrf"))
	if err != nil {
		return f.otherAccount(c, v, err, func(session string) error { return f.checkForm(session, v, form.Get("csrf")) })
	}
	verb, object, _ := strings.Cut(form.Get("do"), ":")
	if verb == "deny" {
		v.language = f.readIn(v, form.Get("csrf"))
		return f.refuse(c, v)
	}
	account := v.plan
	v.choices = choose(v.choices, v.plan, form)
	if v.plan, err = f.propose(c.Request.Context(), v.ask, v.person, v.choices); err != nil {
		return err
	}
	switch verb {
	case "allow":
		if !same || otherAccounts(account, v.plan) {
			return f.again(c, v, templates.NoticeChanged)
		}
		return f.allow(c, v)
	case "save":
		return f.keepAndGo(c, v, v.path()+"&outcome="+string(templates.NoticeSaved))
	case "language":
		f.Site.ChooseLanguage(c, object)
		return f.keepAndGo(c, v, v.path())
	case "account":
		return f.keepAndGo(c, v, accountsPath(v.path()))
	case "connect", "reconnect", "widen":
		return f.keepAndGo(c, v, "/consent/connect?flow="+url.QueryEscape(v.flow)+"&do="+url.QueryEscape(form.Get("do")))
	case "pick":
		return f.keepAndGo(c, v, pickerPath(v.flow, object))
	case adminStep:
		return f.keepAndGo(c, v, adminPath+"?flow="+url.QueryEscape(v.flow))
	}
	return fault.New(fault.Invalid, "This form has no such button. Nothing was shared. Go back and try again.")
}

// again shows the page once more: something is not as it was when it was read.
func (f *Flow) again(c *gin.Context, v visit, why templates.NoticeKind) error {
	if err := f.keep(c.Request.Context(), v); err != nil {
		return err
	}
	n := templates.Notice{Kind: why}
	if why == templates.NoticeRequired {
		n.What, n.Count = labels(v.plan, v.plan.Lacking)[0], len(v.plan.Lacking)
	}
	return f.show(c, v, http.StatusConflict, []templates.Notice{n})
}

func (f *Flow) keepAndGo(c *gin.Context, v visit, target string) error {
	if err := f.keep(c.Request.Context(), v); err != nil {
		return err
	}
	return to(c, target)
}

func (f *Flow) keep(ctx context.Context, v visit) error {
	encoded, err := json.Marshal(draft{v.choices, v.continued})
	if err != nil {
		return err
	}
	return f.Decisions.Keep(ctx, pageOf(v.conversation, v.person), encoded, v.expires())
}

// choose reads the ticks, accounts, ends and rates of the page into the choices.
func choose(old consent.Choices, plan consent.Plan, form url.Values) consent.Choices {
	next := consent.Choices{
		Account: map[consent.ProviderID]consent.ConnectionID{}, Picked: old.Picked, Ticked: map[consent.ScopeName]bool{},
		Days: map[consent.ScopeName]int{}, Rates: map[consent.ScopeName]consent.Rate{},
	}
	maps.Copy(next.Account, old.Account)
	maps.Copy(next.Ticked, old.Ticked)
	maps.Copy(next.Days, old.Days)
	maps.Copy(next.Rates, old.Rates)
	for _, r := range plan.Rows {
		name := string(r.Scope.Name)
		if slices.Contains(form["shown"], name) {
			next.Ticked[r.Scope.Name] = slices.Contains(form["allow"], name)
		}
		if id := form.Get("account." + string(r.Scope.Provider)); id != "" && r.Scope.Provider != "" {
			if id != string(r.Connection.ID) {
				next.Picked = nil // what was picked on one account is not on the other
			}
			next.Account[r.Scope.Provider] = consent.ConnectionID(id)
		}
		terms(&next, r, form)
	}
	return next
}

// otherAccounts reports whether the form chose other accounts than the page
// showed the rows with.
func otherAccounts(was, is consent.Plan) bool {
	for i, r := range is.Rows {
		if r.Connection.ID != was.Rows[i].Connection.ID {
			return true
		}
	}
	return false
}

// allow grants what is ticked and ready, and answers the app. Grant, receipt,
// record and code stand or fall together.
func (f *Flow) allow(c *gin.Context, v visit) error {
	if len(v.plan.Lacking) > 0 {
		return f.again(c, v, templates.NoticeRequired)
	}
	if len(v.plan.Grantable) == 0 && len(v.plan.Token) == 0 {
		return f.again(c, v, templates.NoticeNothing)
	}
	if sure, err := f.sure(c, v); err != nil || !sure {
		return err
	}
	ctx := c.Request.Context()
	var target string
	var grant consent.GrantID
	err := f.Tx(ctx, func(ctx context.Context) error {
		if err := f.once(ctx, v); err != nil {
			return err
		}
		var err error
		if grant, err = f.record(ctx, v, true); err != nil {
			return err
		}
		if v.Need != nil {
			return nil
		}
		plan, err := f.decide(ctx, v.ask, v.person, consent.Choices{})
		if err != nil {
			return err
		}
		target, err = f.Protocol.Issue(ctx, v.ask, approval(v.person, c.ClientIP(), grant, plan.Token, v.plan.Settled(v.ask.Details)))
		return err
	})
	if err != nil {
		return err
	}
	f.Changed(grant)
	return f.leave(c, v.conversation, target)
}

// refuse remembers the no and answers the app. What the app had stays untouched.
func (f *Flow) refuse(c *gin.Context, v visit) error {
	return f.end(c, v, func(ctx context.Context) error {
		_, err := f.record(ctx, v, false)
		return err
	})
}

// end closes the request, records why in the same transaction, and tells the app that
// the person said no.
func (f *Flow) end(c *gin.Context, v visit, record func(ctx context.Context) error) error {
	err := f.Tx(c.Request.Context(), func(ctx context.Context) error {
		if err := f.once(ctx, v); err != nil {
			return err
		}
		if err := record(ctx); err != nil {
			return err
		}
		switch {
		case v.Need != nil:
			return nil
		case v.Device == "":
			return f.Protocol.Close(ctx, v.ask)
		}
		return f.Devices.RefuseDevice(ctx, v.Device, v.person.Session)
	})
	if err != nil {
		return err
	}
	return f.leave(c, v.conversation, f.Protocol.Refuse(v.ask, "access_denied", "The person said no."))
}

// once makes an answer count once, whatever is sent how often.
func (f *Flow) once(ctx context.Context, v visit) error {
	first, err := f.Decisions.Decide(ctx, pageOf(v.conversation, v.person), v.expires())
	if err == nil && !first {
		err = fault.New(fault.Conflict, "You have answered this already. Your first answer stands. Nothing was changed now.")
	}
	return err
}

// record stores the answer: what was agreed to or refused, the receipt and the
// audit event. It reads the grant again, inside the transaction.
func (f *Flow) record(ctx context.Context, v visit, yes bool) (consent.GrantID, error) {
	if err := f.Decisions.Adopt(ctx, v.ask.Client); err != nil {
		return "", err
	}
	grants, err := f.Ledger.GrantsOf(ctx, v.person.User, v.ask.Client.ID)
	if err != nil {
		return "", err
	}
	g := consent.Grant{User: v.person.User, App: v.ask.Client.ID}
	for _, have := range grants {
		if have.App == v.ask.Client.ID {
			g = have
		}
	}
	var items []consent.Item
	if u := v.ask.Misfit(g.ID); yes && u != nil {
		return "", fault.Wrap(fault.Conflict, u, "What this app may do for you changed meanwhile. Nothing was shared. Go back to the app and start again.")
	}
	if yes {
		if err := f.room(ctx, v.ask.Client, g.ID); err != nil {
			return "", err
		}
		items = v.plan.Grantable
		if err := f.approved(ctx, v, items); err != nil {
			return "", err
		}
		g.AppDigest, g.Face = v.ask.Client.Digest(), v.ask.Client.App().Face
	}
	no := v.plan.Refuses(yes)
	now := f.Now()
	id, err := f.Decisions.SaveGrant(ctx, consent.Agree(g, items, no, now))
	if err != nil {
		return "", err
	}
	receipt, err := f.receipt(v, id, yes, items, no, now)
	if err != nil {
		return "", err
	}
	if err := f.Decisions.AddReceipt(ctx, receipt); err != nil {
		return "", err
	}
	e := audit.Event{At: now, Kind: audit.GrantAgreed, User: g.User, App: g.App, Grant: id, Outcome: audit.Done, Detail: joined(itemScopes(items))}
	if !yes {
		e.Kind, e.Outcome, e.Detail = audit.GrantRefused, audit.Denied, joined(no)
	}
	return id, f.Audit.InTx(ctx, e)
}

func itemScopes(items []consent.Item) []consent.ScopeName {
	names := make([]consent.ScopeName, len(items))
	for i, it := range items {
		names[i] = it.Scope
	}
	return names
}
