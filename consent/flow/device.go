package flow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

// A device without a browser shows a code; a person types it here, says that the
// device is theirs, and then goes through the same conversation as for any app
// (RFC 8628). It ends on a page of ours, and the device asks for the answer.
//
// What is different is who is trusted: the request did not come from the
// person's browser, so a stranger may have started it and talked the person into
// typing the code (RFC 10027). Hence the page in between, which no link can skip;
// few tries; and a request that belongs, from the code on, to one sign-in.

// Devices are the requests of devices. Package oauth implements it.
type Devices interface {
	// ClaimDevice gives the request with a code to a sign-in. The error is
	// oauth.ErrNoDevice for what is not there or somebody else's.
	ClaimDevice(ctx context.Context, typed string, user consent.UserID, session consent.SessionID) (oauth.DeviceRequest, error)
	// Device returns a request that the sign-in has claimed.
	Device(ctx context.Context, ref string, session consent.SessionID) (oauth.DeviceRequest, error)
	RefuseDevice(ctx context.Context, ref string, session consent.SessionID) error
}

// Attempts counts tries for all replicas; see package identity.
type Attempts interface {
	CountTries(ctx context.Context, subjects []string, until time.Time) ([]identity.Tries, error)
	ForgiveTries(ctx context.Context, forget, less []string) error
}

// Steps of a device's conversation. Each has tokens and sealed values of its own,
// so that none can be skipped.
const (
	deviceStep  = "device"
	confirmStep = "device confirm"
	confirmPath = "/device/confirm"
)

// DevicePage is GET /device. A code in the address is only filled in: looking it
// up takes a button (RFC 8628 section 5.4).
func (f *Flow) DevicePage(c *gin.Context) error {
	code := ""
	next := oauth.DevicePath
	if typed, ok := oauth.ReadUserCode(c.Query("user_code")); ok {
		code = oauth.ShowUserCode(typed)
		next += "?user_code=" + code
	}
	p, in, err := f.People.Person(c)
	if err != nil {
		return err
	}
	if !in {
		return f.People.Ask(c, next)
	}
	return f.askCode(c, http.StatusOK, p, templates.DeviceEntry{Code: code})
}

func (f *Flow) askCode(c *gin.Context, status int, p identity.Person, page templates.DeviceEntry) error {
	page.Frame = f.frame(p)
	page.Path = oauth.DevicePath
	page.CSRF = f.Forms.Token(string(p.Session), deviceStep)
	return f.Site.Render(c, status, page)
}

// DeviceCode is POST /device with the fields csrf and user_code.
func (f *Flow) DeviceCode(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return unreadable(err)
	}
	form := c.Request.PostForm
	p, in, err := f.People.Person(c)
	if err != nil {
		return err
	}
	if !in {
		return f.People.Ask(c, oauth.DevicePath)
	}
	if err := f.Forms.Check(form.Get("csrf"), string(p.Session), deviceStep); err != nil {
		return err
	}
	ctx := c.Request.Context()
	limits := triesOf(p, c.ClientIP())
	wait, err := f.tryCode(ctx, limits)
	if err != nil {
		return err
	}
	if wait > 0 {
		return f.askCode(c, http.StatusTooManyRequests, p, templates.DeviceEntry{Wait: wait})
	}
	d, err := f.Devices.ClaimDevice(ctx, form.Get("user_code"), p.User, p.Session)
	if errors.Is(err, oauth.ErrNoDevice) {
		return f.askCode(c, http.StatusNotFound, p, templates.DeviceEntry{Wrong: true})
	}
	if err != nil {
		return err
	}
	// A right code gives its own try back and no other.
	if err := f.Attempts.ForgiveTries(ctx, nil, limits); err != nil {
		return err
	}
	claimed, err := f.sealDevice(d, p)
	if err != nil {
		return err
	}
	return to(c, confirmPath+"?flow="+url.QueryEscape(claimed))
}

// How many wrong codes there may be, per sign-in and per network, while a code
// lives. Twenty letters to the eighth against five tries: one in five billion.
const (
	codeTries  = 5
	triesWhile = oauth.DeviceLife
)

func triesOf(p identity.Person, address string) []string {
	return []string{"device network:" + network(address), "device session:" + string(p.Session)}
}

// network is what one household or office has in common, as far as an address
// tells.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// tryCode counts a try and says how long to wait when there were too many.
func (f *Flow) tryCode(ctx context.Context, subjects []string) (time.Duration, error) {
	now := f.Now()
	tries, err := f.Attempts.CountTries(ctx, subjects, now.Add(triesWhile))
	if err != nil {
		return 0, err
	}
	var wait time.Duration
	for _, t := range tries {
		if t.Count > codeTries {
			wait = max(wait, t.Until.Sub(now))
		}
	}
	return wait, nil
}

// claimed is a device's request between the code and the yes to the device.
type claimed struct {
	Ref     string            `json:"d"`
	Session consent.SessionID `json:"s"`
}

func (f *Flow) sealDevice(d oauth.DeviceRequest, p identity.Person) (string, error) {
	plain, err := json.Marshal(claimed{d.Ref, p.Session})
	if err != nil {
		return "", err
	}
	return f.Box.Seal(plain, confirmStep), nil
}

// openDevice returns the claimed request of the person at the browser. It reports
// false when it has answered itself.
func (f *Flow) openDevice(c *gin.Context, flow string) (oauth.DeviceRequest, identity.Person, bool, error) {
	p, in, err := f.People.Person(c)
	if err != nil {
		return oauth.DeviceRequest{}, p, false, err
	}
	if !in {
		return oauth.DeviceRequest{}, p, false, f.People.Ask(c, oauth.DevicePath)
	}
	plain, err := f.Box.Open(flow, confirmStep)
	if err != nil {
		return oauth.DeviceRequest{}, p, false, fault.Wrap(fault.Invalid, err, "This address is not complete. Nothing was shared. Type the code of your device again.")
	}
	var was claimed
	if err := json.Unmarshal(plain, &was); err != nil {
		return oauth.DeviceRequest{}, p, false, err
	}
	if was.Session != p.Session {
		return oauth.DeviceRequest{}, p, false, noDevice(oauth.ErrNoDevice)
	}
	d, err := f.Devices.Device(c.Request.Context(), was.Ref, p.Session)
	if err != nil {
		return oauth.DeviceRequest{}, p, false, noDevice(err)
	}
	return d, p, true, nil
}

// noDevice words a request that is not the person's, or not any more.
func noDevice(err error) error {
	if errors.Is(err, oauth.ErrNoDevice) {
		return fault.Wrap(fault.Conflict, err, "This request of a device has ended, or another sign-in has it. Nothing was changed now. Start again on the device.")
	}
	return err
}
