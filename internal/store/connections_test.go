package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// A connection comes back as it was saved, is found by its account, is never
// somebody else's, and after its end is not found any more.
func TestConnectionsComeBackWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.UnixMilli(1_795_000_000_000)
		s := &store.Store{DB: d, Now: func() time.Time { return now }}
		ctx := t.Context()
		for _, statement := range []string{
			"INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES ('ana', 'a', 'a', 'Ana', '', 1), ('bob', 'b', 'b', 'Bob', '', 1)",
			"INSERT INTO registrations (id, provider, variant, client_id, secret, web_url, api_url, updated_at) VALUES ('github', 'github', 'oauth_app', 'c', '', '', '', 1)",
		} {
			if err := d.Tx(ctx, func(ctx context.Context) error { return d.Read(ctx).Exec(statement).Error }); err != nil {
				t.Fatal(err)
			}
		}
		link := connect.Link{
			ID: "conn", User: "ana", Registration: "github", Provider: "github", Variant: "oauth_app",
			Account: provider.Account{Subject: "583231", Login: "octocat"}, Granted: []string{"repo", "read:user"},
			Sealed: provider.Sealed{Access: []byte("sealed")}, IssuedAt: now, At: now,
		}
		if saved, err := s.SaveConnection(ctx, link); err != nil || !saved {
			t.Fatal(saved, err)
		}
		if saved, err := s.SaveConnection(ctx, link); err != nil || saved {
			t.Errorf("the same account twice: %v, %v", saved, err)
		}
		want := connect.Linked{Registration: "github", Version: 1, Connection: consent.Connection{
			ID: "conn", User: "ana", Provider: "github", Variant: "oauth_app", Subject: "583231", Login: "octocat",
			Granted: []string{"repo", "read:user"}, Health: consent.Healthy,
		}}
		got, err := s.ConnectionOf(ctx, "ana", "conn")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		found, ok, err := s.FindConnection(ctx, "ana", "github", "583231")
		if diff := cmp.Diff(want, found); err != nil || !ok || diff != "" {
			t.Errorf("found %v, %v\n%s", ok, err, diff)
		}
		if _, err := s.ConnectionOf(ctx, "bob", "conn"); !fault.Is(err, fault.NotFound) {
			t.Errorf("somebody else's: %v", err)
		}
		link.Replaces, link.Account.Login = 1, "octocat2"
		if saved, err := s.SaveConnection(ctx, link); err != nil || !saved {
			t.Errorf("replace: %v, %v", saved, err)
		}
		if saved, err := s.SaveConnection(ctx, link); err != nil || saved {
			t.Errorf("replace an old generation: %v, %v", saved, err)
		}
		if last, err := s.EndConnection(ctx, "ana", "conn", now); err != nil || string(last.Sealed.Access) != "sealed" || last.Version != 2 {
			t.Errorf("end: %+v, %v", last, err)
		}
		if _, ok, err := s.FindConnection(ctx, "ana", "github", "583231"); err != nil || ok {
			t.Errorf("found after its end: %v, %v", ok, err)
		}
		if list, err := s.ConnectionsOf(ctx, "ana"); err != nil || len(list) != 0 {
			t.Errorf("listed after its end: %v, %v", list, err)
		}
	})
}
