package catalog

import (
	"regexp"

	"github.com/deputy-oauth/deputy/consent"
)

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
	// When is a required value of this operation that another one with the same method
	// and path has not: a request with it is this operation. "" for most.
	When    string
	Instead []*Operation // those that a request is when it has what they say
	// Content marks an answer that is no JSON but a file's content, passed on as it is.
	Content  bool
	Path     string // "/repos/{owner}/{repo}/contents/{path...}"
	Params   []Param
	Rule     Rule
	Resource consent.ResourceType
	// Also are other scopes under which the same call may be made, each about
	// resources of another type: Slack reads public and private channels by one method.
	Also []Use
	// Names are the values that name it: [owner, repo], to be resolved, or the
	// resource's own variable, [channel]. Nil when Named says it.
	Names []string
	// Named are the places in the request's values, exactly one of which holds the id
	// of a thing in the provider's tree. The call may be made when the thing or
	// something above it was picked.
	Named []Ref
	// All lets a request name nothing when everything may be used: a list of all
	// customers, a new one.
	All bool
	// Form means that values are form-encoded, with names in brackets inside others, as
	// they come and as they go on: items[0][price].
	Form bool
	// Upstream is the call that is made, built from the template only. {resource}
	// is the checked id.
	Upstream Call
	// Before is looked at before the call; nil when nothing is.
	Before *Before
	// Posts says where the answer has the id of what the call made, and of which kind it
	// is: remembered, for operations that are about an app's own things. Nil for most.
	Posts *Ref
	// Own says which value is the id of a thing of a kind: the call is made only when the
	// app made that thing, in the same place and under the same grant. Nil for most.
	Own *Ref
	// Without is a JSON pointer that nothing in the answer may have: items of a list
	// that have it are dropped, and an answer that has it is of something that is not
	// there. GitHub's pull requests are issues too, for who may read issues.
	Without string
	// Unlike holds items back: one in which a text matches, in its beginning, is treated
	// as if it were not there. What is encoded is not decoded. Nil holds none back.
	Unlike *regexp.Regexp
	Filter *Filter
	// Pick lists the only fields of the answer that leave; nil lets all leave that
	// are not scrubbed.
	Pick []string
	// Confirm is a JSON pointer in the answer that must equal the checked id when
	// it is present: a second look after the call.
	Confirm string
	Retry   bool   // may be sent again after a network failure
	Preview string // the sentence a person reads before a write: "Open an issue “{title}” in {resource}"
	Max     int64  // bytes of answer passed on at most
	// Words is what an audit line says: "read files in".
	Words string
}

// Use is a scope with the type of resource it is about in an operation.
type Use struct {
	Scope    consent.ScopeName
	Resource consent.ResourceType
	Steps    int // in a tree: how far below what was picked, 0 being that itself; AnyDepth
}

// AnyDepth lets a use reach everything below what was picked.
const AnyDepth = -1

// Uses lists every scope the operation can be made under, its own first.
func (o *Operation) Uses() []Use {
	return append([]Use{{o.Scope, o.Resource, AnyDepth}}, o.Also...)
}

// Param is one value an app may send. Anything else is refused.
type Param struct {
	Name     string
	In       In
	Kind     Kind
	Max      int // characters, the largest number, or items
	Required bool
	Enum     []string
	Match    *regexp.Regexp // the whole value must match; nil matches all
	Refuse   *regexp.Regexp // no part may match (channel-wide mentions); nil refuses none
	Null     bool           // null takes the value away and is sent on; else it is as if nothing was sent
	Members  []Member       // of an object: nothing else may be in it
	Of       *Param         // what a list holds; of a map, what its members are when they are no texts
}

// Member is one member of an object.
type Member struct {
	*Param
	Required bool
}

// In says where a parameter stands.
type In string

// The places. Args is Slack's way: the query of a GET, a form or JSON in a POST.
const (
	InPath  In = "path"
	InQuery In = "query"
	InBody  In = "body"
	InArgs  In = "args"
)

// Kind is the type of a parameter.
type Kind string

// The kinds. Page is a page number or a cursor of ours, Cursor only the latter.
const (
	KindString  Kind = "string"
	KindInt     Kind = "int"
	KindBool    Kind = "bool"
	KindEnum    Kind = "enum"
	KindStrings Kind = "strings"
	KindMap     Kind = "map" // an object of texts, Max members at most
	KindPage    Kind = "page"
	KindCursor  Kind = "cursor"
	KindUUID    Kind = "uuid"   // with or without dashes; goes on with them
	KindNumber  Kind = "number" // any number JSON can write
	KindObject  Kind = "object" // an object of named members
	KindList    Kind = "list"   // Max items at most, each of one kind
	// KindMail is an e-mail in base64url, Max characters at most, as Gmail takes it. It is
	// read and written anew.
	KindMail Kind = "mail"
	// KindContent is a file's content, Max bytes at most: the second part of a body
	// whose first is JSON with the other values.
	KindContent Kind = "content"
)

// Before is a read before the call, whose answer must be as one of DiffersFrom,
// Absent, Some and Inside says, else the call is not made.
type Before struct {
	Call        Call
	Pointer     string // JSON pointer to what must differ from the parameter DiffersFrom
	DiffersFrom string
	Absent      string // JSON pointer that the answer must not have
	Some        bool   // the answer must be a list with something in it
	// Inside is the JSON pointer to the resource's id in the answer, as in a Filter; it
	// must be inside the limit. The operation's own answer then says nothing of it.
	Inside string
	// Else is the sentence an app reads when it is not so. Without one the app is told
	// that there is no such resource.
	Else string
}

// Filter says what of an answer may leave.
type Filter struct {
	Items string // JSON pointer to the list; "" when the answer is the list
	// ID is the JSON pointer inside an item to the resource's id; "" filters no items. With
	// "/*" at its end there is a list of ids, of which one must be inside the limit: the
	// labels of a mail, the channels of a file.
	ID    string
	Keyed bool     // the items are members of an object, and their names the ids
	One   bool     // Items is no list but a single thing; outside the limit it is not there
	Some  bool     // a list that has no items left is of something that is not there
	Kind  string   // in a tree: which kind of thing an item is, or the JSON pointer inside an item that says it
	Keep  []string // the only members of an item that leave; nil lets all leave. Items may be a single object
	Parts []Part   // what of the insides of an item leaves
	Hide  []string // JSON pointers dropped from the answer: totals, provider cursors
	// Beside are further members of the answer that leave with a filtered list. They say
	// nothing of its items.
	Beside []string
	// Whole are such members too, that leave only when nothing is filtered: whether
	// there is more, which would count what was taken out.
	Whole []string
	// Cursor is the JSON pointer of the provider's next cursor, sealed before it leaves.
	Cursor string
}

// Part is something inside an item of which only the members named in Keep leave. Of
// a list those of its items leave that are called so, in capital or small letters, at
// the JSON pointer By: the headers of a mail.
type Part struct {
	At   string
	Keep []string
	By   string
}
