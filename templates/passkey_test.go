package templates

import (
	"bytes"
	"testing"

	"golang.org/x/net/html"
)

func passkeyExamples() []example {
	stranger := Frame{CSRF: "page-token", Path: "/signin", Return: "/", Now: noon()}
	again, path := frame("/signin/again"), frame("/sessions/passkeys")
	again.Return = "/sessions/passkeys/new"
	asks := Ceremony{Options: `{"challenge":"AAAA","rpId":"deputy.example","userVerification":"required"}`, Ticket: "sealed"}
	phone := Passkey{ID: "passkey_1", Name: "Ana's phone", Added: ago(50), Used: noon(), BackedUp: true}
	laptop := Passkey{ID: "passkey_2", Name: "Firefox on Linux", Added: ago(3), Copied: true}
	bad := Passkey{ID: `"><script>`, Name: hostile(), Added: ago(1)}
	return []example{
		{"signin-passkey", SignIn{Frame: stranger, Passkey: asks}},
		{"signin-passkey-wrong", SignIn{Frame: stranger, Passkey: asks, Tried: Tried{WrongKey: true}}},
		{"signin-passkey-late", SignIn{Frame: stranger, Passkey: asks, Tried: Tried{Late: true}}},
		{"signin-company", SignIn{Frame: stranger, Companies: []Company{{"northwind", "Northwind"}}}},
		{"signin-company-hostile", SignIn{Frame: stranger, Companies: []Company{{`"><script>`, hostile()}}}},
		{"prove-company", Prove{Frame: again, For: ToChangePasskeys, Companies: []Company{{"northwind", "Northwind"}}}},
		{"prove-password", Prove{Frame: again, For: ToChangePasskeys, Password: true}},
		{"prove-password-wrong", Prove{Frame: again, For: ToChangePasskeys, Password: true, Tried: Tried{Wrong: true}}},
		{"prove-passkey", Prove{Frame: again, For: ToChangePasskeys, Weak: true, Passkey: asks}},
		{"passkeys-empty", Passkeys{Frame: path}},
		{"passkeys-one", Passkeys{Frame: path, Passkeys: []Passkey{phone}}},
		{"passkeys-many", Passkeys{Frame: path, Passkeys: []Passkey{phone, laptop}, Full: true}},
		{"passkeys-hostile", Passkeys{Frame: path, Passkeys: []Passkey{bad}}},
		{"passkey-new", NewPasskey{Frame: path, Name: "Firefox on Linux", Ceremony: asks}},
		{"passkey-new-hostile", NewPasskey{Frame: path, Name: hostile(), Ceremony: Ceremony{Options: hostile(), Ticket: hostile()}}},
		{"passkey-remove", RemovePasskey{Frame: path, Passkey: phone}},
		{"passkey-remove-hostile", RemovePasskey{Frame: path, Passkey: bad}},
	}
}

// What needs the script is hidden until the script shows it; the password is
// there without it.
func TestPagesWorkWithoutTheScript(t *testing.T) {
	for _, e := range passkeyExamples() {
		root := parsed(t, render(t, newSet(t), e.page))
		for _, form := range all(root, "form") {
			if has(form, "data-passkey") != has(form, "hidden") {
				t.Errorf("%s: the form to %s is hidden: %v", e.name, attr(form, "action"), has(form, "hidden"))
			}
		}
		_, door := e.page.(SignIn)
		if password := func(n *html.Node) bool { return attr(n, "name") == "password" }; door && !anyOf(all(root, "input"), password) {
			t.Errorf("%s has no password", e.name)
		}
	}
}

func anyOf(nodes []*html.Node, is func(*html.Node) bool) bool {
	for _, n := range nodes {
		if is(n) {
			return true
		}
	}
	return false
}

func TestTheScriptIsSmallAndMakesNoHTML(t *testing.T) {
	_, js := Script()
	if len(js) > 5000 {
		t.Errorf("%d bytes, want at most 5 kB", len(js))
	}
	for _, bad := range []string{"innerHTML", "document.write", "eval(", "fetch(", "import ", "localStorage"} {
		if bytes.Contains(js, []byte(bad)) {
			t.Errorf("the script has %q", bad)
		}
	}
}
