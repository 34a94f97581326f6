package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// DeviceRequest is a device's request as the person sees it who claimed it.
type DeviceRequest struct {
	Ref     string // names the request on later pages; not a secret
	Ask     Ask
	Code    string // as the device shows it
	Agent   string // what the device says it is
	Address string // where it asked from
	Asked   time.Time
	Ends    time.Time
	Allowed []consent.ScopeName // what was agreed to
	Answer  DeviceAnswer
}

// DeviceAnswer is what the person said.
type DeviceAnswer int

// The answers.
const (
	DeviceOpen DeviceAnswer = iota
	DeviceYes
	DeviceNo
)

// ErrNoDevice is returned for a user code or request that is not there, has
// ended, or is in somebody else's hands: one answer, so that a guess tells
// nothing.
var ErrNoDevice = errors.New("no such device request")

// ClaimDevice gives the request with a user code to one sign-in. From then on
// nobody else can see or answer it (RFC 8628 section 5.4; two people who were
// sent the same code are never mixed up).
func (s *Server) ClaimDevice(ctx context.Context, typed string, user consent.UserID, session consent.SessionID) (DeviceRequest, error) {
	code, ok := ReadUserCode(typed)
	if !ok {
		return DeviceRequest{}, ErrNoDevice
	}
	var d device
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		d, err = s.storage.claimDevice(ctx, code, user, session, s.Now())
		return err
	})
	if errors.Is(err, db.ErrNone) {
		return DeviceRequest{}, ErrNoDevice
	}
	if err != nil {
		return DeviceRequest{}, err
	}
	return s.deviceRequest(ctx, d)
}

// Device returns a request that the sign-in has claimed, answered or not.
func (s *Server) Device(ctx context.Context, ref string, session consent.SessionID) (DeviceRequest, error) {
	hash, err := base64.RawURLEncoding.Strict().DecodeString(ref)
	if err != nil {
		return DeviceRequest{}, ErrNoDevice
	}
	d, err := s.storage.findDevice(ctx, hash)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return DeviceRequest{}, err
	}
	if err != nil || d.SessionID != session || d.State == deviceWaiting {
		return DeviceRequest{}, ErrNoDevice
	}
	return s.deviceRequest(ctx, d)
}

func (s *Server) deviceRequest(ctx context.Context, d device) (DeviceRequest, error) {
	form, err := parse(d.Query)
	if err != nil {
		return DeviceRequest{}, err
	}
	client, err := s.Clients.Client(ctx, d.AppID)
	if errors.Is(err, clients.ErrUnknown) {
		return DeviceRequest{}, ErrNoDevice // switched off meanwhile
	}
	if err != nil {
		return DeviceRequest{}, err
	}
	ask, err := s.deviceAsk(ctx, client, form)
	if err != nil {
		return DeviceRequest{}, err
	}
	ask.device = d.Hash
	out := DeviceRequest{
		Ref: base64.RawURLEncoding.EncodeToString(d.Hash), Ask: ask, Code: ShowUserCode(d.UserCode), Agent: d.Agent, Address: d.Address,
		Asked: time.UnixMilli(d.CreatedAt), Ends: time.UnixMilli(d.ExpiresAt),
	}
	switch d.State {
	case deviceRefused:
		out.Answer = DeviceNo
	case deviceAllowed, deviceUsed:
		out.Answer = DeviceYes
	}
	for _, name := range strings.Fields(d.Scopes) {
		out.Allowed = append(out.Allowed, consent.ScopeName(name))
	}
	return out, nil
}

// allowDevice answers a claimed request with a yes, in the transaction of ctx.
func (s *Server) allowDevice(ctx context.Context, ask Ask, yes Approval) error {
	first, err := s.storage.allowDevice(ctx, ask.device, ask.Audience, yes, s.Now())
	if err == nil && !first {
		err = errDeviceOver()
	}
	return err
}

// RefuseDevice answers a claimed request with a no. The error is a fault.Conflict
// when it was answered already or has ended.
func (s *Server) RefuseDevice(ctx context.Context, ref string, session consent.SessionID) error {
	hash, err := base64.RawURLEncoding.Strict().DecodeString(ref)
	if err != nil {
		return errDeviceOver()
	}
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		first, err := s.storage.refuseDevice(ctx, hash, session, s.Now())
		if err == nil && !first {
			err = errDeviceOver()
		}
		return err
	})
}

func errDeviceOver() error {
	return fault.New(fault.Conflict, "This request of a device was answered already, or it has ended. Nothing was changed now. Start again on the device.")
}
