package simulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// titles are the names of all results, over all pages.
func (w *wiki) titles(path, token, body string) []string {
	w.t.Helper()
	var list []string
	cursor := ""
	for {
		sent := strings.TrimSuffix(body, "}") + cursor + "}"
		status, answer := w.api("POST", path, token, strings.Replace(sent, "{,", "{", 1))
		if status != 200 {
			return []string{fmt.Sprint(answer["code"])}
		}
		for _, item := range answer["results"].([]any) {
			list = append(list, titleOf(item.(map[string]any)))
		}
		if answer["has_more"] != true {
			return list
		}
		cursor = fmt.Sprintf(`,"start_cursor":%q`, answer["next_cursor"])
	}
}

func titleOf(item map[string]any) string {
	runs, _ := item["title"].([]any)
	if properties, has := item["properties"].(map[string]any); has && runs == nil {
		for _, cell := range properties {
			if value := cell.(map[string]any); value["type"] == "title" {
				runs, _ = value["title"].([]any)
			}
		}
	}
	var text strings.Builder
	for _, run := range runs {
		text.WriteString(run.(map[string]any)["plain_text"].(string))
	}
	return text.String()
}

func TestNotionReachesWhatWasPicked(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	token := w.token(handbook)
	found := w.titles("/search", token, "{}")
	slices.Sort(found)
	if diff := cmp.Diff([]string{"Handbook", "Holidays", "Remote work"}, found); diff != "" {
		t.Errorf("search finds: %s", diff)
	}
	for path, want := range map[string]int{
		"/pages/" + handbook: 200, "/pages/" + strings.ReplaceAll(handbook, "-", ""): 200, "/blocks/" + handbook + "/children": 200,
		"/pages/" + project: 404, "/blocks/1a000000-0000-4000-8000-000000000140": 404, "/databases/" + tasksDB: 404, "/data_sources/" + tasks: 404,
		"/pages/not-an-id": 400, "/pages/" + tasksDB: 404, "/comments?block_id=" + handbook: 200, "/comments?block_id=" + project: 404,
		"/users/2a000000-0000-4000-8000-000000000002": 200, "/teams": 400,
	} {
		if status, answer := w.api("GET", path, token, ""); status != want {
			t.Errorf("%s: %d %v, want %d", path, status, answer, want)
		}
	}
	w.version = ""
	if _, answer := w.api("GET", "/users/me", token, ""); answer["code"] != "missing_version" {
		t.Errorf("without a version: %v", answer)
	}
	w.version = "2019-01-01"
	if _, answer := w.api("GET", "/users/me", token, ""); answer["code"] != "validation_error" {
		t.Errorf("with an unknown version: %v", answer)
	}
}

func TestNotionVersions(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	token := w.token(project)
	row := "/pages/1a000000-0000-4000-8000-000000000201"
	_, page := w.api("GET", row, token, "")
	if diff := cmp.Diff(map[string]any{"type": "data_source_id", "data_source_id": tasks, "database_id": tasksDB}, page["parent"]); diff != "" || page["archived"] != false {
		t.Errorf("2025: %s", diff)
	}
	_, database := w.api("GET", "/databases/"+tasksDB, token, "")
	if database["properties"] != nil || len(database["data_sources"].([]any)) != 1 {
		t.Errorf("2025: the database is %v", database)
	}
	w.version = "2026-03-11"
	if _, page = w.api("GET", row, token, ""); page["archived"] != nil || page["in_trash"] != false {
		t.Errorf("2026: %v", page)
	}
	w.version = "2022-06-28"
	_, page = w.api("GET", row, token, "")
	_, database = w.api("GET", "/databases/"+tasksDB, token, "")
	if diff := cmp.Diff(map[string]any{"type": "database_id", "database_id": tasksDB}, page["parent"]); diff != "" || database["properties"] == nil {
		t.Errorf("2022: %s, %v", diff, database)
	}
	if n := len(w.titles("/databases/"+tasksDB+"/query", token, "{}")); n != 120 {
		t.Errorf("2022: %d rows", n)
	}
	if status, _ := w.api("POST", "/data_sources/"+tasks+"/query", token, "{}"); status != 400 {
		t.Errorf("2022: data sources give %d", status)
	}
}

func TestNotionQuery(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	token := w.token(project)
	for _, k := range []struct {
		body string
		want []string
	}{
		{`{"filter":{"property":"Name","title":{"contains":"task 01"}},"page_size":4}`, []string{"Task 010", "Task 011", "Task 012", "Task 013", "Task 014", "Task 015", "Task 016", "Task 017", "Task 018", "Task 019"}},
		{`{"filter":{"and":[{"property":"Urgent","checkbox":{"equals":true}},{"property":"Hours","number":{"greater_than":5}}]},"sorts":[{"property":"Hours","direction":"descending"},{"property":"Name","direction":"ascending"}]}`, []string{"Task 030", "Task 070", "Task 110"}},
		{`{"filter":{"or":[{"property":"Budget","relation":{"is_not_empty":true}},{"property":"Due","date":{"on_or_before":"2026-11-18"}}]},"sorts":[{"timestamp":"created_time","direction":"descending"}]}`, []string{"Task 003", "Task 002", "Task 001"}},
		{`{"filter":{"property":"Status","status":{"equals":"Done"}},"page_size":1,"sorts":[{"property":"Name"}],"start_cursor":"1a000000-0000-4000-8000-000000000318"}`, []string{"validation_error"}},
		{`{"filter":{"property":"Tags","multi_select":{"contains":"web"}}}`, []string{"Task 001", "Task 002", "Task 003"}},
		{`{"filter":{"property":"Nothing","number":{"equals":1}}}`, []string{"validation_error"}},
		{`{"filter":{"property":"Hours","number":{"resembles":1}}}`, []string{"validation_error"}},
		{`{"filter":{"property":"Hours","rich_text":{"equals":"1"}}}`, []string{"validation_error"}},
		{`{"sorts":[{"property":"Nothing"}]}`, []string{"validation_error"}},
		{`{"page_size":101}`, []string{"validation_error"}},
		{`{"surprise":1}`, []string{"validation_error"}},
		{`{"filter":}`, []string{"invalid_json"}},
	} {
		if diff := cmp.Diff(k.want, w.titles("/data_sources/"+tasks+"/query", token, k.body)); diff != "" {
			t.Errorf("%s: %s", k.body, diff)
		}
	}
}

// What Notion pulls in from databases that were not picked comes along: relation
// ids, sums over them, and names in mentions.
func TestNotionLeaksWhatNotionLeaks(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	token := w.token(project)
	_, page := w.api("GET", "/pages/1a000000-0000-4000-8000-000000000201", token, "")
	cells := page["properties"].(map[string]any)
	linked := cells["Budget"].(map[string]any)["relation"].([]any)[0].(map[string]any)["id"]
	wantText(t, "cost from a database that was not picked", cells["Cost"].(map[string]any)["rollup"].(map[string]any)["number"], float64(1200))
	if status, _ := w.api("GET", "/pages/"+linked.(string), token, ""); status != 404 {
		t.Errorf("the linked row itself gives %d", status)
	}
	_, item := w.api("GET", "/pages/1a000000-0000-4000-8000-000000000201/properties/budg", token, "")
	wantText(t, "the relation as a property item", item["results"].([]any)[0].(map[string]any)["relation"].(map[string]any)["id"], linked)
	_, blocks := w.api("GET", "/blocks/"+project+"/children", token, "")
	mention := blocks["results"].([]any)[1].(map[string]any)["paragraph"].(map[string]any)["rich_text"].([]any)[1].(map[string]any)
	wantText(t, "a page mentioned by name", mention["plain_text"], "Finance")
	database := blocks["results"].([]any)[3].(map[string]any)
	if database["type"] != "child_database" || database["id"] != tasksDB {
		t.Errorf("the last block is %v", database)
	}

	file := blocks["results"].([]any)[2].(map[string]any)["image"].(map[string]any)["file"].(map[string]any)["url"].(string)
	status, _, content := raw(t, request(t, "GET", file, "", ""))
	if status != 200 || !strings.HasPrefix(file, "http://localhost:") || !strings.HasPrefix(string(content), "<svg") {
		t.Errorf("the signed address %s: %d", file, status)
	}
	status, _, _ = raw(t, request(t, "GET", file+"0", "", ""))
	w.clock.advance(time.Hour)
	late, _, _ := raw(t, request(t, "GET", file, "", ""))
	if status != http.StatusForbidden || late != http.StatusForbidden {
		t.Errorf("another signature: %d; an hour later: %d", status, late)
	}
}

func TestNotionWritingPages(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	token := w.token(project, handbook)
	_, made := w.api("POST", "/pages", token, `{"parent":{"page_id":"`+handbook+`"},"properties":{"title":[{"text":{"content":"Travel"}}]},
		"children":[{"object":"block","type":"paragraph","paragraph":{"rich_text":[{"type":"text","text":{"content":"By train."}}]}}]}`)
	kept, _ := w.sim.Page(made["id"].(string))
	if diff := cmp.Diff(simulator.Page{ID: made["id"].(string), Title: "Travel", Texts: []string{"By train."}}, kept); diff != "" {
		t.Errorf("made: %s", diff)
	}
	_, row := w.api("POST", "/pages", token, `{"parent":{"data_source_id":"`+tasks+`"},"properties":{"Name":{"title":[{"text":{"content":"New task"}}]},
		"Hours":{"number":3},"Status":{"status":{"name":"Doing"}},"Tags":{"multi_select":[{"name":"web"},{"name":"phone"}]},"Due":{"date":{"start":"2026-12-01"}},
		"Urgent":{"checkbox":true},"Notes":{"rich_text":[{"text":{"content":"soon"}}]},"Link":{"url":"https://x.example"},"Budget":{"relation":[{"id":"1a000000-0000-4000-8000-000000000051"}]}}}`)
	cells, _ := row["properties"].(map[string]any)
	if cells["Cost"].(map[string]any)["rollup"].(map[string]any)["number"] != float64(800) || len(cells["Tags"].(map[string]any)["multi_select"].([]any)) != 2 {
		t.Errorf("the row is %v", row)
	}
	w.api("PATCH", "/pages/"+row["id"].(string), token, `{"properties":{"Hours":{"number":4}},"in_trash":true}`)
	if kept, _ = w.sim.Page(row["id"].(string)); !kept.Trashed {
		t.Error("the row is not in the bin")
	}
	if slices.Contains(w.titles("/data_sources/"+tasks+"/query", token, "{}"), "New task") {
		t.Error("a row in the bin is listed")
	}
	for name, k := range map[string]struct{ method, path, body, code string }{
		"an edit in the bin":    {"PATCH", "/pages/" + row["id"].(string), `{"properties":{"Hours":{"number":5}}}`, "validation_error"},
		"an unknown property":   {"PATCH", "/pages/" + handbook, `{"properties":{"Hours":{"number":5}}}`, "validation_error"},
		"a computed property":   {"POST", "/pages", `{"parent":{"data_source_id":"` + tasks + `"},"properties":{"Cost":{"rollup":{"number":1}}}}`, "validation_error"},
		"a wrong kind":          {"POST", "/pages", `{"parent":{"data_source_id":"` + tasks + `"},"properties":{"Hours":{"number":"three"}}}`, "validation_error"},
		"an unknown option":     {"POST", "/pages", `{"parent":{"data_source_id":"` + tasks + `"},"properties":{"Status":{"status":{"name":"Lost"}}}}`, "validation_error"},
		"the workspace":         {"POST", "/pages", `{"parent":{"type":"workspace"},"properties":{}}`, "validation_error"},
		"a page not picked":     {"POST", "/pages", `{"parent":{"page_id":"` + finance + `"},"properties":{}}`, "object_not_found"},
		"erasing":               {"PATCH", "/pages/" + handbook, `{"erase_content":true}`, "validation_error"},
		"a template":            {"POST", "/pages", `{"parent":{"page_id":"` + handbook + `"},"template":{"type":"default"}}`, "validation_error"},
		"too long a text":       {"POST", "/pages", `{"parent":{"page_id":"` + handbook + `"},"properties":{"title":[{"text":{"content":"` + strings.Repeat("x", 2001) + `"}}]}}`, "validation_error"},
		"a mention":             {"POST", "/comments", `{"parent":{"page_id":"` + handbook + `"},"rich_text":[{"type":"mention","mention":{}}]}`, "validation_error"},
		"a block of no kind":    {"PATCH", "/blocks/" + handbook + "/children", `{"children":[{"type":"bookmark","bookmark":{}}]}`, "validation_error"},
		"behind another page's": {"PATCH", "/blocks/" + handbook + "/children", `{"children":[],"after":"1a000000-0000-4000-8000-000000000140"}`, "object_not_found"},
		"a page as a block":     {"PATCH", "/blocks/" + handbook, `{"paragraph":{"rich_text":[]}}`, "validation_error"},
	} {
		if _, answer := w.api(k.method, k.path, token, k.body); answer["code"] != k.code {
			t.Errorf("%s: %v, want %s", name, answer, k.code)
		}
	}
}

func TestNotionBlocksAndComments(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	token := w.token(handbook)
	status, added := w.api("PATCH", "/blocks/"+handbook+"/children", token, `{"after":"1a000000-0000-4000-8000-000000000100","children":[
		{"toggle":{"rich_text":[{"text":{"content":"More"}}],"children":[{"to_do":{"rich_text":[{"text":{"content":"Inside"}}],"checked":true}}]}},{"divider":{}}]}`)
	if status != 200 {
		t.Fatalf("append: %d %v", status, added)
	}
	toggle := added["results"].([]any)[0].(map[string]any)
	kept, _ := w.sim.Page(handbook)
	if diff := cmp.Diff([]string{"How we work together.", "More", "", "Ask early.", "Write it down."}, kept.Texts); diff != "" || toggle["has_children"] != true {
		t.Errorf("the page: %s, %v", diff, toggle)
	}
	_, inside := w.api("GET", "/blocks/"+toggle["id"].(string)+"/children", token, "")
	todo := inside["results"].([]any)[0].(map[string]any)
	if todo["to_do"].(map[string]any)["checked"] != true || todo["parent"].(map[string]any)["block_id"] != toggle["id"] {
		t.Errorf("inside: %v", todo)
	}
	w.api("PATCH", "/blocks/"+todo["id"].(string), token, `{"to_do":{"rich_text":[{"text":{"content":"Changed"}}]}}`)
	_, read := w.api("GET", "/blocks/"+todo["id"].(string), token, "")
	wantText(t, "changed", read["to_do"].(map[string]any)["rich_text"].([]any)[0].(map[string]any)["plain_text"], "Changed")
	w.api("DELETE", "/blocks/"+toggle["id"].(string), token, "")
	_, read = w.api("GET", "/blocks/"+todo["id"].(string), token, "")
	wantText(t, "in the bin with what is around it", read["in_trash"], true)

	_, first := w.api("POST", "/comments", token, `{"parent":{"page_id":"`+handbook+`"},"rich_text":[{"text":{"content":"I do."}}]}`)
	w.api("POST", "/comments", token, `{"discussion_id":"`+first["discussion_id"].(string)+`","rich_text":[{"text":{"content":"Since today."}}]}`)
	_, list := w.api("GET", "/comments?page_size=2&block_id="+handbook, token, "")
	if diff := cmp.Diff([]string{"Who keeps this up to date?", "I do.", "Since today."}, w.sim.Comments(handbook)); diff != "" || list["has_more"] != true || len(list["results"].([]any)) != 2 {
		t.Errorf("comments: %s, first page %v", diff, list)
	}
	_, missing := w.api("POST", "/comments", token, `{"discussion_id":"`+project+`","rich_text":[{"text":{"content":"x"}}]}`)
	wantText(t, "an unknown discussion", missing["code"], "object_not_found")
}
