package consent_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

var update = flag.Bool("update", false, "write the golden plans instead of comparing them")

// TestPlansOfOneScope goes through every state of the connection, of the
// agreement, of the picker and of the modes asked for. The golden file is meant to
// be read: each plan is a few sentences.
func TestPlansOfOneScope(t *testing.T) {
	connections := []struct {
		name string
		have []consent.Connection
	}{
		{"connected", []consent.Connection{octocat("contents")}},
		{"not connected", nil},
		{"insufficient", []consent.Connection{octocat("metadata")}},
		{"broken", []consent.Connection{with(octocat("contents"), consent.NeedsPerson)}},
	}
	site := yes(readRepos, "octocat", only(repo("site")))
	ending := site
	ending.Until = noon().Add(3 * day)
	refusal := agreed(yes(readProfile, "", consent.Limit{}))
	refusal.Refused = []consent.Refusal{{Scope: readRepos, At: noon().Add(-5 * day)}}
	agreements := []struct {
		name string
		have []consent.Grant
	}{
		{"never agreed", nil},
		{"agreed", []consent.Grant{agreed(site)}},
		{"agreed for three more days", []consent.Grant{agreed(ending)}},
		{"agreed and expired", []consent.Grant{agreed(over(site))}},
		{"refused", []consent.Grant{refusal}},
	}
	picks := []struct {
		name string
		have map[consent.ResourceType]consent.Limit
	}{
		{"nothing picked", nil},
		{"acme/api picked", map[consent.ResourceType]consent.Limit{repository: only(repo("api"))}},
	}
	modes := []struct {
		name  string
		asked []consent.ScopeName
	}{
		{"for a session", []consent.ScopeName{readRepos}},
		{"also in the background", []consent.ScopeName{readRepos, consent.Background}},
		{"also on a schedule", []consent.ScopeName{readRepos, consent.Recurring}},
		{"also to change things unasked", []consent.ScopeName{readRepos, consent.UnattendedWrites}},
	}
	var b strings.Builder
	for _, c := range connections {
		for _, a := range agreements {
			for _, p := range picks {
				for _, m := range modes {
					req := asks(m.asked...)
					req.Choices.Picked = p.have
					plan := consent.Decide(req, c.have, a.have, noon())
					fmt.Fprintf(&b, "%s, %s, %s, asked %s:\n%s\n", c.name, a.name, p.name, m.name, sentences(plan))
				}
			}
		}
	}
	golden(t, filepath.Join("plans", "one-scope.txt"), b.String())
}

// TestPlansOfStories is for what the table of one scope cannot say.
func TestPlansOfStories(t *testing.T) {
	var b strings.Builder
	for _, s := range stories() {
		fmt.Fprintf(&b, "%s:\n%s\n", s.name, sentences(consent.Decide(s.req, s.connections, s.grants, noon())))
	}
	golden(t, filepath.Join("plans", "stories.txt"), b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the golden plans (go test ./consent -update writes them): %v", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}
