package consent_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// world is everything one decision is made from, drawn at random. It is hostile
// on purpose: connections of other people, items on accounts that are gone or
// never were asha's, expired ones, empty limits, refusals of what stands.
type world struct {
	req         consent.Request
	connections []consent.Connection
	grants      []consent.Grant // at most one live one of a user and an app, like in the store
}

func (w world) decide() consent.Plan {
	return consent.Decide(w.req, w.connections, w.grants, noon())
}

// grant returns bot's live grant from asha, or a new one.
func (w world) grant() consent.Grant {
	for _, g := range w.grants {
		if g.User == asha && g.App == bot && !g.Revoked {
			return g
		}
	}
	return consent.Grant{ID: "new", User: asha, App: bot}
}

func drawWorld(t *rapid.T) world {
	v := drawVocabulary(t)
	w := world{
		req: consent.Request{
			User: asha, App: bot, Vocabulary: v,
			Proven: rapid.Bool().Draw(t, "proven"), Ask: rapid.Bool().Draw(t, "ask"),
		},
		connections: drawConnections(t),
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names()), 0, 6, rapid.ID).Draw(t, "asked") {
		w.req.Asked = append(w.req.Asked, v[name])
	}
	w.req.Required = rapid.SliceOfNDistinct(rapid.SampledFrom(names()), 0, 2, rapid.ID).Draw(t, "required")
	w.req.Choices = drawChoices(t, w.connections)
	w.req.Details, w.req.Offers = drawDetails(t), drawOffers(t, w.connections)
	w.grants = drawGrants(t, w.connections)
	w.req.Rules, w.req.Petitions = drawRules(t), drawPetitions(t)
	return w
}

// drawVocabulary varies what the rules depend on and keeps the shape.
func drawVocabulary(t *rapid.T) consent.Vocabulary {
	lifetimes := rapid.SampledFrom([]time.Duration{0, 0, day, 60 * day, 400 * day})
	narrowings := rapid.SampledFrom([]consent.Narrowing{consent.NarrowingNone, consent.NarrowingOptional, consent.NarrowingRequired})
	v := vocabulary()
	for _, name := range names() {
		s := v[name]
		s.Lifetime = lifetimes.Draw(t, "lifetime")
		s.MaxLifetime = lifetimes.Draw(t, "max lifetime")
		s.Risk = rapid.IntRange(0, 5).Draw(t, "risk")
		if len(s.Resources) > 0 {
			s.Narrowing = narrowings.Draw(t, "narrowing")
		}
		v[name] = s
	}
	return v
}

// drawRules draws what an operator said, in half of the worlds nothing.
func drawRules(t *rapid.T) consent.Rules {
	var out consent.Rules
	if rapid.Bool().Draw(t, "no rules") {
		return nil
	}
	for range rapid.IntRange(1, 3).Draw(t, "rules") {
		r := consent.Rule{
			App: rapid.SampledFrom([]consent.AppID{"", bot, "notes"}).Draw(t, "app"),
			Who: rapid.SampledFrom([]consent.Decider{consent.DecidesAdmin, consent.DecidesAdmin, consent.DecidesPerson}).Draw(t, "decider"),
		}
		if rapid.Bool().Draw(t, "by risk") {
			r.Risk = rapid.IntRange(0, 5).Draw(t, "risk")
		} else {
			r.Scope = rapid.SampledFrom(names()).Draw(t, "scope")
		}
		out = append(out, r)
	}
	return out
}

// drawPetitions draws what administrators were asked for, also by others and long
// ago.
func drawPetitions(t *rapid.T) []consent.Petition {
	var out []consent.Petition
	for i := range rapid.IntRange(0, 3).Draw(t, "petitions") {
		out = append(out, consent.Petition{
			ID:     consent.PetitionID(fmt.Sprintf("p%d", i)),
			User:   rapid.SampledFrom([]consent.UserID{asha, asha, "bruno"}).Draw(t, "petitioner"),
			App:    rapid.SampledFrom([]consent.AppID{bot, bot, "notes"}).Draw(t, "app"),
			Scopes: rapid.SliceOfNDistinct(rapid.SampledFrom(names()), 1, 4, rapid.ID).Draw(t, "scopes"),
			State:  rapid.SampledFrom([]consent.PetitionState{consent.PetitionWaits, consent.PetitionApproved, consent.PetitionRefused}).Draw(t, "state"),
			Until:  noon().Add(rapid.SampledFrom([]time.Duration{-day, 0, day, 20 * day}).Draw(t, "until")),
		})
	}
	return out
}

// drawDetails draws what an app names, in half of the worlds nothing.
func drawDetails(t *rapid.T) consent.Details {
	if rapid.Bool().Draw(t, "names nothing") {
		return nil
	}
	out := consent.Details{}
	for range rapid.IntRange(0, 4).Draw(t, "details") {
		d := consent.Detail{
			Type: rapid.SampledFrom([]consent.ResourceType{repository, repository, channel, folder, "github.organization"}).Draw(t, "type"),
			ID:   rapid.SampledFrom([]string{"1", "2", "3", "4", consent.All}).Draw(t, "id"),
		}
		if rapid.Bool().Draw(t, "with actions") {
			d.Actions = rapid.SliceOfNDistinct(rapid.SampledFrom(names()), 1, 4, rapid.ID).Draw(t, "actions")
		}
		out = append(out, d)
	}
	return out
}

func drawOffers(t *rapid.T, connections []consent.Connection) []consent.Offer {
	var out []consent.Offer
	for range rapid.IntRange(0, 4).Draw(t, "offers") {
		out = append(out, consent.Offer{
			Connection: drawConnectionID(t, connections), Resource: drawResource(t, repository, channel, folder, "github.organization"),
		})
	}
	return out
}

func drawConnections(t *rapid.T) []consent.Connection {
	permissions := map[consent.ProviderID][]string{
		"github": {"contents", "contents:write", "administration", "repo", "user", "packages"},
		"slack":  {"channels:read", "channels:history", "chat:write"},
		"google": {"drive.readonly"},
	}
	var out []consent.Connection
	for i := range rapid.IntRange(0, 6).Draw(t, "connections") {
		p := rapid.SampledFrom([]consent.ProviderID{"github", "github", "slack", "google"}).Draw(t, "provider")
		out = append(out, consent.Connection{
			ID:       consent.ConnectionID(fmt.Sprintf("c%d", i)),
			User:     rapid.SampledFrom([]consent.UserID{asha, asha, asha, "bruno"}).Draw(t, "owner"),
			Provider: p,
			Variant:  rapid.SampledFrom([]string{"app", "app", "token", "unheard_of"}).Draw(t, "variant"),
			Granted:  rapid.SliceOfDistinct(rapid.SampledFrom(permissions[p]), rapid.ID).Draw(t, "granted"),
			Health: rapid.SampledFrom([]consent.Health{
				consent.Healthy, consent.Healthy, consent.Healthy, consent.NeedsPerson, consent.Disconnected, "",
			}).Draw(t, "health"),
		})
	}
	return out
}

func drawChoices(t *rapid.T, connections []consent.Connection) consent.Choices {
	c := consent.Choices{
		Account: map[consent.ProviderID]consent.ConnectionID{},
		Picked:  map[consent.ResourceType]consent.Limit{},
		Ticked:  rapid.MapOfN(rapid.SampledFrom(names()), rapid.Bool(), 0, 4).Draw(t, "ticked"),
		Days: rapid.MapOfN(
			rapid.SampledFrom(names()), rapid.IntRange(0, 400), 0, 4).Draw(t, "days"),
		Rates: rapid.MapOfN(
			rapid.SampledFrom(names()), rapid.Custom(drawRate), 0, 4).Draw(t, "rates"),
	}
	for _, p := range []consent.ProviderID{"github", "slack", "google"} {
		if rapid.IntRange(0, 3).Draw(t, "account chosen") == 0 {
			c.Account[p] = drawConnectionID(t, connections)
		}
	}
	for _, kind := range []consent.ResourceType{"github.organization", repository, "github.package", channel, folder} {
		if rapid.Bool().Draw(t, "picked") {
			c.Picked[kind] = drawLimit(t, kind)
		}
	}
	return c
}

// drawGrants gives asha and bruno at most one live grant for each app, and some
// revoked ones beside.
func drawGrants(t *rapid.T, connections []consent.Connection) []consent.Grant {
	var out []consent.Grant
	for _, user := range []consent.UserID{asha, "bruno"} {
		for _, app := range []consent.AppID{bot, "notes", "zed"} {
			if rapid.IntRange(0, 2).Draw(t, "has a grant") > 0 {
				out = append(out, drawGrant(t, user, app, false, connections))
			}
			if rapid.IntRange(0, 4).Draw(t, "has a revoked grant") == 0 {
				out = append(out, drawGrant(t, user, app, true, connections))
			}
		}
	}
	return out
}

func drawGrant(t *rapid.T, user consent.UserID, app consent.AppID, revoked bool, connections []consent.Connection) consent.Grant {
	g := consent.Grant{
		ID: consent.GrantID(fmt.Sprintf("%s-%s-%t", user, app, revoked)), User: user, App: app, Revoked: revoked,
	}
	seen := map[string]bool{}
	for range rapid.IntRange(0, 6).Draw(t, "items") {
		it := drawItem(t, connections)
		if key := string(it.Scope) + string(it.Connection); !seen[key] {
			seen[key] = true
			g.Items = append(g.Items, it)
		}
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names()), 0, 3, rapid.ID).Draw(t, "refused") {
		g.Refused = append(g.Refused, consent.Refusal{Scope: name, At: noon().Add(-5 * day)})
	}
	return g
}

func drawItem(t *rapid.T, connections []consent.Connection) consent.Item {
	s := vocabulary()[rapid.SampledFrom(names()).Draw(t, "scope")]
	it := consent.Item{
		Scope: s.Name,
		Since: noon().Add(-30 * day),
		// The moment of the decision itself is the first one at which an item is over.
		Until: noon().Add(rapid.SampledFrom([]time.Duration{-day, 0, 1, day, 20 * day, 200 * day}).Draw(t, "until")),
	}
	if s.Modifier {
		it.Rate = drawRate(t)
	}
	if s.Provider != "" {
		it.Connection = drawConnectionID(t, connections)
		it.Limit = drawLimit(t, s.Resources...)
	}
	return it
}

// drawConnectionID returns one of the connections, or one that is not there.
func drawConnectionID(t *rapid.T, connections []consent.Connection) consent.ConnectionID {
	ids := []consent.ConnectionID{"gone"}
	for _, c := range connections {
		ids = append(ids, c.ID, c.ID)
	}
	return rapid.SampledFrom(ids).Draw(t, "connection")
}

func drawLimit(t *rapid.T, kinds ...consent.ResourceType) consent.Limit {
	if len(kinds) == 0 {
		return consent.Limit{}
	}
	if rapid.IntRange(0, 5).Draw(t, "everything") == 0 {
		return consent.Limit{Everything: true}
	}
	var l consent.Limit
	for range rapid.IntRange(0, 3).Draw(t, "resources") {
		l.Resources = append(l.Resources, drawResource(t, kinds...))
	}
	return l
}

func drawResource(t *rapid.T, kinds ...consent.ResourceType) consent.Resource {
	return consent.Resource{
		Type: rapid.SampledFrom(kinds).Draw(t, "type"),
		ID:   rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "id"),
		Name: rapid.SampledFrom([]string{"old name", "new name"}).Draw(t, "name"),
	}
}
