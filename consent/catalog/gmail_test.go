package catalog_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

func TestWhatCanBeLookedForInMail(t *testing.T) {
	q := param(t, load(t), "gmail", "messages.search", "q")
	for _, text := range []string{
		"order", "order 1042", "from:carla@customer.example -subject:invoice", `subject:"your order" is:unread`, "from:@customer.example",
		"after:2026/11/01 before:2026/12/01 has:attachment", "newer_than:7d larger:5M filename:pdf", " Rechnung für März ", "or and", `"OrderORder"`,
	} {
		if err := q.Check(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{
		"", "label:secret", "in:anywhere", "is:sent", "category:promotions", "a OR b", `"a OR b"`, "{a b}", "(a b)", "a | b", "a AROUND 3 b",
		"from:label:x", `"in:inbox"`, `"open`, `a"b`, "--a", "rfc822msgid:x", "a：b", "list:x", "deliveredto:x", "\u201ca\u201d", "a\u00a0b", "^k",
	} {
		if q.Check(text) == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// Whatever is looked for, what Gmail reads as a command is one that only says more
// about a mail.
func FuzzALookIntoMailNamesNoLabel(f *testing.F) {
	for _, s := range []string{"order", `from:"a b" -is:read`, "label:x", `"a" label:x "b"`, "a OR b", "has:attachment {a b}", "\u3000in:x"} {
		f.Add(s)
	}
	c, err := catalog.Default()
	if err != nil {
		f.Fatal(err)
	}
	at := slices.IndexFunc(c.Providers["gmail"].Operations, func(o catalog.Operation) bool { return o.ID == "messages.search" })
	params := c.Providers["gmail"].Operations[at].Params
	q := params[slices.IndexFunc(params, func(p catalog.Param) bool { return p.Name == "q" })]
	command := regexp.MustCompile(`([\pL\pN_]*)\s*[:：]\s*(\S*)`)
	known := strings.Fields("from to cc subject filename after before newer older newer_than older_than larger smaller has is")
	f.Fuzz(func(t *testing.T, text string) {
		if q.Check(text) != nil {
			return
		}
		if strings.ContainsAny(text, "(){}|^\x00") || strings.Contains(text, "OR ") && slices.Contains(strings.Fields(text), "OR") {
			t.Fatalf("%q combines", text)
		}
		for _, found := range command.FindAllStringSubmatch(text, -1) {
			name, value := found[1], strings.TrimRight(found[2], `"`)
			if !slices.Contains(known, name) || name == "has" && value != "attachment" || name == "is" && !slices.Contains(strings.Fields("unread read starred important"), value) {
				t.Fatalf("%q says %s:%s", text, name, value)
			}
		}
	})
}
