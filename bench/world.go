package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

// most is the highest number of clients, and people how many persons they act
// for: everybody acting for one and the same would measure one row's lock. All
// connect the same account, of which GitHub keeps ten tokens.
const (
	most   = 64
	people = 8
)

const (
	ownScope    = "notes:read"
	signedScope = "papers:read"
	readRepo    = "services.github.repositories.read"
	writeRepo   = "services.github.repositories.write"
	readPeople  = "services.slack.users.read"
)

// world is one server on one database with everything that the operations need.
type world struct {
	database string // how the report calls it
	binary   string
	args     []string
	host     string // where the server listens
	issuer   *url.URL
	folder   string
	pages    string // postgres:// URL; "" for SQLite
	server   *process

	notes       string // the resource server's identifier
	robot       string // Authorization of the confidential app, which may act for itself
	robotID     string
	phoneID     string // the public app
	reader      string // Authorization of the resource server
	github      *simulated
	slack       *simulated
	githubToken string
	slackToken  string // of the first person, for the broker
	persons     []*person
	veteran     *person // has allowed a thousand apps something

	tokens   []string // of the robot, for the resource server
	hot      string   // of a person, for the resource server
	broker   []string // of each person, for the broker
	rotating []string // refresh tokens of the public app, one family a client
	lasting  []string // refresh tokens of the confidential app, likewise
}

// newWorld starts a server and fills it. dir is for its data; databaseURL is
// empty for SQLite.
func newWorld(ctx context.Context, name, binary, dir, databaseURL string) (*world, error) {
	host, err := freeAddress()
	if err != nil {
		return nil, err
	}
	w := &world{
		database: name, binary: binary, host: host, issuer: &url.URL{Scheme: "http", Host: host}, folder: dir, pages: databaseURL,
		notes: "https://notes.example/api",
	}
	w.args = []string{"serve", "--listen", host, "--external-url", w.issuer.String(), "--data", dir, "--allow-loopback", "--log-level", "warn",
		// Counted, and never reached: one caller is the whole load here.
		"--introspections", "1000000", "--calls-per-minute", "1000000000", "--calls-per-day", "1000000000", "--changes-per-minute", "1000000000", "--changes-per-day", "1000000000",
	}
	if databaseURL != "" {
		w.args = append(w.args, "--database-url", databaseURL)
	}
	if err := w.up(ctx); err != nil {
		return nil, err
	}
	if err := w.fill(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) up(ctx context.Context) (err error) {
	w.server, err = start(ctx, w.issuer.String()+"/readyz", w.binary, w.args...)
	return err
}

func (w *world) close() error {
	err := w.server.stop()
	for _, s := range []*simulated{w.github, w.slack} {
		if s != nil {
			err = errors.Join(err, s.close())
		}
	}
	return err
}

func (w *world) fill(ctx context.Context) (err error) {
	key := secret.Random()
	given := simulator.Config{ClientSecret: key.Reveal(), PerHour: 1_000_000_000}
	if w.github, err = simulate(simulator.NewGitHub(given)); err != nil {
		return err
	}
	if w.slack, err = simulate(simulator.NewSlack(given)); err != nil {
		return err
	}
	if err := w.register(ctx, key); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if err := w.agreements(); err != nil {
		return fmt.Errorf("let people agree: %w", err)
	}
	if err := w.remember(ctx); err != nil {
		return fmt.Errorf("a thousand agreements: %w", err)
	}
	w.githubToken, err = w.direct(key)
	return err
}

// register does what an operator does by command, next to the running server.
func (w *world) register(ctx context.Context, key secret.Text) (err error) {
	cfg := config.Config{ExternalURL: w.issuer, Data: w.folder, DatabaseURL: w.pages, AllowLoopback: true}
	f, err := server.Prepare(ctx, cfg, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	rs, rsKey, err := f.CreateResourceServer(ctx, server.NewResourceServer{
		Identifier: w.notes, Name: "Notes", Scopes: []consent.Scope{{Name: ownScope, Words: "Read your notes", Access: consent.Read}},
	})
	if err != nil {
		return err
	}
	w.reader = basic(rs.ID, rsKey)
	if _, _, err = f.CreateResourceServer(ctx, server.NewResourceServer{
		Identifier: "https://papers.example/api", Name: "Papers", TokenFormat: "jwt", Scopes: []consent.Scope{{Name: signedScope, Words: "Read your papers", Access: consent.Read}},
	}); err != nil {
		return err
	}
	robot, robotKey, err := f.CreateApp(ctx, server.NewApp{
		Name: "Robot", Publisher: "Bench", Confidential: true, RedirectURIs: []string{callback}, Scopes: []string{ownScope, signedScope},
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
	})
	if err != nil {
		return err
	}
	w.robot, w.robotID = basic(string(robot.ID), robotKey), string(robot.ID)
	var phone clients.Client
	if phone, _, err = f.CreateApp(ctx, server.NewApp{Name: "Phone", Publisher: "Bench", RedirectURIs: []string{callback}}); err != nil {
		return err
	}
	w.phoneID = string(phone.ID)
	for name, at := range map[string]server.NewProvider{
		"github": {WebURL: w.github.url.String(), APIURL: w.github.url.String() + "/api/v3"},
		"slack":  {WebURL: w.slack.url.String(), APIURL: w.slack.url.String() + "/api"},
	} {
		at.Provider, at.ClientID, at.Secret = name, "simulated-app", key
		if _, err := f.SetProvider(ctx, at); err != nil {
			return err
		}
	}
	return w.people(ctx, f)
}

// people makes everybody's account.
func (w *world) people(ctx context.Context, f *server.Foundation) error {
	for i := range people + 1 {
		p, err := newPerson(fmt.Sprintf("person%d@example.com", i), "correct-horse-battery", map[string]string{w.github.url.Host: "octocat", w.slack.url.Host: "ana"})
		if err != nil {
			return err
		}
		if _, err := f.CreateUser(ctx, p.email, "Person "+strconv.Itoa(i), secret.New(p.password)); err != nil {
			return err
		}
		w.persons = append(w.persons, p)
	}
	w.veteran, w.persons = w.persons[people], w.persons[:people]
	return nil
}

// basic is how a client authenticates (RFC 6749 section 2.3.1). Our ids and
// secrets need no escapes.
func basic(id string, key secret.Text) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+key.Reveal()))
}

// agreements lets everybody connect GitHub and agree to both apps, and takes the
// tokens that the operations begin with.
func (w *world) agreements() error {
	c, err := dial(w.host)
	if err != nil {
		return err
	}
	defer c.close()
	for i, p := range w.persons {
		first, _, err := w.obtain(c, p, w.robotID, w.robot, readRepo)
		if err != nil {
			return fmt.Errorf("%s: %w", p.email, err)
		}
		w.broker = append(w.broker, first)
		if i > 0 {
			continue
		}
		if w.hot, _, err = w.obtain(c, p, w.robotID, w.robot, ownScope); err != nil {
			return err
		}
	}
	if w.slackToken, _, err = w.obtain(c, w.persons[0], w.robotID, w.robot, readPeople); err != nil {
		return fmt.Errorf("connect Slack: %w", err)
	}
	if _, _, err := w.obtain(c, w.veteran, w.robotID, w.robot, readRepo); err != nil {
		return fmt.Errorf("%s: %w", w.veteran.email, err)
	}
	for i := range most {
		p := w.persons[i%people]
		_, refresh, err := w.obtain(c, p, w.phoneID, "", readRepo)
		if err != nil {
			return err
		}
		w.rotating = append(w.rotating, refresh)
		if _, refresh, err = w.obtain(c, p, w.robotID, w.robot, readRepo); err != nil {
			return err
		}
		w.lasting = append(w.lasting, refresh)
	}
	return nil
}

// verifier and its challenge are the same in every flow: the server's work is the
// same, and the bench's less.
const verifier = "bench-verifier-bench-verifier-bench-verifier"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ask is an app's authorization request, as a path.
func ask(app, scope string) string {
	return "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {app}, "redirect_uri": {callback}, "scope": {scope}, "state": {"0123456789abcdef"},
		"code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}.Encode()
}

// redeem is an app's token request for a code.
func redeem(dst []byte, host, app, authorization, code string) []byte {
	form := "grant_type=authorization_code&redirect_uri=" + url.QueryEscape(callback) + "&code_verifier=" + verifier + "&client_id=" + app + "&code="
	return post(dst, host, "/oauth/token", authorization, form, code)
}

// obtain goes through a whole flow with a person and returns both tokens.
func (w *world) obtain(c *conn, p *person, app, authorization, scope string) (access, refresh string, err error) {
	got, err := p.agree(w.issuer.String() + ask(app, scope))
	if err != nil {
		return "", "", err
	}
	if err := c.patient(); err != nil {
		return "", "", err
	}
	body, err := c.want(http.StatusOK, redeem(nil, w.host, app, authorization, got.Get("code")))
	if err != nil {
		return "", "", fmt.Errorf("redeem code: %w", err)
	}
	if access, err = member(body, "access_token"); err != nil {
		return "", "", err
	}
	refresh, err = member(body, "refresh_token")
	return access, refresh, err
}

// direct obtains a token of the provider itself, to call it without Deputy.
func (w *world) direct(key secret.Text) (string, error) {
	got, err := w.persons[0].agree(w.github.url.String() + "/login/oauth/authorize?" + url.Values{
		"client_id": {"simulated-app"}, "redirect_uri": {callback}, "scope": {"repo read:user"}, "state": {"bench"},
	}.Encode())
	if err != nil {
		return "", fmt.Errorf("authorize at the simulated GitHub: %w", err)
	}
	resp, err := http.PostForm(w.github.url.String()+"/login/oauth/access_token", url.Values{
		"client_id": {"simulated-app"}, "client_secret": {key.Reveal()}, "code": {got.Get("code")}, "redirect_uri": {callback},
	})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return tokenOf(resp)
}

// dataFile is the SQLite database.
func (w *world) dataFile() string { return filepath.Join(w.folder, "deputy.db") }
