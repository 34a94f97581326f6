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

// SignedOut says goodbye.
type SignedOut struct {
	Frame
	Away []string // apps that go on working: the person allowed it
}
