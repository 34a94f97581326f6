// Package deputytest gives a test the whole server: the real program on a
// temporary database, listening on a loopback port, with a simulated GitHub and
// Slack, a clock that the test moves, and a browser that reads pages and presses
// their buttons like a person.
//
//	d := deputytest.New(t, deputytest.Options{})
//	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
//	tokens := d.Redeem(app, ana.Authorize(app, "identity.profile.read"))
//
// It owns no expectation of its own: what cannot be done fails the test, what
// was answered is for the test to judge.
package deputytest

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

// Options say which server. The zero value is SQLite, now.
type Options struct {
	// Postgres takes PostgreSQL instead of SQLite; see package dbtest.
	Postgres bool
	// Named gives the server a name, localhost, instead of an address: browsers use
	// passkeys only with names.
	Named bool
	// Now is what the clock shows at the start; zero means the real time.
	Now time.Time
	// Quirks are the simulators' manners.
	Quirks simulator.Quirks
	// Registration is the setting of that name: "public" lets apps register
	// themselves.
	Registration string
	// Review is the setting of that name; "" means the default.
	Review string
	// WarnAbout is the setting of that name; "" means the default.
	WarnAbout string
	// Introspections is the setting of that name; 0 is no bound.
	Introspections int
	// Allowance is the four settings of it; the zero value is no bound.
	Allowance config.Allowance
	// TrustedProxies is the setting of that name: a test says by X-Forwarded-For
	// where it comes from.
	TrustedProxies []string
	// Mail lets the server send mails, to a mail server of the test.
	Mail bool
	// Providers is the setting of that name: a folder with files of further providers.
	Providers string
	// Wrap, when set, is put around the server's handler: to watch what it answers.
	Wrap func(http.Handler) http.Handler
}

// Deputy is a running server with everything around it.
type Deputy struct {
	URL        string // where it listens; its issuer
	Foundation *server.Foundation
	Server     *server.Server
	GitHub     *simulator.GitHub
	Slack      *simulator.Slack
	Google     *simulator.Google
	// ProviderSecret is the server's client secret at every provider.
	ProviderSecret string
	Mail           *Mailbox // nil without Options.Mail
	Clock          *Clock
	Log            *Journal // everything it logged, from debug on

	t       testing.TB
	config  config.Config
	origins map[string]string // scheme and host → "", "github"
	broken  bool
}

// Each runs test on a server on SQLite and on one on PostgreSQL.
func Each(t *testing.T, test func(t *testing.T, d *Deputy)) {
	t.Helper()
	EachWith(t, Options{}, test)
}

// EachWith is Each for servers with options.
func EachWith(t *testing.T, o Options, test func(t *testing.T, d *Deputy)) {
	t.Helper()
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			o := o // a test may run in parallel with the other
			o.Postgres = postgres
			test(t, New(t, o))
		})
	}
}

// New starts a server that ends with the test.
func New(t testing.TB, o Options) *Deputy {
	t.Helper()
	ctx := context.Background()
	d := &Deputy{t: t, Clock: newClock(o.Now), Log: &Journal{}, ProviderSecret: secret.Random().Reveal(), origins: map[string]string{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	d.must(err)
	cfg := config.Config{Listen: l.Addr().String(), Data: t.TempDir(), AllowLoopback: true, Operator: "Northwind", LogLevel: "debug", Registration: o.Registration, Review: o.Review, WarnAbout: o.WarnAbout, TrustedProxies: o.TrustedProxies, Introspections: o.Introspections, Allowance: o.Allowance, Providers: o.Providers}
	address := l.Addr().String()
	if o.Named {
		address = strings.Replace(address, "127.0.0.1", "localhost", 1)
	}
	d.URL = d.knows("http://"+address, "")
	cfg.ExternalURL, err = url.Parse(d.URL)
	d.must(err)
	if o.Postgres {
		cfg.DatabaseURL = dbtest.PostgresURL(t)
	} else {
		dbtest.SQLiteFile(t, cfg.SQLitePath())
	}
	if o.Mail {
		d.Mail = newMailbox(d)
		cfg.Mail = config.Mail{Host: "127.0.0.1", Port: d.Mail.port, From: "Deputy <deputy@northwind.example>"}
	}
	d.config = cfg
	d.prepare(ctx)
	d.providers(ctx, o.Quirks)
	d.serve(ctx, l, o.Wrap)
	return d
}

func (d *Deputy) prepare(ctx context.Context) {
	var err error
	d.Foundation, err = server.Prepare(ctx, d.config, d.Clock.Now)
	d.must(err)
}

// serve starts the server on l, until the test ends.
func (d *Deputy) serve(ctx context.Context, l net.Listener, wrap func(http.Handler) http.Handler) {
	t := d.t
	var err error
	d.Server, err = server.New(ctx, d.Foundation, slog.New(slog.NewTextHandler(d.Log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	d.must(err)
	h := d.Server.Handler()
	if wrap != nil {
		h = wrap(h)
	}
	listener := httptest.NewUnstartedServer(h)
	d.must(listener.Listener.Close())
	listener.Listener = l
	listener.Start()
	t.Cleanup(func() {
		listener.Close()
		if t.Failed() {
			t.Logf("what went wrong on the server's side:\n%s", d.Log.Errors())
		}
		err := d.Server.Close()
		if !d.broken {
			d.must(err)
			d.must(d.Foundation.Close())
		}
	})
}

// Replica starts one more server on the same database and keys. It answers to the
// name of the first one, as behind a load balancer. SQLite has none.
func (d *Deputy) Replica() *Deputy {
	d.t.Helper()
	if d.config.DatabaseURL == "" {
		d.t.Fatal("a replica needs PostgreSQL")
	}
	ctx, other := context.Background(), *d
	l, err := net.Listen("tcp", "127.0.0.1:0")
	d.must(err)
	other.URL, other.Log, other.origins = "http://"+l.Addr().String(), &Journal{}, maps.Clone(d.origins)
	other.knows(other.URL, "")
	other.prepare(ctx)
	other.serve(ctx, l, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host = d.config.ExternalURL.Host
			h.ServeHTTP(w, r)
		})
	})
	return &other
}

// For returns the same server for a test inside the test, or a fuzzed input: what
// fails, fails t.
func (d *Deputy) For(t testing.TB) *Deputy {
	inner := *d
	inner.t = t
	return &inner
}

// providers starts the simulators and registers the server there.
func (d *Deputy) providers(ctx context.Context, q simulator.Quirks) {
	at := func(provider string) simulator.Config {
		return simulator.Config{ClientSecret: d.ProviderSecret, Now: d.Clock.Now, Quirks: q, EventsTo: d.URL + "/webhooks/" + provider}
	}
	d.GitHub, d.Slack, d.Google = simulator.NewGitHub(at("github")), simulator.NewSlack(at("slack")), simulator.NewGoogle(at("google"))
	github, slack, google := httptest.NewServer(d.GitHub), httptest.NewServer(d.Slack), httptest.NewServer(d.Google)
	for _, s := range []*httptest.Server{github, slack, google} {
		d.t.Cleanup(s.Close)
	}
	for _, n := range []server.NewProvider{
		{Provider: "github", WebURL: d.knows(github.URL, "github"), APIURL: github.URL + "/api/v3"},
		{Provider: "slack", WebURL: d.knows(slack.URL, "slack"), APIURL: slack.URL + "/api"},
		{Provider: "google", WebURL: d.knows(google.URL, "google"), APIURL: google.URL, Hosts: map[string]string{"token": google.URL}},
		{Provider: "gmail", WebURL: google.URL, APIURL: google.URL, Hosts: map[string]string{"token": google.URL, "people": google.URL}},
	} {
		n.ClientID, n.Secret = "simulated-app", secret.New(d.ProviderSecret)
		_, err := d.Foundation.SetProvider(ctx, n)
		d.must(err)
	}
	for _, name := range []string{"github", "slack"} {
		_, err := d.Foundation.SetWebhook(ctx, name, "", secret.New(d.ProviderSecret))
		d.must(err)
	}
}

// ServedBy registers the server at a provider that h stands in for, as one that
// hosts it at an address of its own would.
func (d *Deputy) ServedBy(provider string, h http.Handler) {
	d.t.Helper()
	s := httptest.NewServer(h)
	d.t.Cleanup(s.Close)
	_, err := d.Foundation.SetProvider(context.Background(), server.NewProvider{
		Provider: provider, ClientID: "simulated-app", Secret: secret.New(d.ProviderSecret), WebURL: d.knows(s.URL, provider), APIURL: s.URL,
	})
	d.must(err)
}

// knows notes an origin that browsers go on to.
func (d *Deputy) knows(origin, provider string) string {
	d.origins[origin] = provider
	return origin
}

// BreakDatabase makes every read and write fail from now on.
func (d *Deputy) BreakDatabase() {
	d.t.Helper()
	d.broken = true
	d.must(d.Foundation.DB.Close())
}

// Exec changes rows behind the server's back: what an operator or another
// replica would do.
func (d *Deputy) Exec(statement string, args ...any) {
	d.t.Helper()
	d.must(d.Foundation.DB.Tx(context.Background(), func(ctx context.Context) error {
		return d.Foundation.DB.Read(ctx).Exec(statement, args...).Error
	}))
}

// Count returns the one number that query gives.
func (d *Deputy) Count(query string, args ...any) int {
	d.t.Helper()
	var n int
	d.must(d.Foundation.DB.Read(context.Background()).Raw(query, args...).Scan(&n).Error)
	return n
}

// Words returns the one text that query gives.
func (d *Deputy) Words(query string, args ...any) string {
	d.t.Helper()
	var out string
	d.must(d.Foundation.DB.Read(context.Background()).Raw(query, args...).Scan(&out).Error)
	return out
}

func (d *Deputy) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}
