package templates

import "time"

// Stranger says who asks, before what is asked: nobody here looked at the app.
type Stranger struct {
	Frame
	Flow     string // the sealed request
	App      App
	Why      Caution
	Services []string  // what it asks to use: "GitHub", "Slack"
	Changes  bool      // it asks to change things
	Away     bool      // it asks to work on its own
	Since    time.Time // it registered itself then; zero for an app that did not
	Returns  Return
	Expires  time.Time // of this request
}

// Caution says why somebody is warned of an app.
type Caution string

// The reasons.
const (
	CautionUnverified Caution = "unverified" // nobody here looked at it
	CautionNew        Caution = "new"        // nor do many use it
	CautionChanged    Caution = "changed"    // it may be somebody else's since it was allowed
)
