package templates

import "time"

// Activity is what apps and the person did, in sentences.
type Activity struct {
	Frame
	Apps     []Option // the filter app
	Services []Option // the filter service
	Results  []Option // the filter result
	Filtered bool
	Entries  []Entry
	Newer    string // path with query; "" when there is none
	Older    string
}

// Option is one choice of a select. The empty value means no filter.
type Option struct {
	Value, Text string
	Chosen      bool
}

// EntryKind says what an entry tells.
type EntryKind string

// The kinds, with the fields each needs.
const (
	EntryUsed           EntryKind = "used"         // App, Did, In
	EntryChanged        EntryKind = "changed"      // App, Did, In
	EntryRefused        EntryKind = "refused"      // App, Did, In, Why
	EntryFailed         EntryKind = "failed"       // App, Did, In, Provider
	EntryAllowed        EntryKind = "allowed"      // App, What
	EntryDenied         EntryKind = "denied"       // App
	EntryRemoved        EntryKind = "removed"      // App, What ("" when the whole app)
	EntryLowered        EntryKind = "lowered"      // App, What: less of it is allowed
	EntryReturned       EntryKind = "returned"     // App: it gave up all it had
	EntryEnding         EntryKind = "ending"       // App, What: it ends soon
	EntryAsked          EntryKind = "asked"        // App: an administrator was asked about it
	EntryWithdrawn      EntryKind = "withdrawn"    // App: that was taken back
	EntryApproved       EntryKind = "approved"     // App: the administrator said yes
	EntryBarred         EntryKind = "barred"       // App: the administrator said no
	EntryConnected      EntryKind = "connected"    // Provider, Account
	EntryReconnected    EntryKind = "reconnected"  // Provider, Account
	EntryDisconnected   EntryKind = "disconnected" // Provider, Account
	EntryBroke          EntryKind = "broke"        // Provider, Account: it wants the person again
	EntrySignedIn       EntryKind = "signed_in"    // What: the device
	EntrySignedOut      EntryKind = "signed_out"   // What: the device
	EntryPassword       EntryKind = "password"     // the password was changed
	EntryJoined         EntryKind = "joined"       // the person took the account over
	EntryCompanyAdded   EntryKind = "company_added"
	EntryCompanyRemoved EntryKind = "company_removed"
	EntryProfile        EntryKind = "profile" // the name or the picture was changed
	EntryReset          EntryKind = "reset"   // the operator took passkeys and codes away
	EntryCodesOn        EntryKind = "codes_on"
	EntryCodesOff       EntryKind = "codes_off"
	EntryRecoveryMade   EntryKind = "recovery_made"
	EntryRecoveryUsed   EntryKind = "recovery_used"
	EntryPasskeyAdded   EntryKind = "passkey_added"
	EntryPasskeyRemoved EntryKind = "passkey_removed"
	EntryPasskeyCopied  EntryKind = "passkey_copied" // a sign-in was refused
	EntryReplayed       EntryKind = "replayed"       // App: an old code or refresh token came back
)

// WhyRefused says why a call was refused.
type WhyRefused string

// The reasons.
const (
	WhyNotAllowed WhyRefused = "not_allowed" // the person never allowed it
	WhyOutside    WhyRefused = "outside"     // not one of the picked things
	WhyAway       WhyRefused = "away"        // the person was away
	WhyNeedsYes   WhyRefused = "needs_yes"   // a change without a yes
	WhyLimit      WhyRefused = "limit"       // the calls of the day were used up
	WhyOften      WhyRefused = "often"       // it came back too soon
	WhyMany       WhyRefused = "many"        // more calls than one app may make
	WhyGone       WhyRefused = "gone"        // removed or ended
	WhyService    WhyRefused = "service"     // the service is not connected, or wants the person
	WhyUnknown    WhyRefused = "unknown"     // Deputy does not know this call
)

// Entry is one thing that happened.
type Entry struct {
	At       time.Time
	Kind     EntryKind
	App      string
	Through  string // other apps that acted for App; "" when it acted itself
	Did      string // reads after the app and after "would have": "posted a message in"
	In       string // "acme/web"
	Provider string
	Account  string
	What     string
	Why      WhyRefused
	Count    int  // how often, when several are told as one; 0 and 1 say nothing
	Away     bool // while the person was away
}
