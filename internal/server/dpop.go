package server

import (
	"errors"
	"net/http"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

// proofs checks DPoP proofs at every endpoint of this server, and of its
// replicas: what was seen and the key of nonces are the same for all.
func (s *Server) proofs() *bearer.Proofs {
	return &bearer.Proofs{Origin: s.issuer(), Replays: s.Store, NonceKey: s.Key.Derive("dpop nonce"), Now: s.Now}
}

// possession is oauth.Proofs.
type possession struct{ proofs *bearer.Proofs }

func (p possession) Check(r *http.Request, token string) (string, error) {
	thumbprint, err := p.proofs.Check(r, token)
	var bad *bearer.ProofError
	if errors.As(err, &bad) {
		return "", &oauth.BadProof{Reason: bad.Reason, Nonce: bad.Nonce}
	}
	return thumbprint, err
}
