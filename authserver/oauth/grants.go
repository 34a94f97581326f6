package oauth

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// session is what our token-endpoint handlers leave for the answer. fosite wants
// a Session to carry through; nothing of it is stored.
type session struct {
	fosite.DefaultSession
	key    string // thumbprint of the key the request proved; "" for none
	from   string // the address of who asks
	issued issued
}

// issued is a whole token answer, made in one go by the handler that decided.
type issued struct {
	access  string
	refresh string
	idToken string
	life    time.Duration
	scopes  string
	details []detail // nil when there is nothing to tell
	key     string   // thumbprint the access token is bound to; "" for none
	grant   consent.GrantID
	ended   []consent.FamilyID // by a merge
	expiry  expiry
	// elsewhere is true when the code came from another network than it was given to.
	elsewhere bool
}

// populate writes what a handler of ours decided. It serves all handlers.
func populate(req fosite.AccessRequester, res fosite.AccessResponder) error {
	out := req.GetSession().(*session).issued
	res.SetAccessToken(out.access)
	res.SetTokenType(tokenType(out.key))
	res.SetExpiresIn(out.life)
	res.SetExtra("scope", out.scopes) // always: OAuth 2.1 section 3.2.3
	if out.details != nil {
		res.SetExtra(detailsParam, out.details) // RFC 9396 section 7
	}
	if out.refresh != "" {
		res.SetExtra("refresh_token", out.refresh)
		res.SetExtra("refresh_token_timeout", out.expiry.idle)
		res.SetExtra("authorization_expires_in", out.expiry.authorized)
	}
	if out.grant != "" {
		res.SetExtra("grant_id", out.grant) // Grant Management section 5.4
	}
	if out.idToken != "" {
		res.SetExtra("id_token", out.idToken)
	}
	return nil
}

// told returns the id of a grant as its client may know it: a public client cannot
// look after grants.
func told(client clients.Client, grant consent.GrantID) consent.GrantID {
	if !client.Confidential {
		return ""
	}
	return grant
}

// clientOf returns our client behind fosite's.
func clientOf(req fosite.AccessRequester) clients.Client {
	return req.GetClient().(protocolClient).Client
}

// newToken is an access token for what the family has, narrowed to have and bound
// to key. When and how the person signed in is the family's: a refresh does not
// make it younger (RFC 9470 section 5).
func (s *Server) newToken(f Family, have share, key string, now time.Time) token {
	return token{
		ID: uuid.NewString(), Family: f.ID, Grant: f.GrantID, User: f.UserID, App: f.AppID,
		Scopes: have.scopes, Details: have.sealed, Audience: f.Audience, Issued: seconds(now), Expires: min(seconds(now.Add(s.AccessLife)), seconds(have.ends)), AuthTime: f.AuthTime / 1000, Level: f.Level, Thumbprint: key,
	}
}

// grants reads a grant: Authority from the newest state, Live from memory.
type grants interface {
	Grant(ctx context.Context, id consent.GrantID) (consent.Grant, error)
}

// share is what a token would be given now, with the live state it came from.
type share struct {
	scopes  string          // separated by spaces
	details consent.Details // what it may touch at most; nil for whatever the grant gives
	sealed  string          // details that this one token carries itself; "" for those of its family
	ends    time.Time       // when the first of scopes does
	grant   consent.Grant
	words   consent.Vocabulary
}

// standing returns the part of the scopes and details of a code or family that the
// grant still gives, or why it gives none.
func (s *Server) standing(ctx context.Context, from grants, id consent.GrantID, scopes, details string, now time.Time) (share, error) {
	var have share
	var err error
	if have.grant, err = from.Grant(ctx, id); err != nil {
		return share{}, err
	}
	if have.words, err = s.Vocabulary.Scopes(ctx); err != nil {
		return share{}, err
	}
	if have.details, err = keptDetails(details); err != nil {
		return share{}, err
	}
	if have.grant.Revoked {
		return share{}, invalidGrant("the grant was revoked")
	}
	have.scopes, have.ends = living(have.grant, have.words, scopes, now)
	if have.scopes == "" {
		return share{}, invalidGrant("nothing of the grant is left")
	}
	return have, nil
}

// living keeps of a scope list what the grant holds at now, and returns when the
// first of it ends.
func living(g consent.Grant, words consent.Vocabulary, scopes string, now time.Time) (kept string, ends time.Time) {
	var out []string
	for _, name := range strings.Fields(scopes) {
		it, ok := g.Holds(words, consent.ScopeName(name), "", now)
		if !ok {
			continue
		}
		out = append(out, name)
		if ends.IsZero() || it.Until.Before(ends) {
			ends = it.Until
		}
	}
	return strings.Join(out, " "), ends
}

// narrow checks that asked is part of have (RFC 6749 section 6) and returns it;
// asking for nothing means all.
func narrow(have, asked string) (string, error) {
	if asked == "" {
		return have, nil
	}
	held := map[string]bool{}
	for _, h := range strings.Fields(have) {
		held[h] = true
	}
	var out []string
	for _, a := range strings.Fields(asked) {
		if !held[a] {
			return "", invalidScope("A refresh can only ask for less than what was granted.")
		}
		out = append(out, a)
	}
	return strings.Join(out, " "), nil
}

func contains(scopes string, name consent.ScopeName) bool {
	for _, s := range strings.Fields(scopes) {
		if s == string(name) {
			return true
		}
	}
	return false
}
