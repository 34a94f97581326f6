package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/resourceserver/events"
)

// A message ends tokens that are clearly older, of the accounts it means and of no
// others, once; of the rest it says that they are in doubt.
func TestThreat_B17_AMessageEndsOlderTokensOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		for _, id := range []consent.ConnectionID{"T1/U1", "T1/U2", "T1/U3", "T10/U1", "t1/u4"} {
			connected(t, s, id)
		}
		c := credentials(s)
		hear := func(what string, m events.Message, want events.Heard) {
			t.Helper()
			m.Registration, m.Until = "github", at().Add(time.Hour)
			got, err := c.Hear(t.Context(), m, 10)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v\n%s", what, err, diff)
			}
		}
		ids := func(list ...consent.ConnectionID) []consent.ConnectionID { return list }
		hear("no time", events.Message{ID: "1", Subjects: []string{"T1/U1", "T1/U2"}}, events.Heard{Doubt: ids("T1/U1", "T1/U2")})
		hear("older than the tokens", events.Message{ID: "2", Subjects: []string{"T1/U1"}, Before: at()}, events.Heard{Doubt: ids("T1/U1")})
		hear("younger", events.Message{ID: "3", Subjects: []string{"T1/U1", "T9/U9"}, Before: at().Add(time.Second)}, events.Heard{Ended: ids("T1/U1")})
		hear("once more", events.Message{ID: "4", Subjects: []string{"T1/U1"}, Before: at().Add(time.Second)}, events.Heard{})
		hear("the same again", events.Message{ID: "1", Realm: "T1/", Before: at().Add(time.Second)}, events.Heard{})
		hear("a workspace", events.Message{ID: "5", Realm: "T1/", Before: at().Add(time.Second)}, events.Heard{Ended: ids("T1/U2", "T1/U3")})
		hear("another registration's id", events.Message{ID: "5", Registration: "slack", Realm: "T10/", Before: at().Add(time.Second)}, events.Heard{})
		var broken []string
		if err := s.DB.Read(t.Context()).Raw("SELECT connection_id || ' ' || detail FROM audit WHERE kind = 'connection.broken' AND user_id = 'ana' ORDER BY 1").Scan(&broken).Error; err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"T1/U1 ended_there", "T1/U2 ended_there", "T1/U3 ended_there"}, broken); diff != "" {
			t.Errorf("recorded:\n%s", diff)
		}
	})
}

// Of replicas that get the same message one acts on it.
func TestThreat_B17_OneReplicaHears(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		connected(t, s, "conn")
		c := credentials(s)
		m := events.Message{Registration: "github", ID: "1", Until: at().Add(time.Hour), Subjects: []string{"conn"}, Before: at().Add(time.Second)}
		if acted := race(t, func(int) (bool, error) {
			heard, err := c.Hear(t.Context(), m, 10)
			return fmt.Sprint(heard.Ended) == "[conn]", err
		}); acted != 1 {
			t.Errorf("%d acted, want 1", acted)
		}
	})
}
