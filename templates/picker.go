package templates

import "time"

// Picker is the page on which a person picks resources. It is a form without a
// state on the server: what was ticked on other pages travels in Kept.
type Picker struct {
	Frame
	Flow     string
	Type     string // "github.repository"
	App      App
	Word     string   // "repository"
	Words    string   // "repositories"
	For      []string // labels of the rows that the choice limits
	Provider Provider
	Account  string
	Search   string
	Page     string // the cursor of this page
	Items    []Item
	Kept     []Item // ticked, but on another page
	From, To int    // of the items shown; From counts from 1
	Total    int    // known so far; 0 when unknown
	Prev     bool
	Next     bool
	// Incomplete is true when the provider did not give the whole list.
	Incomplete bool
	Failed     bool // the provider did not answer
	// Everything offers all of them, also new ones; Far is the radio's state.
	Everything bool
	Far        bool
	Sure       bool // second look: everything was chosen and waits for its own tick
	NoneTicked bool // use was pressed with nothing ticked
}

// Item is one thing that can be picked.
type Item struct {
	ID      string
	Name    string // "acme/web", "#releases"
	Detail  string
	Private bool
	Updated time.Time
	Ticked  bool
}
