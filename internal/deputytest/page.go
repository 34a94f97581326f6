package deputytest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Location is where the server sent the browser; nil when it shows a page.
func (p Page) Location() *url.URL {
	raw := p.Header.Get("Location")
	if raw == "" || p.Status < 300 || p.Status > 399 || p.Away() {
		return nil
	}
	to, err := p.URL.Parse(raw)
	p.b.must(err)
	return to
}

// Away reports whether the browser was sent to an app. The answer is then in
// URL, and nothing was fetched from there.
func (p Page) Away() bool {
	_, known := p.b.d.origins[p.URL.Scheme+"://"+p.URL.Host]
	return !known
}

// At returns the provider whose page this is, "" for the server's own.
func (p Page) At() string { return p.b.d.origins[p.URL.Scheme+"://"+p.URL.Host] }

// Answer is a parameter of the app's answer in URL.
func (p Page) Answer(name string) string { return p.URL.Query().Get(name) }

// Text is what a person reads, with single spaces.
func (p Page) Text() string {
	if p.root == nil {
		return p.Body
	}
	return text(p.root)
}

func text(n *html.Node) string {
	var out strings.Builder
	read(n, &out)
	return strings.Join(strings.Fields(out.String()), " ")
}

// read writes the text below n, with a space around whatever is not inline.
func read(n *html.Node, out *strings.Builder) {
	switch {
	case n.Type == html.TextNode:
		out.WriteString(n.Data)
		return
	case slices.Contains([]string{"style", "title"}, n.Data):
		return
	}
	inline := slices.Contains([]string{"a", "b", "bdi", "code", "i", "q", "span", "time"}, n.Data)
	if !inline {
		out.WriteByte(' ')
	}
	for c := range n.ChildNodes() {
		read(c, out)
	}
	if !inline {
		out.WriteByte(' ')
	}
}

// Says reports whether a person reads the words here.
func (p Page) Says(words string) bool { return strings.Contains(p.Text(), words) }

// Offers returns the values of the page's buttons that are named do.
func (p Page) Offers() []string {
	var out []string
	p.walk(func(n *html.Node) {
		if n.Data == "button" && attribute(n, "name") == "do" {
			out = append(out, attribute(n, "value"))
		}
	})
	return out
}

// Offer returns the first button whose value begins so, "" when there is none.
func (p Page) Offer(prefix string) string {
	for _, do := range p.Offers() {
		if strings.HasPrefix(do, prefix) {
			return do
		}
	}
	return ""
}

// Missing returns the buttons of the steps that a consent page says are missing.
func (p Page) Missing() []string {
	var out []string
	p.walk(func(n *html.Node) {
		if attribute(n, "id") != "missing" {
			return
		}
		visit(n, func(n *html.Node) {
			if n.Data == "button" {
				out = append(out, attribute(n, "value"))
			}
		})
	})
	return out
}

// Waiting returns the rows of a consent page that cannot be given yet, whether or
// not they are ticked.
func (p Page) Waiting() []string {
	var out []string
	p.walk(func(row *html.Node) {
		if row.Data != "li" || attribute(row, "class") != "wait" {
			return
		}
		visit(row, func(n *html.Node) {
			if n.Data == "input" && attribute(n, "name") == "allow" {
				out = append(out, attribute(n, "value"))
			}
		})
	})
	return out
}

// Link follows the first link with these words.
func (p Page) Link(words string) Page {
	p.b.t.Helper()
	target := ""
	p.walk(func(n *html.Node) {
		if target == "" && n.Data == "a" && strings.Contains(text(n), words) {
			target = attribute(n, "href")
		}
	})
	if target == "" {
		p.b.t.Fatalf("%s has no link %q", p.URL, words)
	}
	to, err := p.URL.Parse(target)
	p.b.must(err)
	return p.b.Get(to.String())
}

// Form is a form of a page as a person would send it.
type Form struct {
	Action string
	Values url.Values
	page   Page
	node   *html.Node
}

// Form returns the first form whose action begins so.
func (p Page) Form(action string) *Form {
	p.b.t.Helper()
	var found *html.Node
	p.walk(func(n *html.Node) {
		if found == nil && n.Data == "form" && strings.HasPrefix(attribute(n, "action"), action) {
			found = n
		}
	})
	if found == nil {
		p.b.t.Fatalf("%s (%d) has no form %s: %s", p.URL, p.Status, action, p.Text())
	}
	to, err := p.URL.Parse(attribute(found, "action"))
	p.b.must(err)
	f := &Form{Action: to.String(), Values: url.Values{}, page: p, node: found}
	visit(found, func(n *html.Node) { f.read(n) })
	return f
}

// HasForm reports whether there is such a form.
func (p Page) HasForm(action string) bool {
	found := false
	p.walk(func(n *html.Node) {
		found = found || n.Data == "form" && strings.HasPrefix(attribute(n, "action"), action)
	})
	return found
}

// read takes the value that a field has before anybody touches it.
func (f *Form) read(n *html.Node) {
	name := attribute(n, "name")
	if name == "" || n.Type != html.ElementNode {
		return
	}
	switch n.Data {
	case "input":
		kind := attribute(n, "type")
		if (kind != "checkbox" && kind != "radio") || has(n, "checked") {
			f.Values.Add(name, attribute(n, "value"))
		}
	case "select":
		visit(n, func(o *html.Node) {
			if o.Data == "option" && (has(o, "selected") || !f.Values.Has(name)) {
				f.Values.Set(name, attribute(o, "value"))
			}
		})
	}
}

// Set replaces what a field holds.
func (f *Form) Set(name string, values ...string) *Form {
	f.Values[name] = values
	return f
}

// Boxes returns the values of all checkboxes of a name, ticked or not.
func (f *Form) Boxes(name string) []string {
	var out []string
	visit(f.node, func(n *html.Node) {
		if n.Data == "input" && attribute(n, "name") == name && attribute(n, "type") == "checkbox" {
			out = append(out, attribute(n, "value"))
		}
	})
	return out
}

// Copy returns a form that can be changed on its own.
func (f *Form) Copy() *Form {
	other := *f
	other.Values = url.Values{}
	for k, v := range f.Values {
		other.Values[k] = slices.Clone(v)
	}
	return &other
}

// Submit presses the button do, or the only one when do is "", and follows
// redirects. A button that is not there fails the test; set the value do to send
// what no button would.
func (f *Form) Submit(do string) Page {
	f.page.b.t.Helper()
	return f.page.b.follow(f.Send(do))
}

// Send presses the button and follows nothing.
func (f *Form) Send(do string) Page {
	f.page.b.t.Helper()
	if do != "" {
		if !slices.Contains(f.page.Offers(), do) {
			f.page.b.t.Fatalf("%s has no button %q, only %q", f.page.URL, do, f.page.Offers())
		}
		f.Set("do", do)
	}
	return f.page.b.Do(http.MethodPost, f.Action, f.Values)
}

// In sends the form from another browser.
func (f *Form) In(b *Browser) *Form {
	other := f.Copy()
	other.page.b = b
	return other
}

func (p Page) walk(do func(*html.Node)) {
	if p.root != nil {
		visit(p.root, do)
	}
}

func visit(n *html.Node, do func(*html.Node)) {
	do(n)
	for c := range n.ChildNodes() {
		visit(c, do)
	}
}

func attribute(n *html.Node, name string) string {
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
