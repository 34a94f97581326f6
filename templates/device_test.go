package templates

import (
	"testing"
	"time"

	"golang.org/x/net/html"
)

func deviceExamples() []example {
	confirm := DeviceConfirm{
		Frame: frame("/device"), Flow: "sealed", App: App{ID: "scout-cli", Name: "Scout CLI", Host: "reposcout.example", Check: CheckedOperator},
		Code: "WDJB-MJHT", Agent: "scout-cli/2.1 (linux; build-server-3)", Place: "203.0.113.7", Asked: noon().Add(-2 * time.Minute), Ends: noon().Add(8 * time.Minute),
	}
	near := confirm
	near.Near, near.Agent, near.App.Host = true, "", ""
	pretends := confirm
	pretends.App = passing()
	bad := confirm
	bad.App, bad.Agent, bad.Place, bad.Flow = hostileApp(), hostile(), hostile(), hostile()
	done := Confirm{Frame: frame("/consent"), Flow: "sealed", App: repoScout(), Had: hadRows(), Returns: Return{Device: true}, Expires: noon().Add(8 * time.Minute)}
	return []example{
		{"device-empty", DeviceEntry{Frame: frame("/device")}},
		{"device-link", DeviceEntry{Frame: frame("/device"), Code: "WDJB-MJHT"}},
		{"device-wrong", DeviceEntry{Frame: frame("/device"), Wrong: true}},
		{"device-wait", DeviceEntry{Frame: frame("/device"), Wait: 95 * time.Second}},
		{"device-hostile", DeviceEntry{Frame: frame("/device"), Code: hostile()}},
		{"device-confirm", confirm},
		{"device-confirm-near", near},
		{"device-confirm-passing", pretends},
		{"device-confirm-hostile", bad},
		{"confirm-device", done},
	}
}

// No comes first, both look alike, and Enter alone says no (ux S19, rule 13).
func TestThreat_O29_NoComesFirst(t *testing.T) {
	for _, e := range deviceExamples() {
		if _, is := e.page.(DeviceConfirm); !is {
			continue
		}
		root := parsed(t, render(t, newSet(t), e.page))
		buttons := all(all(root, "main")[0], "button")
		if len(buttons) != 2 || attr(buttons[0], "value") != "no" || attr(buttons[1], "value") != "yes" || attr(buttons[0], "class") != attr(buttons[1], "class") {
			t.Errorf("%s: the answers are not no and yes, alike: %v", e.name, wordsOf(buttons))
		}
	}
}

func wordsOf(nodes []*html.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, text(n))
	}
	return out
}
