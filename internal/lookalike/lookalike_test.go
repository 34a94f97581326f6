package lookalike

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

var book = NewBook([]string{"GitHub", "Slack", "Google", "Notion", "Stripe", "Northwind", "IT", "Contoso GmbH"}, []string{"Repo Scout", "Mail", "Tide Table App", "Star Map for GitHub"})

func TestNamesThatPassForOthers(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason Reason
		of     string
	}{
		{"GitHub", Imitates, "GitHub"},
		{"github", Imitates, "GitHub"},
		{"GitHub Support", Imitates, "GitHub"},
		{"The official GitHub app", Imitates, "GitHub"},
		{"GitHubSupport", Imitates, "GitHub"},
		{"githubsupport", Imitates, "GitHub"},
		{"mygithub", Imitates, "GitHub"},
		{"Git Hub", Imitates, "GitHub"},
		{"G.i.t.H.u.b", Imitates, "GitHub"},
		{"G​itH\u200bub", Imitates, "GitHub"},      // invisible
		{"Gi\u202etHub", Imitates, "GitHub"},       // bidi control
		{"Gıthub", Imitates, "GitHub"},             // dotless
		{"GltHub", Imitates, "GitHub"},             // small L
		{"G1tHub", Imitates, "GitHub"},             // a digit
		{"GіtHub", Imitates, "GitHub"},             // Cyrillic і
		{"ԌітНυЬ", Imitates, "GitHub"},             // hardly anything Latin
		{"ＧｉｔＨｕｂ", Imitates, "GitHub"},             // full width
		{"𝐆𝐢𝐭𝐇𝐮𝐛", Imitates, "GitHub"},             // mathematical
		{"ⒼⓘⓣⒽⓤⓑ", Imitates, "GitHub"},             // circled
		{"Gi\u0301tHu\u0308b", Imitates, "GitHub"}, // marks
		{"S|ack", Imitates, "Slack"},
		{"SIack", Imitates, "Slack"}, // capital I
		{"5lack", Imitates, "Slack"},
		{"G00gle Drive", Imitates, "Google"},
		{"Gооgle", Imitates, "Google"}, // Cyrillic о
		{"Sign in with Google", Imitates, "Google"},
		{"Google ✅", Imitates, "Google"},
		{"Google (verified)", Imitates, "Google"},
		{"Notion by Notion", Imitates, "Notion"},
		{"Support for Stripe", Imitates, "Stripe"},
		{"Official helper for Stripe", Imitates, "Stripe"},
		{"for Stripe", Imitates, "Stripe"},
		{"Northwind IT", Imitates, "Northwind"},
		{"Nοrthvvind", Imitates, "Northwind"}, // Greek ο, two v
		{"Norƭhwind Helpdesk", Imitates, "Northwind"},
		{"IT", Imitates, "IT"},
		{"Repo Scout", Imitates, "Repo Scout"},
		{"reposcout", Imitates, "Repo Scout"},
		{"Repo-Scout App", Imitates, "Repo Scout"},
		{"Official Repo Scout", Imitates, "Repo Scout"},
		{"The Mail", Imitates, "Mail"},
		{"Repo Scout for GitHub", Imitates, "Repo Scout"},

		{"Tide Table App", Imitates, "Tide Table App"},
		{"Tide Table", Imitates, "Tide Table App"},
		{"Star Map for GitHub", Imitates, "Star Map for GitHub"},
		{"Star Map", Imitates, "Star Map for GitHub"},
		{"Star Map for Slack", Imitates, "Star Map for GitHub"},
		{"Contoso GmbH", Imitates, "Contoso GmbH"},
		{"Contoso Support", Imitates, "Contoso GmbH"},
		{"$lack", Imitates, "Slack"},
		{"Sl@ck", Imitates, "Slack"},
		{"@Slack", Imitates, "Slack"},
		{"G!tHub", Imitates, "GitHub"},
		{"GitHub!", Imitates, "GitHub"},
		{"GitHub|", Imitates, "GitHub"},
		{"github2", Imitates, "GitHub"},
		{"24GitHub", Imitates, "GitHub"},
		{"$1ack24", Imitates, "Slack"},
		{"GitHub for GitHub and Slack", Imitates, "GitHub"},

		{"Official mail reader", Claims, ""},
		{"Tidy Notes (verified)", Claims, ""},
		{"Geprüfte Notizen", Fine, ""}, // another word than geprüft
		{"Notizen, geprüft", Claims, ""},
		{"Νotes", Mixed, ""}, // Greek Ν
		{"Tidy Nоtes", Mixed, ""},

		{"", Fine, ""},
		{"Tidy Notes", Fine, ""},
		{"Branch Tidy for GitHub", Fine, ""},
		{"Kanal-Archiv für Slack", Fine, ""},
		{"Sync for GitHub and Slack", Fine, ""},
		{"Sync for GitHub, Slack & Notion", Fine, ""},
		{"Stripes!", Fine, ""},
		{"Motion", Fine, ""},
		{"Promotion Tracker", Fine, ""},
		{"Emotional Support", Fine, ""},
		{"Slackline Coach", Fine, ""},
		{"Stack", Fine, ""},
		{"Digital Hubs", Fine, ""},
		{"Fitness Log", Fine, ""},
		{"Mail Merge", Fine, ""},
		{"Calendar Security", Fine, ""},
		{"Яндекс Почта", Fine, ""},
		{"Почта Mail+", Fine, ""}, // each word has one script
		{"ノート Notes", Fine, ""},
		{"メモ帳app", Fine, ""},
		{"노트Pad", Fine, ""},
		{"Ελληνικές Σημειώσεις", Fine, ""},
		{"دفتر ملاحظات", Fine, ""},
		{"Ceník Š", Fine, ""},
	} {
		if got := book.Judge(c.name); got != (Verdict{c.reason, c.of}) {
			t.Errorf("%q: %+v; want %+v", c.name, got, Verdict{c.reason, c.of})
		}
	}
}

// drawDisguise writes a name with other letters that look the same, and with what
// does not show.
func drawDisguise(t *rapid.T, name string) string {
	same := map[string][]rune{}
	for r, as := range confusables {
		same[as] = append(same[as], r)
	}
	for _, list := range same {
		slices.Sort(list) // the draw must be the same each time
	}
	var out strings.Builder
	for _, r := range name {
		others := same[strings.ToLower(string(r))]
		switch rapid.IntRange(0, 5).Draw(t, "disguise") {
		case 0:
			if len(others) > 0 {
				r = rapid.SampledFrom(others).Draw(t, "letter")
			}
		case 1:
			r = unicode.ToUpper(r)
		case 2:
			out.WriteRune(rapid.SampledFrom([]rune{'\u200b', '\u202e', '\u2066', '\u00ad', '\ufeff', ' ', '-', '.'}).Draw(t, "hidden"))
		}
		out.WriteRune(r)
		if rapid.IntRange(0, 5).Draw(t, "mark") == 0 {
			out.WriteRune(rapid.SampledFrom([]rune{'\u0301', '\u0327', '\ufe0f'}).Draw(t, "which"))
		}
	}
	return out.String()
}

func TestADisguisedBrandIsStillTheBrand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		brand := rapid.SampledFrom([]string{"GitHub", "Slack", "Google", "Notion", "Stripe", "Northwind"}).Draw(t, "brand")
		name := drawDisguise(t, brand)
		before, after := rapid.SampledFrom([]string{"", "My ", "The official ", "Team of "}).Draw(t, "before"), rapid.SampledFrom([]string{"", " Support", " for you", " ✅", "™"}).Draw(t, "after")
		if got := book.Judge(before + name + after); got != (Verdict{Imitates, brand}) {
			t.Errorf("%q: %+v", before+name+after, got)
		}
	})
}

// Whatever a name is, its verdict does not depend on what does not show in it, nor
// on case.
func FuzzJudge(f *testing.F) {
	for _, s := range []string{"GitHub Support", "Tidy Nоtes", "ＧｉｔＨｕｂ", "a\xff\u202eb", "|||", "for for GitHub", "ﷺ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := book.Judge(name)
		if again := book.Judge("\u200b" + name + "\u2069"); again != got {
			t.Errorf("%q: %+v, and with invisible characters %+v", name, got, again)
		}
		if (got.Reason == Imitates) != (got.Of != "") {
			t.Errorf("%q: %+v", name, got)
		}
	})
}

func TestTheTableHasNothingThatIsNeverLookedUp(t *testing.T) {
	if len(confusables) < 500 {
		t.Fatalf("the table has %d characters", len(confusables))
	}
	for r, as := range confusables {
		if got := key(string(r)); got != alike.Replace(as) {
			t.Errorf("%q looks like %q, and is read as %q", r, as, got)
		}
	}
}
