package broker_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// prefix is random for every customer of the simulated Stripe.
var prefix = regexp.MustCompile(`"invoice_prefix": "[^"]*"`)

// anyID is an id of the simulated Notion; what is created gets a random one.
var anyID = regexp.MustCompile(`[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}`)

func tip(of string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(of))) }

// golden compares an answer with its file; addresses of this run are replaced.
func (w *world) golden(t *testing.T, name string, a broker.Answer) {
	t.Helper()
	if len(a.Body) == 0 {
		a.Body = fmt.Appendf(nil, "%d", a.Status)
	}
	if a.Header.Get("Content-Disposition") != "" {
		a.Body = fmt.Appendf(nil, "%q", a.Header.Get("Content-Type")+": "+string(a.Body)) // a file's content
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, a.Body, "", "  "); err != nil {
		t.Fatalf("the answer is no JSON: %v: %s", err, a.Body)
	}
	text := pretty.String() + "\n"
	for _, e := range w.wire.ends {
		text = strings.ReplaceAll(text, strings.Split(e.base, "/api")[0], "https://sim.example")
		text = strings.ReplaceAll(text, strings.TrimPrefix(strings.Split(e.base, "/api")[0], "http://"), "sim.example")
	}
	text = anyID.ReplaceAllStringFunc(text, func(id string) string {
		if !strings.HasPrefix(name, "notion.") || strings.Contains(strings.ReplaceAll(id, "-", ""), "a000000000040008000") {
			return id // it is the same at every run
		}
		return "a-new-one"
	})
	text = prefix.ReplaceAllString(text, `"invoice_prefix": "of-its-own"`)
	file := filepath.Join("testdata", "golden", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
