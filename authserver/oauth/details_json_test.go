package oauth

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

// FuzzDetails: whatever is taken is JSON that says the same to every reader, and
// what is stored of it comes back.
func FuzzDetails(f *testing.F) {
	for _, seed := range []string{
		`[{"type":"github.repository","identifier":"7"}]`, `[{"type":"a","identifier":"*","actions":["b","c"],"locations":["https://x"]},{"identifier":"1","type":"b"}]`,
		`[]`, `{}`, `[{"type":"a","type":"b","identifier":"1"}]`, `[{"type":"a","identifier":null}]`, `[{"type":"\u0000","identifier":"\ud800"}]`, `[{"a":[[[[]]]]}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		read, err := parseDetails(raw)
		if err != nil {
			if registered(err).Code != "invalid_authorization_details" {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		var again []detail
		if err := json.Unmarshal([]byte(raw), &again); err != nil {
			t.Fatalf("%q is taken and is no JSON: %v", raw, err)
		}
		if diff := cmp.Diff(again, read); diff != "" {
			t.Fatalf("%q says two things: %s", raw, diff)
		}
		for _, d := range read {
			one := []detail{{Type: d.Type, Identifier: d.Identifier, Actions: d.Actions}}
			back, err := keptDetails(storedDetails(consent.Details{d.domain()}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(one, wire(back)); diff != "" {
				t.Fatalf("stored and read: %s", diff)
			}
		}
	})
}
