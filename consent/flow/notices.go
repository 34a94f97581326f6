package flow

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// notices says what a detour came to. Only known outcomes, a number and the ids
// of accounts are read from the address, and an account says something only to
// its owner: nobody can put words on our page by a link.
func (f *Flow) notices(c *gin.Context, user consent.UserID) ([]templates.Notice, error) {
	// Package connect's outcomes are named like the notices that tell of them.
	kind := templates.NoticeKind(c.Query("outcome"))
	switch kind {
	case templates.NoticeSaved, templates.NoticeAsked, templates.NoticeWithdrawn:
		return []templates.Notice{{Kind: kind}}, nil
	case templates.NoticePicked:
		n, err := strconv.Atoi(c.Query("count"))
		if err != nil || n < 0 {
			return nil, nil
		}
		return []templates.Notice{{Kind: kind, Count: n}}, nil
	case templates.NoticeRefused:
		return refused(f.provider(consent.ProviderID(c.Query("provider"))).Name), nil
	case templates.NoticeConnected, templates.NoticeReconnected, templates.NoticeWidened, templates.NoticeLess, templates.NoticeOtherAccount:
	default:
		return nil, nil
	}
	connections, err := f.Ledger.ConnectionsOf(c.Request.Context(), user)
	if err != nil {
		return nil, err
	}
	is, wanted := find(connections, c.Query("connection")), find(connections, c.Query("wanted"))
	if is.ID == "" || (kind == templates.NoticeOtherAccount && wanted.ID == "") {
		return nil, nil
	}
	return []templates.Notice{{Kind: kind, Provider: f.provider(is.Provider).Name, Account: is.Login, Other: wanted.Login, Kept: true}}, nil
}

func find(connections []consent.Connection, id string) consent.Connection {
	for _, c := range connections {
		if string(c.ID) == id {
			return c
		}
	}
	return consent.Connection{}
}

// refused says who was told no; an address that names no provider of ours says
// nothing.
func refused(provider string) []templates.Notice {
	if provider == "" {
		return nil
	}
	return []templates.Notice{{Kind: templates.NoticeRefused, Provider: provider, Kept: true}}
}
