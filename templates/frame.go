package templates

import "time"

// Frame is what every page has around it. Embed it in nothing outside this
// package; fill it in each page.
type Frame struct {
	Account string    // e-mail address of who is signed in; "" when nobody is
	SignOut string    // form token of the header's sign-out form; needed with Account
	Return  string    // path of ours to come back to after signing in or out, or choosing an account
	CSRF    string    // form token of the page's own form
	Path    string    // of this page, for the navigation: "/services"
	Now     time.Time // for "today" and "in 5 days"
	// Here is where this page can be read in another language. "" when it is known
	// from the request, or when there is no such place.
	Here string
}

func (f Frame) frame() Frame { return f }

type framed interface{ frame() Frame }

// Provider is a service for people.
type Provider struct {
	ID   string // "github"
	Name string // "GitHub"
	Mark string // two letters for its tile: "Gh"
}

// Check says what somebody found out about an app before it asked.
type Check string

// What was checked.
const (
	CheckedNothing  Check = ""         // nobody looked
	CheckedWebsite  Check = "website"  // it controls its website; that says nothing about the company
	CheckedOperator Check = "operator" // the operator registered or approved it by hand
)

// Likeness says what is wrong with what an app calls itself.
type Likeness string

// The likenesses. The zero Likeness is one of a time that is not known any more.
const (
	LikeOther  Likeness = "imitates" // it passes for a name people trust
	LikeClaims Likeness = "claims"   // it says of itself what only others can
	LikeMixed  Likeness = "mixed"    // a word of it has letters of several alphabets
)

// App is who asks. Publisher is the app's own words, and so is Name, unless the app
// calls itself something else, Claimed.
type App struct {
	ID        string
	Name      string
	Claimed   string   // "" unless it is only quoted, with a warning
	Like      Likeness // why; with Claimed
	Of        string   // with LikeOther: the name that people trust
	Logo      string   // path of ours to its picture; "": its initials stand there
	Host      string   // ASCII, punycode where needed; "" when nothing proves one
	Publisher string   // may be empty
	Check     Check
	People    int      // how many people here use it
	New       bool     // they are few, and nobody answers for it
	Changes   []Change // since the person last said yes to it
}

// Change is one thing about an app that is not as it was. Was and Is are the app's
// own words or hosts, "" for none.
type Change struct {
	Kind ChangeKind
	Was  string
	Is   string
}

// ChangeKind says what changed.
type ChangeKind string

// What can have changed.
const (
	ChangedName      ChangeKind = "name"
	ChangedPublisher ChangeKind = "publisher"
	ChangedWebsite   ChangeKind = "website"
	ChangedHost      ChangeKind = "host"    // it can be answered at Is now, "" for a program on this computer
	ChangedReturns   ChangeKind = "returns" // it can be answered at other addresses, at no new host
	ChangedKeys      ChangeKind = "keys"
	ChangedLogo      ChangeKind = "logo"
)

// LogoPath is where the picture with that digest is served; "" for none.
func LogoPath(digest string) string {
	if digest == "" {
		return ""
	}
	return "/logos/" + digest + ".png"
}

// State says where one need stands.
type State string

// The states. The zero State is ready: a need without a service has nothing to
// wait for.
const (
	StateReady     State = ""
	StateConnect   State = "connect"   // no account is connected
	StateReconnect State = "reconnect" // the provider wants the person again
	StateWiden     State = "widen"     // the connection lacks a permission
	StatePick      State = "pick"      // nothing is picked
	StateAdmin     State = "admin"     // an administrator has to approve it first
	StateAsked     State = "asked"     // and was asked
	StateBarred    State = "barred"    // and said no
)

// NoticeKind says what happened on the way to this page.
type NoticeKind string

// What can have happened.
const (
	NoticeConnected    NoticeKind = "connected"     // Provider, Account
	NoticeReconnected  NoticeKind = "reconnected"   // Provider, Account
	NoticeWidened      NoticeKind = "widened"       // Provider, Account
	NoticeOtherAccount NoticeKind = "other_account" // Account was connected, Other is still the one in use
	NoticeLess         NoticeKind = "less"          // the provider gave less than was asked: Provider
	NoticeRefused      NoticeKind = "refused"       // the person said no at the provider: Provider
	NoticeDown         NoticeKind = "down"          // the provider does not answer: Provider
	NoticePicked       NoticeKind = "picked"        // Count things were picked
	NoticeSaved        NoticeKind = "saved"         // the choices were stored
	NoticeAsked        NoticeKind = "asked"         // an administrator was asked
	NoticeWithdrawn    NoticeKind = "withdrawn"     // that was taken back
	NoticeNothing      NoticeKind = "nothing"       // Allow was pressed with nothing to allow
	NoticeRequired     NoticeKind = "required"      // Allow was pressed without Count things, What among them, that the app needs
	NoticeChanged      NoticeKind = "changed"       // something changed since the page was shown
	NoticeRemoved      NoticeKind = "removed"       // What was removed
	NoticeMails        NoticeKind = "mails"         // the choice of mails was stored
	NoticeLowered      NoticeKind = "lowered"       // less of What is allowed
	NoticeSame         NoticeKind = "same"          // a form was sent as it was
	NoticeEnded        NoticeKind = "ended"         // Count sessions were ended
	NoticeWaits        NoticeKind = "waits"         // Count things the app asks for, What among them, wait for the operator
)

// Notice is a line at the top, announced to screen readers.
type Notice struct {
	Kind     NoticeKind
	Provider string // its name: "GitHub"
	Account  string
	Other    string
	What     string
	Count    int
	Kept     bool // on a consent page: what was ticked and picked there is still there
}

// Return says where a person goes after answering.
type Return struct {
	Host  string // "reposcout.example"
	Local bool   // a program on this computer: a loopback address or a private scheme
	// Device: nobody is sent anywhere; a device waits for the answer.
	Device bool
	// Here: nobody is sent anywhere, and nobody waits.
	Here bool
}
