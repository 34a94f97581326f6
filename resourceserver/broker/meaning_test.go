package broker_test

import (
	"testing"

	"github.com/deputy-oauth/deputy/consent"
)

// Threat B25: what means more than itself in a rule language means nothing here.
func TestThreat_B25_NothingStandsForMore(t *testing.T) {
	w := newWorld(t).allowAll()
	for _, target := range []string{
		"/repositories/*", "/repositories/%2A", "/repositories/WEB*", "/repositories/WEB,API", "/repositories/WEB%2CAPI", "/repositories/WEB|API", "/repositories/[0-9]",
		"/repositories/{repository_id}", "/repositories/$", "/repositories/+WEB", "/repositories/-1", "/repositories/0xWEB",
	} {
		before := w.wire.count()
		if _, refusal := w.ask("GET", "github", w.target(target), ""); refusal == nil || refusal.Status != 400 && refusal.Status != 404 {
			t.Errorf("%s: %v", target, refusal)
		}
		if w.wire.count() != before {
			t.Errorf("%s: the provider was asked", target)
		}
	}
	for _, target := range []string{"/repos/acme/*", "/repos/*/*", "/repos/*/web", "/repos/acme/web,api", "/repos/acme/we%3F", "/repos/acme/{repo}", "/repos/acme/.*"} {
		if _, refusal := w.ask("GET", "github", target, ""); refusal == nil {
			t.Errorf("%s is answered", target)
		}
	}
	for _, channel := range []string{"*", "%2A", "C01GENERAL,C01RANDOM1", "C01*", "C01GENERAL C01RANDOM1", "general", "%23general"} {
		if _, refusal := w.ask("GET", "slack", "/conversations.history?channel="+channel, ""); refusal == nil {
			t.Errorf("channel %s is answered", channel)
		}
	}
}

// Threat B25: neither does it in what was agreed to.
func TestThreat_B25_AnAgreementNamesThingsOneByOne(t *testing.T) {
	for _, id := range []string{"*", "", "%", ".*", "7001*"} {
		w := newWorld(t)
		w.live.grant.Items = []consent.Item{{
			Scope: "services.github.repositories.read", Connection: onHub, Until: noon.AddDate(0, 0, 1),
			Limit: consent.Limit{Resources: []consent.Resource{{Type: "github.repository", ID: id}}},
		}}
		w.bearer.Scopes = []consent.ScopeName{"services.github.repositories.read"}
		if _, refusal := w.ask("GET", "github", "/repositories/"+w.ids["acme/web"], ""); refusal == nil {
			t.Errorf("an agreement about %q lets acme/web be read", id)
		}
		if answer, refusal := w.ask("GET", "github", "/user/repos", ""); refusal != nil || string(answer.Body) != "[]" {
			t.Errorf("an agreement about %q lists %v %.100s", id, refusal, answer.Body)
		}
	}
}

// Threat C10: ids are equal or they are not. None is the beginning, the end or a part
// of another.
func TestThreat_C10_AnIDThatBeginsLikeAnother(t *testing.T) {
	w := newWorld(t).allowAll()
	web := w.ids["acme/web"]
	for provider, list := range map[consent.ProviderID][]string{
		"github": {"/repositories/" + web + "0", "/repositories/0" + web, "/repositories/" + web[:len(web)-1], "/repositories/" + web[1:], "/repos/acme/we", "/repos/acme/web2", "/repos/acm/web"},
		"slack":  {"/conversations.info?channel=C01GENERALX", "/conversations.info?channel=C01GENERA", "/conversations.info?channel=c01general"},
	} {
		for _, target := range list {
			if _, refusal := w.ask("GET", provider, target, ""); refusal == nil || refusal.Status != 404 && refusal.Status != 400 {
				t.Errorf("%s: %v", target, refusal)
			}
		}
	}
	// Whose connection and whose grant it is goes by the whole id as well.
	for _, user := range []consent.UserID{"an", "anab", "Ana", "ana ", ""} {
		w.bearer.User = user
		if _, refusal := w.ask("GET", "github", "/user", ""); refusal == nil {
			t.Errorf("user %q calls with Ana's account", user)
		}
	}
}
