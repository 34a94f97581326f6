package oauth

import (
	"context"
	"crypto/rand"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code"

// DevicePath is where a person types a device's code, relative to the issuer.
const DevicePath = "/device"

// How a device asks (RFC 8628). The life is short, because a code that a stranger
// made somebody type is worth that long (RFC 10027).
const (
	DeviceLife   = 10 * time.Minute
	pollEvery    = 5 // seconds between questions at first
	slowerBy     = 5 // seconds more after each one that came too early
	pollGrace    = time.Minute
	keepDevices  = time.Hour // so that a late question is told what happened
	devicePrefix = "dpd_"
)

// The alphabet of user codes: no vowels, so that no words come out, and no
// letters that look like others (RFC 8628 section 6.1). Eight of them are 34 bits.
const (
	userAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	userLetters  = 8
)

// newUserCode draws each letter alike.
func newUserCode() string {
	out := make([]byte, userLetters)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(userAlphabet))))
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		out[i] = userAlphabet[n.Int64()]
	}
	return string(out)
}

// ReadUserCode returns a user code as it is stored, whatever dashes, spaces and
// small letters a person typed; false for what cannot be one.
func ReadUserCode(typed string) (string, bool) {
	var out strings.Builder
	for _, r := range strings.ToUpper(typed) {
		switch {
		case r == ' ' || r == '-' || r >= '\u2010' && r <= '\u2015':
		case r < 0x80 && strings.IndexByte(userAlphabet, byte(r)) >= 0 && out.Len() < userLetters:
			out.WriteRune(r)
		default:
			return "", false
		}
	}
	return out.String(), out.Len() == userLetters
}

// ShowUserCode returns a user code as people read it: two groups of four.
func ShowUserCode(code string) string { return code[:userLetters/2] + "-" + code[userLetters/2:] }

// DeviceAuthorization is POST /oauth/device_authorization (RFC 8628 section 3.1).
func (s *Server) DeviceAuthorization(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	form, err := readForm(c.Request)
	if err != nil {
		methodOnly(c, err)
		return
	}
	ctx := c.Request.Context()
	client, err := s.client(ctx, c.Request, form)
	if err != nil {
		writeError(c, err)
		return
	}
	query := url.Values{}
	for _, name := range []string{"scope", "resource", "include_granted_scopes", "grant_id", "grant_management_action", detailsParam} {
		if form.Has(name) {
			query[name] = form[name]
		}
	}
	if _, err := s.deviceAsk(ctx, client, query); err != nil {
		writeError(c, err)
		return
	}
	now, code := s.Now(), devicePrefix+newSecret()
	d := device{
		Hash: codeHash(code), AppID: client.ID, Query: query.Encode(), Address: c.ClientIP(), Agent: agent(c.Request.UserAgent()),
		State: deviceWaiting, Wait: pollEvery, CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(DeviceLife).UnixMilli(),
	}
	if d.UserCode, err = s.storage.addDevice(ctx, d, now); err != nil {
		writeError(c, err)
		return
	}
	shown := ShowUserCode(d.UserCode)
	c.JSON(http.StatusOK, gin.H{
		"device_code": code, "user_code": shown, "verification_uri": s.Issuer + DevicePath,
		"verification_uri_complete": s.Issuer + DevicePath + "?user_code=" + shown,
		"expires_in":                int(DeviceLife / time.Second), "interval": pollEvery,
	})
}

// deviceAsk reads what a device asks for.
func (s *Server) deviceAsk(ctx context.Context, client clients.Client, form url.Values) (Ask, error) {
	ask := Ask{
		Client: client, Device: true,
		// Who holds the device is never proven, whoever the app is: there is always a
		// page (RFC 8628 section 5.4).
		AskAgain: true,
	}
	if !client.Grants(deviceGrantType) {
		return Ask{}, &Error{Code: "unauthorized_client", Description: "This client may not use " + deviceGrantType + ".", Status: http.StatusBadRequest}
	}
	var err error
	if ask.Words, err = s.Vocabulary.Scopes(ctx); err != nil {
		return Ask{}, err
	}
	if err := s.what(&ask, form); err != nil {
		return Ask{}, err
	}
	if ask.Scopes, err = forDevices(ask.Scopes, form.Has("scope")); err != nil {
		return Ask{}, err
	}
	if ask.Audience, err = s.audience(ctx, form["resource"], ask.Scopes); err != nil {
		return Ask{}, err
	}
	if ask.manage, err = readManage(client, form); err != nil {
		return Ask{}, err
	}
	ask.Along, err = s.along(ask, form)
	return ask, err
}

// forDevices keeps back what a stranger could talk somebody into on a device they
// have not in their hands: changes, and whatever goes on without the person (RFC
// 10027). An app that asked for it is told; of what it gets
// unasked, the rest is left.
func forDevices(scopes []consent.Scope, named bool) ([]consent.Scope, error) {
	var out []consent.Scope
	for _, s := range scopes {
		switch {
		case forDevice(s):
			out = append(out, s)
		case named:
			return nil, invalidScope("A device cannot ask for " + string(s.Name) + ": only to look, and only while the person is signed in. Use authorization_code for more.")
		}
	}
	if len(out) == 0 {
		return nil, invalidScope("Name a scope that a device can ask for.")
	}
	return out, nil
}

func forDevice(s consent.Scope) bool { return s.Access == consent.Read && !s.Modifier }

// agent keeps what a device says it is, bounded and printable.
func agent(header string) string {
	var b strings.Builder
	for _, r := range header {
		if r >= ' ' && r < 0x7f && b.Len() < 100 {
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
