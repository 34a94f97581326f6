package resourceserver_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver"
)

func TestDocuments(t *testing.T) {
	w := newWorld(t).start(t)
	for path, want := range map[string]string{
		"": `{"resource":"https://deputy.example","authorization_servers":["https://deputy.example"],"bearer_methods_supported":["header"],"resource_name":"Deputy","authorization_details_types_supported":["github.repository","gmail.label","google.calendar","google.folder","notion.data_source","notion.page","slack.channel","slack.dm","slack.private_channel","stripe.customer"]}`,
		"/api": `{"resource":"https://deputy.example/api","authorization_servers":["https://deputy.example"],"bearer_methods_supported":["header"],` +
			`"resource_name":"Deputy","authorization_details_types_supported":["github.repository","gmail.label","google.calendar","google.folder","notion.data_source","notion.page","slack.channel","slack.dm","slack.private_channel","stripe.customer"]}`,
		"/api/github": `{"resource":"https://deputy.example/api/github","authorization_servers":["https://deputy.example"],` +
			`"scopes_supported":["services.github.account.read","services.github.issues.read","services.github.repositories.metadata.read"],` +
			`"bearer_methods_supported":["header"],"resource_name":"GitHub through Deputy","authorization_details_types_supported":["github.repository"]}`,
		"/api/slack": `{"resource":"https://deputy.example/api/slack","authorization_servers":["https://deputy.example"],` +
			`"scopes_supported":["services.slack.channels.read","services.slack.workspace.read"],"bearer_methods_supported":["header"],"resource_name":"Slack through Deputy","authorization_details_types_supported":["slack.channel","slack.dm","slack.private_channel"]}`,
	} {
		// Another Host and forwarding headers change nothing.
		got := w.raw(t, "GET /.well-known/oauth-protected-resource"+path+" HTTP/1.1", "Host: evil.example", "X-Forwarded-Host: evil.example", "Connection: close")
		if got.status != 200 || got.header.Get("Content-Type") != "application/json" || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
		if diff := cmp.Diff(want, got.text); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if got := w.get(t, "/.well-known/oauth-protected-resource/api/nobody"); got.status != 404 {
		t.Errorf("a provider that does not exist has a document: %d", got.status)
	}
}

// A client that knows nothing but a URL finds the way: challenge, document, and
// the document is about the URL it began with.
func TestAClientFindsTheWayFromAChallenge(t *testing.T) {
	w := newWorld(t).start(t)
	for _, resource := range []string{"/api", "/api/github", "/api/slack"} {
		got := w.get(t, resource)
		if got.status != http.StatusUnauthorized {
			t.Fatalf("%s: %d", resource, got.status)
		}
		at := regexp.MustCompile(`resource_metadata="([^"]*)"`).FindStringSubmatch(got.header.Get("WWW-Authenticate"))
		if at == nil {
			t.Fatalf("%s: no metadata in %q", resource, got.header.Get("WWW-Authenticate"))
		}
		document := w.get(t, strings.TrimPrefix(at[1], external))
		if document.body["resource"] != external+resource {
			t.Errorf("%s: the document is about %v", resource, document.body["resource"])
		}
		if scopes, _ := document.body["scopes_supported"].([]any); slices.Contains(scopes, any("offline_access")) {
			t.Errorf("%s: offline_access is in the document", resource)
		}
	}
}

func TestAPageOfAnotherOriginMayCall(t *testing.T) {
	w := newWorld(t).agree(readIssues).start(t)
	for _, path := range []string{"/api/github/repos/acme/web/issues", "/api/github", "/api", "/.well-known/oauth-protected-resource/api/github", "/.well-known/oauth-protected-resource"} {
		got := w.do(t, "OPTIONS", path, "", "Origin: https://app.example", "Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: authorization,x-github-api-version")
		have := map[string]string{}
		for name := range got.header {
			if strings.HasPrefix(name, "Access-Control-") && name != "Access-Control-Expose-Headers" {
				have[name] = got.header.Get(name)
			}
		}
		want := map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
			"Access-Control-Allow-Headers": "Authorization, *", "Access-Control-Max-Age": "7200",
		}
		if diff := cmp.Diff(want, have); got.status != 204 || diff != "" {
			t.Errorf("%s: %d %s", path, got.status, diff)
		}
	}
	got := w.get(t, "/api/github/repos/acme/web/issues", good, "Origin: https://app.example")
	if got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	for _, name := range []string{"WWW-Authenticate", "Link", "Retry-After", "ETag"} {
		if !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("the page cannot read %s", name)
		}
	}
}

// Octokit sends "token" before what it was given; others send "Bearer".
func TestTheSchemesOfProvidersOwnClients(t *testing.T) {
	w := newWorld(t).agree(readIssues).start(t)
	for _, scheme := range []string{"Bearer", "bearer", "token", "Token"} {
		if got := w.get(t, "/api/github/repos/acme/web/issues", "Authorization: "+scheme+" good"); got.status != 200 {
			t.Errorf("%s: %d %s", scheme, got.status, got.text)
		}
	}
}

func TestMountRefusesWhatCannotWork(t *testing.T) {
	files, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	complete := resourceserver.Config{Verifier: newWorld(t), Broker: answers{}, Outlook: newWorld(t), Catalog: files, ExternalURL: external}
	for name, change := range map[string]func(*resourceserver.Config){
		"nobody to verify": func(c *resourceserver.Config) { c.Verifier = nil },
		"no broker":        func(c *resourceserver.Config) { c.Broker = nil },
		"no outlook":       func(c *resourceserver.Config) { c.Outlook = nil },
		"no catalogue":     func(c *resourceserver.Config) { c.Catalog = nil },
		"no URL":           func(c *resourceserver.Config) { c.ExternalURL = "" },
		"a slash":          func(c *resourceserver.Config) { c.ExternalURL = external + "/" },
		"a path":           func(c *resourceserver.Config) { c.ExternalURL = external + "/deputy" },
	} {
		cfg := complete
		change(&cfg)
		if err := resourceserver.Mount(gin.New(), cfg); err == nil {
			t.Errorf("%s: mounted", name)
		}
	}
	if err := resourceserver.Mount(gin.New(), complete); err != nil {
		t.Error(err)
	}
}
