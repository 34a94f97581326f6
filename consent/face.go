package consent

// Check says what somebody found out about an app before it asked. None of it is
// about whether the app is good.
type Check string

// What was checked.
const (
	CheckedNothing  Check = ""         // nobody looked
	CheckedWebsite  Check = "website"  // its own site answers for it; that says nothing about a company
	CheckedOperator Check = "operator" // an operator registered or approved it by hand
)

// FewPeople is how many people have to use an app before it is not called new here.
const FewPeople = 10

// Face is what people and this server recognise an app by. Where it is answered and
// what it proves itself with are digests: the app is asked about them, not people.
type Face struct {
	Name    string `json:"name"` // as it calls itself
	Website string `json:"website,omitempty"`
	Logo    string `json:"logo,omitempty"` // digest of its picture
	Returns string `json:"returns,omitempty"`
	Keys    string `json:"keys,omitempty"`
}
