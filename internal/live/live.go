// Package live answers from memory what is asked on every call: does this family
// stand, what does this grant give, which client is this, which scopes exist.
//
// # How stale it can be
//
// An answer is at most Fresh old. That bound is the whole protocol between
// replicas: a revocation acknowledged by one is in force on every other within
// it, without messages that could get lost, and a database that cannot be
// reached turns into refusals just as fast. On the replica that made the change
// it is in force at once: whoever changes something calls Forget, and a read
// that was under way meanwhile is read again.
//
// New authority (a code, a refresh) is never given on the word of this package.
package live

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
)

// Fresh is how old an answer can be. The promise to people is one second.
const Fresh = 500 * time.Millisecond

// size bounds each cache, in entries.
const size = 50_000

// Source reads the newest committed state.
type Source interface {
	Standing(ctx context.Context, family consent.FamilyID) (oauth.Standing, error)
	Grant(ctx context.Context, id consent.GrantID) (consent.Grant, error)
	ConnectionsOf(ctx context.Context, user consent.UserID) ([]consent.Connection, error)
	Client(ctx context.Context, id consent.AppID) (clients.Client, error)
	// Denials returns the access tokens that were taken back before their end, most
	// at most.
	Denials(ctx context.Context, most int) ([]string, error)
	Denied(ctx context.Context, token string) (bool, error)
}

// Operators reads what operators said: their resource servers, and who decides.
type Operators interface {
	Rules(ctx context.Context) (consent.Rules, error)
	Words(ctx context.Context, catalogue consent.Vocabulary) (consent.Vocabulary, error)
	Known(ctx context.Context, identifier string) (oauth.ResourceServer, bool, error)
	Authenticated(ctx context.Context, id, secret string) (oauth.ResourceServer, bool, error)
}

// State is the cache. It is safe for concurrent use.
type State struct {
	source    Source
	operators Operators
	catalogue consent.Vocabulary

	// epoch is part of the keys of standings and grants. Forgetting everybody begins
	// a new one, which no read that is under way can write into.
	epoch     atomic.Uint64
	standings *otter.Cache[dated[consent.FamilyID], oauth.Standing]
	grants    *otter.Cache[dated[consent.GrantID], granted]
	clients   *otter.Cache[consent.AppID, clients.Client]
	denied    *otter.Cache[string, bool]
	denials   *otter.Cache[struct{}, map[string]bool] // all of them; nil when there are too many
	words     *otter.Cache[struct{}, consent.Vocabulary]
	rules     *otter.Cache[struct{}, consent.Rules]
	known     *otter.Cache[string, registered]
	callers   *otter.Cache[caller, oauth.ResourceServer]
}

// dated is an id in an epoch.
type dated[K comparable] struct {
	epoch uint64
	id    K
}

type granted struct {
	grant       consent.Grant
	connections []consent.Connection
}

// registered is a resource server, or that there is none.
type registered struct {
	server oauth.ResourceServer
	ok     bool
}

// caller is a resource server with the hash of the secret it presented.
type caller struct {
	id     string
	secret string
}

// New returns an empty cache.
func New(source Source, operators Operators, catalogue consent.Vocabulary) *State {
	return &State{
		source: source, operators: operators, catalogue: catalogue,
		standings: cache[dated[consent.FamilyID], oauth.Standing](), grants: cache[dated[consent.GrantID], granted](),
		clients: cache[consent.AppID, clients.Client](), denied: cache[string, bool](), denials: cache[struct{}, map[string]bool](),
		words: cache[struct{}, consent.Vocabulary](), rules: cache[struct{}, consent.Rules](), known: cache[string, registered](), callers: cache[caller, oauth.ResourceServer](),
	}
}

func cache[K comparable, V any]() *otter.Cache[K, V] {
	return otter.Must(&otter.Options[K, V]{MaximumSize: size, ExpiryCalculator: otter.ExpiryWriting[K, V](Fresh)})
}

// get reads through c. The read does not end with the first caller's request:
// others may be waiting for it.
func get[K comparable, V any](ctx context.Context, c *otter.Cache[K, V], key K, load func(context.Context, K) (V, error)) (V, error) {
	return c.Get(ctx, key, otter.LoaderFunc[K, V](func(ctx context.Context, key K) (V, error) {
		return load(context.WithoutCancel(ctx), key)
	}))
}

// Standing implements oauth.Live.
func (s *State) Standing(ctx context.Context, family consent.FamilyID) (oauth.Standing, error) {
	key := dated[consent.FamilyID]{s.epoch.Load(), family}
	return get(ctx, s.standings, key, func(ctx context.Context, key dated[consent.FamilyID]) (oauth.Standing, error) {
		return s.source.Standing(ctx, key.id)
	})
}

// Grant implements oauth.Live.
func (s *State) Grant(ctx context.Context, id consent.GrantID) (consent.Grant, error) {
	g, err := s.granted(ctx, id)
	return g.grant, err
}

// Live returns a grant with its owner's connections, for the broker.
func (s *State) Live(ctx context.Context, id consent.GrantID) (consent.Grant, []consent.Connection, error) {
	g, err := s.granted(ctx, id)
	return g.grant, g.connections, err
}

func (s *State) granted(ctx context.Context, id consent.GrantID) (granted, error) {
	key := dated[consent.GrantID]{s.epoch.Load(), id}
	return get(ctx, s.grants, key, func(ctx context.Context, key dated[consent.GrantID]) (granted, error) {
		g, err := s.source.Grant(ctx, key.id)
		if err != nil {
			return granted{}, err
		}
		connections, err := s.source.ConnectionsOf(ctx, g.User)
		if err != nil {
			return granted{}, fmt.Errorf("connections of the grant: %w", err)
		}
		return granted{g, connections}, nil
	})
}

// Client implements clients.Source.
func (s *State) Client(ctx context.Context, id consent.AppID) (clients.Client, error) {
	return get(ctx, s.clients, id, s.source.Client)
}

// maxDenials is how many taken back tokens are kept in memory. Usually there are
// a few: then no token costs a read.
const maxDenials = 5_000

// Denied implements oauth.Live.
func (s *State) Denied(ctx context.Context, token string) (bool, error) {
	all, err := get(ctx, s.denials, struct{}{}, func(ctx context.Context, _ struct{}) (map[string]bool, error) {
		ids, err := s.source.Denials(ctx, maxDenials+1)
		if err != nil || len(ids) > maxDenials {
			return nil, err
		}
		set := make(map[string]bool, len(ids))
		for _, id := range ids {
			set[id] = true
		}
		return set, nil
	})
	if err != nil || all != nil {
		return all[token], err
	}
	return get(ctx, s.denied, token, s.source.Denied)
}

// Scopes implements oauth.Vocabulary.
func (s *State) Scopes(ctx context.Context) (consent.Vocabulary, error) {
	return get(ctx, s.words, struct{}{}, func(ctx context.Context, _ struct{}) (consent.Vocabulary, error) {
		return s.operators.Words(ctx, s.catalogue)
	})
}

// Rules returns who decides about what. A page may be made from it; a yes is not
// taken on its word.
func (s *State) Rules(ctx context.Context) (consent.Rules, error) {
	return get(ctx, s.rules, struct{}{}, func(ctx context.Context, _ struct{}) (consent.Rules, error) { return s.operators.Rules(ctx) })
}

// Known implements oauth.ResourceServers.
func (s *State) Known(ctx context.Context, identifier string) (oauth.ResourceServer, bool, error) {
	r, err := get(ctx, s.known, identifier, func(ctx context.Context, identifier string) (registered, error) {
		rs, ok, err := s.operators.Known(ctx, identifier)
		return registered{rs, ok}, err
	})
	return r.server, r.ok, err
}

// Authenticated implements oauth.ResourceServers. Only successes are kept, and
// only under the hash of the secret.
func (s *State) Authenticated(ctx context.Context, id, secret string) (oauth.ResourceServer, bool, error) {
	key := caller{id, string(clients.HashSecret(secret))}
	rs, err := get(ctx, s.callers, key, func(ctx context.Context, key caller) (oauth.ResourceServer, error) {
		rs, ok, err := s.operators.Authenticated(ctx, id, secret)
		if err == nil && !ok {
			err = otter.ErrNotFound
		}
		return rs, err
	})
	if err == otter.ErrNotFound {
		return oauth.ResourceServer{}, false, nil
	}
	return rs, err == nil, err
}

// Forget drops a family, or a token that has none.
func (s *State) Forget(family consent.FamilyID) {
	s.standings.Invalidate(dated[consent.FamilyID]{s.epoch.Load(), family})
	s.denied.Invalidate(string(family))
	s.denials.Invalidate(struct{}{}) // unlike InvalidateAll, also what is being read
}

// ForgetClient drops what is cached about a client.
func (s *State) ForgetClient(id consent.AppID) { s.clients.Invalidate(id) }

// ForgetGrant drops a grant and everything issued under it.
func (s *State) ForgetGrant(consent.GrantID) { s.ForgetPeople() }

// ForgetPeople drops everything about grants and sign-ins. Changes by people are
// rare; which families hang on a changed grant, session or connection is not
// worth an index here.
func (s *State) ForgetPeople() {
	s.epoch.Add(1)
	s.standings.InvalidateAll()
	s.grants.InvalidateAll()
}
