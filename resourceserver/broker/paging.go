package broker

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// cursorLife is how long a cursor can be used. Whoever pages slower starts anew.
const cursorLife = time.Hour

// pager returns the parameter of the operation that carries a cursor.
func pager(op *catalog.Operation) (catalog.Param, bool) {
	for _, p := range op.Params {
		if p.Kind == catalog.KindPage || p.Kind == catalog.KindCursor {
			return p, true
		}
	}
	return catalog.Param{}, false
}

func (c *call) paging(name string) bool {
	p, ok := pager(c.op)
	return ok && p.Name == name
}

// pagesInBody reports whether the provider's cursor goes into the body of its call.
func (c *call) pagesInBody() bool {
	p, ok := pager(c.op)
	return ok && p.In == catalog.InBody
}

// page opens the cursor of the request, if there is one, to what the provider is
// asked for. A page number needs no opening: it is a number.
func (c *call) page(resource string) (url.Values, error) {
	p, ok := pager(c.op)
	if !ok {
		return nil, nil
	}
	text := c.values.text(p.Name)
	if text == "" {
		return nil, nil
	}
	if n, err := strconv.Atoi(text); err == nil && p.Kind == catalog.KindPage {
		if n < 1 || n > p.Max || strconv.Itoa(n) != text {
			return nil, invalid("The %s must be a number from 1 to %d, or a link's own.", p.Name, p.Max)
		}
		return url.Values{p.Name: {text}}, nil
	}
	plain, err := c.b.cfg.Cursors.Open(text, c.bound(resource))
	if err != nil {
		return nil, invalid("The %s is not from this app's last answer to the same question.", p.Name)
	}
	ends, query, _ := strings.Cut(string(plain), " ")
	until, err := strconv.ParseInt(ends, 10, 64)
	if err != nil || !c.began.Before(time.Unix(until, 0)) {
		return nil, invalid("The %s is too old. Start from the first page.", p.Name)
	}
	page, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("read own cursor: %w", err)
	}
	return page, nil
}

// seal makes a cursor of ours for the provider's next page.
func (c *call) seal(next url.Values, resource string) (string, error) {
	plain := strconv.FormatInt(c.began.Add(cursorLife).Unix(), 10) + " " + next.Encode()
	sealed, err := c.b.cfg.Cursors.Seal([]byte(plain), c.bound(resource))
	if err != nil {
		return "", fmt.Errorf("seal cursor: %w", err)
	}
	return sealed, nil
}

// bound is everything a cursor belongs to: who, under which grant, which
// question. Each part is length-prefixed, so that no two differ and agree
// (threats B13, B22).
func (c *call) bound(resource string) string {
	b := c.req.Bearer
	parts := []string{
		"broker cursor", string(b.User), string(b.App), string(b.Grant), string(c.req.Provider), c.op.ID, resource, c.question(),
	}
	var out strings.Builder
	for _, part := range parts {
		out.WriteString(strconv.Itoa(len(part)))
		out.WriteByte(':')
		out.WriteString(part)
	}
	return out.String()
}

// question is what was asked apart from the page, in one spelling. Names that
// stand for the resource are left to its id.
func (c *call) question() string {
	q := c.asked(true)
	for name, value := range c.values {
		if _, isText := value.(string); !isText {
			whole, _ := json.Marshal(value) // it was decoded from JSON
			q.Set(name, string(whole))
		}
	}
	return q.Encode()
}

// asked lists the parameters without the page, and without those of the path
// unless path is set.
func (c *call) asked(path bool) url.Values {
	q := url.Values{}
	for _, p := range c.op.Params {
		text, isText := c.values[p.Name].(string)
		named := false
		for _, n := range c.op.Names {
			named = named || n == p.Name
		}
		switch {
		case !isText, c.paging(p.Name), p.In == catalog.InPath && (!path || named):
			continue
		}
		q.Set(p.Name, text)
	}
	return q
}

// next reads the provider's link to the next page (RFC 8288 section 3); nil when
// there is none. Only the page's own members are taken from it, never its address.
func next(header http.Header) url.Values {
	for _, line := range header.Values("Link") {
		for {
			_, after, open := strings.Cut(line, "<")
			target, rest, closed := strings.Cut(after, ">")
			if !open || !closed {
				break
			}
			params, more, _ := strings.Cut(rest, "<")
			line = "<" + more
			if !strings.Contains(params, `rel="next"`) {
				continue
			}
			if page := pageOf(target); len(page) > 0 {
				return page
			}
		}
	}
	return nil
}

// pageOf returns the members of a link's query that say which page it is. The
// rest of the link is what the app asked for anyway, and is not read.
func pageOf(target string) url.Values {
	u, err := url.Parse(target)
	if err != nil {
		return nil
	}
	page := url.Values{}
	for _, key := range []string{"page", "after", "before", "cursor"} {
		if v := u.Query().Get(key); v != "" {
			page.Set(key, v)
		}
	}
	return page
}

// link writes the header that leads to the next page here.
func (c *call) link(header http.Header, resource string) (string, error) {
	p, ok := pager(c.op)
	if !ok || p.Kind != catalog.KindPage {
		return "", nil
	}
	page := next(header)
	if page == nil {
		return "", nil
	}
	sealed, err := c.seal(page, resource)
	if err != nil {
		return "", err
	}
	q := c.asked(false)
	q.Set(p.Name, sealed)
	path := catalog.Expand(c.op.Path, c.vars)
	return fmt.Sprintf(`<%s/%s%s?%s>; rel="next"`, c.b.cfg.BaseURL, c.req.Provider, path, q.Encode()), nil
}

// cursor replaces the provider's cursor inside an answer by one of ours.
func (c *call) cursor(d *document, resource string) error {
	p, ok := pager(c.op)
	if !ok || len(c.plan.cursor) == 0 {
		return nil
	}
	i, err := d.find(0, c.plan.cursor)
	if err != nil {
		return err
	}
	if i < 0 {
		return nil
	}
	text, isText := d.scalar(i)
	if !isText {
		d.nodes[i].drop = string(d.raw(i)) != "null" // null is the end
		return nil
	}
	if text == "" {
		return nil
	}
	sealed, err := c.seal(url.Values{p.Name: {text}}, resource)
	if err != nil {
		return err
	}
	d.replace = map[int]string{i: sealed}
	return nil
}
