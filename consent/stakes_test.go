package consent_test

import (
	"testing"

	"github.com/deputy-oauth/deputy/consent"
)

func TestStakes(t *testing.T) {
	read := consent.Scope{Name: "services.github.repositories.read", Access: consent.Read}
	write := consent.Scope{Name: "services.github.repositories.write", Access: consent.Write}
	remove := consent.Scope{Name: "services.github.repositories.delete", Access: consent.Destructive}
	unattended := consent.Scope{Name: consent.UnattendedWrites, Access: consent.Write, Modifier: true}
	all := []consent.Row{{Scope: read}, {Scope: write}, {Scope: remove}, {Scope: unattended}}
	for _, c := range []struct {
		name string
		yes  []consent.Scope
		want map[consent.ScopeName]consent.StakeReason
	}{
		{"nothing", nil, nil},
		{"reading and changing", []consent.Scope{read, write}, nil},
		{"what cannot be undone", []consent.Scope{read, remove}, map[consent.ScopeName]consent.StakeReason{remove.Name: consent.CannotBeUndone}},
		{"changes without asking", []consent.Scope{write, unattended}, map[consent.ScopeName]consent.StakeReason{consent.UnattendedWrites: consent.WithoutAsking}},
		{"both", []consent.Scope{remove, unattended}, map[consent.ScopeName]consent.StakeReason{remove.Name: consent.CannotBeUndone, consent.UnattendedWrites: consent.WithoutAsking}},
	} {
		plan := consent.Plan{Rows: all}
		for _, s := range c.yes {
			plan.Grantable = append(plan.Grantable, consent.Item{Scope: s.Name})
		}
		got := plan.Stakes()
		for _, s := range got {
			if c.want[s.Scope.Name] != s.Why {
				t.Errorf("%s: %s is at stake: %q, want %q", c.name, s.Scope.Name, s.Why, c.want[s.Scope.Name])
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d at stake, want %d", c.name, len(got), len(c.want))
		}
	}
}
