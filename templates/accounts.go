package templates

import "time"

// Accounts asks as whom to go on to Return: it lists who is signed in in this
// browser. AppName and AppHost are as in SignIn.
type Accounts struct {
	Frame
	AppName, AppHost string
	Accounts         []Account
}

// Account is somebody who is signed in in this browser.
type Account struct {
	ID      string // of the sign-in
	Name    string
	Picture string // its id; "" for none
	Email   string
	Since   time.Time
	Acts    bool // pages are theirs now
}

// Profile is what a person says about themselves. Frame's Account is their address.
type Profile struct {
	Frame
	Name    string
	Picture string // its id; "" for none
}
