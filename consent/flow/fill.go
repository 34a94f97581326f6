package flow

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// peopleShown is up to how many users of an app are counted for its page.
const peopleShown = 1000

// fill turns a plan into its page. It decides nothing: every word on the page
// comes from the plan, the catalogue or the app.
func (f *Flow) fill(ctx context.Context, v visit) (templates.Consent, error) {
	names, err := f.Ledger.AppNames(ctx, others(v.plan))
	if err != nil {
		return templates.Consent{}, err
	}
	people, err := f.Ledger.AppUsers(ctx, v.ask.Client.ID, peopleShown)
	if err != nil {
		return templates.Consent{}, err
	}
	connections, err := f.Ledger.ConnectionsOf(ctx, v.person.User)
	if err != nil {
		return templates.Consent{}, err
	}
	page := templates.Consent{
		Frame: f.frameOf(v), Flow: v.flow, App: app(v.ask, people), Services: f.services(v.plan), Returns: returns(v.ask), Expires: v.expires(),
		Missing: f.missing(v.plan), Accounts: f.accounts(v.plan, connections), Writes: writes(v.plan),
	}
	page.App.Changes = changes(v.plan.Changes)
	page.CSRF, page.Here = f.ticket(v), v.path()
	page.Renews = onlyRenews(v.plan)
	for _, r := range v.plan.Rows {
		if r.Reason == consent.AgreedBefore {
			page.Had = append(page.Had, f.had(r))
			page.Delta = true
			continue
		}
		page.Delta = page.Delta || r.Held()
		row, group, last := f.row(v.plan, r, names), groupOf(&page, r.Scope), ends(r.Scope, v.choices.Days[r.Scope.Name], f.Now())
		if r.Scope.Modifier {
			row.Ends, row.Daily, row.Hours = last, amounts(dailies(r.Scope), r.Rate.Daily), amounts(hours(r.Scope), int(r.Rate.Every/time.Hour))
		} else {
			group.Ends = last
		}
		group.Rows = append(group.Rows, row)
	}
	return page, nil
}

// onlyRenews reports whether the app has all that it asks for, and some of it ends
// soon.
func onlyRenews(plan consent.Plan) bool {
	for _, r := range plan.Rows {
		if r.Reason != consent.AgreedBefore && r.Reason != consent.EndsSoon {
			return false
		}
	}
	return slices.ContainsFunc(plan.Rows, func(r consent.Row) bool { return r.Reason == consent.EndsSoon })
}

func groupOf(page *templates.Consent, s consent.Scope) *templates.Group {
	switch {
	case s.Modifier:
		return &page.Away
	case s.Access == consent.Read:
		return &page.See
	}
	return &page.Change
}

// app is who asks, and what somebody found out about it. A document's own host comes
// before that of the return address: it was reached when it was fetched.
func app(ask oauth.Ask, people int) templates.App {
	c := ask.Client
	out := templates.App{
		ID: string(c.ID), Name: c.Name, Claimed: c.Claimed, Like: templates.Likeness(c.Likeness.Reason), Of: c.Likeness.Of,
		Host: cmp.Or(c.Host(), host(ask.RedirectURI)), Publisher: c.Publisher, Check: templates.Check(c.Check()),
		People: people, New: !c.Reviewed() && people < consent.FewPeople,
	}
	if ask.Here && len(c.RedirectURIs) > 0 {
		out.Host = cmp.Or(c.Host(), host(c.RedirectURIs[0]))
	}
	if c.Reviewed() { // a stranger's logo would say who it is louder than we can
		out.Logo = templates.LogoPath(c.Logo)
	}
	return out
}

// changes are what is not about the app as it was at the last yes.
func changes(list []consent.Change) []templates.Change {
	var out []templates.Change
	for _, c := range list {
		out = append(out, templates.Change{Kind: templates.ChangeKind(c.What), Was: c.Was, Is: c.Is})
	}
	return out
}

func returns(ask oauth.Ask) templates.Return {
	switch {
	case ask.Here:
		return templates.Return{Here: true}
	case ask.Device:
		return templates.Return{Device: true}
	}
	return templates.Return{Host: host(ask.RedirectURI), Local: clients.ThisComputer(ask.RedirectURI)}
}

// others lists the apps that the page mentions.
func others(plan consent.Plan) []consent.AppID {
	var out []consent.AppID
	for _, r := range plan.Rows {
		for _, a := range r.AlsoFor {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// services names the services of the heading.
func (f *Flow) services(plan consent.Plan) []string {
	var out []string
	for _, r := range plan.Rows {
		if p := f.provider(r.Scope.Provider); p.Name != "" && !r.Along && !slices.Contains(out, p.Name) {
			out = append(out, p.Name)
		}
	}
	return out
}

func (f *Flow) provider(id consent.ProviderID) templates.Provider {
	p := f.Catalog.Providers[id]
	if p == nil {
		return templates.Provider{}
	}
	return templates.Provider{ID: string(p.ID), Name: p.Name, Mark: p.Mark}
}

func (f *Flow) row(plan consent.Plan, r consent.Row, names map[consent.AppID]string) templates.Row {
	out := templates.Row{
		ID: string(r.Scope.Name), Ticked: r.On && r.Status != consent.NeedsAdmin, Barred: r.Status == consent.NeedsAdmin, Label: r.Scope.Words, Included: r.Scope.Detail, Technical: string(r.Scope.Name),
		Provider: f.provider(r.Scope.Provider), Account: r.Connection.Login, State: state(r), RefusedOn: r.RefusedAt, ExpiredOn: r.EndedAt, EndsOn: r.Ends,
		OverGrant: r.Scope.OverGrant[r.Connection.Variant], Final: r.Scope.Access == consent.Destructive,
	}
	out.Limit, out.Everything = limitNames(r.Limit), r.Limit.Everything
	if r.Scope.Narrowing != consent.NarrowingNone && r.Connection.ID != "" && (r.Status == consent.Ready || r.Status == consent.NeedsPick) && r.Reason != consent.EndsSoon {
		out.Pick = "pick:" + string(pickType(r.Scope))
	}
	out.AlsoMore = r.AlsoMore
	out.Required, out.With = r.Required, labels(plan, r.With)
	// What is only looked at and cannot be left out needs no hand to tick it.
	out.Fixed = r.Required && out.Ticked && r.Scope.Access == consent.Read
	for _, a := range r.AlsoFor {
		out.AlsoFor = append(out.AlsoFor, names[a])
	}
	return out
}

func (f *Flow) had(r consent.Row) templates.Had {
	h := templates.Had{
		Label: r.Scope.Words, Limit: limitNames(r.Limit), Everything: r.Limit.Everything, Group: "see", Until: r.Until,
		Provider: f.provider(r.Scope.Provider), Account: r.Connection.Login, State: state(r), Rate: schedule(r.Rate),
	}
	switch {
	case r.Scope.Modifier:
		h.Group = "away"
	case r.Scope.Access != consent.Read:
		h.Group = "change"
	}
	return h
}

func state(r consent.Row) templates.State {
	switch r.Status {
	case consent.NeedsAdmin:
		return barred(r.Admin)
	case consent.NeedsConnect:
		return templates.StateConnect
	case consent.NeedsReconnect:
		return templates.StateReconnect
	case consent.NeedsWiden:
		return templates.StateWiden
	case consent.NeedsPick:
		return templates.StatePick
	}
	return templates.StateReady
}

// barred is what a row waits for that an administrator has to approve.
func barred(s consent.PetitionState) templates.State {
	switch s {
	case consent.PetitionWaits:
		return templates.StateAsked
	case consent.PetitionRefused:
		return templates.StateBarred
	}
	return templates.StateAdmin
}

func limitNames(l consent.Limit) []string {
	var out []string
	for _, r := range l.Resources {
		if r.Name == "" {
			out = append(out, r.ID)
			continue
		}
		out = append(out, r.Name)
	}
	return out
}

// pickType is the type that the scope's picker offers: the narrowest.
func pickType(s consent.Scope) consent.ResourceType {
	if len(s.Resources) == 0 {
		return ""
	}
	return s.Resources[len(s.Resources)-1]
}

// missing lists the plan's steps with their buttons.
func (f *Flow) missing(plan consent.Plan) []templates.Step {
	var out []templates.Step
	for _, s := range plan.Steps {
		step := templates.Step{Provider: f.provider(s.Provider), Optional: s.Optional}
		switch s.Kind {
		case consent.AskAdmin:
			first, _ := plan.Row(s.Scopes[0])
			step.Do, step.State = adminStep, barred(first.Admin)
		case consent.Connect:
			step.Do, step.State = "connect:"+string(s.Provider), templates.StateConnect
		case consent.Reconnect:
			step.Do, step.State = "reconnect:"+string(s.Connection), templates.StateReconnect
		case consent.Widen:
			step.Do, step.State = "widen:"+string(s.Connection), templates.StateWiden
		case consent.Pick:
			step.Do, step.State = "pick:"+string(s.Resource), templates.StatePick
			step.Words = f.Catalog.Providers[s.Provider].Resources[s.Resource].Words
		default:
			continue
		}
		for _, name := range s.Scopes {
			row, _ := plan.Row(name)
			step.Needs = append(step.Needs, row.Scope.Words)
			if s.Provider != "" {
				step.Account = row.Connection.Login
			}
		}
		out = append(out, step)
	}
	return out
}

// accounts offers a choice where a person has several accounts at one provider
// and something there is not agreed yet.
func (f *Flow) accounts(plan consent.Plan, connections []consent.Connection) []templates.AccountChoice {
	var out []templates.AccountChoice
	done := map[consent.ProviderID]bool{}
	for _, r := range plan.Rows {
		id := r.Scope.Provider
		if id == "" || done[id] || r.Reason == consent.AgreedBefore || r.Held() {
			continue // more goes to the account that has the rest
		}
		done[id] = true
		choice := templates.AccountChoice{Provider: f.provider(id), Another: "connect:" + string(id)}
		for _, c := range connections {
			if c.Provider == id {
				choice.Options = append(choice.Options, templates.AccountOption{ID: string(c.ID), Login: c.Login, Chosen: c.ID == r.Connection.ID})
			}
		}
		if len(choice.Options) > 1 {
			out = append(out, choice)
		}
	}
	return out
}

// writes says what happens to a change that is allowed: nothing, unless changes
// without asking are allowed too.
func writes(plan consent.Plan) templates.WriteRule {
	if _, asked := plan.Row(consent.UnattendedWrites); asked {
		return templates.WritesTick
	}
	return templates.WritesRefused
}

// labels lists the words of scopes.
func labels(plan consent.Plan, names []consent.ScopeName) []string {
	var out []string
	for _, n := range names {
		row, _ := plan.Row(n)
		out = append(out, row.Scope.Words)
	}
	return out
}

func joined(names []consent.ScopeName) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, " ")
}
