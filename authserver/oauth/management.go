package oauth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// Grant Management for OAuth 2.0 (FAPI draft 03): an app names the grant its
// request is about, and looks after its grants without the person. Only
// confidential clients may (section 5.1).
//
// A grant here is one per person and app, and grows by each yes. So every request
// merges; create is possible while there is none; replace is not offered, because
// a request never takes anything away from what a person gave.

// GrantActions lists the grant management actions that are offered; discovery
// publishes it. create is not among them, because there is no second grant.
func GrantActions() []string { return []string{"query", "revoke", "merge"} }

// manage is what a request says about its grant.
type manage struct {
	grant  consent.GrantID // that it must be about; "" when it says nothing
	create bool            // there must be none yet
	merge  bool            // older refresh tokens of the grant end with its code
}

// readManage reads grant_id and grant_management_action (section 5.2).
func readManage(client clients.Client, form url.Values) (manage, error) {
	m := manage{grant: consent.GrantID(form.Get("grant_id"))}
	action := form.Get("grant_management_action")
	if m.grant == "" && action == "" {
		return m, nil
	}
	switch {
	case !client.Confidential:
		return m, invalidRequest("Only confidential clients can name a grant or a grant_management_action.")
	case action == "":
		return m, invalidRequest("A grant_id needs grant_management_action=merge.") // section 5.3
	case action == "create" && m.grant != "":
		return m, invalidRequest("A new grant has no grant_id yet; use grant_management_action=merge.")
	case action == "create":
		m.create = true
	case action == "merge" && m.grant == "":
		return m, invalidRequest("grant_management_action=merge needs the grant_id.")
	case action == "merge":
		m.merge = true
	case action == "replace":
		return m, invalidRequest("grant_management_action=replace is not offered: a request takes nothing away. Revoke the grant, or ask with merge.")
	default:
		return m, invalidRequest("There is no grant_management_action " + printable(action) + ".")
	}
	return m, nil
}

// Misfit says why a request cannot be answered under the grant that the person has
// for the app, "" for none; it is nil when it can. One answer for a grant of
// somebody else and for none at all: nobody learns which grants there are.
func (a Ask) Misfit(have consent.GrantID) *Unanswerable {
	var err *Error
	switch {
	case a.manage.grant != "" && a.manage.grant != have:
		err = &Error{Code: "invalid_grant_id", Description: "This client has no such grant from the person who is signed in.", Status: http.StatusBadRequest}
	case a.manage.create && have != "":
		err = invalidRequest("This person has given this client a grant already, and there is one at a time. Use grant_management_action=merge with its grant_id.")
	default:
		return nil
	}
	return &Unanswerable{Err: err, RedirectURI: a.RedirectURI, State: a.State, Silent: a.Silent, Client: a.Client}
}

// endOthers ends the families that a grant had before one whose request merged
// (section 5.2: existing refresh tokens are invalidated). Their access tokens,
// which last minutes, end along. It returns them, to be forgotten after the commit.
func (s *Server) endOthers(ctx context.Context, c code, keep consent.FamilyID, now time.Time) ([]consent.FamilyID, error) {
	if !c.Merges {
		return nil, nil
	}
	ended, err := s.storage.endOtherFamilies(ctx, c.GrantID, keep, now)
	if err != nil || len(ended) == 0 {
		return nil, err
	}
	return ended, s.Audit.Issued(ctx, Event{Kind: "token.revoked", User: c.UserID, App: c.AppID, Grant: c.GrantID, Family: keep, Detail: "merge"})
}

// merged forgets what a merge ended, once that is committed.
func (s *Server) merged(out issued) issued {
	for _, id := range out.ended {
		s.Live.Forget(id)
	}
	return out
}

func (s storage) endOtherFamilies(ctx context.Context, grant consent.GrantID, keep consent.FamilyID, now time.Time) ([]consent.FamilyID, error) {
	var ended []consent.FamilyID
	err := s.db.Read(ctx).Raw("UPDATE families SET revoked_at = ? WHERE grant_id = ? AND id <> ? AND revoked_at IS NULL RETURNING id",
		now.UnixMilli(), grant, keep).Scan(&ended).Error
	return ended, err
}
