package connect_test

import (
	"context"
	"sync"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// memory honours what States, Connections, Transactions, Audit, and package
// provider's interfaces promise.
type memory struct {
	mu     sync.Mutex
	states map[string]connect.State
	spent  map[string]bool
	rows   map[consent.ConnectionID]linked
	regs   map[provider.RegistrationID]provider.SealedRegistration
	events []audit.Event
	// race, when set, runs once before a save: somebody is quicker.
	race func()
	byes map[consent.ConnectionID]connect.Farewell
}

type linked struct {
	consent.Connection
	cred provider.Credential
}

func newMemory() *memory {
	return &memory{
		states: map[string]connect.State{}, spent: map[string]bool{}, rows: map[consent.ConnectionID]linked{},
		byes: map[consent.ConnectionID]connect.Farewell{},
		regs: map[provider.RegistrationID]provider.SealedRegistration{},
	}
}

func absent() error { return fault.New(fault.NotFound, "There is no such thing.") }

func (m *memory) PutState(_ context.Context, s connect.State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states[string(s.Hash)] = s
	return nil
}

func (m *memory) State(_ context.Context, hash []byte) (connect.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.states[string(hash)]
	if !ok {
		return s, absent()
	}
	return s, nil
}

func (m *memory) SpendState(_ context.Context, hash []byte, now time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.states[string(hash)]
	if !ok || m.spent[string(hash)] || !now.Before(s.Expires) {
		return false, nil
	}
	m.spent[string(hash)] = true
	return true, nil
}

func (m *memory) ConnectionOf(_ context.Context, user consent.UserID, id consent.ConnectionID) (connect.Linked, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok || r.User != user || r.Health == consent.Disconnected {
		return connect.Linked{}, absent()
	}
	return connect.Linked{Connection: r.Connection, Registration: r.cred.Registration, Version: r.cred.Version}, nil
}

func (m *memory) find(user consent.UserID, reg provider.RegistrationID, subject string) (linked, bool) {
	for _, r := range m.rows {
		if r.User == user && r.cred.Registration == reg && r.Subject == subject && r.Health != consent.Disconnected {
			return r, true
		}
	}
	return linked{}, false
}

func (m *memory) FindConnection(_ context.Context, user consent.UserID, reg provider.RegistrationID, subject string) (connect.Linked, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.find(user, reg, subject)
	return connect.Linked{Connection: r.Connection, Registration: r.cred.Registration, Version: r.cred.Version}, ok, nil
}

func (m *memory) Connected(_ context.Context, user consent.UserID, reg provider.RegistrationID) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.User == user && r.cred.Registration == reg && r.Health != consent.Disconnected {
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) SaveConnection(_ context.Context, l connect.Link) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if race := m.race; race != nil {
		m.race = nil
		race()
	}
	if l.Replaces == 0 {
		if _, taken := m.find(l.User, l.Registration, l.Account.Subject); taken {
			return false, nil
		}
	} else if r, ok := m.rows[l.ID]; !ok || r.User != l.User || r.cred.Version != l.Replaces || r.Health == consent.Disconnected {
		return false, nil
	}
	m.rows[l.ID] = linked{
		Connection: consent.Connection{
			ID: l.ID, User: l.User, Provider: l.Provider, Variant: l.Variant, Subject: l.Account.Subject, Login: l.Account.Login,
			Granted: l.Granted, Health: consent.Healthy,
		},
		cred: provider.Credential{
			Connection: l.ID, Registration: l.Registration, Version: l.Replaces + 1, Sealed: l.Sealed, Granted: l.Granted,
			IssuedAt: l.IssuedAt, ExpiresAt: l.ExpiresAt,
		},
	}
	return true, nil
}

func (m *memory) EndConnection(_ context.Context, user consent.UserID, id consent.ConnectionID, _ time.Time) (provider.Credential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok || r.User != user || r.Health == consent.Disconnected {
		return provider.Credential{}, absent()
	}
	cred := r.cred
	r.Health, r.cred.Sealed = consent.Disconnected, provider.Sealed{}
	m.rows[id] = r
	return cred, nil
}

func (m *memory) PutFarewell(_ context.Context, f connect.Farewell) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byes[f.Connection] = f
	return nil
}

func (m *memory) TakeFarewell(_ context.Context, now, until time.Time) (connect.Farewell, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, f := range m.byes {
		if !f.Due.After(now) {
			f.Tries++
			f.Due = until
			m.byes[id] = f
			_, f.Again = m.find(f.User, f.Tokens.Registration, m.rows[id].Subject)
			return f, true, nil
		}
	}
	return connect.Farewell{}, false, nil
}

func (m *memory) PutFarewellOff(_ context.Context, id consent.ConnectionID, due time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.byes[id]
	f.Due = due
	m.byes[id] = f
	return nil
}

func (m *memory) KeepFarewell(_ context.Context, next provider.Credential) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.byes[next.Connection]
	f.Tokens = next
	m.byes[next.Connection] = f
	return nil
}

func (m *memory) EndFarewell(_ context.Context, id consent.ConnectionID, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byes, id)
	return nil
}

func (m *memory) Tx(ctx context.Context, work func(context.Context) error) error { return work(ctx) }

func (m *memory) InTx(ctx context.Context, e audit.Event) error { return m.Record(ctx, e) }

func (m *memory) Record(_ context.Context, e audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	return nil
}

func (m *memory) Registration(_ context.Context, id provider.RegistrationID) (provider.SealedRegistration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	reg, ok := m.regs[id]
	if !ok {
		return reg, absent()
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
	return provider.SealedRegistration{}, absent()
}

func (m *memory) Load(_ context.Context, id consent.ConnectionID) (provider.Credential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok || r.Health == consent.Disconnected {
		return provider.Credential{}, absent()
	}
	cred := r.cred
	cred.Health = r.Health
	return cred, nil
}

func (m *memory) Lease(context.Context, provider.Claim) (bool, provider.Credential, error) {
	return false, provider.Credential{}, nil
}

func (m *memory) Store(context.Context, provider.Renewal) (bool, error) { return false, nil }

func (m *memory) Fail(_ context.Context, f provider.Failure) (provider.Verdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[f.Connection]
	if !ok || r.cred.Version != f.Version {
		return provider.Overtaken, nil
	}
	if dead, _ := (provider.Trouble{}).Judge(f.Class, f.At); !dead {
		return provider.Resting, nil
	}
	r.Health = consent.NeedsPerson
	m.rows[f.Connection] = r
	return provider.Dead, nil
}

// account returns user's connection to the account with this login.
func (m *memory) account(user consent.UserID, login string) (linked, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.User == user && r.Login == login && r.Health != consent.Disconnected {
			return r, true
		}
	}
	return linked{}, false
}
