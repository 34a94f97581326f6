package flow_test

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Two tabs are two requests: four steps of one and four of the other, in each of
// the seventy orders there are, give each app its own answer and nothing else.
func TestThreat_O45_TwoTabsInEveryOrder(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana, orders := d.SignedIn("ana"), 0
		for order := range 1 << 8 {
			if bits.OnesCount(uint(order)) != 4 {
				continue
			}
			orders++
			tabs := []*tab{newTab(d, ana, profile, "one"), newTab(d, ana, email, "two")}
			for step := range 8 {
				tabs[order>>step&1].step(t)
			}
			if t.Failed() {
				t.Fatalf("in the order %08b", order)
			}
		}
		if orders != 70 {
			t.Errorf("%d orders", orders)
		}
	})
}

// tab is one app's request in one tab of a browser.
type tab struct {
	d     *deputytest.Deputy
	ana   *deputytest.Browser
	app   deputytest.App
	scope string
	state string
	done  int
	page  deputytest.Page
	code  string
}

func newTab(d *deputytest.Deputy, ana *deputytest.Browser, scope, state string) *tab {
	return &tab{d: d, ana: ana, app: d.App(deputytest.Confidential), scope: scope, state: state}
}

// step takes the next of: ask, keep the choices, allow, redeem.
func (b *tab) step(t *testing.T) {
	t.Helper()
	b.done++
	switch b.done {
	case 1:
		q := b.app.Query(b.scope)
		q.Set("state", b.state)
		b.page = b.ana.Ask(q)
	case 2:
		b.page = b.page.Form("/consent").Submit("save")
	case 3:
		b.page = b.page.Form("/consent").Submit("allow")
		b.code = b.ana.Code(b.page)
		if b.page.Answer("state") != b.state {
			t.Errorf("%s is answered with the state %q", b.state, b.page.Answer("state"))
		}
	case 4:
		if got := b.d.Redeem(b.app, b.code).Scope; got != b.scope {
			t.Errorf("%s has %s", b.state, got)
		}
	default:
		panic(fmt.Sprintf("step %d", b.done))
	}
}
