package templates

import "time"

// Home answers four questions: who can act for me now, did something happen that
// I should look at, what do I have connected, what ends soon.
type Home struct {
	Frame
	Notices     []Notice
	Apps        []AppLine
	Ending      []Ending
	Petitions   []Petition // what administrators were asked for, the newest first
	Connections []Connection
	Days        []Day // oldest first; empty hides the strip
	Entries     []Entry
	Sessions    int // browsers signed in
}

// AppLine is one app that can act now, or could until lately.
type AppLine struct {
	App      App
	See      []string // labels
	Change   []string
	Away     []string
	LastUsed time.Time // zero: never
	Uses     int       // in 30 days
	Ends     time.Time // when its last part ends
	Broken   bool      // a service it uses does not work now
}

// Ending is something an app may do that ends soon, the next one first.
type Ending struct {
	App   App // ID and Name are enough
	Label string
	On    time.Time
}

// Day counts what happened on one day.
type Day struct {
	On                      time.Time
	Reads, Changes, Refused int
}

// AppDetail is everything one app can do, with a button for each part.
type AppDetail struct {
	Frame
	Notices  []Notice
	App      App
	Since    time.Time
	LastUsed time.Time
	Allowed  []Allowed
	Runs     []Run
	Refused  []Refused
	Entries  []Entry
	Answers  []AnswerLine
	// Unattended: it may change things without asking. Otherwise Writes says what
	// happens to a change, WritesAsk or WritesRefused.
	Unattended bool
	Writes     WriteRule
}

// Allowed is one thing an app may do.
type Allowed struct {
	Scope      string
	Label      string
	Limit      []string
	Everything bool
	Group      string // "see", "change" or "away"
	Provider   Provider
	Account    string
	Background bool // also while the person is away
	Until      time.Time
	LastUsed   time.Time
	State      State
	Rate       Rate
}

// Run is one installation of an app: a refresh chain.
type Run struct {
	ID          string
	Name        string // what it calls itself; may be empty
	First, Last time.Time
	Background  bool // outlives the sign-in
}

// Refused is something the person said no to.
type Refused struct {
	Label string
	On    time.Time
}

// Removal says what is taken away.
type Removal string

// What can be removed from an app.
const (
	RemoveApp Removal = "app"
	RemoveRow Removal = "scope"
	RemoveRun Removal = "family"
)

// RemoveConfirm asks once before something is taken away from an app.
type RemoveConfirm struct {
	Frame
	App      App
	What     Removal
	Scope    string // for RemoveRow: its name
	Family   string // for RemoveRun: its id
	Label    string // for RemoveRow and RemoveRun
	Also     []string
	Services []string // stay connected
}

// Services lists the connected accounts.
type Services struct {
	Frame
	Notices     []Notice
	Connections []Connection
	Removed     []Removed
	Others      []Connectable
}

// Connection is one connected account.
type Connection struct {
	ID       string
	Provider Provider
	Account  string
	State    State     // StateReady or StateReconnect
	Lost     bool      // StateReconnect, because an answer of the provider got lost
	Rests    time.Time // StateReady, but its provider is asked again only then; zero: it works
	Since    time.Time
	LastUsed time.Time
	Apps     []App    // that may use it: ID and Name are enough
	Holds    []string // what Deputy may do there, in words
	CSRF     string   // token of its reconnect form; needed on Services
}

// Removed is an account that was disconnected while its provider did not confirm.
type Removed struct {
	Provider Provider
	Account  string
	GivenUp  bool // nobody tells it any more
}

// Connectable is a provider an account can be added for.
type Connectable struct {
	Provider Provider
	Again    bool   // an account is connected already
	CSRF     string // token of its form
}

// DisconnectConfirm tells what stops, when, and what stays.
type DisconnectConfirm struct {
	Frame
	ID       string
	Provider Provider
	Account  string
	Stops    []Stop
	Blast    string // what ends at the provider, in words; may be empty
}

// Stop is what one app loses.
type Stop struct {
	App  App
	Rows []string
}

// Answer is what a provider said to a revocation.
type Answer string

// The answers.
const (
	AnswerRevoked Answer = "revoked" // it ended the permission
	AnswerUnknown Answer = "unknown" // it did not know the permission any more
	AnswerNone    Answer = "none"    // it has no way to be told
	AnswerFailed  Answer = "failed"  // it did not answer, or with an error
)

// DisconnectResult tells what the provider answered.
type DisconnectResult struct {
	Frame
	Provider Provider
	Account  string
	Answer   Answer
	Said     string   // its answer in short: "204 No Content"; may be empty
	Stopped  []string // apps that lost something
}

// Sessions lists the browsers that are signed in.
type Sessions struct {
	Frame
	Notices  []Notice
	Sessions []Session
	Passkeys bool // people can have passkeys here
	// Companies is true when people can sign in with company accounts here.
	Companies bool
}

// Mails lets a person choose which mails they get.
type Mails struct {
	Frame
	Notices []Notice
	Sent    bool // this server sends mails
	Choices []MailChoice
}

// MailChoice is one kind of mail that a person may do without.
type MailChoice struct {
	Kind   LetterKind
	Wanted bool
}

// Session is one signed-in browser.
type Session struct {
	ID          string
	Device      string // "Firefox on Linux"
	Place       string // address prefix or place; may be empty
	First, Last time.Time
	This        bool
}
