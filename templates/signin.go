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
	Wrong   bool   // one answer for an unknown address and a wrong password
	Wait    time.Duration
	Ended   bool // the earlier sign-in ended
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
	Away []string // apps that go on working: the person allowed it
	Next Link     // back to the app that wanted it; zero when none did
}
