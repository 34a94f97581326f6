package authserver

import (
	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity/onetime"
	"github.com/deputy-oauth/deputy/authserver/identity/passkey"
	"github.com/deputy-oauth/deputy/authserver/identity/profile"
	"github.com/deputy-oauth/deputy/authserver/identity/upstream"
	"github.com/deputy-oauth/deputy/authserver/metadata"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent/dashboard"
)

// protocol is what programs talk to.
func (p Parts) protocol() []route {
	page := p.Site.Page
	return []route{
		{"GET", "/.well-known/oauth-authorization-server", anyone, page(p.Metadata.Serve)},
		{"GET", "/.well-known/openid-configuration", anyone, page(p.Metadata.Serve)},
		{"GET", metadata.JWKSPath, anyone, gin.WrapH(p.Keys)},
		{"GET", metadata.AuthorizePath, request, page(p.admitted(p.Flow.Authorize))},
		{"ANY", metadata.PushPath, client, p.OAuth.Push},
		{"ANY", metadata.DevicePath, client, p.OAuth.DeviceAuthorization},
		{"ANY", metadata.TokenPath, client, p.OAuth.Token},
		{"ANY", metadata.IntrospectPath, client, p.OAuth.Introspect},
		{"ANY", metadata.RevokePath, client, p.OAuth.Revoke},
		{"ANY", metadata.GrantsPath, client, p.OAuth.Grants}, // as discovery names it; a grant's id follows
		{"ANY", metadata.GrantsPath + "/:grant", client, p.OAuth.Grants},
		{"GET", metadata.UserinfoPath, client, p.OAuth.Userinfo},
		{"POST", metadata.UserinfoPath, client, p.OAuth.Userinfo},
	}
}

// signIn is how people come in, go on and go out.
func (p Parts) signIn() []route {
	i, page := p.Identity, p.Site.Page
	return []route{
		{"GET", "/signin", browser, page(i.SignInPage)},
		{"POST", "/signin", form, page(i.SignIn)},
		{"POST", "/signin/passkey", form, page(i.SignInWithPasskey)},
		{"POST", "/signin/code", form, page(i.SignInCode)},
		{"GET", "/signin/with/:provider", browser, page(i.SignInWith)},
		{"GET", "/signin/with/:provider/callback", browser, page(i.SignInBack)},
		{"GET", "/forgot", browser, page(i.ForgotPage)},
		{"POST", "/forgot", form, page(i.Forgot)},
		{"GET", "/reset", browser, page(i.ResetPage)},
		{"POST", "/reset", form, page(i.Reset)},
		{"GET", "/invitation", browser, page(i.InvitationPage)},
		{"POST", "/invitation", form, page(i.Join)},
		{"POST", "/invitation/passkey", form, page(i.JoinWithPasskey)},
		{"GET", "/signin/again", browser, page(i.ProvePage)},
		{"POST", "/signin/again", form, page(i.Proof)},
		{"POST", "/signin/again/passkey", form, page(i.ProofByPasskey)},
		{"GET", "/accounts", browser, page(i.AccountsPage)},
		{"POST", "/accounts", form, page(i.ChooseAccount)},
		{"POST", "/signout", form, page(i.SignOut)},
		{"GET", metadata.LogoutPath, request, page(p.admitted(i.Leave))},
		{"POST", metadata.LogoutPath, request, page(i.LeaveByForm)},
		{"POST", "/signout/app", form, page(i.LeaveApp)},

		{"POST", "/language", form, page(p.language)},
	}
}

// conversation is everything between an app's request and its answer.
func (p Parts) conversation() []route {
	f, k, page := p.Flow, p.Connect, p.Site.Page
	return []route{
		{"GET", oauth.DevicePath, browser, page(f.DevicePage)},
		{"POST", oauth.DevicePath, form, page(f.DeviceCode)},
		{"GET", "/device/confirm", browser, page(f.ConfirmDevice)},
		{"POST", "/device/confirm", form, page(f.AnswerDevice)},
		{"GET", "/device/done", browser, page(f.DeviceDone)},

		{"GET", "/allow", browser, page(f.Allow)},
		{"GET", "/allow/done", browser, page(f.Allowed)},

		{"GET", "/consent", browser, page(f.Consent)},
		{"POST", "/consent", form, page(f.Answer)},
		{"GET", "/consent/app", browser, page(f.Stranger)},
		{"POST", "/consent/app", form, page(f.Meet)},
		{"GET", "/consent/connect", browser, page(f.Connect)},
		{"GET", "/consent/pick", browser, page(f.Picker)},
		{"POST", "/consent/pick", form, page(f.Pick)},
		{"GET", "/consent/admin", browser, page(f.AdminPage)},
		{"POST", "/consent/admin", form, page(f.AskAdmin)},

		{"POST", "/connect/:provider/start", form, page(k.Start)},
		{"GET", "/connect/:provider/callback", browser, page(p.then(k.Callback))},
		{"POST", "/services/:connection/reconnect", form, page(k.Reconnect)},
		{"POST", "/services/:connection/disconnect", form, page(p.then(k.Disconnect))},
	}
}

// pages are what people look at on their own.
func (p Parts) pages() []route {
	d, page := p.Dashboard, p.Site.Page
	return []route{
		{"GET", "/", browser, page(d.Home)},
		{"GET", "/apps", browser, page(d.Home)},
		{"GET", "/apps/:grant", browser, page(d.App)},
		{"GET", "/receipts/:receipt", browser, page(d.Receipt)},
		{"GET", "/apps/:grant/less", browser, page(d.LessPage)},
		{"POST", "/apps/:grant/less", form, page(d.Less)},
		{"GET", "/apps/:grant/remove", browser, page(d.RemovePage)},
		{"POST", "/apps/:grant/remove", form, page(d.Remove)},
		{"POST", "/petitions/withdraw", form, page(d.Withdraw)},
		{"GET", "/services", browser, page(d.ServicesPage)},
		{"GET", "/services/:connection/disconnect", browser, page(d.DisconnectPage)},
		{"GET", "/activity", browser, page(d.Activity)},
		{"GET", dashboard.MailsPath, browser, page(d.MailsPage)},
		{"POST", dashboard.MailsPath, form, page(d.ChooseMails)},
		{"GET", "/sessions", browser, page(d.SessionsPage)},
		{"POST", "/sessions", form, page(d.EndSessions)},

		{"GET", profile.Path, browser, page(p.Profile.Page)},
		{"POST", profile.Path, form, page(p.Profile.Rename)},
		{"POST", profile.PicturePath, upload, page(p.Profile.ChangePicture)},
		{"GET", oauth.PicturesPath + "/:picture", browser, page(p.Profile.Picture)},
	}
}

// waysIn are the pages about how a person signs in. Without a name in the external
// URL there are no passkeys.
func (p Parts) waysIn() []route {
	o, u, page := p.Codes, p.Companies, p.Site.Page
	table := []route{
		{"GET", onetime.Path, browser, page(o.Page)},
		{"POST", onetime.Path, form, page(o.TurnOn)},
		{"GET", onetime.NewPath, browser, page(o.NewPage)},
		{"GET", onetime.RecoveryPath, browser, page(o.RenewPage)},
		{"POST", onetime.RecoveryPath, form, page(o.Renew)},
		{"GET", onetime.RemovePath, browser, page(o.RemovePage)},
		{"POST", onetime.RemovePath, form, page(o.TurnOff)},

		{"GET", upstream.Path, browser, page(u.Page)},
		{"POST", upstream.Path, form, page(u.Add)},
		{"GET", upstream.NewPath, browser, page(u.NewPage)},
		{"GET", upstream.Path + "/connect/:provider", browser, page(u.Connect)},
		{"GET", upstream.Path + "/:link/remove", browser, page(u.RemovePage)},
		{"POST", upstream.Path + "/:link/remove", form, page(u.Remove)},
	}
	if s := p.Passkeys; s != nil {
		table = append(table, []route{
			{"GET", passkey.Path, browser, page(s.Page)},
			{"POST", passkey.Path, form, page(s.Add)},
			{"GET", passkey.NewPath, browser, page(s.NewPage)},
			{"GET", passkey.Path + "/:passkey/remove", browser, page(s.RemovePage)},
			{"POST", passkey.Path + "/:passkey/remove", form, page(s.Remove)},
		}...)
	}
	return table
}
