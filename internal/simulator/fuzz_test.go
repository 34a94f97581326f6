package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// Whatever a search says, it finds nothing that the person cannot see, and is
// understood or refused.
func FuzzDriveSearch(f *testing.F) {
	for _, seed := range [][2]string{{"name = 'a' and not trashed = true", "files(id,name)"}, {"('root' in parents or sharedWithMe)", "*"}, {"name contains 'it\\'s", "files/owners/me"}} {
		f.Add(seed[0], seed[1])
	}
	var c *campus
	var token string
	f.Fuzz(func(t *testing.T, q, fields string) {
		if c == nil {
			c = newCampus(t, simulator.Quirks{})
			token = c.token("drive.readonly")
		}
		status, body := served(c.sim, request(t, "GET", "http://google.test/drive/v3/files?pageSize=1000&"+url.Values{"q": {q}, "fields": {fields}}.Encode(), token, ""))
		if status != 200 && status != 400 || strings.Contains(body, "1BenTextsFolder") || !json.Valid([]byte(body)) {
			t.Errorf("q=%q fields=%q: %d %s", q, fields, status, body)
		}
	})
}

func FuzzStripeSearch(f *testing.F) {
	for _, seed := range []string{`email:"a" AND name~"bcd"`, `metadata['a']:'b' OR created>1`, `-name:"x\"y"`} {
		f.Add(seed)
	}
	var s *till
	var token string
	f.Fuzz(func(t *testing.T, query string) {
		if s == nil {
			s = newTill(t, simulator.Quirks{})
			token = s.token()
		}
		status, body := served(s.sim, request(t, "GET", "http://stripe.test/v1/customers/search?"+url.Values{"query": {query}}.Encode(), token, ""))
		if status != 200 && status != 400 || strings.Contains(body, "cus_BB") || !json.Valid([]byte(body)) {
			t.Errorf("%q: %d %s", query, status, body)
		}
	})
}

func FuzzNotionFilter(f *testing.F) {
	for _, seed := range []string{`{"property":"Hours","number":{"equals":1}}`, `{"or":[{"and":[]},{"property":"Tags","multi_select":{"contains":"web"}}]}`, `{"property":"Due","date":{"after":null}}`} {
		f.Add(seed)
	}
	var w *wiki
	var token string
	f.Fuzz(func(t *testing.T, filter string) {
		if w == nil {
			w = newWiki(t, simulator.Quirks{})
			token = w.token(project)
		}
		req := request(t, "POST", "http://notion.test/v1/data_sources/"+tasks+"/query", token, `{"filter":`+filter+`}`)
		req.Header.Set("Notion-Version", "2025-09-03")
		status, body := served(w.sim, req)
		if status != 200 && status != 400 || !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", filter, status, body)
		}
	})
}

// served asks a simulator without a network.
func served(h http.Handler, req *http.Request) (int, string) {
	out := httptest.NewRecorder()
	h.ServeHTTP(out, req)
	return out.Code, out.Body.String()
}
