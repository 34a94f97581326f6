package provider_test

import (
	"errors"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Tokens that are kept to be revoked open for nothing else, and those for calls not
// for that.
func TestThreat_C22_TokensToRevokeAreOfNoOtherUse(t *testing.T) {
	w := newWorld(t, defaultCatalog(t))
	tokens := provider.Tokens{Access: secret.New("access"), Refresh: secret.New("refresh")}
	open := func(sealed provider.Sealed, err error, with func(provider.Credential) (provider.Tokens, error)) (provider.Tokens, error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return with(provider.Credential{Connection: "c1", Version: 3, Sealed: sealed})
	}
	sealed, err := w.client.SealForRevocation("c1", 3, tokens)
	if got, err := open(sealed, err, w.client.UnsealForRevocation); err != nil || got.Access.Reveal() != "access" || got.Refresh.Reveal() != "refresh" {
		t.Errorf("opened %q, %v", got.Access.Reveal(), err)
	}
	if _, err := open(sealed, err, w.client.Unseal); err == nil {
		t.Error("a token that is kept to be revoked opens for calls")
	}
	sealed, err = w.client.Seal("c1", 3, tokens)
	if _, err := open(sealed, err, w.client.UnsealForRevocation); err == nil {
		t.Error("a token for calls opens to be revoked")
	}
}

// A token that ran out is refreshed before it is revoked. What comes of that is kept
// first: where it cannot be, the provider is not told with it.
func TestThreat_C22_ARefreshForARevocationIsKeptFirst(t *testing.T) {
	h := newHub(t, "github_app", simulator.Quirks{Expiring: true})
	tokens := h.link("c1", "octocat")
	h.advance(24 * time.Hour)
	var kept provider.Tokens
	full := errors.New("disk full")
	got, err := h.client.Revoke(t.Context(), h.reg, tokens, func(fresh provider.Tokens) error {
		kept = fresh
		return full
	})
	if got != provider.Unconfirmed || !errors.Is(err, full) || kept.Refresh.Empty() {
		t.Fatalf("%s, %v", got, err)
	}
	if got, err := h.client.Revoke(t.Context(), h.reg, kept, keepNothing); got != provider.Revoked || err != nil {
		t.Errorf("with what was kept: %s, %v", got, err)
	}
}
