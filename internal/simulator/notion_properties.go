package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// maxNotionText is how long one run of text may be.
const maxNotionText = 2000

// fieldsOf are the properties a page has: the columns of its data source, or a
// title alone.
func (n *notionNode) fieldsOf() []notionField {
	if n.parent != nil && n.parent.kind == "data_source" {
		return n.parent.schema
	}
	return []notionField{{id: "title", name: "title", kind: "title"}}
}

// cell is the value of one property of a page.
func (n *notionNode) cell(f notionField) object {
	value, _ := n.content[f.name].(object)
	shape := object{"id": f.id, "type": f.kind, f.kind: value[f.kind]}
	switch f.kind {
	case "title", "rich_text", "relation", "multi_select":
		if value == nil {
			shape[f.kind] = []object{}
		}
		if f.kind == "multi_select" {
			shape[f.kind] = optionList(f, value)
		}
		if f.kind == "relation" {
			shape["has_more"] = false
		}
	case "checkbox":
		shape[f.kind] = value[f.kind] == true
	case "select", "status":
		if chosen, is := value[f.kind].(object); is {
			shape[f.kind] = optionShape(f, fmt.Sprint(chosen["name"]))
		}
	case "date":
		if date, is := value[f.kind].(object); is {
			shape[f.kind] = object{"start": date["start"], "end": date["end"], "time_zone": nil}
		}
	case "rollup":
		shape[f.kind] = object{"type": "number", "number": n.rollup(f), "function": "sum"}
	case "formula":
		shape[f.kind] = object{"type": "string", "string": n.title() + " of " + n.parent.title()}
	}
	return shape
}

// rollup adds up numbers of other databases, whoever may see those.
func (n *notionNode) rollup(f notionField) float64 {
	sum := 0.0
	over := n.parent.schema[slices.IndexFunc(n.parent.schema, func(other notionField) bool { return other.name == f.through })]
	through, _ := n.content[f.through].(object)
	linked, _ := through["relation"].([]object)
	for _, link := range linked {
		for _, row := range over.target.children {
			if row.id == link["id"] {
				cell, _ := row.content[f.of].(object)
				number, _ := cell["number"].(float64)
				sum += number
			}
		}
	}
	return sum
}

func optionShape(f notionField, name string) object {
	return object{"id": f.id + name, "name": name, "color": "default"}
}

func optionList(f notionField, value object) []object {
	list := []object{}
	chosen, _ := value[f.kind].([]object)
	for _, option := range chosen {
		list = append(list, optionShape(f, fmt.Sprint(option["name"])))
	}
	return list
}

// schemaShape is a column as a data source tells it.
func (f notionField) schemaShape() object {
	about := object{}
	switch f.kind {
	case "select", "multi_select", "status":
		options := []object{}
		for _, name := range f.options {
			options = append(options, optionShape(f, name))
		}
		about["options"] = options
	case "relation":
		about["data_source_id"], about["database_id"], about["type"] = f.target.id, f.target.parent.id, "single_property"
	case "rollup":
		about["relation_property_name"], about["rollup_property_name"], about["function"] = f.through, f.of, "sum"
	case "formula":
		about["expression"] = `prop("Name")`
	}
	return object{"id": f.id, "name": f.name, "type": f.kind, f.kind: about}
}

// readCell checks a value that a caller writes and makes it ours.
func (w *notionWorld) readCell(f notionField, sent json.RawMessage) (object, *apiReply) {
	var fields map[string]json.RawMessage
	if f.kind == "title" && len(sent) > 0 && sent[0] == '[' {
		fields = map[string]json.RawMessage{f.kind: sent} // a title can be written without its name
	} else if json.Unmarshal(sent, &fields) != nil || fields[f.kind] == nil {
		refusal := notionInvalid("%s is expected to be %s.", f.name, f.kind)
		return nil, &refusal
	}
	value, problem := w.readValue(f, fields[f.kind])
	if problem != "" {
		refusal := notionInvalid("%s: %s", f.name, problem)
		return nil, &refusal
	}
	return object{f.kind: value}, nil
}

func (w *notionWorld) readValue(f notionField, raw json.RawMessage) (value any, problem string) {
	switch f.kind {
	case "title", "rich_text":
		return readRuns(raw)
	case "number":
		var number *float64
		if json.Unmarshal(raw, &number) != nil {
			return nil, "a number is expected"
		}
		if number == nil {
			return nil, ""
		}
		return *number, ""
	case "checkbox":
		var yes bool
		if json.Unmarshal(raw, &yes) != nil {
			return nil, "true or false is expected"
		}
		return yes, ""
	case "url":
		var text *string
		if json.Unmarshal(raw, &text) != nil {
			return nil, "a text is expected"
		}
		if text == nil {
			return nil, ""
		}
		return *text, ""
	case "date":
		return readDate(raw)
	case "select", "status", "multi_select":
		return f.readOptions(raw)
	case "relation":
		return w.readLinks(f, raw)
	}
	return nil, "it is computed and cannot be set"
}

// readRuns reads a text as callers write one. Mentions and equations are not
// written here.
func readRuns(raw json.RawMessage) ([]object, string) {
	var sent []struct {
		Type string
		Text *struct {
			Content string
			Link    *struct{ URL string }
		}
	}
	if json.Unmarshal(raw, &sent) != nil {
		return nil, "an array of rich text is expected"
	}
	runs := []object{}
	for _, run := range sent {
		if run.Text == nil || run.Type != "" && run.Type != "text" {
			return nil, "only rich text of the type text is simulated"
		}
		if len([]rune(run.Text.Content)) > maxNotionText {
			return nil, fmt.Sprintf("text.content.length should be ≤ `%d`", maxNotionText)
		}
		var link, href any
		if run.Text.Link != nil {
			link, href = object{"url": run.Text.Link.URL}, run.Text.Link.URL
		}
		runs = append(runs, textRun("text", run.Text.Content, object{"text": object{"content": run.Text.Content, "link": link}, "href": href}))
	}
	return runs, ""
}

func readDate(raw json.RawMessage) (any, string) {
	var sent *struct {
		Start string
		End   *string
	}
	if json.Unmarshal(raw, &sent) != nil {
		return nil, "a date is expected"
	}
	if sent == nil {
		return nil, ""
	}
	if _, good := notionDate(sent.Start); !good {
		return nil, "start should be a valid ISO 8601 date string"
	}
	date := object{"start": sent.Start, "end": nil}
	if sent.End != nil {
		date["end"] = *sent.End
	}
	return date, ""
}

func notionDate(text string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		at, err := time.Parse(layout, text)
		if err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// readOptions takes options that exist. Notion would add new ones to the column.
func (f notionField) readOptions(raw json.RawMessage) (any, string) {
	if f.kind != "multi_select" {
		raw = append(append([]byte("["), raw...), ']')
	}
	var sent []*struct{ Name string }
	if json.Unmarshal(raw, &sent) != nil {
		return nil, "options with names are expected"
	}
	chosen := []object{}
	for _, option := range sent {
		if option == nil {
			return nil, "" // nothing chosen
		}
		if !slices.Contains(f.options, option.Name) {
			return nil, fmt.Sprintf("there is no option %q, and adding one is not simulated", option.Name)
		}
		chosen = append(chosen, object{"name": option.Name})
	}
	if f.kind == "multi_select" {
		return chosen, ""
	}
	return chosen[0], ""
}

func (w *notionWorld) readLinks(f notionField, raw json.RawMessage) (any, string) {
	var sent []struct{ ID string }
	if json.Unmarshal(raw, &sent) != nil {
		return nil, "an array of pages is expected"
	}
	links := []object{}
	for _, link := range sent {
		row := w.node(link.ID)
		if row == nil || row.parent != f.target {
			return nil, "there is no such page in the related database"
		}
		links = append(links, object{"id": row.id})
	}
	return links, ""
}
