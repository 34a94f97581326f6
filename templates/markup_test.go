package templates

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// eachPage parses every example and runs check on it.
func eachPage(t *testing.T, check func(t *testing.T, e example, root *html.Node)) {
	t.Helper()
	set := newSet(t)
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) { check(t, e, parsed(t, render(t, set, e.page))) })
	}
}

func parsed(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// all returns the elements of the given names, in document order.
func all(root *html.Node, names ...string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func inside(n *html.Node, name string) *html.Node {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == name {
			return p
		}
	}
	return nil
}

func TestPagesHaveAnOutline(t *testing.T) {
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		if n := len(all(root, "h1")); n != 1 {
			t.Errorf("%d h1, want one", n)
		}
		level := 1
		for _, h := range all(root, "h1", "h2", "h3") {
			if now := int(h.Data[1] - '0'); now > level+1 {
				t.Errorf("%s %q comes after h%d", h.Data, text(h), level)
			} else {
				level = now
			}
			if text(h) == "" {
				t.Errorf("an empty %s", h.Data)
			}
		}
		if title := text(all(root, "title")[0]); !strings.HasSuffix(title, " · Deputy") || strings.HasPrefix(title, " ·") {
			t.Errorf("title %q", title)
		}
		doc := all(root, "html")[0]
		if attr(doc, "lang") == "" || attr(doc, "dir") == "" {
			t.Error("no language or direction")
		}
		if links := all(root, "a"); attr(links[0], "href") != "#main" {
			t.Error("the first link does not skip to the content")
		}
		for _, p := range all(root, "p", "ul", "dl", "legend", "td") {
			// A stray </p> reads as an empty paragraph: something is nested wrongly.
			if text(p) == "" && len(all(p, "input", "button", "use", "li", "div", "b")) == 0 {
				t.Errorf("an empty %s in %q", p.Data, text(p.Parent))
			}
		}
	})
}

func TestPagesRunNothingAndLoadNothing(t *testing.T) {
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		for _, n := range all(root) {
			if n.Data == "img" && !strings.HasPrefix(attr(n, "src"), "/logos/") && !strings.HasPrefix(attr(n, "src"), "/pictures/") {
				t.Errorf("a picture from %q", attr(n, "src"))
			}
			if slices.Contains([]string{"style", "iframe", "object", "embed", "base"}, n.Data) {
				t.Errorf("a %s element", n.Data)
			}
			if name, _ := Script(); n.Data == "script" && (!asksForPasskey(e.page) || attr(n, "src") != "/assets/"+name || text(n) != "") {
				t.Errorf("a script: %v %q", n.Attr, text(n))
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "style", strings.HasPrefix(a.Key, "on"):
					t.Errorf("attribute %s on %s", a.Key, n.Data)
				case slices.Contains([]string{"href", "src", "action", "formaction", "srcset", "poster", "data"}, a.Key):
					checkAddress(t, e, a.Val)
				}
			}
		}
	})
}

func asksForPasskey(page any) bool {
	p, can := page.(scripted)
	return can && p.ceremony() != Ceremony{}
}

// checkAddress allows only our own paths, and the one link from an error or a
// goodbye back to the app.
func checkAddress(t *testing.T, e example, address string) {
	t.Helper()
	if page, isError := e.page.(Error); isError && strings.HasPrefix(address, "https://") && address == page.Next.Href {
		return
	}
	if page, isGoodbye := e.page.(SignedOut); isGoodbye && strings.HasPrefix(address, "https://") && address == page.Next.Href {
		return
	}
	if address == "#ZgotmplZ" && e.name == "error-hostile" {
		return // html/template refused javascript:
	}
	if (!strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "#")) || strings.HasPrefix(address, "//") || address == "#ZgotmplZ" {
		t.Errorf("the page leads to %q", address)
	}
}

func TestNamesInPagesMeet(t *testing.T) {
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		ids := map[string]bool{}
		for _, n := range all(root) {
			if !has(n, "id") {
				continue
			}
			if id := attr(n, "id"); id == "" || ids[id] {
				t.Errorf("id %q is empty or used twice", id)
			} else {
				ids[id] = true
			}
		}
		for _, n := range all(root) {
			for _, a := range n.Attr {
				target, refers := a.Val, slices.Contains([]string{"for", "form", "aria-labelledby", "aria-describedby"}, a.Key)
				if a.Key == "href" && strings.HasPrefix(a.Val, "#") && a.Val != "#ZgotmplZ" {
					target, refers = a.Val[1:], true
				}
				if refers && !ids[target] {
					t.Errorf("%s of %s names %q, which is not there", a.Key, n.Data, target)
				}
			}
		}
	})
}

func TestEveryControlHasAName(t *testing.T) {
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		labelled := map[string]string{}
		for _, l := range all(root, "label") {
			labelled[attr(l, "for")] += text(l)
		}
		for _, n := range all(root, "input", "select", "textarea") {
			if attr(n, "type") != "hidden" && labelled[attr(n, "id")] == "" {
				t.Errorf("%s %q has no label", n.Data, attr(n, "name"))
			}
		}
		names := map[string]bool{}
		for _, n := range all(root, "button", "a") {
			name := text(n)
			if name == "" {
				t.Errorf("a %s without words", n.Data)
			}
			if n.Data == "button" && attr(n, "value") != "search" && attr(n, "value") != "save" && names[name] {
				t.Errorf("two buttons read %q", name)
			}
			names[name] = n.Data == "button"
		}
	})
}

func TestEveryFormCarriesItsToken(t *testing.T) {
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		for _, form := range all(root, "form") {
			tokens := 0
			for _, in := range all(form, "input") {
				if attr(in, "name") == "csrf" && attr(in, "type") == "hidden" && attr(in, "value") != "" {
					tokens++
				}
			}
			switch {
			case attr(form, "method") == "post" && tokens != 1:
				t.Errorf("the form to %s has %d tokens", attr(form, "action"), tokens)
			case attr(form, "method") == "get" && tokens != 0:
				t.Errorf("the form to %s puts a token into an address", attr(form, "action"))
			}
		}
		for _, n := range all(root, "button", "input", "select") {
			if inside(n, "form") == nil && !has(n, "form") {
				t.Errorf("%s %q is in no form", n.Data, attr(n, "name"))
			}
		}
	})
}

// The answer of the consent pages: Enter saves, no comes first, both look alike,
// and nothing is focused for the person (ux rules 13 and 14).
func TestYesAndNoWeighTheSame(t *testing.T) {
	eachPage(t, func(t *testing.T, e example, root *html.Node) {
		switch e.page.(type) {
		case Consent, Confirm:
		default:
			return
		}
		buttons := slices.DeleteFunc(all(root, "button"), func(n *html.Node) bool { return attr(n, "form") != "answer" && inside(n, "main") == nil })
		if attr(buttons[0], "value") != "save" {
			t.Errorf("Enter would send %q", attr(buttons[0], "value"))
		}
		n := len(buttons)
		no, yes := buttons[n-2], buttons[n-1]
		if attr(no, "value") != "deny" || attr(yes, "value") != "allow" || attr(no, "class") != attr(yes, "class") {
			t.Errorf("the answers are %v and %v", no.Attr, yes.Attr)
		}
		for _, node := range all(root) {
			if has(node, "autofocus") {
				t.Errorf("%s is focused for the person", node.Data)
			}
		}
	})
}

// Everything that a yes could give is in the form, once, under its own name.
func TestRowsAreSentAsShown(t *testing.T) {
	c := fullRequest()
	c.See.Rows[0].Fixed = true
	root := parsed(t, render(t, newSet(t), c))
	var shown, sent []string
	for _, in := range all(root, "input") {
		switch {
		case attr(in, "name") == "shown":
			shown = append(shown, attr(in, "value"))
		case attr(in, "name") == "allow" && !has(in, "disabled") && (has(in, "checked") || attr(in, "type") == "hidden"):
			sent = append(sent, attr(in, "value"))
		}
	}
	want := []string{"services.github.repositories.read", "services.github.issues.read", "services.slack.messages.write",
		"services.github.repositories.write", "agents.jobs.background", "agents.sync.recurring", "agents.writes.unattended"}
	if !slices.Equal(shown, want) {
		t.Errorf("shown %q, want %q", shown, want)
	}
	if !slices.Equal(sent, want[:2]) {
		t.Errorf("untouched, the form allows %q, want %q", sent, want[:2])
	}
}

// Ticks from other pages of a picker are still in the form.
func TestPickerKeepsTicksOfOtherPages(t *testing.T) {
	p := Picker{Frame: frame("/consent/pick"), Kept: []Item{{ID: "7", Name: "acme/old"}}, Items: []Item{{ID: "1", Name: "acme/web", Ticked: true}, {ID: "2", Name: "acme/api"}}}
	var ticked []string
	for _, in := range all(parsed(t, render(t, newSet(t), p)), "input") {
		if attr(in, "name") == "pick" && has(in, "checked") {
			ticked = append(ticked, attr(in, "value"))
		}
	}
	if !slices.Equal(ticked, []string{"1", "7"}) {
		t.Errorf("ticked %q, want 1 and 7", ticked)
	}
}
