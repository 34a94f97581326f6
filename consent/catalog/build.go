package catalog

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// maxAnswer is how much of a provider's answer is passed on, in bytes, when an
// operation says nothing else.
const maxAnswer = 10 << 20

// never is how a file says that a credential has no end of its own.
const never = "never"

func buildProvider(f providerFile, at *problems) *Provider {
	p := &Provider{
		ID: consent.ProviderID(f.ID), Name: f.Name, Mark: f.Mark, WebURL: f.Web, APIURL: f.API, Hosts: f.Hosts,
		Headers: f.Headers, Accept: f.Accept, OK: f.OK, Fault: f.Fault, FaultFields: f.FaultFields,
		Identity: Identity{
			Call: buildCall(f.Identity.Call), Realm: f.Identity.Realm, Subject: f.Identity.Subject,
			Login: f.Identity.Login, Name: f.Identity.Name, Picture: f.Identity.Picture, Pin: f.Identity.Pin, Choose: f.Identity.Choose,
		},
		Scrub:     Scrub{Fields: f.Scrub.Fields, Types: f.Scrub.Types},
		Resources: map[consent.ResourceType]Resource{},
		Pickers:   map[consent.ResourceType]Picker{},
	}
	for _, v := range f.Variants {
		p.Variants = append(p.Variants, buildVariant(v, at.in("variant "+v.ID)))
	}
	for _, e := range f.Errors {
		p.Errors = append(p.Errors, buildError(e, at.in("errors")))
	}
	p.Pace = buildPace(f.Pace, at.in("pace"))
	p.Events = buildEvents(f.Events)
	for _, text := range f.Scrub.Patterns {
		if re := compile(text, at.in("scrub")); re != nil {
			p.Scrub.Patterns = append(p.Scrub.Patterns, re)
		}
	}
	for _, r := range f.Resources {
		buildResource(p, r, at.in("resource "+r.Type))
	}
	p.Tree = buildTree(f.Tree, at.in("tree"))
	for _, text := range f.Deny {
		method, path, _ := strings.Cut(text, " ")
		p.Deny = append(p.Deny, Pattern{Method: method, Path: path})
	}
	buildOperations(p, f, at)
	return p
}

func buildVariant(f variantFile, at *problems) Variant {
	v := Variant{
		ID: f.ID, Authorize: f.Authorize, Token: f.Token, AuthorizeParams: f.AuthorizeParams,
		TokenHeaders: f.TokenHeaders, ClientAuth: f.ClientAuth, TokenOmit: f.TokenOmit, TokenBody: cmp.Or(f.TokenBody, "form"), PKCE: f.PKCE,
		ScopeParam: f.Scope.Param, ScopeSeparator: f.Scope.Separator, GrantedSplit: f.Scope.GrantedSplit,
		Reply: Reply(f.Reply), OK: f.OK, Error: f.Error,
		RefreshBefore: duration(f.RefreshBefore, at), Rotates: f.Rotates, KillsOldAccess: f.KillsOldAccess,
		Blast: f.Blast, Wider: f.Wider, Always: f.Always, Implied: f.Implied,
	}
	if f.Renewed != nil {
		renewed := Reply(*f.Renewed)
		v.Renewed = &renewed
	}
	switch f.AssumeAccess {
	case "":
		// Proof 9: a reply may leave expires_in out, and then somebody must have said
		// how long the token lives.
		at.add("assume_access is missing: say never or a duration")
	case never:
	default:
		v.AssumeAccess = duration(f.AssumeAccess, at)
	}
	if f.Revoke != nil {
		call := buildCall(*f.Revoke)
		v.Revoke = &call
	}
	return v
}

func buildCall(f callFile) Call { return Call(f) }

func buildError(f errorFile, at *problems) ErrorRule {
	r := ErrorRule{
		Status: f.Status, Text: f.Text, Code: f.Code, TokenError: f.TokenError, Class: ErrorClass(f.Class),
		RetryAfter: f.RetryAfter, RetryForm: f.RetryForm, RetryWait: duration(f.RetryWait, at),
	}
	for name, text := range f.Header {
		if r.Header == nil {
			r.Header = map[string]*regexp.Regexp{}
		}
		if re := compile(text, at); re != nil {
			r.Header[name] = re
		}
	}
	return r
}

func buildResource(p *Provider, f resourceFile, at *problems) {
	t := consent.ResourceType(f.Type)
	if _, twice := p.Resources[t]; twice {
		at.add("is defined twice")
	}
	r := Resource{Type: t, Word: f.Word, Words: f.Words, Variable: f.Variable, Pattern: whole(f.Pattern, at)}
	if f.Resolve != nil {
		r.Resolve = &Resolve{Call: buildCall(f.Resolve.Call), ID: f.Resolve.ID, From: f.Resolve.From}
	}
	if f.Alias != nil {
		r.Alias = &Alias{Name: f.Alias.Name, Call: buildCall(f.Alias.Call), ID: f.Alias.ID}
	}
	p.Resources[t] = r
	if f.Picker != nil {
		p.Pickers[t] = *buildPicker(f.Picker)
	}
}

func buildPicker(k *pickerFile) *Picker {
	if k == nil {
		return nil
	}
	return &Picker{
		Call: buildCall(k.Call), Items: k.Items, Page: k.Page, Cursor: k.Cursor, SendAs: cmp.Or(k.SendAs, "cursor"),
		Without: k.Without, ID: k.ID, Label: k.Label,
		Prefix: k.Prefix, Detail: k.Detail, Private: k.Private, Updated: k.Updated, SearchBy: k.SearchBy,
		Names: buildPicker(k.Names),
	}
}

func buildScope(f scopeFile, provider consent.ProviderID, at *problems) consent.Scope {
	s := consent.Scope{
		Name: consent.ScopeName(f.Name), Provider: provider, Words: f.Words, Detail: f.Detail,
		Access: consent.Access(f.Access), Risk: f.Risk, Modifier: f.Modifier, Attended: f.Attended,
		Narrowing: consent.Narrowing(f.Narrowing), Needs: f.Needs,
		Lifetime: days(f.Days), MaxLifetime: days(f.MaxDays),
		Rate: consent.Rate{Daily: f.Daily, Every: duration(f.Every, at.in("scope "+f.Name))},
	}
	if f.Narrowing == "" {
		s.Narrowing = consent.NarrowingNone
	}
	for _, name := range f.Implies {
		s.Implies = append(s.Implies, consent.ScopeName(name))
	}
	for _, t := range f.Resources {
		s.Resources = append(s.Resources, consent.ResourceType(t))
	}
	for _, variant := range f.OverGrant {
		if s.OverGrant == nil {
			s.OverGrant = map[string]bool{}
		}
		s.OverGrant[variant] = true
	}
	return s
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func duration(text string, at *problems) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		at.add("%q is not a duration", text)
	}
	return d
}

func compile(text string, at *problems) *regexp.Regexp {
	re, err := regexp.Compile(text)
	if err != nil {
		at.add("%q is not a regular expression: %v", text, err)
		return nil
	}
	return re
}

// whole compiles text so that it must match a whole value; "" gives nil.
func whole(text string, at *problems) *regexp.Regexp {
	if text == "" {
		return nil
	}
	return compile(`\A(?:`+text+`)\z`, at)
}
