package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// Bounds on what a picker reads: bytes of one page, and characters of a cursor.
const (
	maxPage   = 8 << 20
	maxCursor = 1000
)

// Item is one thing a person can pick.
type Item struct {
	consent.Resource
	Detail  string
	Private bool
	Updated time.Time // zero when the provider does not say
}

// Page is part of a picker's list.
type Page struct {
	Items []Item
	// Next continues the list; "" is its end. It is a provider's cursor: not secret,
	// and not to be trusted when it comes back.
	Next string
	// Incomplete is true when the provider says that it left some out.
	Incomplete bool
}

// ListResources reads one page of what the connection can see of a resource type.
// cursor is "" or a Next. A type without a picker is an error of kind
// fault.Invalid; provider errors are those of Do.
func (c *Client) ListResources(ctx context.Context, id consent.ConnectionID, t consent.ResourceType, cursor string) (Page, error) {
	h, err := c.fresh(ctx, id, 0)
	if err != nil {
		return Page{}, err
	}
	picker, ok := h.at.provider.Pickers[t]
	if !ok {
		return Page{}, fault.New(fault.Invalid, "There is nothing of that kind to pick at %s.", h.at.provider.Name)
	}
	doc, page, err := c.read(ctx, id, h.at, picker, cursor)
	if err != nil {
		return Page{}, err
	}
	var names map[string]string
	if picker.Names != nil {
		names, err = c.names(ctx, id, h.at, *picker.Names)
		if err != nil {
			return Page{}, err
		}
	}
	var nameless bool
	page.Items, nameless = items(h.at.provider, t, doc, names)
	page.Incomplete = page.Incomplete || nameless
	return page, nil
}

// maxNames is how many pages of names are read for one page of what they are for.
const maxNames = 5

// names reads what things are called, by their ids.
func (c *Client) names(ctx context.Context, id consent.ConnectionID, at *endpoint, picker catalog.Picker) (map[string]string, error) {
	out := map[string]string{}
	cursor := ""
	for range maxNames {
		doc, page, err := c.read(ctx, id, at, picker, cursor)
		if err != nil {
			return nil, err
		}
		found, _ := catalog.Lookup(doc, picker.Items)
		list, _ := found.([]any)
		for _, raw := range list {
			of, _ := text(raw, []string{picker.ID})
			out[of] = readable(joined(raw, picker.Label), 200)
		}
		cursor = page.Next
		if cursor == "" {
			break
		}
	}
	return out, nil
}

// read asks for one page of a list. Of the page all but the items is filled in.
func (c *Client) read(ctx context.Context, id consent.ConnectionID, at *endpoint, picker catalog.Picker, cursor string) (any, Page, error) {
	const doing = "list resources"
	more, err := resume(picker, cursor)
	if err != nil {
		return nil, Page{}, err
	}
	call := picker.Call
	if len(call.JSON) > 0 {
		// Asked with a body, it is continued with one.
		call.JSON = maps.Clone(call.JSON)
		for name := range more {
			call.JSON[name] = more.Get(name)
		}
		more = nil
	}
	req, err := at.request(ctx, call, map[string]secret.Text{}, more)
	if err != nil {
		return nil, Page{}, fmt.Errorf("%s at %s: %w", doing, at.provider.ID, err)
	}
	resp, err := c.Do(ctx, id, req)
	if err != nil {
		return nil, Page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	if err != nil {
		return nil, Page{}, at.unanswered(doing, err, true)
	}
	if len(body) > maxPage {
		return nil, Page{}, at.unanswered(doing, errors.New("the answer is too long"), true)
	}
	class, wait, refused := at.provider.Classify(resp.StatusCode, resp.Header, body)
	if refused && class != catalog.Incomplete {
		return nil, Page{}, &Error{Provider: at.provider.ID, Doing: doing, Kind: class, Status: resp.StatusCode, Wait: wait}
	}
	doc, err := decodeReply(http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return nil, Page{}, at.unanswered(doing, errors.New("the answer is not JSON"), true)
	}
	following, err := next(picker, req.URL, resp.Header, doc)
	return doc, Page{Incomplete: refused, Next: following}, err
}

// items reads the list. What has no usable id is left out: it could not be
// compared with anything later. So is what has its name in names, and none there:
// nobody could tell what it is.
func items(p *catalog.Provider, t consent.ResourceType, doc any, names map[string]string) (out []Item, nameless bool) {
	picker, pattern := p.Pickers[t], p.Resources[t].Pattern
	found, _ := catalog.Lookup(doc, picker.Items)
	list, _ := found.([]any)
	for _, raw := range list {
		id, _ := text(raw, []string{picker.ID})
		if !usableID(id) || (pattern != nil && !pattern.MatchString(id)) || has(raw, picker.Without) {
			continue
		}
		label := readable(joined(raw, picker.Label), 200)
		if names != nil {
			label = names[label]
			if label == "" {
				nameless = true
				continue
			}
		}
		item := Item{Resource: consent.Resource{Type: t, ID: id, Name: picker.Prefix + label}}
		item.Detail = words(raw, picker.Detail, 300)
		item.Private = yes(raw, picker.Private)
		item.Updated = moment(raw, picker.Updated)
		if item.Name == picker.Prefix {
			item.Name = id
		}
		out = append(out, item)
	}
	return out, nameless
}

// has reports whether there is something other than null at the pointer.
func has(doc any, pointer string) bool {
	if pointer == "" {
		return false
	}
	v, ok := catalog.Lookup(doc, pointer)
	return ok && v != nil
}

// joined reads a label: the text at the pointer, where "*" stands for every member
// or item there. Notion cuts a title into runs, and calls the column that holds it
// what people called it.
func joined(doc any, pointer string) string {
	before, after, more := strings.Cut(pointer, "/*")
	if !more {
		label, _ := text(doc, []string{pointer})
		return label
	}
	all, _ := catalog.Lookup(doc, before)
	var out strings.Builder
	switch v := all.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out.WriteString(joined(v[name], after))
		}
	case []any:
		for _, item := range v {
			out.WriteString(joined(item, after))
		}
	}
	return out.String()
}

func yes(doc any, pointer string) bool {
	if pointer == "" {
		return false
	}
	v, _ := catalog.Lookup(doc, pointer)
	return v == true
}

// moment reads RFC 3339 or seconds since 1970.
func moment(doc any, pointer string) time.Time {
	if pointer == "" {
		return time.Time{}
	}
	v, _ := catalog.Lookup(doc, pointer)
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return time.Unix(n, 0).UTC()
		}
	}
	return time.Time{}
}

// resume turns a cursor into query parameters. It can only add to the picker's
// own ones, never change them.
func resume(p catalog.Picker, cursor string) (url.Values, error) {
	bad := fault.New(fault.Invalid, "This list cannot be continued from there. Start it again.")
	switch {
	case cursor == "":
		return nil, nil
	case len(cursor) > maxCursor, strings.Contains(cursor, "{"): // it would be read as a template
		return nil, bad
	case p.Page != "link":
		return url.Values{p.SendAs: {cursor}}, nil
	}
	values, err := url.ParseQuery(cursor)
	if err != nil || len(values) == 0 || len(values) > 4 {
		return nil, bad
	}
	for name, list := range values {
		if _, fixed := p.Call.Query[name]; fixed || len(list) != 1 {
			return nil, bad
		}
	}
	return values, nil
}

// next reads where the list goes on.
func next(p catalog.Picker, called *url.URL, header http.Header, doc any) (string, error) {
	if p.Page != "link" {
		cursor := following(p, doc)
		if len(cursor) > maxCursor {
			return "", nil
		}
		return cursor, nil
	}
	target, err := called.Parse(linkNext(header.Values("Link")))
	if err != nil || target.String() == called.String() {
		return "", nil // no link, or one that leads nowhere
	}
	if target.Host != called.Host || target.Scheme != called.Scheme {
		return "", fmt.Errorf("continue list: the provider's link leads to another host")
	}
	// Only what the link adds counts: its path may be written in another form.
	values := target.Query()
	for name := range p.Call.Query {
		values.Del(name)
	}
	return values.Encode(), nil
}

// following is the cursor of the next page: what the answer says it is, or the id of
// its last item as long as it says that there is more.
func following(p catalog.Picker, doc any) string {
	if p.Page == "cursor" {
		cursor, _ := text(doc, []string{p.Cursor})
		return cursor
	}
	found, _ := catalog.Lookup(doc, p.Items)
	list, _ := found.([]any)
	if more, _ := catalog.Lookup(doc, p.Cursor); more != true || len(list) == 0 {
		return ""
	}
	last, _ := text(list[len(list)-1], []string{p.ID})
	return last
}

// linkNext returns the target of rel="next" (RFC 8288), "" when there is none. A
// comma inside a target does not end a link.
func linkNext(headers []string) string {
	for _, rest := range headers {
		for {
			_, after, ok := strings.Cut(rest, "<")
			target, params, closed := strings.Cut(after, ">")
			if !ok || !closed {
				break
			}
			params, _, _ = strings.Cut(params, "<")
			for _, param := range strings.FieldsFunc(params, func(r rune) bool { return r == ';' || r == ',' }) {
				name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if strings.EqualFold(name, "rel") && strings.Trim(value, `"`) == "next" {
					return target
				}
			}
			_, rest, _ = strings.Cut(after, ">")
		}
	}
	return ""
}
