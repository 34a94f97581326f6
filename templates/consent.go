package templates

import "time"

// Consent is the page on which a person answers an app. The same struct serves a
// first request and a later one (Delta): there only what is new is open.
type Consent struct {
	Frame
	Flow     string   // the sealed request
	App      App      //
	Services []string // what the heading names: "GitHub", "Slack"
	Delta    bool     // the app has something already
	Renews   bool     // with Delta: nothing is new, it only lasts longer
	Notices  []Notice
	Missing  []Step
	Accounts []AccountChoice // only providers with several accounts
	See      Group           // look, without changing anything
	Change   Group           // add, edit, send, delete
	Away     Group           // while the person is away, or without asking
	Writes   WriteRule
	Had      []Had // stays as it is, whatever the answer
	Returns  Return
	Expires  time.Time // of this request
}

// WriteRule says what happens to a change the person allowed.
type WriteRule string

// The rules.
const (
	WritesAsk     WriteRule = ""        // each one waits for a yes
	WritesTick    WriteRule = "tick"    // refused unless the row for changes without asking is ticked too
	WritesRefused WriteRule = "refused" // refused: the app did not ask to change things without asking
)

// Step is something missing, with its button.
type Step struct {
	Do       string   // the button's value: "connect:github", "reconnect:ID", "widen:ID", "pick:TYPE", "admin"
	State    State    // never StateReady
	Provider Provider // zero for what an administrator has to approve
	Account  string   // who is connected; "" for StateConnect
	Needs    []string // rows that wait for it, as labels
	Words    string   // what is picked, plural: "repositories"; for StatePick
	Optional bool     // only unticked rows wait for it
}

// AccountChoice is the choice between several accounts at one provider. The
// field is account.PROVIDER, its value the connection's id.
type AccountChoice struct {
	Provider Provider
	Options  []AccountOption
	Another  string // Do of the button that adds one: "connect:github"
}

// AccountOption is one account.
type AccountOption struct {
	ID     string // of the connection
	Login  string
	Chosen bool
	UsedBy []string // apps that use it already
}

// Group is the rows of one kind of consequence. What an app may see has one end,
// and so has what it may change; what it may do on its own has one for each row.
type Group struct {
	Rows []Row
	Ends []End // the field is days.see or days.change
}

// End is one choice of how long a yes lasts.
type End struct {
	Days   int
	On     time.Time
	Chosen bool
}

// Amount is one choice of how much is allowed.
type Amount struct {
	N      int
	Chosen bool
}

// Rate is how much is allowed. The zero Rate says nothing.
type Rate struct {
	Daily int // calls in a day at most
	Hours int // between two visits
}

// Row is one permission. Every row shown is sent as shown, a ticked one as
// allow, both with ID.
type Row struct {
	ID     string // the scope's name
	Ticked bool
	Barred bool // cannot be ticked: an administrator has to approve it first
	Fixed  bool // ticked for good: required, and only looked at; it is sent as ticked
	// Required: the app says that it cannot work without it.
	Required bool
	With     []string // rows that bring it along, as labels
	// Label is verb, object, limit: "Read files in the repositories you pick".
	Label       string
	Limit       []string // names of the picked things
	Everything  bool     // no limit: also what comes later
	Pick        string   // Do of the button that changes the limit: "pick:TYPE"; "" when there is none
	Says        string   // the app's reason, in its own words
	AlsoFor     []string // other apps that may do the same on this connection
	AlsoMore    bool     // and more of them
	Included    string
	NotIncluded string
	Technical   string   // the scope's name as developers know it
	Provider    Provider // zero when no service is needed
	Account     string
	State       State
	RefusedOn   time.Time // zero unless the person said no before
	ExpiredOn   time.Time // zero unless it was allowed and ended
	EndsOn      time.Time // zero unless it is allowed and ends soon: ticked, it lasts longer
	OverGrant   bool      // the provider can only give more than this line says
	Final       bool      // cannot be undone
	// Of what an app may do on its own: choices of its own.
	Ends  []End    // the field is days.ID
	Hours []Amount // between two visits; the field is hours.ID
	Daily []Amount // calls in a day; the field is daily.ID
}

// Had is something the app has already.
type Had struct {
	Label      string
	Limit      []string
	Everything bool
	Group      string // "see", "change" or "away"
	Provider   Provider
	Account    string
	Until      time.Time
	State      State // not StateReady: allowed, but it does not work now
	Rate       Rate
}

// Confirm asks for one click: nothing is new, but the app cannot prove that it
// is the one that asks, or wants the page.
type Confirm struct {
	Frame
	Flow    string
	App     App
	Had     []Had
	Returns Return
	Expires time.Time
}

// Connect tells a person what happens at the provider before they go there.
type Connect struct {
	Frame
	Action     string // where the form goes: "/connect/github/start"
	Scopes     string // names, separated by spaces: the hidden field scopes
	Connection string // for StateReconnect and StateWiden: the hidden field connection
	App        string // who needs it; "" when nobody asks
	Provider   Provider
	Account    string
	State      State    // StateConnect, StateReconnect or StateWiden
	Needs      []string // labels that wait for it
	Asks       []string // what the provider will be asked for, in words
	OverGrant  bool     // the provider can only give more than is needed
	Back       string   // path of ours that changes nothing
}

// Done is the end of the conversation when the person cannot be sent back.
type Done struct {
	Frame
	App     App
	Allowed []string // labels; empty means nothing was shared
	Local   bool     // the program on this computer did not answer
}

// Error tells what happened, what was not done and what to do next.
type Error struct {
	Frame
	Title     string // "Nothing was shared."
	Lead      string
	What      string // may be empty
	At        time.Time
	Next      Link // zero when there is nothing to do
	Reference string
}

// Link is a link to one of our paths or to an app.
type Link struct{ Href, Text string }
