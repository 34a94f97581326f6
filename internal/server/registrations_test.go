package server_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
	"github.com/deputy-oauth/deputy/internal/store"
)

// A second registration at a provider takes nothing away from the people of the
// first: each connection goes on by the one it was made by.
func TestPeopleStayWithTheRegistrationTheyConnectedBy(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana, ben := d.SignedIn("ana"), d.SignedIn("ben")
		ben.Login["github"] = "hubot"
		hers := reader(d, ana, "700100001")
		first, err := d.Foundation.Store.Registration(t.Context(), "github")
		if err != nil {
			t.Fatal(err)
		}
		d.Clock.Add(time.Second)
		redirect, err := d.Foundation.SetProvider(t.Context(), server.NewProvider{
			Provider: "github", Name: "second", ClientID: first.ClientID, Secret: secret.New(d.ProviderSecret), WebURL: first.WebURL, APIURL: first.APIURL,
		})
		if want := d.URL + "/connect/github.second/callback"; err != nil || redirect != want {
			t.Fatalf("return address %s, %v; want %s", redirect, err, want)
		}
		his := reader(d, ben, "710300001")
		for token, path := range map[string]string{hers: "/api/github/repositories/700100001", his: "/api/github/repositories/710300001"} {
			if got := d.API(token, "GET", path); got.Status != 200 {
				t.Errorf("%s: %d %s", path, got.Status, got.Raw)
			}
		}
		all, err := d.Foundation.Store.RegistrationUse(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []store.RegistrationUse{
			{ID: "github", Provider: "github", Variant: "oauth_app", ClientID: first.ClientID, Connected: 1},
			{ID: "github.second", Provider: "github", Variant: "oauth_app", ClientID: first.ClientID, Connected: 1, Current: true},
		}
		if diff := cmp.Diff(want, all[:2]); diff != "" {
			t.Errorf("registrations (-want +got):\n%s", diff)
		}
	})
}
