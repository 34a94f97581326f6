package consent

import (
	"net/url"
	"slices"
)

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

// Face is what people and this server recognise an app by. Return addresses and what
// it proves itself with are digests: the app is asked about them, not people.
type Face struct {
	Name      string   `json:"name"` // as it calls itself
	Publisher string   `json:"publisher,omitempty"`
	Website   string   `json:"website,omitempty"`
	Logo      string   `json:"logo,omitempty"`  // digest of its picture
	Hosts     []string `json:"hosts,omitempty"` // of its return addresses, sorted; "" for this computer
	Returns   string   `json:"returns,omitempty"`
	Keys      string   `json:"keys,omitempty"`
}

// Change is one thing about an app that is not as it was when a person last said
// yes to it.
type Change struct {
	What ChangeKind `json:"what"`
	Was  string     `json:"was,omitempty"` // "" for nothing, and where people are not told
	Is   string     `json:"is,omitempty"`
}

// ChangeKind is the kind of a change.
type ChangeKind string

// The kinds of changes, those that tell most about who asks first.
const (
	ChangedName      ChangeKind = "name"
	ChangedPublisher ChangeKind = "publisher"
	ChangedWebsite   ChangeKind = "website" // Was and Is are hosts
	ChangedHost      ChangeKind = "host"    // it can be answered at Is, where it could not before
	ChangedReturns   ChangeKind = "returns" // it can be answered at other addresses, at no new host
	ChangedKeys      ChangeKind = "keys"
	ChangedLogo      ChangeKind = "logo"
)

// Changes compares an app as it was when a person last said yes with how it is now. A
// face without a name is one that nobody wrote down: nothing can be said about it.
func Changes(was, is Face) []Change {
	if was.Name == "" {
		return nil
	}
	var out []Change
	differs := func(what ChangeKind, was, is string) {
		if was != is {
			out = append(out, Change{What: what, Was: was, Is: is})
		}
	}
	differs(ChangedName, was.Name, is.Name)
	differs(ChangedPublisher, was.Publisher, is.Publisher)
	differs(ChangedWebsite, hostOf(was.Website), hostOf(is.Website))
	before := len(out)
	for _, host := range is.Hosts {
		if !slices.Contains(was.Hosts, host) {
			out = append(out, Change{What: ChangedHost, Is: host})
		}
	}
	if was.Returns != is.Returns && len(out) == before {
		out = append(out, Change{What: ChangedReturns})
	}
	if was.Keys != is.Keys {
		out = append(out, Change{What: ChangedKeys})
	}
	if was.Logo != is.Logo && was.Logo != "" {
		out = append(out, Change{What: ChangedLogo})
	}
	return out
}

// hostOf is where a website is, all of it when it cannot be read: a change that
// people are told about is never lost for that.
func hostOf(website string) string {
	if u, err := url.Parse(website); err == nil && u.Host != "" {
		return u.Host
	}
	return website
}

// Speaks reports whether the change is one of what people know the app by. Whoever
// said yes is asked again, even when nothing else is open.
func (c Change) Speaks() bool {
	return c.What == ChangedName || c.What == ChangedPublisher || c.What == ChangedWebsite
}

// Elsewhere reports whether after the change somebody else may be asking: the app
// goes by another name or website, or its answers can go to another place.
func (c Change) Elsewhere() bool {
	return c.What == ChangedName || c.What == ChangedWebsite || c.What == ChangedHost
}
