// Package catalog holds the providers as data: how to connect them, what can be
// asked of them in Deputy's own words, which calls the broker can make, where a
// resource id in such a call comes from, and how people pick resources. One
// strict YAML file a provider, embedded; an unknown key, an operation without a
// resource rule or a call on the deny list stops the program at start. Files of an
// operator, in a folder of theirs, are held to the same.
//
// It does not call anything and knows no person, no token and no database: it is
// the words that package consent decides with, that the broker builds requests
// from and that package provider speaks OAuth by.
package catalog

import (
	"regexp"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// Catalog is everything that can be asked for.
type Catalog struct {
	Providers map[consent.ProviderID]*Provider
	Scopes    consent.Vocabulary // platform scopes and every provider's
	// Retired lists names that were used once. Asking for one is asking for a scope
	// that does not exist, and no scope may take the name again.
	Retired []consent.ScopeName
	// Said is what the files say in other languages, by language and by the English
	// text.
	Said map[string]map[string]string
}

// Provider is one provider's file.
type Provider struct {
	ID          consent.ProviderID
	Name        string            // "GitHub"
	Mark        string            // two letters for its tile: "Gh"
	WebURL      string            // origin of its pages; an operator may replace it
	APIURL      string            // base of its API, without a trailing slash; an operator may replace it
	Hosts       map[string]string // further hosts by name, the same way
	Headers     map[string]string // sent with every call
	Accept      []string          // media types an app may ask for; the provider is always asked with Headers
	OK          string            // JSON pointer that must be true in an answer; "" when the status tells
	Fault       string            // JSON pointer to the provider's own error code; "" when there is none
	FaultFields []string          // the only fields of an error answer that leave, when one is passed on
	Variants    []Variant         // the first is the default
	Identity    Identity
	Errors      []ErrorRule
	Pace        Pace
	Events      Events
	Scrub       Scrub
	Resources   map[consent.ResourceType]Resource
	Pickers     map[consent.ResourceType]Picker
	Tree        Tree // what is inside what; empty when picking a thing picks that thing only
	Operations  []Operation
	Deny        []Pattern

	routes map[string]*node // by method; built by Load
}

// Variant is one way to be registered at a provider. URLs may begin with {web},
// {api} or the name of a further host, and contain {client_id}.
type Variant struct {
	ID              string
	Authorize       string
	Token           string
	AuthorizeParams map[string]string
	TokenHeaders    map[string]string
	ClientAuth      string   // form | basic | secret_as_user
	TokenOmit       []string // parameters of RFC 6749 that the token endpoint refuses
	TokenBody       string   // form | json: how the token endpoint is asked
	PKCE            bool     // send S256
	ScopeParam      string   // "scope"
	ScopeSeparator  string   // between scopes in the request
	GrantedSplit    string   // between scopes in the reply
	Reply           Reply
	Renewed         *Reply // of a reply to a refresh, where that is another
	OK              string // JSON pointer that must be true for a reply to count; "" when the status tells
	Error           []string
	AssumeAccess    time.Duration // when the reply has no expires_in; 0 means for ever
	RefreshBefore   time.Duration
	Rotates         bool // a refresh token can be used once
	KillsOldAccess  bool // a refresh ends the old access token at once
	Revoke          *Call
	Blast           string              // what a revocation ends at the provider, in words
	Wider           string              // what the provider gives on top of a scope, in words; "" when nothing
	Always          []string            // provider scopes asked for whatever is needed (to learn who it is)
	Implied         map[string][]string // provider scope → scopes that come with it
}

// Reply says where a token reply keeps its values: JSON pointers, the first that
// exists counts.
type Reply struct {
	Access, Refresh, ExpiresIn, Scope, Subject []string
}

// OfRefresh says where the reply to a refresh keeps its values.
func (v *Variant) OfRefresh() Reply {
	if v.Renewed != nil {
		return *v.Renewed
	}
	return v.Reply
}

// Identity says how to learn whose account was connected.
type Identity struct {
	Call Call
	// Realm is the JSON pointer to the id of the place where Subject is unique (a
	// Slack workspace). The account is then "realm/subject"; "" when Subject is
	// unique everywhere.
	Realm   string
	Subject string // JSON pointer to the stable id
	Login   string // JSON pointer; for people
	Name    string
	Picture string
	Pin     string // authorize parameter that proposes the account again
	// Choose are authorize parameters that let a person who is signed in there
	// choose another account.
	Choose map[string]string
}

// Call is a request to the provider. Path is relative to the API base unless it
// starts with {web}, {api} or the name of a further host. Values in braces are filled in, escaped.
type Call struct {
	Method string
	Path   string
	Query  map[string]string // "" sends nothing, whatever the app said
	Auth   string            // "" bearer | basic (client id and secret)
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
	VaultLocked    ErrorClass = "vault_locked" // the operator's word and never a provider's
)

// ErrorRule maps what came back to a class; the first that matches counts.
type ErrorRule struct {
	Status     []int
	Header     map[string]*regexp.Regexp
	Text       string   // substring of the body
	Code       []string // value at Provider.Fault
	TokenError []string // value of a token reply's error; such a rule matches nothing else
	Class      ErrorClass
	RetryAfter string        // header with the wait
	RetryForm  string        // seconds | epoch
	RetryWait  time.Duration // when the header is absent
}

// Scrub says what never leaves the broker in a provider's answer.
type Scrub struct {
	Fields   []string         // dropped wherever they stand
	Types    []string         // objects whose member "type" is one of these are dropped wherever they stand
	Patterns []*regexp.Regexp // matches are blanked; each begins with literal text
}

// Resource says how a resource type's ids look and how a name becomes an id.
type Resource struct {
	Type  consent.ResourceType
	Word  string // singular, for people: "repository"
	Words string // plural
	// Variable is the value that holds the id itself: "channel", "repository_id".
	Variable string
	Pattern  *regexp.Regexp // the whole id matches
	// Resolve finds the id behind the provider's mutable names, e.g. owner and
	// repo. Nil when ids stand in the paths.
	Resolve *Resolve
	// Alias is a word that stands for the id of one of them; nil when there is none.
	Alias *Alias
}

// Resolve is a call that turns names into a stable id.
type Resolve struct {
	Call Call
	ID   string   // JSON pointer
	From []string // the path variables it needs: owner, repo
}

// Alias is a word a provider takes for an id: "primary", for a person's own
// calendar. It is looked up, and what is compared and sent on is the id.
type Alias struct {
	Name string
	Call Call
	ID   string // JSON pointer
}

// IsAlias reports whether text stands for an id of this type and is none.
func (r Resource) IsAlias(text string) bool { return r.Alias != nil && r.Alias.Name == text }

// Picker is how people choose resources of a type.
type Picker struct {
	Call     Call
	Items    string // JSON pointer to the list; "" when the reply is the list
	Page     string // link | cursor | after: behind the last item, as long as Cursor is true
	Cursor   string // JSON pointer to the next cursor, or to whether there is more
	SendAs   string // the name it is sent back under: "cursor"
	Without  string // JSON pointer inside an item; what has it is not offered
	ID       string // JSON pointers inside an item
	Label    string // "*" in it stands for everything there, and the texts are joined
	Prefix   string // put before the label: "#"
	Detail   string
	Private  string
	Updated  string
	SearchBy string // "label": Deputy filters; the provider is never asked with a person's words
	// Names is the list that says what things are called, when this one has only their
	// ids, at Label: Slack's direct messages have the id of whom they are with. Of it,
	// ID and Label count. Nil when Label is the name.
	Names *Picker
}

// Pattern is a method ("*" for all) and a path no operation may match. In the
// path "**" stands for any number of segments, "*" for anything inside one.
type Pattern struct{ Method, Path string }
