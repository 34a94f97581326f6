package provider_test

import (
	"context"
	"errors"
	"sync"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// memory honours what Credentials and Registrations promise; it is the database
// that several clients share.
type memory struct {
	mu        sync.Mutex
	rows      map[consent.ConnectionID]*row
	regs      map[provider.RegistrationID]provider.SealedRegistration
	trouble   map[provider.RegistrationID]provider.Trouble
	failStore int // how many stores fail before one works
	stores    int
}

type row struct {
	provider.Credential
	attempt, cause string
}

func newMemory() *memory {
	return &memory{
		rows:    map[consent.ConnectionID]*row{},
		regs:    map[provider.RegistrationID]provider.SealedRegistration{},
		trouble: map[provider.RegistrationID]provider.Trouble{},
	}
}

func (m *memory) Registration(_ context.Context, id provider.RegistrationID) (provider.SealedRegistration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	reg, ok := m.regs[id]
	if !ok {
		return reg, fault.New(fault.NotFound, "There is no such registration.")
	}
	return reg, nil
}

func (m *memory) CurrentRegistration(_ context.Context, p consent.ProviderID) (provider.SealedRegistration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, reg := range m.regs {
		if reg.Provider == p {
			return reg, nil
		}
	}
	return provider.SealedRegistration{}, fault.New(fault.NotFound, "There is no such registration.")
}

func (m *memory) Load(_ context.Context, id consent.ConnectionID) (provider.Credential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok {
		return provider.Credential{}, fault.New(fault.NotFound, "There is no such connection.")
	}
	return r.Credential, nil
}

func (m *memory) Lease(_ context.Context, c provider.Claim) (bool, provider.Credential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[c.Connection]
	if !ok || r.Version != c.Version || r.Health != consent.Healthy || r.LeaseUntil.After(c.Now) || r.Rest.Until.After(c.Now) {
		return false, provider.Credential{}, nil
	}
	r.Unsure = r.Unsure || r.attempt != ""
	r.attempt, r.LeaseUntil = c.Attempt, c.Now.Add(c.For)
	return true, r.Credential, nil
}

func (m *memory) Store(_ context.Context, n provider.Renewal) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stores++
	if m.failStore > 0 {
		m.failStore--
		return false, errors.New("disk full")
	}
	r, ok := m.rows[n.Connection]
	if !ok || r.Version != n.Version || r.attempt != n.Attempt || r.Health == consent.Disconnected {
		return false, nil
	}
	r.Sealed, r.Granted, r.IssuedAt, r.ExpiresAt = n.Sealed, n.Granted, n.IssuedAt, n.ExpiresAt
	r.Version++
	r.Unsure, r.Rest, m.trouble[r.Registration] = false, provider.Rest{}, provider.Trouble{}
	r.attempt, r.LeaseUntil = "", r.LeaseUntil.AddDate(-1, 0, 0)
	return true, nil
}

func (m *memory) Fail(_ context.Context, f provider.Failure) (provider.Verdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[f.Connection]
	if !ok || r.Version != f.Version || (f.Attempt != "" && r.attempt != f.Attempt) {
		return provider.Overtaken, nil
	}
	if f.Attempt != "" {
		r.attempt, r.LeaseUntil = "", r.LeaseUntil.AddDate(-1, 0, 0)
	}
	r.Unsure, r.Rest = r.Unsure || f.Unsure, f.Rest
	dead, next := m.trouble[r.Registration].Judge(f.Class, f.At)
	m.trouble[r.Registration] = next
	if !dead {
		return provider.Resting, nil
	}
	r.Health, r.cause = consent.NeedsPerson, f.Reason(r.Unsure)
	return provider.Dead, nil
}

func (m *memory) put(c provider.Credential) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[c.Connection] = &row{Credential: c}
}

func (m *memory) get(id consent.ConnectionID) provider.Credential {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows[id].Credential
}

func (m *memory) change(id consent.ConnectionID, change func(*provider.Credential)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.rows[id].Credential)
}

// reason is why a connection was given up.
func (m *memory) reason(id consent.ConnectionID) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows[id].cause
}
