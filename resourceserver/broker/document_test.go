package broker

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is written from the index is the text that was read: whatever encoding/json
// makes of the one, it makes of the other.
func FuzzADocumentIsWrittenAsItWasRead(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, `""`, `0`, ` [ 1 , {"a":[true,false,null]} ] `, `{"a":"\"}\\","b\u0041":"\/\ud83d\ude00"}`, `-1.5e-7`, `[[],{},[{}]]`,
		`{"":1}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`, `"gho_0123456789abcdef"`,
	} {
		f.Add([]byte(s))
	}
	patterns := []*regexp.Regexp{regexp.MustCompile(`gho_[A-Za-z0-9_]{16,}`)}
	f.Fuzz(func(t *testing.T, text []byte) {
		var before, after any
		d, err := parse(text)
		if err != nil {
			return
		}
		if err := json.Unmarshal(text, &before); err != nil {
			t.Fatalf("parse took what is no JSON: %q", text)
		}
		if err := json.Unmarshal(d.write(nil), &after); err != nil {
			t.Fatalf("%q was written as %q: %v", text, d.write(nil), err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("%q was written as %q:\n%s", text, d.write(nil), diff)
		}
		scrubbed := d.write(patterns)
		if err := json.Unmarshal(scrubbed, &after); err != nil || patterns[0].Match(scrubbed) {
			t.Fatalf("%q was scrubbed to %q: %v", text, scrubbed, err)
		}
		d.dropFields(map[string]bool{"a": true})
		if err := json.Unmarshal(d.write(nil), &after); err != nil {
			t.Fatalf("%q without a: %q: %v", text, d.write(nil), err)
		}
		if m, ok := after.(map[string]any); ok {
			if _, there := m["a"]; there {
				t.Fatalf("%q still has a", text)
			}
		}
	})
}
