package templates

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func TestConsentPageIsLight(t *testing.T) {
	page := render(t, newSet(t), fullRequest())
	name, css := Stylesheet()
	if !strings.Contains(page, `href="/assets/`+name+`"`) {
		t.Errorf("the page does not ask for %s", name)
	}
	if sum := len(page) + len(css); sum > 50_000 {
		t.Errorf("page and stylesheet weigh %d bytes, want at most 50 kB", sum)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(append([]byte(page), css...)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if packed.Len() > 14_000 {
		t.Errorf("compressed they weigh %d bytes, want at most 14 kB", packed.Len())
	}
}

func TestStylesheetLoadsNothingAndKnowsNoSides(t *testing.T) {
	_, css := Stylesheet()
	for _, bad := range []string{`url\(`, `@import`, `expression`, `\b(left|right)\b`, `!important`} {
		if found := regexp.MustCompile(bad).Find(css); found != nil {
			t.Errorf("the stylesheet has %q", found)
		}
	}
}

// A class without a rule, or a rule without a class, is left over from a change.
func TestStylesheetAndPagesUseTheSameClasses(t *testing.T) {
	_, css := Stylesheet()
	ruled := map[string]bool{}
	for _, m := range regexp.MustCompile(`\.([a-z][a-z-]*)`).FindAllSubmatch(css, -1) {
		ruled[string(m[1])] = false
	}
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		for _, n := range all(root) {
			for _, class := range strings.Fields(attr(n, "class")) {
				if _, known := ruled[class]; !known {
					t.Errorf("class %s has no rule", class)
				}
				ruled[class] = true
			}
		}
	})
	for class, used := range ruled {
		if !used {
			t.Errorf("no page has the class %s", class)
		}
	}
}

// WCAG 2.2, 1.4.3 and 1.4.11: text 4.5 to 1, edges of controls 3 to 1, in both
// colour schemes.
func TestColoursCanBeRead(t *testing.T) {
	_, css := Stylesheet()
	schemes := regexp.MustCompile(`--paper: #[^}]*`).FindAllString(string(css), 2)
	for i, scheme := range schemes {
		for text, least := range map[string]float64{"ink": 7, "soft": 4.5, "accent": 4.5, "warn": 4.5, "edge": 3} {
			if got := contrast(colour(t, scheme, text), colour(t, scheme, "paper")); got < least {
				t.Errorf("scheme %d: %s on paper has %.2f to 1, want %.1f", i, text, got, least)
			}
		}
	}
	if len(schemes) != 2 {
		t.Errorf("%d colour schemes, want light and dark", len(schemes))
	}
}

func colour(t *testing.T, scheme, name string) float64 {
	t.Helper()
	found := regexp.MustCompile(`--` + name + `: #([0-9a-f]{6})`).FindStringSubmatch(scheme)
	if found == nil {
		t.Fatalf("no colour %s in %q", name, scheme)
	}
	n, err := strconv.ParseUint(found[1], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(shift uint64) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

func TestTimesAreShownInTheSitesZone(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	set, err := New(Site{Name: "Proxy", Zone: berlin})
	if err != nil {
		t.Fatal(err)
	}
	page := render(t, set, fullRequest())
	for _, want := range []string{`<time datetime="2026-11-22T15:30:00+01:00">15:30 CET</time>`, "Slack · Proxy</title>", "Proxy passes on only this."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if home := render(t, set, Home{Frame: frame("/")}); !strings.Contains(home, "Times are in CET") {
		t.Error("the person's own pages do not say which zone their times are in")
	}
}

func TestStripShowsEveryDay(t *testing.T) {
	days := []Day{{Reads: 1000}, {}, {Reads: 1, Changes: 1, Refused: 1}}
	got := bars(days)
	if len(got) != 4 {
		t.Fatalf("%d bars, want one for each kind of thing on each day, 4", len(got))
	}
	for i, b := range got {
		var x, y, w, h float64
		if _, err := fmt.Sscanf(strings.NewReplacer("M", "", "h", " ", "v", " ").Replace(b.Path), "%f %f %f %f", &x, &y, &w, &h); err != nil {
			t.Fatal(err)
		}
		if x < 0 || x+w > stripWidth || y < 0 || y+h > stripHeight+0.1 || h < 4 {
			t.Errorf("bar %d is drawn outside or too small: %s", i, b.Path)
		}
	}
}

func TestDaysAreToldAsPeopleSay(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	english := everyTongue(t)[0]
	d := dates{&english, time.UTC}
	for when, want := range map[string]string{"2026-11-22 00:00": "Today, 00:00", "2026-11-21 23:59": "Yesterday, 23:59", "2026-11-20 12:00": "20 Nov 2026", "2025-11-22 14:20": "22 Nov 2025"} {
		if got, err := d.day(at(when), noon()); got.text != want || err != nil {
			t.Errorf("%s reads %q, %v, want %q", when, got.text, err, want)
		}
	}
	for d, want := range map[time.Duration]string{time.Second: "in 1 minute", time.Minute: "in 1 minute", 61 * time.Second: "in 2 minutes", 3 * time.Hour: "in 3 hours", 121 * time.Minute: "in 3 hours"} {
		if got, err := english.wait(d); err != nil || got.in(asText) != want {
			t.Errorf("%v reads %v, %v, want %q", d, got, err, want)
		}
	}
}
