package broker_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// reply is what a provider that means no good answers to everything.
type reply struct {
	status int
	header map[string]string
	body   string
}

// against lets every provider answer with what *r says.
func (w *world) against(r *reply) *int {
	w.t.Helper()
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		calls++
		out.Header().Set("Content-Type", "application/json; charset=utf-8")
		for name, value := range r.header {
			out.Header().Set(name, value)
		}
		if r.status == 0 {
			r.status = 200
		}
		out.WriteHeader(r.status)
		if r.status != 304 && r.status != 204 {
			fmt.Fprint(out, r.body)
		}
	}))
	w.t.Cleanup(srv.Close)
	for on := range w.wire.ends {
		w.wire.ends[on] = end{srv.URL, "provider-token"}
	}
	return &calls
}

func TestThreat_B12_AMixedListLosesWhatIsOutsideTheLimit(t *testing.T) {
	w := newWorld(t).allowAll()
	web := w.ids["acme/web"]
	r := &reply{}
	w.against(r)
	for _, tt := range []struct{ why, provider, target, body, want string }{
		{"by id", "github", "/user/repos", `[{"id":1,"name":"a"},{"id":` + web + `,"name":"web"},{"id":2}]`, `[{"id":` + web + `,"name":"web"}]`},
		{"nothing inside", "github", "/user/repos", `[{"id":1}]`, `[]`},
		{"items without an id", "github", "/user/repos", `[{"name":"x"},"` + web + `",` + web + `,null,[` + web + `],{"id":null},{"id":{"id":` + web + `}}]`, `[]`},
		{"an id that is nearly one", "github", "/user/repos", `[{"id":` + web + `.0},{"id":` + web + `e0},{"id":" ` + web + `"},{"ID":` + web + `}]`, `[]`},
		{"an id behind an escape", "github", "/user/repos", `[{"\u0069d":1,"name":"x"},{"\u0069d":` + web + `}]`, `[{"\u0069d":` + web + `}]`},
		{"totals and what is new", "slack", "/users.conversations", `{"ok":true,"total":9,"channels":[{"id":"C01GENERAL"},{"id":"C01RANDOM1"}],"others":["C01RANDOM1"],"response_metadata":{"next_cursor":""}}`,
			`{"ok":true,"channels":[{"id":"C01GENERAL"}],"response_metadata":{"next_cursor":""}}`},
		{"a type of its own", "slack", "/users.conversations", `{"ok":true,"channels":[{"id":"` + web + `"}]}`, `{"ok":true,"channels":[]}`},
	} {
		r.body = tt.body
		answer, refusal := w.ask("GET", consent.ProviderID(tt.provider), tt.target, "")
		if refusal != nil || string(answer.Body) != tt.want {
			t.Errorf("%s: got %v %s, want %s", tt.why, refusal, answer.Body, tt.want)
		}
	}
}

func TestThreat_B12_B18_AnswersThatCannotBeCheckedAreNotPassedOn(t *testing.T) {
	w := newWorld(t).allowAll()
	web := w.ids["acme/web"]
	r := &reply{}
	w.against(r)
	for _, tt := range []struct {
		why    string
		target string
		reply  reply
	}{
		{"a list that is none", "/user/repos", reply{body: `{"id":` + web + `}`}},
		{"an id twice", "/user/repos", reply{body: `[{"id":` + web + `,"id":1}]`}},
		{"another repository", "/repositories/" + web, reply{body: `{"id":1,"name":"secret"}`}},
		{"another and this one", "/repositories/" + web, reply{body: `{"id":` + web + `,"id":1}`}},
		{"HTML", "/user/repos", reply{header: map[string]string{"Content-Type": "text/html"}, body: `[]`}},
		{"no type", "/user/repos", reply{header: map[string]string{"Content-Type": ""}, body: `[]`}},
		{"broken JSON", "/user/repos", reply{body: `[{"id":` + web + `}`}},
		{"two values", "/user/repos", reply{body: `[][{"id":1}]`}},
		{"deep JSON", "/repositories/" + web, reply{body: strings.Repeat("[", 50) + strings.Repeat("]", 50)}},
		{"too much", "/repositories/" + web, reply{body: `{"a":"` + strings.Repeat("x", 11<<20) + `"}`}},
		{"a text instead of an object", "/user", reply{body: `"all of it"`}},
	} {
		*r = tt.reply
		answer, refusal := w.ask("GET", "github", tt.target, "")
		if refusal == nil || refusal.Status != 503 || len(answer.Body) > 0 {
			t.Errorf("%s: got %v %s, want 503", tt.why, refusal, answer.Body)
		}
	}
}

// Threats B13, B14: neither a provider's own address nor a redirect is passed on.
func TestThreat_B13_B14_ARedirectIsNeitherFollowedNorShown(t *testing.T) {
	w := newWorld(t).allowAll()
	followed := 0
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed++ }))
	t.Cleanup(evil.Close)
	r := &reply{status: 302, header: map[string]string{"Location": evil.URL + "/steal"}, body: `{"url":"` + evil.URL + `"}`}
	w.against(r)
	for _, status := range []int{301, 302, 303, 307, 308} {
		r.status = status
		answer, refusal := w.ask("GET", "github", "/repositories/"+w.ids["acme/web"], "")
		if refusal == nil || refusal.Code != broker.CodeResource || answer.Header.Get("Location") != "" {
			t.Errorf("%d: got %v %v", status, refusal, answer)
		}
	}
	if followed > 0 {
		t.Errorf("it was followed %d times", followed)
	}
}

func TestOnlyListedHeadersLeave(t *testing.T) {
	w := newWorld(t).allowAll()
	r := &reply{body: `{"id":` + w.ids["acme/web"] + `}`, header: map[string]string{
		"X-OAuth-Scopes": "repo", "Set-Cookie": "a=b", "X-GitHub-Request-Id": "1", "ETag": `"abc"`, "X-RateLimit-Remaining": "7",
		"Access-Control-Allow-Origin": "*", "Location": "https://evil.example", "Link": `<https://evil.example/?page=2>; rel="last"`,
	}}
	w.against(r)
	answer, refusal := w.ask("GET", "github", "/repositories/"+w.ids["acme/web"], "")
	if refusal != nil {
		t.Fatal(refusal)
	}
	for name := range answer.Header {
		if name != "Content-Type" && name != "Etag" {
			t.Errorf("%s leaves: %v", name, answer.Header[name])
		}
	}
	r.status, r.body = 304, ""
	answer, refusal = w.ask("GET", "github", "/repositories/"+w.ids["acme/web"], "")
	if refusal != nil || answer.Status != 304 || len(answer.Body) > 0 {
		t.Errorf("nothing new: %v %+v", refusal, answer)
	}
}

func TestAShortListSaysSo(t *testing.T) {
	w := newWorld(t).allowAll()
	w.against(&reply{body: `[]`, header: map[string]string{"X-GitHub-SSO": "partial-results; organizations=21955855"}})
	answer, refusal := w.ask("GET", "github", "/user/repos", "")
	if refusal != nil || answer.Header.Get("Deputy-Incomplete") != "true" {
		t.Errorf("got %v %v", refusal, answer.Header)
	}
}

// Keys and keyless links never leave, however they are written.
func TestScrub(t *testing.T) {
	w := newWorld(t).allowAll()
	web := w.ids["acme/web"]
	r := &reply{}
	w.against(r)
	secret := "gho_16C7e42F292c6912E7710c838347Ae178B4a"
	for _, tt := range []struct{ why, body, want string }{
		{"by name, deep", `{"id":` + web + `,"a":[{"temp_clone_token":"ABC"},{"x":{"download_url":"https://x"}}]}`, `{"id":` + web + `,"a":[{},{"x":{}}]}`},
		{"by escaped name", `{"id":` + web + `,"temp_clone\u005ftoken":"ABC"}`, `{"id":` + web + `}`},
		{"another repository inside", `{"id":` + web + `,"parent":{"id":1,"name":"secret"},"source":{"id":2}}`, `{"id":` + web + `}`},
		{"in a text", `{"id":` + web + `,"body":"my key is ` + secret + `!"}`, `{"id":` + web + `,"body":"my key is [removed]!"}`},
		{"in an escaped text", `{"id":` + web + `,"body":"\u0067ho_16C7e42F292c6912E7710c838347Ae178B4a"}`, `{"id":` + web + `,"body":"[removed]"}`},
		{"as a name", `{"id":` + web + `,"` + secret + `":1}`, `{"id":` + web + `,"[removed]":1}`},
		{"in a link", `{"id":` + web + `,"u":"https://raw.example/x?token=ABCDEF&y=1"}`, `{"id":` + web + `,"u":"https://raw.example/x?[removed]\u0026y=1"}`},
		{"nothing to do", `{ "id" : ` + web + `, "n": 12345678901234567890, "f": 1.50, "s": "a\/\u20ac" }`, `{"id":` + web + `,"n":12345678901234567890,"f":1.50,"s":"a\/\u20ac"}`},
	} {
		r.body = tt.body
		answer, refusal := w.ask("GET", "github", "/repositories/"+web, "")
		if refusal != nil || string(answer.Body) != tt.want {
			t.Errorf("%s: got %v %s\nwant %s", tt.why, refusal, answer.Body, tt.want)
		}
	}
}

// Threats B18: what unpacks to more than the limit is not passed on.
func TestThreat_B18_ACompressedBombIsStopped(t *testing.T) {
	w := newWorld(t).allowAll()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(bytes.Repeat([]byte("x"), 16<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w.against(&reply{body: packed.String(), header: map[string]string{"Content-Encoding": "gzip"}})
	if _, refusal := w.ask("GET", "github", "/user/repos", ""); refusal == nil || refusal.Status != 503 {
		t.Errorf("got %v", refusal)
	}
}

// The property all of this is for: of whatever a provider answers to a list,
// nothing outside the limit leaves, and no key does.
func TestThreat_B12_NothingOutsideTheLimitLeaves(t *testing.T) {
	w := newWorld(t).allowAll()
	web := w.ids["acme/web"]
	r := &reply{}
	w.against(r)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(rt, "items")
		var items []any
		inside := 0
		for i := range n {
			id := rapid.SampledFrom([]string{web, "1", "2", web + "0"}).Draw(rt, "id")
			if id == web {
				inside++
			}
			item := map[string]any{
				"id": json.Number(id), "mark": "mark-of-" + id,
				rapid.SampledFrom([]string{"nested", "temp_clone_token", "parent", "x"}).Draw(rt, "field"): junk(rt, 3),
			}
			if rapid.Bool().Draw(rt, "secret") {
				item["note"] = fmt.Sprintf("x ghu_%020d y", i)
			}
			items = append(items, item)
		}
		body, err := json.Marshal(items)
		if err != nil {
			rt.Fatal(err)
		}
		r.body = string(body)
		if items == nil {
			r.body = "[]"
		}
		answer, refusal := w.ask("GET", "github", "/user/repos", "")
		if refusal != nil {
			rt.Fatalf("%v: %s", refusal, r.body)
		}
		var got []map[string]any
		if err := json.Unmarshal(answer.Body, &got); err != nil {
			rt.Fatalf("%v: %s", err, answer.Body)
		}
		if len(got) != inside || w.audit.last().Items != inside {
			rt.Fatalf("%d items left, %d recorded, %d were inside", len(got), w.audit.last().Items, inside)
		}
		for _, item := range got {
			if item["mark"] != "mark-of-"+web {
				rt.Fatalf("%v left", item)
			}
		}
		for _, never := range []string{"ghu_", "temp_clone_token", `"parent"`} {
			if bytes.Contains(answer.Body, []byte(never)) {
				rt.Fatalf("%s left: %s", never, answer.Body)
			}
		}
	})
}

// junk is any JSON value.
func junk(rt *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 5).Draw(rt, "kind"); {
	case kind == 0:
		return nil
	case kind == 1:
		return rapid.String().Draw(rt, "text")
	case kind == 2:
		return rapid.Float64Range(-1e9, 1e9).Draw(rt, "number")
	case kind == 3 && depth > 0:
		return []any{junk(rt, depth-1), junk(rt, depth-1)}
	case kind >= 4 && depth > 0:
		return map[string]any{rapid.StringN(0, 8, -1).Draw(rt, "name"): junk(rt, depth-1), "temp_clone_token": "x"}
	}
	return rapid.Bool().Draw(rt, "flag")
}
