package templates

import "time"

// AnswerLine is one answer in a list of them.
type AnswerLine struct {
	ID  string
	Yes bool
	At  time.Time
}

// Receipt is what a person was shown once, and what they answered.
type Receipt struct {
	Frame
	App       string // as it was called then
	Claimed   string // as it called itself, when that was only quoted
	Publisher string
	Host      string // of the app's own site; "" when nothing proved one
	Check     Check
	Checked   bool   // Check was written down
	Returns   string // the address it was answered at; "" for nowhere
	Yes       bool
	At        time.Time
	Rows      []ReceiptRow // as they were shown
	Digest    string       // of the record, in hex
	Changes   []Change     // of the app, since the yes before
	Changed   bool         // the record is not what was written
}

// ReceiptRow is one thing that was asked.
type ReceiptRow struct {
	Label      string
	Provider   Provider
	Account    string
	Admin      PetitionState // what an administrator had said about it; "" for nothing
	Had        bool          // it was allowed before, and stayed as it was
	Given      bool
	Limit      []string
	Everything bool
	Until      time.Time
	Daily      int // times a day, 0 for any
	Hours      int // between visits, 0 for any
}
