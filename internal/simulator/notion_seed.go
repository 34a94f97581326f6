package simulator

import (
	"fmt"
	"time"
)

// newNotionWorld makes the same workspace every time, dated from now: a handbook,
// a page of projects with a database of tasks, and Ana's private page of finances
// whose numbers the tasks pull in.
func newNotionWorld(now time.Time) *notionWorld {
	at := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -7)
	w := &notionWorld{nodes: map[string]*notionNode{}, people: []*notionPerson{
		{"2a000000-0000-4000-8000-000000000001", "3a000000-0000-4000-8000-000000000001", "ana", "Ana Ferreira"},
		{"2a000000-0000-4000-8000-000000000002", "3a000000-0000-4000-8000-000000000002", "ben", "Ben Okafor"},
	}}
	handbook := w.seedPage(1, nil, "Handbook", at)
	w.seedBlocks(100, handbook, at, "How we work together.", "Ask early.", "Write it down.")
	w.seedBlocks(110, w.seedPage(2, handbook, "Holidays", at), at, "Tell us two weeks ahead.")
	w.seedBlocks(120, w.seedPage(3, handbook, "Remote work", at), at, "Two days a week.")

	finance := w.seedPage(4, nil, "Finance", at)
	finance.private = "ana"
	w.seedBlocks(130, finance, at, "Only for Ana.")
	budget := w.seedDatabase(5, finance, "Budget", at, []notionField{
		{id: "title", name: "Name", kind: "title"}, {id: "amnt", name: "Amount", kind: "number"},
	})
	for i, amount := range []float64{1200, 800, 4500} {
		w.seedRow(50+i, budget, at, object{"Name": titleCell([]string{"Photos", "Texts", "Servers"}[i]), "Amount": object{"number": amount}})
	}

	projects := w.seedPage(7, nil, "Projects", at)
	w.seedBlocks(140, projects, at, "Everything we build this year.")
	w.put(&notionNode{id: seedID(145), kind: "block", block: "paragraph", by: w.people[0].id, content: object{"rich_text": []object{
		textRun("text", "Paid from ", object{"text": object{"content": "Paid from ", "link": nil}}),
		textRun("mention", "Finance", object{"mention": object{"type": "page", "page": object{"id": finance.id}}}),
	}}}, projects, at)
	w.put(&notionNode{id: seedID(146), kind: "block", block: "image", by: w.people[0].id, content: object{"caption": richText("The first sketch")}}, projects, at)
	w.seedTasks(projects, budget, at)
	w.comments = append(w.comments, &notionComment{id: seedID(900), discussion: seedID(901), on: handbook, by: w.people[1].id, text: richText("Who keeps this up to date?"), at: at})
	return w
}

// seedTasks makes the database of tasks, longer than a page of answers.
func (w *notionWorld) seedTasks(projects, budget *notionNode, at time.Time) {
	tasks := w.seedDatabase(8, projects, "Tasks", at, []notionField{
		{id: "title", name: "Name", kind: "title"},
		{id: "stat", name: "Status", kind: "status", options: []string{"To do", "Doing", "Done"}},
		{id: "tags", name: "Tags", kind: "multi_select", options: []string{"web", "phone"}},
		{id: "kind", name: "Kind", kind: "select", options: []string{"Work", "Idea"}},
		{id: "hour", name: "Hours", kind: "number"},
		{id: "duea", name: "Due", kind: "date"},
		{id: "late", name: "Urgent", kind: "checkbox"},
		{id: "note", name: "Notes", kind: "rich_text"},
		{id: "link", name: "Link", kind: "url"},
		{id: "budg", name: "Budget", kind: "relation", target: budget},
		{id: "cost", name: "Cost", kind: "rollup", through: "Budget", of: "Amount"},
		{id: "labl", name: "Label", kind: "formula"},
	})
	for i := 1; i <= 120; i++ {
		row := object{
			"Name": titleCell(fmt.Sprintf("Task %03d", i)), "Status": object{"status": object{"name": []string{"To do", "Doing", "Done"}[i%3]}},
			"Hours": object{"number": float64(i % 8)}, "Due": object{"date": object{"start": at.AddDate(0, 0, i).Format(time.DateOnly)}},
			"Urgent": object{"checkbox": i%10 == 0},
		}
		if i <= 3 {
			row["Budget"] = object{"relation": []object{{"id": seedID(49 + i)}}}
			row["Tags"] = object{"multi_select": []object{{"name": "web"}}}
		}
		w.seedRow(200+i, tasks, at.Add(time.Duration(i)*time.Minute), row)
	}
}

func (w *notionWorld) seedPage(number int, parent *notionNode, title string, at time.Time) *notionNode {
	return w.put(&notionNode{id: seedID(number), kind: "page", by: w.people[0].id, content: object{"title": titleCell(title)}}, parent, at)
}

func titleCell(title string) object { return object{"title": richText(title)} }

func (w *notionWorld) seedBlocks(number int, parent *notionNode, at time.Time, lines ...string) {
	for i, line := range lines {
		w.put(&notionNode{id: seedID(number + i), kind: "block", block: "paragraph", by: w.people[0].id, content: object{"rich_text": richText(line)}}, parent, at)
	}
}

// seedDatabase makes a database and its one data source, whose number is the
// next.
func (w *notionWorld) seedDatabase(number int, parent *notionNode, title string, at time.Time, schema []notionField) *notionNode {
	database := w.put(&notionNode{id: seedID(number), kind: "database", by: w.people[0].id, content: object{"title": titleCell(title)}}, parent, at)
	return w.put(&notionNode{id: seedID(number + 1), kind: "data_source", by: w.people[0].id, content: object{"title": titleCell(title)}, schema: schema}, database, at)
}

func (w *notionWorld) seedRow(number int, source *notionNode, at time.Time, values object) {
	w.put(&notionNode{id: seedID(number), kind: "page", by: w.people[0].id, content: values}, source, at)
}
