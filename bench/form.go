package main

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// form is a form of a page: what would be sent, and what can be pressed.
type form struct {
	action  string
	values  url.Values
	buttons []button
	boxes   map[string]string // text beside an unticked box → its value
}

type button struct{ name, value string }

func (f form) has(name string) bool   { return f.values.Has(name) }
func (f form) set(name, value string) { f.values.Set(name, value) }

// button returns the value of the first button of the name whose value begins
// with start; "" when there is none.
func (f form) button(name, start string) string {
	for _, b := range f.buttons {
		if b.name == name && strings.HasPrefix(b.value, start) {
			return b.value
		}
	}
	return ""
}

func attr(n *html.Node, key string) string {
	v, _ := attribute(n, key)
	return v
}

func attribute(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// formOf finds the first form below n that is posted and leads on: not the one
// that signs out, nor the one that changes accounts.
func formOf(n *html.Node) (form, bool) {
	if n.Type == html.ElementNode && n.Data == "form" && strings.EqualFold(attr(n, "method"), "post") {
		action := attr(n, "action")
		if action != "/signout" && action != "/login/switch" {
			f := form{action: action, values: url.Values{}, boxes: map[string]string{}}
			f.read(n)
			return f, true
		}
	}
	for c := range n.ChildNodes() {
		if f, ok := formOf(c); ok {
			return f, true
		}
	}
	return form{}, false
}

func (f *form) read(n *html.Node) {
	if n.Type == html.ElementNode {
		name, value := attr(n, "name"), attr(n, "value")
		switch n.Data {
		case "button":
			f.buttons = append(f.buttons, button{name, value})
		case "input":
			f.input(n, name, value)
		case "option":
			if _, selected := attribute(n, "selected"); selected {
				f.values.Add(attr(n.Parent, "name"), value)
			}
		}
	}
	for c := range n.ChildNodes() {
		f.read(c)
	}
}

func (f *form) input(n *html.Node, name, value string) {
	if kind := attr(n, "type"); kind == "checkbox" || kind == "radio" {
		if _, checked := attribute(n, "checked"); !checked && name != "allow" { // yes to everything
			f.boxes[beside(n)] = value
			return
		}
	}
	if name != "" {
		f.values.Add(name, value)
	}
}

// beside is the text of the label of a box.
func beside(n *html.Node) string {
	for s := n.NextSibling; s != nil; s = s.NextSibling {
		if label := labelIn(s); label != nil {
			return strings.TrimSpace(words(label))
		}
	}
	return ""
}

func labelIn(n *html.Node) *html.Node {
	if n.Type == html.ElementNode && n.Data == "label" {
		return n
	}
	for c := range n.ChildNodes() {
		if l := labelIn(c); l != nil {
			return l
		}
	}
	return nil
}

func words(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := range n.ChildNodes() {
		b.WriteString(words(c))
	}
	return b.String()
}
