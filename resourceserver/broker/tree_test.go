package broker_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

// reading is an app that may read the handbook and what is in it, and the rows of
// the tasks.
func reading(t *testing.T) *world {
	t.Helper()
	w := newWorld(t).allow(onWiki, []consent.ScopeName{"services.notion.pages.read", "services.notion.comments.read"}, handbook)
	return w.allow(onWiki, []consent.ScopeName{"services.notion.databases.read"}, tasks)
}

func TestWhatIsInsideAPickedPageIsInsideTheLimit(t *testing.T) {
	w := reading(t)
	for _, tt := range []struct {
		why, target string
		status      int
	}{
		{"the page", "/v1/pages/" + handbook, 200},
		{"a page in it", "/v1/pages/" + holidays, 200},
		{"as somebody copied it from an address", "/v1/pages/" + strings.ToUpper(strings.ReplaceAll(holidays, "-", "")), 200},
		{"the page as a block", "/v1/blocks/" + handbook + "/children", 200},
		{"a line on a page in it", "/v1/blocks/" + block, 200},
		{"another page", "/v1/pages/" + finance, 404},
		{"a line on another page", "/v1/blocks/" + secret, 404},
		{"the page around the database", "/v1/pages/" + projects, 404},
		{"the database around the rows", "/v1/databases/" + tasksBase, 404},
		{"a row of the picked database", "/v1/pages/" + row, 200},
		{"what is written in the row", "/v1/blocks/" + row + "/children", 404},
		{"a row of another database", "/v1/pages/1a000000-0000-4000-8000-000000000050", 404},
		{"a database by a page's address", "/v1/pages/" + tasksBase, 404},
		{"nothing", "/v1/pages/" + noPage, 404},
		{"no id", "/v1/pages/handbook", 400},
		{"an id with more around it", "/v1/pages/{" + handbook + "}", 400},
	} {
		answer, refusal := w.ask("GET", "notion", tt.target, "")
		status := answer.Status
		if refusal != nil {
			status = refusal.Status
		}
		if status != tt.status {
			t.Errorf("%s: %d, want %d (%v)", tt.why, status, tt.status, refusal)
		}
	}
}

// The person sees in their activity what they picked, not some page they never saw
// the id of; the app learns which page it would have to ask for.
func TestACallInsideAPickedPageIsRecordedUnderWhatWasPicked(t *testing.T) {
	w := reading(t)
	if _, refusal := w.ask("GET", "notion", "/v1/blocks/"+block, ""); refusal != nil {
		t.Fatal(refusal)
	}
	if got := w.audit.last().Resource; got.Type != "notion.page" || got.ID != handbook {
		t.Errorf("recorded %+v", got)
	}
	_, refusal := w.ask("GET", "notion", "/v1/pages/"+finance, "")
	if refusal == nil || refusal.Outside == nil || *refusal.Outside != (consent.Resource{Type: "notion.page", ID: finance}) {
		t.Errorf("got %+v", refusal)
	}
}

// A row can be read, the pages inside it cannot: "rows" is one step.
func TestAUseReachesOnlyAsFarAsItSays(t *testing.T) {
	w := reading(t)
	w.wire.ends[onWiki] = end{chain(t, w, map[string]string{
		holidays: `{"page_id":"` + row + `"}`, row: `{"type":"data_source_id","data_source_id":"` + tasks + `","database_id":"` + tasksBase + `"}`,
	}), "token"}
	if _, refusal := w.ask("GET", "notion", "/v1/pages/"+row, ""); refusal != nil {
		t.Errorf("the row: %v", refusal)
	}
	if _, refusal := w.ask("GET", "notion", "/v1/pages/"+holidays, ""); refusal == nil || refusal.Status != 404 {
		t.Errorf("a page in the row: %v", refusal)
	}
}

// chain is a Notion of pages that say what they are in.
func chain(t *testing.T, w *world, parents map[string]string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		parent, there := parents[id]
		out.Header().Set("Content-Type", "application/json")
		if !there {
			out.WriteHeader(http.StatusNotFound)
			fmt.Fprint(out, `{"object":"error","code":"object_not_found"}`)
			return
		}
		fmt.Fprintf(out, `{"object":"page","id":%q,"parent":%s}`, id, parent)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func page(n int) string { return fmt.Sprintf("1b000000-0000-4000-8000-%012d", n) }

func TestGoingUpEnds(t *testing.T) {
	deep := map[string]string{}
	for i := range 60 {
		deep[page(i)] = `{"type":"page_id","page_id":"` + page(i+1) + `"}`
	}
	deep[page(20)] = `{"page_id":"` + handbook + `"}`
	for _, tt := range []struct {
		why     string
		parents map[string]string
		from    string
		status  int
		calls   int
	}{
		{"twenty steps below", deep, page(1), 200, 21},
		{"more steps than are gone", deep, page(21), 404, 25},
		{"in a circle", map[string]string{page(1): `{"page_id":"` + page(2) + `"}`, page(2): `{"page_id":"` + page(1) + `"}`}, page(1), 404, 2},
		{"in what nobody sees", map[string]string{page(1): `{"page_id":"` + page(2) + `"}`}, page(1), 404, 2},
		{"in nothing that has an id", map[string]string{page(1): `{"page_id":7}`}, page(1), 404, 1},
		{"in an agent", map[string]string{page(1): `{"type":"agent_id","agent_id":"` + handbook + `"}`}, page(1), 404, 1},
		{"in something that is no id", map[string]string{page(1): `{"page_id":"../pages/` + handbook + `"}`}, page(1), 500, 1},
		{"in two places", map[string]string{page(1): `{"page_id":"` + page(2) + `","page_id":"` + handbook + `"}`}, page(1), 500, 1},
	} {
		w := reading(t)
		w.wire.ends[onWiki] = end{chain(t, w, tt.parents), "token"}
		before := w.wire.count()
		status := w.status(w.request("GET", "notion", "/v1/pages/"+tt.from, ""))
		if calls := w.wire.count() - before; status != tt.status || calls != tt.calls {
			t.Errorf("%s: %d after %d calls, want %d after %d", tt.why, status, calls, tt.status, tt.calls)
		}
	}
}

// What was learnt on the way up is forgotten with the request: a page that is moved
// out is out at once.
func TestAPageThatWasMovedOutIsOutside(t *testing.T) {
	w := reading(t)
	parents := map[string]string{page(1): `{"page_id":"` + handbook + `"}`}
	w.wire.ends[onWiki] = end{chain(t, w, parents), "token"}
	if _, refusal := w.ask("GET", "notion", "/v1/pages/"+page(1), ""); refusal != nil {
		t.Fatal(refusal)
	}
	parents[page(1)] = `{"page_id":"` + finance + `"}`
	if _, refusal := w.ask("GET", "notion", "/v1/pages/"+page(1), ""); refusal == nil || refusal.Status != 404 {
		t.Errorf("got %v", refusal)
	}
}

func TestAFailureOnTheWayUpIsNoAnswer(t *testing.T) {
	for _, tt := range []struct {
		why    string
		reply  reply
		status int
	}{
		{"the service asks to wait", reply{status: 429, body: `{"code":"rate_limited"}`}, 429},
		{"the service is down", reply{status: 502, body: `{}`}, 503},
		{"no JSON", reply{body: `<html>`}, 500},
	} {
		w := reading(t)
		w.against(&tt.reply)
		if status := w.status(w.request("GET", "notion", "/v1/pages/"+holidays, "")); status != tt.status {
			t.Errorf("%s: %d, want %d", tt.why, status, tt.status)
		}
	}
}

func TestASearchShowsWhatIsInsideOnly(t *testing.T) {
	w := reading(t)
	answer, refusal := w.ask("POST", "notion", "/v1/search", `{}`)
	if refusal != nil {
		t.Fatal(refusal)
	}
	var got struct {
		Results []struct{ ID, Object string }
	}
	if err := json.Unmarshal(answer.Body, &got); err != nil {
		t.Fatal(err)
	}
	var ids []string
	rows := 0
	for _, r := range got.Results {
		if r.ID > row || r.ID == row {
			rows++
			continue
		}
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if !slices.Contains([]string{handbook, holidays, "1a000000-0000-4000-8000-000000000003", tasks}, id) {
			t.Errorf("%s is outside", id)
		}
	}
	if rows == 0 || answer.Header.Get("Deputy-Incomplete") != "" {
		t.Errorf("%d rows, %v", rows, answer.Header)
	}
	for _, never := range []string{"Finance", "Budget", "Projects", "has_more", "next_cursor"} {
		if strings.Contains(string(answer.Body), never) {
			t.Errorf("it says %s", never)
		}
	}
	if !slices.Contains(w.wire.body, `{"page_size":100}`) {
		t.Errorf("asked %q", w.wire.body)
	}
}

// A list of hits that are each deep inside something else would cost more calls than
// a request may make: the rest is left out, and the answer says so.
func TestAListThatCostsTooMuchSaysItIsShort(t *testing.T) {
	w := reading(t)
	var items []string
	for i := range 60 {
		items = append(items, fmt.Sprintf(`{"object":"page","id":%q,"parent":{"page_id":%q}}`, page(i), page(100+i)))
	}
	items = append(items, `{"object":"page","id":"`+holidays+`","parent":{"page_id":"`+handbook+`"}}`, `{"object":"user","id":"`+handbook+`"}`, `{"object":"page"}`, `7`)
	srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		if r.Method == "POST" {
			fmt.Fprintf(out, `{"object":"list","results":[%s],"has_more":false}`, strings.Join(items, ","))
			return
		}
		fmt.Fprint(out, `{"object":"page","parent":{"workspace":true}}`)
	}))
	t.Cleanup(srv.Close)
	w.wire.ends[onWiki] = end{srv.URL, "token"}
	before := w.wire.count()
	answer, refusal := w.ask("POST", "notion", "/v1/search", `{"query":"x"}`)
	want := `{"object":"list","results":[{"object":"page","id":"` + holidays + `","parent":{"page_id":"` + handbook + `"}}]}`
	if refusal != nil || string(answer.Body) != want || answer.Header.Get("Deputy-Incomplete") != "true" {
		t.Errorf("got %v %s %v", refusal, answer.Body, answer.Header)
	}
	if calls := w.wire.count() - before; calls > 41 {
		t.Errorf("%d calls", calls)
	}
}

// Relations, sums over them, formulas, mentions and addresses of files bring in what
// was not picked.
func TestWhatIsPulledInFromElsewhereDoesNotLeave(t *testing.T) {
	w := newWorld(t).allow(onWiki, []consent.ScopeName{"services.notion.pages.read"}, projects)
	for _, target := range []string{"/v1/blocks/" + projects + "/children", "/v1/pages/" + row} {
		answer, refusal := w.ask("GET", "notion", target, "")
		if refusal != nil {
			t.Fatal(refusal)
		}
		for _, never := range []string{"Finance", finance, "/simulator/files/", `"rollup"`, `"relation"`, `"formula"`, "northwind.example", "request_id", "1a000000-0000-4000-8000-000000000050"} {
			if strings.Contains(string(answer.Body), never) {
				t.Errorf("%s: %s left: %s", target, never, answer.Body)
			}
		}
	}
}

// Threats B6, B11: what a body holds is declared down to its leaves.
func TestThreat_B6_B11_ABodyHoldsOnlyWhatIsDeclared(t *testing.T) {
	w := newWorld(t).allowAll()
	in := `"parent":{"page_id":"` + handbook + `"}`
	title := `"properties":{"title":{"title":[{"text":{"content":"x"}}]}}`
	for _, tt := range []struct{ why, method, target, body string }{
		{"another member", "POST", "/v1/pages", `{` + in + `,` + title + `,"template":{"type":"default"}}`},
		{"a member deep inside", "POST", "/v1/pages", `{` + in + `,"properties":{"title":{"title":[{"text":{"content":"x","evil":1}}]}}}`},
		{"a mention", "POST", "/v1/pages", `{` + in + `,"properties":{"title":{"title":[{"type":"mention","mention":{"page":{"id":"` + finance + `"}}}]}}}`},
		{"a relation", "PATCH", "/v1/pages/" + row, `{"properties":{"Budget":{"relation":[{"id":"` + budget + `"}]}}}`},
		{"the bin by the way", "PATCH", "/v1/pages/" + holidays, `{"properties":{},"in_trash":true}`},
		{"a member twice", "POST", "/v1/pages", `{"parent":{"page_id":"` + handbook + `","page_id":"` + finance + `"},` + title + `}`},
		{"two parents", "POST", "/v1/pages", `{"parent":{"page_id":"` + handbook + `","data_source_id":"` + budget + `"},` + title + `}`},
		{"the workspace", "POST", "/v1/pages", `{"parent":{"workspace":true},` + title + `}`},
		{"no parent", "POST", "/v1/pages", `{"parent":{},` + title + `}`},
		{"a parent that is none", "POST", "/v1/pages", `{"parent":{"page_id":["` + handbook + `"]},` + title + `}`},
		{"a text for a number", "PATCH", "/v1/pages/" + row, `{"properties":{"Hours":{"number":"7"}}}`},
		{"a number of a kilometre", "PATCH", "/v1/pages/" + row, `{"properties":{"Hours":{"number":1` + strings.Repeat("0", 40) + `}}}`},
		{"a script as a link", "PATCH", "/v1/blocks/" + block, `{"paragraph":{"rich_text":[{"text":{"content":"x","link":{"url":"javascript:alert(1)"}}}]}}`},
		{"too long a text", "PATCH", "/v1/blocks/" + block, `{"paragraph":{"rich_text":[{"text":{"content":"` + strings.Repeat("x", 2001) + `"}}]}}`},
		{"too many blocks", "PATCH", "/v1/blocks/" + handbook + "/children", `{"children":[` + strings.Repeat(`{"divider":{}},`, 100) + `{"divider":{}}]}`},
		{"a null in a list", "PATCH", "/v1/blocks/" + handbook + "/children", `{"children":[null]}`},
		{"a required member that is null", "PATCH", "/v1/blocks/" + handbook + "/children", `{"children":[{"paragraph":{"rich_text":null}}]}`},
		{"an object for a list", "PATCH", "/v1/blocks/" + handbook + "/children", `{"children":{}}`},
		{"a name of two lines", "PATCH", "/v1/pages/" + row, `{"properties":{"a\nb":{"number":1}}}`},
		{"a question about what is left out", "POST", "/v1/data_sources/" + tasks + "/query", `{"filter":{"property":"Cost","rollup":{"number":{"greater_than":1000}}}}`},
		{"such a question, deep inside", "POST", "/v1/data_sources/" + tasks + "/query", `{"filter":{"or":[{"and":[{"property":"Budget","relation":{"is_not_empty":true}}]}]}}`},
		{"deep nesting", "POST", "/v1/data_sources/" + tasks + "/query", `{"filter":` + strings.Repeat(`{"and":[`, 40) + strings.Repeat(`]}`, 40) + `}`},
		{"a search for users", "POST", "/v1/search", `{"filter":{"property":"object","value":"user"}}`},
	} {
		before := w.wire.count()
		_, refusal := w.ask(tt.method, "notion", tt.target, tt.body)
		if refusal == nil || refusal.Status != 400 || w.wire.count() != before {
			t.Errorf("%s: got %v after %d calls", tt.why, refusal, w.wire.count()-before)
		}
	}
}

// What is sent is made of what was checked: ids in their one spelling, null where a
// value is taken away, nothing that was left out.
func TestABodyIsWrittenAnew(t *testing.T) {
	w := newWorld(t).allowAll()
	plain := strings.ReplaceAll(handbook, "-", "")
	body := `{ "parent" : {"page_id":"` + strings.ToUpper(plain) + `"}, "properties":{"title":{"title":[{"\u0074ext":{"content":"caf\u00e9","link":null}}]}}, "children":null }`
	if _, refusal := w.ask("POST", "notion", "/v1/pages", body); refusal != nil {
		t.Fatal(refusal)
	}
	_, sent := w.wire.last()
	want := `{"parent":{"page_id":"` + handbook + `"},"properties":{"title":{"title":[{"text":{"content":"café","link":null}}]}}}`
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// Threat B22: a cursor continues the question it was given for and no other.
func TestThreat_B13_B22_ACursorInABodyBelongsToItsQuestion(t *testing.T) {
	w := reading(t)
	target := "/v1/data_sources/" + tasks + "/query"
	filter := `"filter":{"property":"Urgent","checkbox":{"equals":true}}`
	answer, refusal := w.ask("POST", "notion", target, `{`+filter+`,"page_size":5}`)
	if refusal != nil {
		t.Fatal(refusal)
	}
	var first struct {
		NextCursor string `json:"next_cursor"`
	}
	if err := json.Unmarshal(answer.Body, &first); err != nil {
		t.Fatal(err)
	}
	cursor := fmt.Sprintf(`"start_cursor":%q`, first.NextCursor)
	if _, refusal = w.ask("POST", "notion", target, `{`+filter+`,"page_size":5,`+cursor+`}`); refusal != nil {
		t.Errorf("the next page: %v", refusal)
	}
	if _, sent := w.wire.last(); strings.Contains(sent, first.NextCursor) || !strings.Contains(sent, `"start_cursor":"1a000000-`) {
		t.Errorf("sent %s", sent)
	}
	for why, body := range map[string]string{
		"another question": `{"page_size":5,` + cursor + `}`,
		"the provider's":   `{` + filter + `,"page_size":5,"start_cursor":"` + row + `"}`,
	} {
		if _, refusal := w.ask("POST", "notion", target, body); refusal == nil || refusal.Status != 400 {
			t.Errorf("%s: %v", why, refusal)
		}
	}
}
