package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// A file of a picked folder comes as it is, as nothing that a browser would show, and
// how much of it left is on record.
func TestAnAppReadsAFileOfThePickedFolder(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Code(ana.Ask(app.Query("services.google.drive.files.read")).Agree("1AnaProjectsFolder0000000000000000")))
		got := d.API(tokens.Access, "GET", "/api/google/drive/v3/files/1AnaMeetingNotesTxt000000000000000?alt=media")
		const text = "Ana and Ben met on Monday.\n"
		if got.Status != http.StatusOK || got.Raw != text {
			t.Fatalf("%d %q", got.Status, got.Raw)
		}
		for name, want := range map[string]string{"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Content-Type": "text/plain", "Content-Length": "27"} {
			if h := got.Header.Get(name); h != want {
				t.Errorf("%s: %q, want %q", name, h, want)
			}
		}
		const recorded = "SELECT count(*) FROM audit WHERE operation = 'files.download' AND outcome = ? AND bytes = ?"
		for end := time.Now().Add(5 * time.Second); d.Count(recorded, "done", len(text)) == 0 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond) // the record follows the last byte
		}
		if begun, done := d.Count(recorded, "unknown", 0), d.Count(recorded, "done", len(text)); begun != 1 || done != 1 {
			t.Errorf("%d begun, %d done, want 1 and 1", begun, done)
		}
	})
}
