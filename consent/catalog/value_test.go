package catalog_test

import (
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

func param(t *testing.T, c *catalog.Catalog, provider consent.ProviderID, op, name string) catalog.Param {
	t.Helper()
	for _, o := range c.Providers[provider].Operations {
		for _, p := range o.Params {
			if o.ID == op && p.Name == name {
				return p
			}
		}
	}
	t.Fatalf("%s has no value %s", op, name)
	return catalog.Param{}
}

func TestValuesThatMayBeSentAndThoseThatMayNot(t *testing.T) {
	c := load(t)
	for _, tt := range []struct {
		op, name string
		allow    []string
		deny     []string
	}{
		{"issues.list", "per_page", []string{"1", "100"}, []string{"", "0", "101", "-1", "+1", "01", "1e2", " 1"}},
		{"issues.list", "state", []string{"open", "all"}, []string{"", "Open", "open,closed"}},
		{"issues.list", "since", []string{"2026-01-02T03:04:05Z"}, []string{"yesterday", "2026-01-02T03:04:05Z&x=1"}},
		{"repositories.branches.list", "protected", []string{"true", "false"}, []string{"1", "TRUE"}},
		{"repositories.contents.get", "ref", []string{"main", "release/1.2", "v1.0.0", "refs/heads/main"},
			// A bare commit id also reaches commits of forks.
			[]string{"7fd1a60b01f91b314f59955a4e4d4e80d8edf11d", "7fd1a60", "main^", "main~3", "a..b", "@{u}", "v1.0-3-g7fd1a60", "HEAD:x"}},
		{"repositories.contents.put", "path", []string{"src/a.js", "docs/workflows/x.yml"},
			[]string{".github/workflows/ci.yml", ".GitHub/Workflows/ci.yml", ".github/actions/a/action.yml", "CODEOWNERS", "docs/CODEOWNERS"}},
		{"repositories.get", "owner", []string{"acme", "octo-cat", "octocat_acme"}, []string{"", "-x", "a/b", "a?b", "..", "a%2fb"}},
		{"repositories.get", "repository_id", []string{"1", "1296269"}, []string{"0", "01", "x", "1/..", "99999999999999999999"}},
	} {
		p := param(t, c, "github", tt.op, tt.name)
		for _, v := range tt.allow {
			if err := p.Check(v); err != nil {
				t.Errorf("%s %s: %q is refused: %v", tt.op, tt.name, v, err)
			}
		}
		for _, v := range tt.deny {
			if err := p.Check(v); err == nil {
				t.Errorf("%s %s: %q is allowed", tt.op, tt.name, v)
			} else if v != "" && len(v) > 3 && strings.Contains(err.Error(), v) {
				t.Errorf("%s %s: the error repeats the value: %v", tt.op, tt.name, err)
			}
		}
	}
}

func TestNothingWakesAWholeChannelOrNamesAPerson(t *testing.T) {
	c := load(t)
	text := param(t, c, "slack", "chat.postMessage", "text")
	for _, v := range []string{"<!channel>", "hi <!here|here>", "<!everyone>", "<! channel>", "<!CHANNEL>", "<!subteam^S123>"} {
		if text.Check(v) == nil {
			t.Errorf("%q may be posted", v)
		}
	}
	if err := text.Check("Hello <#C024BE91L>, 5 > 3!"); err != nil {
		t.Error(err)
	}
	channel := param(t, c, "slack", "chat.postMessage", "channel")
	for _, v := range []string{"#general", "general", "U024BE7LH", "D024BE7LH", "G024BE7LH", "c024be91l", "C024BE91L,C024BE91M"} {
		if channel.Check(v) == nil {
			t.Errorf("%q counts as a channel", v)
		}
	}
}
