package flow_test

import (
	"slices"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// TestAnotherLanguageKeepsTheTicks, and the receipt keeps the words that were read.
func TestAnotherLanguageKeepsTheTicks(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		english := ana.Ask(app.Query(profile, email, offline)).Form("/consent").Set("allow", profile, offline).Set("days.see", "30")
		german := english.Copy().Submit("language:de")
		says(t, german, 200, "Ihren Namen und Ihr Bild sehen")
		f := german.Form("/consent")
		if !slices.Equal(f.Values["allow"], []string{profile, offline}) || f.Values.Get("days.see") != "30" {
			t.Errorf("ticked are %v, for %s days", f.Values["allow"], f.Values.Get("days.see"))
		}
		says(t, english.Submit("allow"), 409, "Nichts wurde geteilt.") // that page was read in English
		ana.Code(f.Submit("allow"))
		id, body, digest := d.Words("SELECT id FROM receipts"), d.Words("SELECT body FROM receipts"), d.Words("SELECT digest FROM receipts")
		r, err := consent.ReadReceipt(body, digest)
		if err != nil || r.Language != "de" || r.Rows[0].Words != "Ihren Namen und Ihr Bild sehen" {
			t.Errorf("the receipt has %q %+v, %v", r.Language, r.Rows, err)
		}
		ana.SetCookie("deputy_language", "en")
		says(t, ana.Get("/receipts/"+id), 200, "You said yes to", r.Rows[0].Words)
	})
}

// TestANoKeepsTheWordsThatWereRead, whatever language was chosen since in another tab.
func TestANoKeepsTheWordsThatWereRead(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		english := ana.Ask(app.Query(profile, email)).Form("/consent")
		ana.SetCookie("deputy_language", "de")
		english.Submit("deny")
		r, err := consent.ReadReceipt(d.Words("SELECT body FROM receipts"), d.Words("SELECT digest FROM receipts"))
		if err != nil || r.Language != "en" || r.Rows[0].Words != "See your name and picture" {
			t.Errorf("the receipt has %q %+v, %v", r.Language, r.Rows, err)
		}
	})
}

// TestAReceiptFromBeforeIsWhatWasWritten: what a receipt has now changes no sum over
// one that was written without it.
func TestAReceiptFromBeforeIsWhatWasWritten(t *testing.T) {
	const body = `{"app":"Repo Scout","publisher":"","returns_to":"https://scout.example/callback","rows":[{"scope":"identity.profile.read","words":"See your name and picture","status":"ready","reason":"never_agreed","ticked":true}],"agreed":[],"refused":[]}`
	r, err := consent.ReadReceipt(body, "f3bafc222cf78ab53b7a3b53e1fe33972d80e7e4dc98696e2ef99ea5d46f03dd")
	if err != nil || r.Language != "" || r.Rows[0].Words != "See your name and picture" {
		t.Errorf("%+v, %v", r, err)
	}
	if again, _, err := r.Encode(); err != nil || again != body {
		t.Errorf("written again it is %s, %v", again, err)
	}
}
