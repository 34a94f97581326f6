package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// ResourceServer is an operator's own API with the scopes people read.
type ResourceServer struct {
	ID         string
	Identifier string // the audience
	Name       string
	// TokenFormat is oauth.Opaque or oauth.SignedJWT.
	TokenFormat string
	SecretHash  []byte
	Scopes      []consent.Scope
}

// AddResourceServer registers a resource server with its scopes.
func (s *Store) AddResourceServer(ctx context.Context, rs ResourceServer) error {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		err := tx.Exec("INSERT INTO resource_servers (id, identifier, name, token_format, secret_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			rs.ID, rs.Identifier, rs.Name, rs.TokenFormat, rs.SecretHash, s.Now().UnixMilli()).Error
		if err != nil {
			return duplicate(err, "There is a resource server with this identifier already.")
		}
		for _, sc := range rs.Scopes {
			err := tx.Exec("INSERT INTO resource_server_scopes (name, resource_server_id, words, access) VALUES (?, ?, ?, ?)",
				sc.Name, rs.ID, sc.Words, sc.Access).Error
			if err != nil {
				return duplicate(err, "There is a scope "+string(sc.Name)+" already.")
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add resource server: %w", err)
	}
	return nil
}

// Known implements oauth.ResourceServers.
func (s *Store) Known(ctx context.Context, identifier string) (oauth.ResourceServer, bool, error) {
	rs, err := db.One[oauth.ResourceServer](s.DB.Read(ctx), "SELECT id, identifier, token_format FROM resource_servers WHERE identifier = ?", identifier)
	if errors.Is(err, db.ErrNone) {
		return oauth.ResourceServer{}, false, nil
	}
	if err != nil {
		return oauth.ResourceServer{}, false, fmt.Errorf("read resource server: %w", err)
	}
	return rs, true, nil
}

// resourceServerPrefix is how the id of every resource server begins.
const resourceServerPrefix = "rs_"

// Authenticated implements oauth.ResourceServers. An app that introspects its own
// tokens is nobody here, and costs no read to find out.
func (s *Store) Authenticated(ctx context.Context, id, secret string) (oauth.ResourceServer, bool, error) {
	if !strings.HasPrefix(id, resourceServerPrefix) {
		return oauth.ResourceServer{}, false, nil
	}
	r, err := db.One[struct {
		ID         string
		Identifier string
		SecretHash []byte
	}](s.DB.Read(ctx), "SELECT id, identifier, secret_hash FROM resource_servers WHERE id = ?", id)
	if errors.Is(err, db.ErrNone) {
		return oauth.ResourceServer{}, false, nil
	}
	if err != nil {
		return oauth.ResourceServer{}, false, fmt.Errorf("read resource server: %w", err)
	}
	ok := subtle.ConstantTimeCompare(clients.HashSecret(secret), r.SecretHash) == 1
	return oauth.ResourceServer{ID: r.ID, Identifier: r.Identifier}, ok, nil
}

// Words is the vocabulary: the catalogue's scopes and those of operators'
// resource servers.
func (s *Store) Words(ctx context.Context, catalogue consent.Vocabulary) (consent.Vocabulary, error) {
	var rows []struct {
		Name       consent.ScopeName
		Words      string
		Access     consent.Access
		Identifier string
	}
	err := s.DB.Read(ctx).Raw(`SELECT s.name, s.words, s.access, r.identifier
		FROM resource_server_scopes s JOIN resource_servers r ON r.id = s.resource_server_id ORDER BY s.name`).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read scopes of resource servers: %w", err)
	}
	if len(rows) == 0 {
		return catalogue, nil
	}
	out := maps.Clone(catalogue)
	for _, r := range rows {
		if _, taken := out[r.Name]; taken {
			continue // the catalogue's own words are never replaced
		}
		out[r.Name] = consent.Scope{
			Name: r.Name, Audience: r.Identifier, Words: r.Words, Access: r.Access, Risk: 1 + 2*r.Access.Rank(), Narrowing: consent.NarrowingNone,
		}
	}
	return out, nil
}
