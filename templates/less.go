package templates

import "time"

// LessForm is where a person takes some of what an app may do away, and not all.
type LessForm struct {
	Frame
	App   App
	Scope string
	Label string
	Also  []string // labels of what includes it, and is lowered with it
	Keeps []Keep   // what it is limited to; none when it is for everything, or has no limit
	Ends  []End    // earlier than Until
	Until time.Time
}

// Keep is one thing it is limited to: the fields are shown and keep, their value ID.
type Keep struct{ ID, Name string }
