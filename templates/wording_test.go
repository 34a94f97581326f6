package templates

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// Words people do not use for what happens, or that press them.
func forbidden() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(access\w*|manag(e|es|ed|ing)|recommended|trusted|deauthori[sz]\w*|authori[sz]\w*|unlink\w*|scopes?|tokens?|oauth|credentials?|please|simply|just click)\b`)
}

const longestSentence = 20 // words

func TestWording(t *testing.T) {
	words := forbidden()
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		if strings.Contains(e.name, "hostile") {
			return // says what others say
		}
		for _, line := range sentences(all(root, "body")[0]) {
			if bad := words.FindString(line); bad != "" {
				t.Errorf("%q says %q", line, bad)
			}
			if n := len(strings.Fields(line)); n > longestSentence {
				t.Errorf("%d words: %q", n, line)
			}
		}
	})
}

// sentences returns what a page itself says, sentence by sentence; what others
// say stands as "…".
func sentences(body *html.Node) []string {
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
			return
		case n.Data == "bdi", n.Data == "q", n.Data == "code":
			b.WriteString("…")
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		switch n.Data {
		case "b", "span", "a", "time", "label", "u":
			b.WriteString(" ")
		default:
			b.WriteString("\n")
		}
	}
	walk(body)
	var found []string
	for _, line := range regexp.MustCompile(`[.?!:;](\s|$)|\n+`).Split(b.String(), -1) {
		if line = strings.TrimSpace(line); line != "" {
			found = append(found, line)
		}
	}
	return found
}

// What must be said on some pages, whatever else changes.
func TestRequiredPhrases(t *testing.T) {
	set := newSet(t)
	says := func(name string, phrases ...string) {
		t.Helper()
		for _, e := range examples() {
			if e.name != name {
				continue
			}
			page := text(parsed(t, render(t, set, e.page)))
			for _, p := range phrases {
				if !strings.Contains(page, p) {
					t.Errorf("%s does not say %q", name, p)
				}
			}
			return
		}
		t.Errorf("no example %s", name)
	}
	says("consent-many", "Signed in as ana@example.com", "Website checked, company not checked.", "3 people here use it.", "2 steps", "Upgrade GitHub", "Connect Slack",
		"Only acme/web and acme/api.", "You already allow this for Tidy Bot.", "You said no to this on 3 November 2026.", "It ended on 19 November 2026.",
		"In 90 days, on 20 Feb 2027", "GitHub can only give more than this. Deputy passes on only this.", "This cannot be undone.",
		"Then you go back to reposcout.example", "Closing this page allows nothing.", "This request ends at 14:30 UTC.", "Do not allow")
	says("consent-empty", "It cannot see anything.", "It cannot change anything.", "Nobody checked who this is.", "a program on this computer. Only continue if you started it just now.")
	says("consent-one", "Slack is connected as ana, Northwind. Your choices are kept.", "Choose channels", "Added by Northwind.", "says it cannot work without this.")
	says("consent-delta", "asks for one more thing", "Already allowed", "4 things", "Keep as it is", "Closing this page changes nothing.")
	says("consent-accounts", "acme/mobile, acme/payments and acme/playground", "and 2 more", "All of them, also new ones.", "Nothing changed for octocat.")
	says("stranger-many", "Do you know Field Mail?", "Website checked, company not checked.", "Go back", "Continue", "Nothing is shared yet.", "Your answer goes to")
	says("stranger-changed", "Is this still the Repo Scout you know?", "Since you last agreed, this app changed.", "It called itself", "It can send you back to")
	says("confirm-changed", "Since you last agreed, this app changed.", "It asks for nothing new", "Continue", "Not now")
	says("confirm-many", "Nothing new.", "Continue", "Not now")
	says("picker-many", "This list is not complete.", "Ticked on other pages", "9 to 16 of 38", "You are asked once more before it counts.")
	says("picker-error", "GitHub does not answer. Nothing was changed.")
	says("done-nothing", "Nothing was shared")
	says("signin-wrong", "The e-mail address or the password is wrong.")
	says("signin-wait", "Try again in 2 minutes.")
	says("home-many", "Three apps can act for you now", "1 try was refused in the last 30 days.", "Not for 30 days", "Today, 13:58")
	says("remove-app", "Within a second", "GitHub and Slack, connected to Deputy")
	says("disconnected-error", "Nothing, or an error. We tell it again for a day")
}

// Text from outside is text: isolated, on one line, of a bounded length and
// without characters that cannot be seen.
func TestTextFromOutsideStaysText(t *testing.T) {
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		for n := range root.Descendants() {
			if n.Type != html.TextNode {
				continue
			}
			for _, r := range n.Data {
				if unicode.Is(unicode.Cf, r) || (unicode.IsControl(r) && r != '\n') {
					t.Fatalf("%q holds the invisible %U", n.Data, r)
				}
			}
			if len([]rune(strings.TrimSpace(n.Data))) > 200 {
				t.Errorf("%d characters in one piece: %q", len([]rune(n.Data)), n.Data)
			}
			outside := strings.Contains(n.Data, "alert(1)") && e.name != "error-hostile"
			if outside && inside(n, "bdi") == nil && inside(n, "title") == nil && inside(n, "option") == nil && !strings.Contains(attr(n.Parent, "class"), "vh") && inside(n, "caption") == nil {
				t.Errorf("not isolated: %q in %s", n.Data, n.Parent.Data)
			}
		}
	})
}

func TestCleanAndShorten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		limit := rapid.IntRange(1, 100).Draw(t, "limit")
		got := clean(s)
		if again := clean(got); again != got {
			t.Fatalf("clean twice: %q, once: %q", again, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%q keeps %U", got, r)
			}
		}
		short := shorten(got, limit)
		if n := utf8.RuneCountInString(short); n > limit || !utf8.ValidString(short) {
			t.Fatalf("shorten(%q, %d) = %q, %d characters", got, limit, short, n)
		}
		if utf8.RuneCountInString(got) <= limit && short != got {
			t.Fatalf("%q was cut to %q, though it fits in %d", got, short, limit)
		}
	})
	for name, want := range map[string]string{"Repo Scout": "RS", "scout": "S", "": "?", "\u202e": "?", "émile zola third": "ÉZ", "東京 bot": "東B", "[x] (y)": "XY"} {
		if got := initials(name); got != want {
			t.Errorf("initials of %q are %q, want %q", name, got, want)
		}
	}
}
