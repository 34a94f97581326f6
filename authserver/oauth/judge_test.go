package oauth

import (
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
)

// TestJudge says what a presented refresh token deserves. The family is at its
// fifth generation and was refreshed a minute ago.
func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	who := clients.Client{ID: "app_1", Origin: clients.Operator}
	ends := ago(time.Hour)
	for _, c := range []struct {
		name       string
		generation int64
		change     func(st *Standing)
		want       verdict
	}{
		{"the newest one moves the family on", 5, nil, rotate},
		{"the newest one stays, when it does not rotate", 5, func(st *Standing) { st.Family.Rotates = false }, lasting},
		{"the one just passed gets the same successor", 4, nil, again},
		{"until the grace is over, to the millisecond", 4, func(st *Standing) { st.Family.RefreshedAt = ago(RefreshGrace - time.Millisecond) }, again},
		{"and not any longer", 4, func(st *Standing) { st.Family.RefreshedAt = ago(RefreshGrace) }, reused},
		{"an older one has no grace", 3, nil, reused},
		{"the first one neither", 0, nil, reused},
		{"one that was never given is not called stolen", 6, nil, dead},
		{"another app's is nothing, whatever its age", 0, func(st *Standing) { st.Family.AppID = "app_2" }, dead},
		{"an app that is not as agreed to gets nothing", 5, func(st *Standing) { st.Agreed = "another digest" }, dead},
		{"a revoked family stays dead", 5, func(st *Standing) { st.Family.RevokedAt = &ends }, dead},
		{"and an old token of it is no news", 0, func(st *Standing) { st.Family.RevokedAt = &ends }, dead},
		{"nothing without its grant, user or app", 5, func(st *Standing) { st.Dead = "the grant was revoked" }, dead},
		{"nothing after its end", 5, func(st *Standing) { st.Family.ExpiresAt = now.UnixMilli() }, dead},
		{"the last millisecond counts", 5, func(st *Standing) { st.Family.ExpiresAt = now.UnixMilli() + 1 }, rotate},
		{"nothing when it lay idle", 5, func(st *Standing) { st.Family.RefreshedAt = ago(RefreshIdle) }, dead},
		{"nothing after the sign-out", 5, func(st *Standing) { st.Present = false }, dead},
		{"but when it may outlive the sign-in", 5, func(st *Standing) { st.Present, st.Family.Offline = false, true }, rotate},
	} {
		st := Standing{Present: true, Family: Family{
			AppID: "app_1", Rotates: true, Generation: 5, RefreshedAt: ago(time.Minute), ExpiresAt: now.Add(time.Hour).UnixMilli(),
		}}
		if c.change != nil {
			c.change(&st)
		}
		got, why := judge(st, who, c.generation, now)
		if got != c.want {
			t.Errorf("%s: verdict %d (%s), want %d", c.name, got, why, c.want)
		}
		if silent := why == ""; silent != (got == rotate || got == again || got == lasting) {
			t.Errorf("%s: the reason is %q", c.name, why)
		}
	}
}
