package templates

import "time"

// AskAdmin is where a person asks an administrator for what they cannot allow
// alone, and reads what became of it.
type AskAdmin struct {
	Frame
	Flow      string
	App       App
	Asks      []Ask // what can still be asked for
	Why       string
	Problem   AskProblem
	Petitions []Petition // asked for already, the newest first
	Back      string     // path of ours that changes nothing
}

// Ask is one row that can be asked for: the field is ask, its value ID.
type Ask struct {
	ID     string
	Label  string
	Ticked bool
}

// AskProblem says why nothing was sent.
type AskProblem string

// The problems.
const (
	AskNeedsWhy  AskProblem = "why"  // no reason, or one that is too long
	AskNeedsTick AskProblem = "tick" // nothing was ticked
)

// PetitionState is what became of a petition.
type PetitionState string

// The states.
const (
	PetitionWaits    PetitionState = "waiting"
	PetitionApproved PetitionState = "approved"
	PetitionRefused  PetitionState = "refused"
)

// Petition is what a person asked an administrator for. Why are the person's own
// words, Answer the administrator's.
type Petition struct {
	ID       string
	App      string   // its name, on pages about more than one
	Rows     []string // labels
	State    PetitionState
	Why      string
	Answer   string
	Asked    time.Time
	Answered time.Time // zero while it waits
	Until    time.Time
	CSRF     string // token of the form that withdraws it, on pages where each has its own
}
