package templates

import "time"

// SignIn asks for e-mail address and password. Both AppName and AppHost are
// empty when the person came by themselves; then Return says where to go on.
type SignIn struct {
	Frame
	AppName string
	AppHost string
	Flow    string // the sealed request; "" without an app
	Email   string // typed before
	Ended   bool   // the earlier sign-in ended
	Others  bool   // accounts are signed in here, and none acts
	Changed bool   // the password was changed just now
	Tried
	Passkey   Ceremony // zero when nobody can sign in with one here
	Companies []Company
}

// Company is an OpenID provider that people sign in with.
type Company struct{ ID, Name string }

// Tried says why a try did not sign in. Zero means that there was none.
type Tried struct {
	Wrong     bool // one answer for an unknown address and a wrong password
	WrongCode bool // of the second step
	WrongKey  bool // the passkey is not one of an account here
	Late      bool // the device took longer than the page lives
	Wait      time.Duration
}

// Ceremony is what a page needs to ask the browser for a passkey.
type Ceremony struct {
	Options string // JSON of what navigator.credentials is asked for
	Ticket  string // goes back with the answer
}

// Purpose is what a person shows once more who they are for.
type Purpose string

// The purposes.
const (
	ToChangePasskeys  Purpose = "passkeys"
	ToChangeCodes     Purpose = "codes"
	ToChangeCompanies Purpose = "companies"
	ToAllow           Purpose = "allow" // what is at stake
)

// Known reports whether there is such a purpose.
func (p Purpose) Known() bool {
	return p == ToChangePasskeys || p == ToChangeCodes || p == ToChangeCompanies || p == ToAllow
}

// Prove asks the person who is signed in to show once more who they are. Frame's
// Return is where it goes on.
type Prove struct {
	Frame
	For       Purpose
	AppName   string    // for ToAllow: whose request it is; may be empty
	Stakes    []string  // for ToAllow: labels
	Weak      bool      // the sign-in was not sure enough; else it was too long ago
	Password  bool      // the password is asked for
	Code      bool      // and a code with it
	Companies []Company // instead of a password, for who has none
	Passkey   Ceremony
	Tried
}

// Forgot asks for the address of an account whose password is forgotten.
type Forgot struct {
	Frame
	Mail      bool   // a mail can be sent; else the page says whom to ask
	Email     string // typed before
	NoAddress bool   // what was typed is none
	Sent      bool   // a mail is on its way, if there is an account
	Tried
}

// Reset asks for a new password, with a link that came by mail.
type Reset struct {
	Frame
	Over  bool   // the link was used, or has ended
	Link  string // goes back with the form
	Email string // of the account
	Code  bool   // a code is asked for with it
	Bad   string // what is wrong with the password, in our words
	Tried
}

// Invitation lets somebody who was invited take their account over.
type Invitation struct {
	Frame
	Over     bool   // the link was used, or has ended
	Link     string // goes back with the form
	Mail     bool   // another link can be sent
	Email    string // of the account
	Name     string // a proposal, or typed before
	Bad      string // what is wrong with name or password, in our words
	Ceremony Ceremony
}

// SignInCode asks for the second step, after the password.
type SignInCode struct {
	Frame
	AppName, AppHost string
	Ticket           string // that the password was right
	Tried
}

// Codes says whether codes from an app are on.
type Codes struct {
	Frame
	On   bool
	Left int // recovery codes not used
}

// NewCodes shows the secret of an app to be, as a square to scan and as a key to
// type, and asks for the first code.
type NewCodes struct {
	Frame
	Side   int    // of the square, in modules
	Square string // path of its dark modules
	Key    string // in groups
	Ticket string
	Wrong  bool
}

// RecoveryCodes shows recovery codes, this once.
type RecoveryCodes struct {
	Frame
	Host  string
	Codes []string
}

// ChangeCodes asks once before codes are turned off, or recovery codes replaced.
type ChangeCodes struct {
	Frame
	Renew bool
}

// Passkeys lists a person's passkeys.
type Passkeys struct {
	Frame
	Passkeys []Passkey
	Full     bool // no more can be added
}

// Passkey is one of them.
type Passkey struct {
	ID          string
	Name        string
	Added, Used time.Time // Used is zero when it never was
	BackedUp    bool      // it is also elsewhere, kept by the maker of the device
	Copied      bool      // a copy of it showed
}

// NewPasskey lets a person add a passkey.
type NewPasskey struct {
	Frame
	Name     string // a proposal
	Ceremony Ceremony
}

// RemovePasskey asks once before a passkey is taken away.
type RemovePasskey struct {
	Frame
	Passkey Passkey
}

// SignOutConfirm asks whether to sign out, because an app wants it. Saying no is a
// link home.
type SignOutConfirm struct {
	Frame
	AppName string // "" when nobody says who asks
	Other   bool   // it is about another sign-in than this one
	Away    []string
	Goes    bool // the person goes to Returns afterwards, else stays here
	Returns Return
	To      string // the address of Returns
}

// SignedOut says goodbye.
type SignedOut struct {
	Frame
	Away   []string // apps that go on working: the person allowed it
	Next   Link     // back to the app that wanted it; zero when none did
	Others []string // addresses of who is still signed in in this browser
}
