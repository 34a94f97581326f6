package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// namesScope reports whether name is dotted lower case, so that no provider's own
// scope string can be mistaken for it.
func namesScope(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || part[0] == '_' || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return false
		}
	}
	return true
}

// prove checks what Load promises. uses gives every provider its collector.
func (c *Catalog) prove(p *problems, uses map[*Provider]*problems) {
	for _, name := range slices.Sorted(maps.Keys(c.Scopes)) {
		c.proveScope(c.Scopes[name], p.in("scope "+string(name)))
	}
	for _, id := range slices.Sorted(maps.Keys(c.Providers)) {
		provider := c.Providers[id]
		at := uses[provider]
		provider.proveSelf(at)
		for _, v := range provider.Variants {
			provider.proveVariant(v, at.in("variant "+v.ID))
		}
		for t, r := range provider.Resources {
			provider.proveResource(r, at.in("resource "+string(t)))
		}
		for _, o := range provider.Operations {
			c.proveOperation(provider, o, at.in("operation "+o.ID))
		}
		provider.proveDistinct(at)
		c.proveServed(provider, at)
	}
}

func (c *Catalog) proveScope(s consent.Scope, at *problems) {
	name := string(s.Name)
	ofProvider := strings.HasPrefix(name, "services.")
	switch {
	case !namesScope(name):
		at.add("the name must be lower-case words with dots")
	case s.Provider != "" && !strings.HasPrefix(name, "services."+string(s.Provider)+"."):
		at.add("the name must start with services.%s.", s.Provider)
	case s.Provider == "" && ofProvider:
		at.add("a scope of the platform cannot start with services.")
	}
	if s.Words == "" || s.Detail == "" {
		at.add("words and detail must say what it covers and what not")
	}
	if s.Access != consent.Read && s.Access != consent.Write && s.Access != consent.Destructive {
		at.add("access %q is not read, write or destructive", s.Access)
	}
	if s.Risk < 1 || s.Risk > 5 {
		at.add("risk %d is not between 1 and 5", s.Risk)
	}
	if s.Access == consent.Destructive && s.Risk < 4 {
		at.add("what cannot be undone has risk 4 at least")
	}
	if s.Modifier && s.Provider != "" {
		at.add("a modifier belongs to the platform, not to a provider")
	}
	if s.MaxLifetime > 0 && s.Lifetime > s.MaxLifetime {
		at.add("days is more than max_days")
	}
	if !s.Modifier && s.Rate != (consent.Rate{}) {
		at.add("only a modifier has daily and every")
	}
	if s.Rate.Daily < 0 || s.Rate.Every < 0 || (s.Rate.Every > 0 && s.Rate.Every < time.Hour) {
		at.add("daily is a number of calls, every an hour at least")
	}
	c.proveImplies(s, at)
	c.proveNarrowing(s, at)
	c.proveNeeds(s, at)
}

// proveImplies: what comes along silently is never more dangerous, never of
// another provider, and limited by the same picks.
func (c *Catalog) proveImplies(s consent.Scope, at *problems) {
	for _, name := range s.Implies {
		t, ok := c.Scopes[name]
		switch {
		case !ok:
			at.add("implies %q, which is not defined", name)
		case t.Access.Rank() > s.Access.Rank():
			at.add("implies %q, whose access is higher", name)
		case t.Provider != s.Provider:
			at.add("implies %q of another provider", name)
		case t.Attended && !s.Attended:
			at.add("implies %q, which needs the person there", name)
		case t.Modifier && !s.Modifier:
			at.add("implies %q, which changes how others may be used", name)
		}
		for _, r := range t.Resources {
			if !slices.Contains(s.Resources, r) {
				at.add("implies %q, but is not limited by %s", name, r)
			}
		}
	}
}

func (c *Catalog) proveNarrowing(s consent.Scope, at *problems) {
	switch s.Narrowing {
	case consent.NarrowingNone:
		if len(s.Resources) > 0 {
			at.add("narrowing is none, but it lists resources")
		}
	case consent.NarrowingOptional, consent.NarrowingRequired:
		if len(s.Resources) == 0 {
			at.add("narrowing is %s, but it lists no resources", s.Narrowing)
		}
	default:
		at.add("narrowing %q is not none, optional or required", s.Narrowing)
	}
	for _, t := range s.Resources {
		p := c.Providers[s.Provider]
		if p == nil {
			at.add("a scope without a provider cannot have resources")
			return
		}
		if _, ok := p.Resources[t]; !ok {
			at.add("resource %q is not declared", t)
		} else if _, ok := p.Pickers[t]; !ok {
			at.add("resource %q cannot be picked", t)
		}
	}
}

func (c *Catalog) proveNeeds(s consent.Scope, at *problems) {
	if s.Provider == "" {
		if len(s.Needs) > 0 {
			at.add("a scope without a provider needs nothing from one")
		}
		return
	}
	if len(s.Needs) == 0 {
		at.add("no variant can serve it")
	}
	known := map[string]bool{}
	if p := c.Providers[s.Provider]; p != nil {
		for _, v := range p.Variants {
			known[v.ID] = true
		}
	}
	for v := range s.Needs {
		if !known[v] {
			at.add("variant %q is not declared", v)
		}
	}
	for v := range s.OverGrant {
		if _, serves := s.Needs[v]; !serves {
			at.add("over_grant names variant %q, which cannot serve it", v)
		}
	}
}

func (p *Provider) proveSelf(at *problems) {
	if p.Name == "" || p.Mark == "" {
		at.add("name and mark are missing")
	}
	if len(p.Variants) == 0 {
		at.add("there is no variant")
	}
	p.proveHosts(at)
	if p.Identity.Subject == "" || p.Identity.Call.Path == "" {
		at.add("identity must say how to learn whose account it is")
	}
	if len(p.Accept) == 0 {
		at.add("accept lists no media type")
	}
	if len(p.FaultFields) == 0 {
		at.add("fault_fields must say what of an error answer leaves")
	}
	for _, d := range p.Deny {
		if d.Method == "" || !strings.HasPrefix(d.Path, "/") {
			at.add("deny entry %q is not a method and a path", d.Method+" "+d.Path)
		}
	}
	for _, re := range p.Scrub.Patterns {
		if literal, _ := re.LiteralPrefix(); len(literal) < 2 {
			at.add("scrub pattern %q must begin with two literal characters, so that looking for it is cheap", re)
		}
	}
	p.proveErrors(at.in("errors"))
	p.proveEvents(at.in("events"))
	p.proveTree(at.in("tree"))
	p.provePointers(at)
}

func (p *Provider) proveErrors(at *problems) {
	classes := []ErrorClass{
		ReauthRequired, TokenInvalid, UpgradeNeeded, OrgBlocked, SSORequired, ResourceGone, RateLimited,
		ProviderDown, Misconfigured, CallerFault, Incomplete,
	}
	for _, r := range p.Errors {
		if !slices.Contains(classes, r.Class) {
			at.add("class %q is not known", r.Class)
		}
		if (len(r.Status) == 0) == (len(r.TokenError) == 0) {
			at.add("a rule for %s needs either a status or a token_error", r.Class)
		}
		if r.RetryAfter != "" && r.RetryForm != "seconds" && r.RetryForm != "epoch" {
			at.add("retry_form %q is not seconds or epoch", r.RetryForm)
		}
		if len(r.Code) > 0 && p.Fault == "" {
			at.add("a rule looks for a code, but the provider has no fault pointer")
		}
	}
}

func (p *Provider) proveVariant(v Variant, at *problems) {
	for _, u := range []string{v.Authorize, v.Token} {
		if !strings.HasPrefix(u, "{") {
			at.add("%q must say which host it is on", u)
		}
	}
	if !slices.Contains([]string{"form", "basic", "secret_as_user"}, v.ClientAuth) {
		// x/oauth2 would send the same code twice to find out (providers.md section 2).
		at.add("client_auth must say form, basic or secret_as_user")
	}
	if v.TokenBody != "form" && v.TokenBody != "json" {
		at.add("token_body must say form or json")
	}
	if len(v.Reply.Access) == 0 || len(v.OfRefresh().Access) == 0 {
		at.add("reply says nowhere where the access token is")
	}
	if v.ScopeParam != "" && (v.ScopeSeparator == "" || v.GrantedSplit == "") {
		at.add("scope needs a separator and a granted_split")
	}
	if v.Rotates && (len(v.Reply.Refresh) == 0 || len(v.OfRefresh().Refresh) == 0) {
		at.add("rotates, but reply says nowhere where the refresh token is")
	}
	if v.Revoke != nil {
		proveCall(*v.Revoke, at.in("revoke"))
		if v.Blast == "" {
			at.add("blast must say what a revocation ends at the provider")
		}
	}
}

func (p *Provider) proveResource(r Resource, at *problems) {
	if r.Word == "" || r.Words == "" {
		at.add("word and words are missing")
	}
	if r.Pattern == nil {
		at.add("pattern must say how its ids look")
	}
	if r.Variable == "" {
		at.add("variable must say which value holds its id")
	}
	if r.Resolve != nil {
		proveCall(r.Resolve.Call, at.in("resolve"))
		if r.Resolve.ID == "" || len(r.Resolve.From) == 0 {
			at.add("resolve needs an id pointer and the names it starts from")
		}
	}
	if r.Alias != nil {
		proveCall(r.Alias.Call, at.in("alias"))
		if r.Alias.Name == "" || r.Alias.ID == "" || (r.Pattern != nil && r.Pattern.MatchString(r.Alias.Name)) {
			at.add("alias needs an id pointer and a name that is not itself an id")
		}
	}
	if k, ok := p.Pickers[r.Type]; ok {
		k.prove(at.in("picker"))
	}
}

func (k Picker) prove(at *problems) {
	proveCall(k.Call, at)
	if k.ID == "" || k.Label == "" || !slices.Contains([]string{"link", "cursor", "after"}, k.Page) || (k.Page == "link") != (k.Cursor == "") {
		at.add("picker needs an id, a label and page: link, or cursor or after with its pointer")
	}
	if k.Names != nil {
		k.Names.prove(at.in("names"))
	}
}

func proveCall(c Call, at *problems) {
	if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, c.Method) {
		at.add("method %q is not allowed", c.Method)
	}
}
