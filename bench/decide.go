package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// grantsHeld is how many apps the person of the decision has allowed something.
const grantsHeld = 10_000

// decisions is how many are made; the middle one counts.
const decisions = 101

// decide measures the consent engine alone: one request, on one account, of a
// person who has allowed 10,000 apps the same thing there. Each of them is looked
// at, because the page says who else may do it.
func decide() (time.Duration, error) {
	files, err := catalog.Default()
	if err != nil {
		return 0, err
	}
	const read, write = "services.github.repositories.read", "services.github.repositories.write"
	now := time.Now()
	hub := consent.Connection{ID: "hub", User: "ana", Provider: "github", Variant: "oauth_app", Granted: []string{"repo"}, Health: consent.Healthy}
	req := consent.Request{User: "ana", App: "app", Vocabulary: files.Scopes}
	for _, name := range []consent.ScopeName{read, write, consent.Background} {
		req.Asked = append(req.Asked, files.Scopes[name])
	}
	grants := make([]consent.Grant, grantsHeld)
	for i := range grants {
		grants[i] = consent.Grant{ID: consent.GrantID(fmt.Sprint("grant", i)), User: "ana", App: consent.AppID(fmt.Sprint("app", i)), Items: []consent.Item{{
			Scope: read, Connection: hub.ID, Until: now.Add(time.Hour), Limit: consent.Limit{Resources: []consent.Resource{{Type: "github.repository", ID: "1"}}},
		}}}
	}
	took := make([]time.Duration, decisions)
	for i := range took {
		began := time.Now()
		plan := consent.Decide(req, []consent.Connection{hub}, grants, now)
		took[i] = time.Since(began)
		if row, _ := plan.Row(read); !row.AlsoMore {
			return 0, errors.New("the consent engine decided something else than expected")
		}
	}
	slices.Sort(took)
	return took[decisions/2], nil
}
