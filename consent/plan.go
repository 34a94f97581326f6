package consent

import "time"

// Request is what an app asks one person for, resolved against the catalogue.
type Request struct {
	User       UserID
	App        AppID
	Asked      []Scope     // in the app's order, without repetitions
	Along      []Scope     // may come along when the app has them: never asked about
	Required   []ScopeName // without them the app cannot work, it says
	Vocabulary Vocabulary  // every scope there is, for implications
	// Proven is true when the client can prove who it is, so that a repeated
	// request may pass without a page (OAuth 2.1 section 7.3.1).
	Proven bool
	// Ask is true when the app wants the page whatever was agreed (prompt=consent).
	Ask     bool
	Choices Choices
	// Face and Digest are the app as it is now; see Grant.
	Face   Face
	Digest string
	// Rules say who decides about what: the person alone, or an administrator first.
	Rules Rules
	// Petitions are what administrators were asked for. They may be anybody's, in any
	// order: those of other people and apps count for nothing.
	Petitions []Petition
	// Details are the resources that the app names; nil when it names none.
	Details Details
	// Offers are what accounts of the person have: an id that the account has not is
	// not offered, and the app never learns why.
	Offers []Offer
}

// Offer is a resource that an account has.
type Offer struct {
	Connection ConnectionID
	Resource   Resource
}

// Choices are what the person did on the page so far. They survive every detour.
type Choices struct {
	Account map[ProviderID]ConnectionID // which of several accounts
	Picked  map[ResourceType]Limit      // what the pickers returned
	Ticked  map[ScopeName]bool          // rows ticked (true) or unticked (false) by hand
	Days    map[ScopeName]int           // chosen lifetimes; 0 means the default
	Rates   map[ScopeName]Rate          // what is chosen of a modifier's rate; zero parts mean all of it
}

// Status is where one asked scope stands.
type Status string

// The states of a row.
const (
	Allowed        Status = "allowed"         // agreed before, usable now
	Ready          Status = "ready"           // only a yes is missing
	NeedsConnect   Status = "needs_connect"   // no account at the provider is connected
	NeedsReconnect Status = "needs_reconnect" // the provider wants the person again
	NeedsWiden     Status = "needs_widen"     // the connection lacks a provider scope
	NeedsPick      Status = "needs_pick"      // no resource is picked
	NeedsAdmin     Status = "needs_admin"     // an administrator has not approved it
)

// Reason says why a row or a step is there. Package templates has the words.
type Reason string

// The reasons.
const (
	NeverAgreed     Reason = "never_agreed"
	Expired         Reason = "expired"
	RefusedBefore   Reason = "refused_before"
	AgreedBefore    Reason = "agreed_before"
	MoreAsked       Reason = "more_asked" // agreed before, but for fewer resources than the app names now
	EndsSoon        Reason = "ends_soon"  // agreed before, and a yes would make it last longer
	NotConnected    Reason = "not_connected"
	ConnectionDead  Reason = "connection_dead"
	LacksPermission Reason = "lacks_permission"
	NothingPicked   Reason = "nothing_picked"
	AppAsks         Reason = "app_asks"        // prompt=consent, or it names more than it has
	AppChanged      Reason = "app_changed"     // it is not as it was at the last yes
	AppUnproven     Reason = "app_unproven"    // anybody could have sent this request
	NothingToGrant  Reason = "nothing_granted" // every asked scope was refused before, or waits for an administrator
	AdminDecides    Reason = "admin_decides"   // an administrator has to approve it first
	AdminAsked      Reason = "admin_asked"     // and was asked
	AdminRefused    Reason = "admin_refused"   // and said no
)

// Row is one asked scope: what stands, what is missing and what a yes would give.
type Row struct {
	Scope      Scope
	Connection Connection // zero when the scope needs none, or none is there
	Status     Status
	Reason     Reason
	On         bool      // ticked: by hand, else reads yes, writes and modifiers no
	Limit      Limit     // what stands, or what was picked; for MoreAsked both
	Stands     Limit     // what stays allowed whatever the answer is
	Until      time.Time // when it ends, or would end
	Ends       time.Time // for EndsSoon: when what stands ends
	Rate       Rate      // how much it gives in a time, or would give
	EndedAt    time.Time // zero unless it was agreed before and ended
	RefusedAt  time.Time // zero unless refused before
	Lacks      []string  // provider scopes the connection lacks
	Along      bool      // not asked for: the app has it
	// Admin is what an administrator said about it, "" when none was asked or needed.
	Admin    PetitionState
	Required bool        // the app says that it cannot work without it
	With     []ScopeName // asked scopes that bring it along, whether it is ticked or not
	AlsoFor  []AppID     // other apps the person allows the same on this connection, the first few
	AlsoMore bool        // and more of them
	// Named are the resources the app names that it may not touch yet, without names.
	Named []Resource
}

// Kind is the kind of a step.
type Kind string

// The kinds of steps, in the order they are taken.
const (
	AskAdmin  Kind = "ask_admin"
	Connect   Kind = "connect"
	Reconnect Kind = "reconnect"
	Widen     Kind = "widen"
	Pick      Kind = "pick"
	Approve   Kind = "approve"
	Confirm   Kind = "confirm" // one click: nothing new, but the app changed or cannot prove itself
)

// Step is something the person has to do before the app has what it asks for.
type Step struct {
	Kind       Kind
	Provider   ProviderID
	Connection ConnectionID // for reconnect, widen and pick
	Resource   ResourceType // for pick
	Scopes     []ScopeName
	Lacks      []string // provider scopes, for widen
	Reason     Reason
	// Optional is true when only unticked rows wait for it, or when it waits for an
	// administrator who was asked. An Approve step is optional when it only renews what
	// stands.
	Optional bool
}

// Plan is the answer of Decide: where every asked scope stands and what is left
// to do, in order.
type Plan struct {
	// Grant is what the app has of the person already; "" when it has nothing.
	Grant GrantID
	// Changes are what is not about the app as it was at the last yes.
	Changes []Change
	Rows    []Row
	Steps   []Step
	// Grantable is what a yes would add now: ticked, ready rows. It is empty while
	// something is lacking.
	Grantable []Item
	// Lacking are the required scopes that a yes would not give.
	Lacking []ScopeName
	// Token lists the asked scopes a token would carry now, without a yes, and those
	// that come along.
	Token []ScopeName
}

// Done reports whether the request can be answered without the person.
func (p Plan) Done() bool {
	for _, s := range p.Steps {
		if !s.Optional {
			return false
		}
	}
	return true
}

// Needs returns the first step of the given kind.
func (p Plan) Needs(k Kind) (Step, bool) {
	for _, s := range p.Steps {
		if s.Kind == k {
			return s, true
		}
	}
	return Step{}, false
}

// Row returns the row of the given scope.
func (p Plan) Row(name ScopeName) (Row, bool) {
	for _, r := range p.Rows {
		if r.Scope.Name == name {
			return r, true
		}
	}
	return Row{}, false
}
