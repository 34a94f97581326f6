package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/store"
)

// Threat C24: when tokens may have been stolen, one word stops every call on every
// replica within a second, and nothing of it stops anybody from ending things.
func TestThreat_C24_ALockedVaultStopsEveryCall(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		token := reader(d, ana, "700100001")
		const path = "/api/github/repositories/700100001"
		if got := d.API(token, "GET", path); got.Status != 200 {
			t.Fatalf("before: %d %s", got.Status, got.Raw)
		}
		if err := d.Foundation.Store.LockVault(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond) // what is promised, and a little
		got := d.API(token, "GET", path)
		if got.Status != 503 || got.JSON["error"] != "vault_locked" || got.Header.Get("Retry-After") == "" || strings.Contains(got.Raw, "full_name") {
			t.Errorf("locked: %d %s", got.Status, got.Raw)
		}
		var held []store.Held
		err := d.Foundation.Store.Inventory(t.Context(), store.Which{Provider: "github"}, func(h store.Held) error {
			held = append(held, h)
			return nil
		})
		if err != nil || len(held) != 1 || held[0].Login != "octocat" || held[0].Used.IsZero() {
			t.Errorf("inventory: %+v, %v", held, err)
		}
		if err := d.Foundation.Store.UnlockVault(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := d.API(token, "GET", path); got.Status != 200 {
			t.Errorf("unlocked: %d %s", got.Status, got.Raw)
		}
		if err := d.Foundation.Store.LockVault(t.Context()); err != nil {
			t.Fatal(err)
		}
		if page := ana.Get("/services"); !page.Says("octocat") {
			t.Errorf("the services page of a locked vault: %s", page.Text())
		}
		end := "/services/" + string(held[0].ID) + "/disconnect"
		ended := ana.Get(end).Form(end).Submit("")
		if !ended.Says("GitHub") || d.Count("SELECT count(*) FROM credentials") != 0 {
			t.Errorf("a connection cannot be ended while the vault is locked: %s", ended.Text())
		}
	})
}
