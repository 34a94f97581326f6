package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// notionQuery is what callers ask of a data source or a search.
type notionQuery struct {
	Filter      json.RawMessage `json:"filter"`
	Sorts       []notionSort    `json:"sorts"`
	StartCursor string          `json:"start_cursor"`
	PageSize    int             `json:"page_size"`
}

// notionSort orders by a property or a time.
type notionSort struct {
	Property, Timestamp, Direction string
}

// search finds pages and data sources by their titles. It is not complete at
// Notion, and with a quirk not here either.
func (n *Notion) search(c notionCall) apiReply {
	var sent struct {
		Query  string `json:"query"`
		Filter *struct{ Property, Value string }
		Sort   *struct{ Timestamp, Direction string }

		StartCursor string `json:"start_cursor"`
		PageSize    int    `json:"page_size"`
	}
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	holder := "database"
	if c.sources() {
		holder = "data_source"
	}
	kinds := []string{"page", holder}
	if sent.Filter != nil {
		if sent.Filter.Property != "object" || !slices.Contains(kinds, sent.Filter.Value) {
			return notionInvalid("body failed validation: body.filter.value should be `\"page\"` or `\"%s\"`.", holder)
		}
		kinds = []string{sent.Filter.Value}
	}
	var list []*notionNode
	for _, found := range n.world.nodes {
		fits := slices.Contains(kinds, found.kind) && strings.Contains(strings.ToLower(found.title()), strings.ToLower(sent.Query))
		if fits && n.world.reaches(c.picked, found) && found.visibleTo(c.who) && !found.binned() {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b *notionNode) int {
		order := b.edited.Compare(a.edited)
		if sent.Sort != nil && sent.Sort.Direction == "ascending" {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a.id, b.id))
	})
	if n.quirks.ShortSearch {
		list = list[:(len(list)+1)/2]
	}
	reply := notionPage(sent.StartCursor, sent.PageSize, list, c.anyShape)
	if body, good := reply.body.(object); good && reply.status == http.StatusOK {
		body["type"], body["page_or_data_source"] = "page_or_data_source", object{}
		if n.quirks.ShortSearch && body["has_more"] == false {
			body["request_status"] = object{"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
		}
	}
	return reply
}

func (c notionCall) anyShape(n *notionNode) object {
	switch n.kind {
	case "database":
		return c.databaseShape(n)
	case "data_source":
		return c.sourceShape(n)
	}
	return c.pageShape(n)
}

func (n *Notion) querySource(c notionCall) apiReply {
	if !c.sources() {
		return notionError(http.StatusBadRequest, "invalid_request_url", "Invalid request URL.")
	}
	found, refusal := n.reach(c, "data_source", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	return n.rows(c, found)
}

// queryDatabase is how older versions ask.
func (n *Notion) queryDatabase(c notionCall) apiReply {
	if c.sources() {
		return notionError(http.StatusBadRequest, "invalid_request_url", "Invalid request URL.")
	}
	found, refusal := n.reach(c, "database", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	return n.rows(c, found.children[0])
}

func (n *Notion) rows(c notionCall, source *notionNode) apiReply {
	var sent notionQuery
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	test, problem := rowFilter(source, sent.Filter, 0)
	if problem != "" {
		return notionInvalid("body failed validation: body.filter: %s", problem)
	}
	var list []*notionNode
	for _, row := range source.children {
		if !row.trashed && test(row) {
			list = append(list, row)
		}
	}
	for _, sort := range slices.Backward(sent.Sorts) {
		key, problem := sortKey(source, sort)
		if problem != "" {
			return notionInvalid("body failed validation: body.sorts: %s", problem)
		}
		slices.SortStableFunc(list, func(a, b *notionNode) int {
			if sort.Direction == "descending" {
				return cmp.Compare(key(b), key(a))
			}
			return cmp.Compare(key(a), key(b))
		})
	}
	reply := notionPage(sent.StartCursor, sent.PageSize, list, c.pageShape)
	if body, good := reply.body.(object); good && reply.status == http.StatusOK {
		body["type"], body["page_or_data_source"] = "page_or_data_source", object{}
	}
	return reply
}

// sortKey is what rows are ordered by, as a text that orders the same way.
func sortKey(source *notionNode, sort notionSort) (func(*notionNode) string, string) {
	switch sort.Timestamp {
	case "created_time":
		return func(n *notionNode) string { return n.created.UTC().Format(notionTime) }, ""
	case "last_edited_time":
		return func(n *notionNode) string { return n.edited.UTC().Format(notionTime) }, ""
	}
	at := slices.IndexFunc(source.schema, func(f notionField) bool { return f.name == sort.Property || f.id == sort.Property })
	if at < 0 {
		return nil, "could not find sort property with name or id: " + sort.Property
	}
	f := source.schema[at]
	return func(n *notionNode) string {
		if number, is := n.cell(f)[f.kind].(float64); is {
			return fmt.Sprintf("%020.4f", number)
		}
		return n.cellText(f)
	}, ""
}

// cellText is a value in words.
func (n *notionNode) cellText(f notionField) string {
	switch value := n.cell(f)[f.kind].(type) {
	case nil:
		return ""
	case []object:
		if f.kind == "title" || f.kind == "rich_text" {
			return plainText(value)
		}
		var names []string
		for _, item := range value {
			names = append(names, fmt.Sprint(cmp.Or(item["name"], item["id"])))
		}
		return strings.Join(names, ",")
	case object:
		return fmt.Sprint(cmp.Or(value["name"], value["start"], value["string"], value["number"]))
	default:
		return fmt.Sprint(value)
	}
}

// rowFilter makes the test of a filter: and, or, or one property with one
// condition.
func rowFilter(source *notionNode, raw json.RawMessage, depth int) (test func(*notionNode) bool, problem string) {
	if len(raw) == 0 || string(raw) == "null" {
		return func(*notionNode) bool { return true }, ""
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || depth > 2 {
		return nil, "it cannot be read, or is nested too deeply"
	}
	for _, joint := range []string{"and", "or"} {
		var list []json.RawMessage
		if parts[joint] == nil {
			continue
		}
		if len(parts) > 1 || json.Unmarshal(parts[joint], &list) != nil {
			return nil, joint + " should be an array and stand alone"
		}
		return joinFilters(source, list, joint == "and", depth)
	}
	var name string
	if json.Unmarshal(parts["property"], &name) != nil {
		return nil, "a property is expected"
	}
	at := slices.IndexFunc(source.schema, func(f notionField) bool { return f.name == name || f.id == name })
	if at < 0 {
		return nil, "could not find property with name or id: " + name
	}
	f := source.schema[at]
	var conditions map[string]any
	if parts[f.kind] == nil || json.Unmarshal(parts[f.kind], &conditions) != nil || len(conditions) != 1 {
		return nil, fmt.Sprintf("one condition under %s is expected", f.kind)
	}
	for condition, value := range conditions {
		return cellTest(f, condition, value)
	}
	return nil, "a condition is expected"
}

func joinFilters(source *notionNode, list []json.RawMessage, all bool, depth int) (func(*notionNode) bool, string) {
	var tests []func(*notionNode) bool
	for _, raw := range list {
		test, problem := rowFilter(source, raw, depth+1)
		if problem != "" {
			return nil, problem
		}
		tests = append(tests, test)
	}
	return func(n *notionNode) bool {
		if all {
			return !slices.ContainsFunc(tests, func(test func(*notionNode) bool) bool { return !test(n) })
		}
		return slices.ContainsFunc(tests, func(test func(*notionNode) bool) bool { return test(n) })
	}, ""
}

// cellTest compares one property. Numbers and dates have an order, the rest is
// text.
func cellTest(f notionField, condition string, value any) (func(*notionNode) bool, string) {
	want := fmt.Sprint(value)
	compare := func(n *notionNode) int {
		if number, is := value.(float64); is {
			have, _ := n.cell(f)[f.kind].(float64)
			return cmp.Compare(have, number)
		}
		return cmp.Compare(n.cellText(f), want)
	}
	has := func(n *notionNode) bool { return n.cellText(f) != "" }
	contains := func(n *notionNode) bool {
		return strings.Contains(strings.ToLower(n.cellText(f)), strings.ToLower(want))
	}
	switch condition {
	case "equals":
		return func(n *notionNode) bool { return (has(n) || f.kind == "checkbox") && compare(n) == 0 }, ""
	case "does_not_equal":
		return func(n *notionNode) bool { return compare(n) != 0 }, ""
	case "contains":
		return contains, ""
	case "does_not_contain":
		return func(n *notionNode) bool { return !contains(n) }, ""
	case "starts_with":
		return func(n *notionNode) bool { return strings.HasPrefix(n.cellText(f), want) }, ""
	case "is_empty":
		return func(n *notionNode) bool { return !has(n) }, ""
	case "is_not_empty":
		return has, ""
	case "greater_than", "after":
		return func(n *notionNode) bool { return has(n) && compare(n) > 0 }, ""
	case "less_than", "before":
		return func(n *notionNode) bool { return has(n) && compare(n) < 0 }, ""
	case "greater_than_or_equal_to", "on_or_after":
		return func(n *notionNode) bool { return has(n) && compare(n) >= 0 }, ""
	case "less_than_or_equal_to", "on_or_before":
		return func(n *notionNode) bool { return has(n) && compare(n) <= 0 }, ""
	}
	return nil, "not simulated: " + condition
}
