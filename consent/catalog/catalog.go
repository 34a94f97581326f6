// Package catalog holds the providers as data: how to connect them, what can be
// asked of them in Deputy's own words, which calls the broker can make, where a
// resource id in such a call comes from, and how people pick resources. One
// strict YAML file a provider, embedded; an unknown key, an operation without a
// resource rule or a call on the deny list stops the program at start.
//
// It does not call anything and knows no person, no token and no database: it is
// the words that package consent decides with, that the broker builds requests
// from and that package provider speaks OAuth by.
package catalog

import (
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// Catalog is everything that can be asked for.
type Catalog struct {
	Providers map[consent.ProviderID]*Provider
	Scopes    consent.Vocabulary // platform scopes and every provider's
}

// Provider is one provider's file.
type Provider struct {
	ID         consent.ProviderID
	Name       string // "GitHub"
	Mark       string // two letters for its tile: "Gh"
	WebURL     string // origin of its pages; an operator may replace it
	APIURL     string // base of its API, without a trailing slash; an operator may replace it
	Headers    map[string]string
	Variants   []Variant // the first is the default
	Identity   Identity
	Errors     []ErrorRule
	Scrub      Scrub
	Resources  map[consent.ResourceType]Resource
	Pickers    map[consent.ResourceType]Picker
	Operations []Operation
	Deny       []Pattern
}

// Variant is one way to be registered at a provider. URLs may contain {web},
// {api} and {client_id}.
type Variant struct {
	ID              string
	Authorize       string
	Token           string
	AuthorizeParams map[string]string
	TokenHeaders    map[string]string
	ClientAuth      string // form | basic
	PKCE            bool   // send S256
	ScopeParam      string // "scope"
	ScopeSeparator  string // between scopes in the request
	GrantedSplit    string // between scopes in the reply
	Reply           Reply
	OK              string // JSON pointer that must be true for a reply to count; "" when the status tells
	Error           []string
	AssumeAccess    time.Duration // when the reply has no expires_in; 0 means for ever
	RefreshBefore   time.Duration
	Rotates         bool // a refresh token can be used once
	KillsOldAccess  bool // a refresh ends the old access token at once
	Revoke          *Call
	Blast           string              // what a revocation ends at the provider, in words
	Always          []string            // provider scopes asked for whatever is needed (to learn who it is)
	Implied         map[string][]string // provider scope → scopes that come with it
}

// Reply says where a token reply keeps its values: JSON pointers, the first that
// exists counts.
type Reply struct {
	Access, Refresh, ExpiresIn, Scope, Subject []string
}

// Identity says how to learn whose account was connected.
type Identity struct {
	Call    Call
	Subject string // JSON pointer to the stable id
	Login   string // JSON pointer; for people
	Name    string
	Picture string
	Pin     string // authorize parameter that proposes the account again
}

// Call is a request to the provider. Path is relative to the API base unless it
// starts with {web} or {api}. Values in braces are filled in, escaped.
type Call struct {
	Method string
	Path   string
	Query  map[string]string
	Auth   string // "" bearer | basic (client id and secret)
	JSON   map[string]any
	Form   map[string]string
}

// ErrorClass is what a provider's refusal means (providers.md section 5).
type ErrorClass string

// The classes. Only ReauthRequired ends a credential.
const (
	ReauthRequired ErrorClass = "reauth_required"
	TokenInvalid   ErrorClass = "token_invalid" // refresh once, then ReauthRequired
	UpgradeNeeded  ErrorClass = "upgrade_required"
	OrgBlocked     ErrorClass = "org_blocked"
	SSORequired    ErrorClass = "sso_required"
	ResourceGone   ErrorClass = "resource_gone"
	RateLimited    ErrorClass = "rate_limited"
	ProviderDown   ErrorClass = "provider_down"
	Misconfigured  ErrorClass = "platform_misconfigured"
	CallerFault    ErrorClass = "caller_fault" // the provider's own 4xx about the content, passed on
	Incomplete     ErrorClass = "incomplete"   // an answer, but a short one
)

// ErrorRule maps what came back to a class; the first that matches counts.
type ErrorRule struct {
	Status     []int
	Header     map[string]string // name → regular expression
	Text       string            // substring of the body
	Code       []string          // value at the provider's error pointer
	TokenError []string          // value of a token reply's error
	Class      ErrorClass
	RetryAfter string        // header with the wait
	RetryForm  string        // seconds | epoch
	RetryWait  time.Duration // when the header is absent
}

// Scrub says what never leaves the broker in a provider's answer.
type Scrub struct {
	Fields   []string // dropped wherever they stand
	Patterns []string // regular expressions; matches are blanked
}

// Resource says how a resource type's ids look and how a name becomes an id.
type Resource struct {
	Type    consent.ResourceType
	Word    string // singular, for people: "repository"
	Words   string // plural
	Pattern string // regular expression of the id
	// Resolve finds the id behind the provider's mutable names, e.g. owner and
	// repo. Nil when ids stand in the paths.
	Resolve *Resolve
}

// Resolve is a call that turns names into a stable id.
type Resolve struct {
	Call Call
	ID   string   // JSON pointer
	From []string // the path variables it needs: owner, repo
}

// Picker is how people choose resources of a type.
type Picker struct {
	Call     Call
	Items    string // JSON pointer to the list; "" when the reply is the list
	Page     string // link | cursor
	Cursor   string // JSON pointer to the next cursor, for cursor paging
	ID       string // JSON pointers inside an item
	Label    string
	Detail   string
	Private  string
	Updated  string
	SearchBy string // "label": Deputy filters; the provider is never asked with a person's words
}

// Rule says where the resource of a call comes from.
type Rule string

// The rules. An operation without one cannot be loaded.
const (
	FromRequest Rule = "request"  // a path, query or body value names it: checked before the call
	FromAnswer  Rule = "response" // a list: each item is checked after the call
	NoResource  Rule = "none"     // only for scopes without narrowing
)

// Operation is one provider call the broker can make. Method and Path are the
// provider's own, so that its SDK works with another base URL.
type Operation struct {
	ID       string
	Provider consent.ProviderID
	Scope    consent.ScopeName
	Access   consent.Access
	Methods  []string // GET, or GET and POST for Slack
	Path     string   // "/repos/{owner}/{repo}/contents/{path...}"
	Params   []Param
	Rule     Rule
	Resource consent.ResourceType
	Names    []string // variables that name it: [owner, repo] or [channel]
	// Upstream is the call that is made, built from the template only. {resource}
	// is the checked id.
	Upstream Call
	Filter   *Filter
	// Confirm is a JSON pointer in the answer that must equal the checked id when
	// it is present: a second look after the call.
	Confirm string
	Retry   bool   // may be sent again after a network failure
	Preview string // the sentence a person reads before a write: "Open an issue “{title}” in {resource}"
	Max     int64  // bytes of answer passed on at most
	// Words is what an audit line says: "read files in".
	Words string
}

// Param is one value an app may send. Anything else is refused.
type Param struct {
	Name     string
	In       string // path | query | body
	Kind     string // string | int | bool | enum | strings
	Max      int    // characters, or items
	Required bool
	Enum     []string
	Match    string // regular expression the whole value must match
	Refuse   string // regular expression no part may match (channel-wide mentions)
}

// Filter says which items of a list may leave.
type Filter struct {
	Items string   // JSON pointer to the list; "" when the answer is the list
	ID    string   // JSON pointer inside an item to the resource's id
	Hide  []string // JSON pointers dropped from the answer: totals, provider cursors
	// Cursor is the JSON pointer of the provider's next cursor, sealed before it leaves.
	Cursor string
}

// Pattern is a method and path no operation may match: "* /applications/**".
type Pattern struct{ Method, Path string }
