package catalog

import (
	"slices"
	"strings"
)

// Events is what a provider tells us by itself: how its messages are signed and
// which of them end connections. Without a signature it tells us nothing.
//
// A place in a message is a JSON pointer into its body, or the name of a header
// when it does not begin with "/". Headers are not signed: what is read from one
// must do no harm when somebody else wrote it.
type Events struct {
	Signature Signature
	Challenge *Challenge // nil when the provider does not try the address first
	ID        string     // place of what is the same when a message is sent again
	Kind      string     // place of what kind it is
	At        string     // JSON pointer to when it happened, in seconds since 1970; "" when it does not say
	Ends      []EventRule
}

// Signature is an HMAC-SHA256 in hexadecimal, by a secret of the registration.
type Signature struct {
	Header string
	// Prefix stands before the signature: "sha256=". With Member it is "", and the
	// header is a list of name=value in which Member is the name of signatures.
	Prefix string
	Member string
	// Time is the header, or the member, with the seconds since 1970; "" when the
	// signature does not say when it was made.
	Time  string
	Signs string // what is signed: "v0:{time}:{body}"
}

// Challenge is a message that is answered with one of its own texts.
type Challenge struct {
	When   map[string]string // JSON pointer → value
	Answer string            // JSON pointer
}

// EventRule says which connections a kind of message ends.
type EventRule struct {
	Kind string
	When map[string]string // JSON pointer → value that it must have
	// Realm is the JSON pointer to Identity.Realm of the accounts, Subject the one to
	// their ids, one or a list. Without Subject all accounts of the realm are meant.
	Realm   string
	Subject string
}

type eventsFile struct {
	Signature signatureFile   `yaml:"signature"`
	Challenge *challengeFile  `yaml:"challenge"`
	ID        string          `yaml:"id"`
	Kind      string          `yaml:"kind"`
	At        string          `yaml:"at"`
	Ends      []eventRuleFile `yaml:"ends"`
}

type signatureFile struct {
	Header string `yaml:"header"`
	Prefix string `yaml:"prefix"`
	Member string `yaml:"member"`
	Time   string `yaml:"time"`
	Signs  string `yaml:"signs"`
}

type challengeFile struct {
	When   map[string]string `yaml:"when"`
	Answer string            `yaml:"answer"`
}

type eventRuleFile struct {
	Kind    string            `yaml:"kind"`
	When    map[string]string `yaml:"when"`
	Realm   string            `yaml:"realm"`
	Subject string            `yaml:"subject"`
}

func buildEvents(f eventsFile) Events {
	e := Events{Signature: Signature(f.Signature), ID: f.ID, Kind: f.Kind, At: f.At}
	if f.Challenge != nil {
		c := Challenge(*f.Challenge)
		e.Challenge = &c
	}
	for _, r := range f.Ends {
		e.Ends = append(e.Ends, EventRule(r))
	}
	return e
}

// Told reports whether the provider tells us anything.
func (e Events) Told() bool { return e.Signature.Header != "" }

// proveEvents: nothing counts that is not signed whole, and a message names
// accounts in the way in which connections do.
func (p *Provider) proveEvents(at *problems) {
	e := p.Events
	if !e.Told() {
		if e.ID != "" || e.Kind != "" || e.At != "" || e.Challenge != nil || len(e.Ends) > 0 {
			at.add("signature must say which header has it")
		}
		return
	}
	s := e.Signature
	if strings.Count(s.Signs, "{body}") != 1 || !strings.HasSuffix(s.Signs, "{body}") {
		at.add("signs must end with {body}, or something could be changed")
	}
	if (s.Time != "") != strings.Contains(s.Signs, "{time}") {
		at.add("time must be signed, and what is signed must be somewhere")
	}
	if s.Member != "" && s.Prefix != "" {
		at.add("a list has members, not a prefix")
	}
	if e.ID == "" || e.Kind == "" || len(e.Ends) == 0 {
		at.add("id, kind and ends must say what is told")
	}
	pointers := []string{e.At}
	if e.Challenge != nil {
		pointers = append(pointers, e.Challenge.Answer)
		if e.Challenge.Answer == "" || len(e.Challenge.When) == 0 {
			at.add("challenge needs when and answer")
		}
	}
	for _, r := range e.Ends {
		pointers = append(pointers, r.Realm, r.Subject)
		if r.Kind == "" || (r.Subject == "" && r.Realm == "") || (r.Realm != "") != (p.Identity.Realm != "") {
			at.add("an end needs a kind, a subject, and a realm where identity has one")
		}
	}
	if slices.ContainsFunc(pointers, func(to string) bool { return to != "" && !strings.HasPrefix(to, "/") }) {
		at.add("at, answer, realm and subject are JSON pointers: only the body is signed")
	}
}
