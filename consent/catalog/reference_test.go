package catalog_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/deputy-oauth/deputy/consent"
)

// left are the scopes of the reference catalogue that are not offered, and why.
var left = map[string]string{
	"identity.connections.read":    "nothing an app can ask tells it: the list of services is the person's own page",
	"agents.delegation.create":     "token exchange hands on a smaller part without a scope of its own",
	"services.gmail.messages.send": "not built yet: the people it may write to have to be part of what a person allows",
}

// Every scope of the reference catalogue is offered as it is described there, or is
// known not to be. Gmail is a provider of its own here.
func TestTheReferenceCatalogueIsOffered(t *testing.T) {
	text, err := os.ReadFile("../../../shared/reference/catalogue.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the reference catalogue is not beside this repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Scopes []struct {
			ID         string
			Access     consent.Access
			Risk       int
			Unattended string
			Most       string `yaml:"max_grant"`
		}
	}
	if err := yaml.Unmarshal(text, &reference); err != nil || len(reference.Scopes) == 0 {
		t.Fatalf("%d scopes, %v", len(reference.Scopes), err)
	}
	c := load(t)
	known := map[string]bool{}
	for _, r := range reference.Scopes {
		name := strings.Replace(r.ID, "services.google.gmail.", "services.gmail.", 1)
		known[name] = true
		s, offered := c.Scopes[consent.ScopeName(name)]
		if why := left[name]; (why != "") == offered {
			t.Errorf("%s: offered is %t, and the reason against it %q", name, offered, why)
		}
		if !offered {
			continue
		}
		if s.Access != r.Access || s.Risk != r.Risk || s.Attended != (r.Unattended == "never") {
			t.Errorf("%s is %s, risk %d, attended %t; want %s, %d, %s", name, s.Access, s.Risk, s.Attended, r.Access, r.Risk, r.Unattended)
		}
		if r.Most == "" {
			continue
		}
		most, err := time.ParseDuration(strings.NewReplacer("P", "", "D", "h").Replace(r.Most))
		if err != nil || s.MaxLifetime == 0 || s.MaxLifetime > 24*most {
			t.Errorf("%s lasts %s, want %s at most (%v)", name, s.MaxLifetime, r.Most, err)
		}
	}
	for name := range left {
		if !known[name] {
			t.Errorf("%s is left out of a catalogue that has no such scope", name)
		}
	}
}
