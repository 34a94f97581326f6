package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// github.com/coreos/go-oidc, unchanged: everything it knows of the server it
// reads from discovery, the keys too.
func TestGoOIDC(t *testing.T) {
	p := start(t, options{githubVariant: "oauth_app"})
	provider, err := oidc.NewProvider(t.Context(), p.url)
	must(t, err)
	app := p.app("Who Is It")
	config := oauth2.Config{
		ClientID: app.ID, ClientSecret: app.Secret, RedirectURL: callback, Endpoint: provider.Endpoint(),
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
	}
	verifier := oauth2.GenerateVerifier()
	request := config.AuthCodeURL("state-1", oauth2.S256ChallengeOption(verifier), oidc.Nonce("nonce-1"))
	back := newPerson(t, &recorder{}).complete(request, nil, nil)
	token, err := config.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
	must(t, err)

	raw, _ := token.Extra("id_token").(string)
	id, err := provider.VerifierContext(t.Context(), &oidc.Config{ClientID: app.ID}).Verify(t.Context(), raw)
	must(t, err)
	if id.Nonce != "nonce-1" || id.Issuer != p.url || id.Subject == "" {
		t.Errorf("the ID token says %+v", id)
	}
	must(t, id.VerifyAccessToken(token.AccessToken))
	if err := id.VerifyAccessToken(token.AccessToken + "x"); err == nil {
		t.Error("the ID token should belong to one access token")
	}
	if _, err := provider.VerifierContext(t.Context(), &oidc.Config{ClientID: "app_other"}).Verify(t.Context(), raw); err == nil {
		t.Error("the ID token should be for one app")
	}
	info, err := provider.UserInfo(t.Context(), config.TokenSource(t.Context(), token))
	must(t, err)
	if info.Subject != id.Subject || info.Email != email {
		t.Errorf("userinfo says %+v, the ID token is about %s", info, id.Subject)
	}
}

// golang.org/x/oauth2 on a device that finds its endpoint by discovery.
func TestXOAuth2OnADevice(t *testing.T) {
	p := start(t, options{githubVariant: "oauth_app"})
	provider, err := oidc.NewProvider(t.Context(), p.url)
	must(t, err)
	app := p.app("Television", "--type", "public", "--grant-type", "urn:ietf:params:oauth:grant-type:device_code", "--grant-type", "refresh_token")
	config := oauth2.Config{ClientID: app.ID, Endpoint: provider.Endpoint(), Scopes: []string{"services.github.repositories.read"}}
	begin := func() *oauth2.DeviceAuthResponse {
		t.Helper()
		device, err := config.DeviceAuth(t.Context())
		must(t, err)
		if left := time.Until(device.Expiry); device.Interval != 5 || left < 9*time.Minute || left > 10*time.Minute {
			t.Errorf("ask every %d s, for %s", device.Interval, left)
		}
		device.Interval = 1
		return device
	}

	yes := begin()
	ana := newPerson(t, &recorder{})
	at := ana.press(ana.device(yes.VerificationURIComplete), "Yes, continue", nil)
	at = ana.connect(at, "GitHub", "octocat", "Authorize")
	picker := ana.press(at, "Choose repositories", nil)
	at = ana.press(picker, "Use these", url.Values{"pick": ana.labelled(picker, "acme/web")})
	ana.press(at, "Allow", url.Values{"allow": at.rows()})
	token, err := config.DeviceAccessToken(t.Context(), yes)
	must(t, err)
	expectCall(t, config.Client(t.Context(), token), p.url+"/api/github/repos/acme/web", http.StatusOK, `"acme/web"`)
	token.Expiry = time.Now().Add(-time.Hour)
	renewed, err := config.TokenSource(t.Context(), token).Token()
	must(t, err)
	if renewed.RefreshToken == token.RefreshToken {
		t.Error("a public app should get a new refresh token")
	}

	no := begin()
	ana.press(ana.device(no.VerificationURIComplete), "No, stop it", nil)
	if _, err := config.DeviceAccessToken(t.Context(), no); code(err) != "access_denied" {
		t.Errorf("the person said no, the device got %v", err)
	}
}

// device opens the address that a device shows and returns the page that asks
// whether the device is the person's.
func (p *person) device(address string) page {
	p.t.Helper()
	at := p.open(address)
	if at.offers("Sign in") {
		at = p.signIn(at)
	}
	return p.press(at, "Continue", nil)
}
