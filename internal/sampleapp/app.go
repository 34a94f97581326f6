// Package sampleapp owns Repo Scout by Scout Labs, a third-party app for the
// demo: a website that asks Deputy for a person's permission and then reads
// their repositories with nothing but a Deputy token.
//
// It does not own anything of Deputy and imports nothing of it. Everything it
// knows is a URL, a client id and a secret, and everything it does any app on
// the internet could do with the same libraries. That is its purpose: what it
// shows is what an app gets to see.
//
// The security of an OAuth client is four checks, all in connect.go: the answer
// carries the state of this very browser (RFC 6749 section 10.12), it comes
// from the server that was asked (RFC 9207), it arrives once, and the code is
// worth nothing without the verifier that never left here (RFC 7636).
package sampleapp

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

//go:embed pages
var pageFiles embed.FS

const requestTimeout = 20 * time.Second

// Config says where Repo Scout is and where Deputy is.
type Config struct {
	// DeputyURL is Deputy's external URL, which is also its issuer.
	DeputyURL string
	// ClientID and ClientSecret are what Deputy registered for this app. An
	// empty secret makes it a public client.
	ClientID     string
	ClientSecret string
	// BaseURL is where browsers reach this app; BaseURL + "/callback" is its
	// redirect URI.
	BaseURL string
	// HTTPClient makes the calls to Deputy. Nil means one with a timeout.
	HTTPClient *http.Client
	// Now is the clock for sign-ins. Nil means time.Now.
	Now func() time.Time
}

// App is the website.
type App struct {
	cfg       Config
	oauth     oauth2.Config
	http      *http.Client
	templates *template.Template
	handler   http.Handler

	mu     sync.Mutex
	visits map[string]*visit
}

// New returns the website. It fails when an address is not a web address.
func New(cfg Config) (*App, error) {
	cfg.DeputyURL, cfg.BaseURL = strings.TrimSuffix(cfg.DeputyURL, "/"), strings.TrimSuffix(cfg.BaseURL, "/")
	for _, address := range []string{cfg.DeputyURL, cfg.BaseURL} {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("sample app: %q is not a web address", address)
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	client := http.Client{Timeout: requestTimeout}
	if cfg.HTTPClient != nil {
		client = *cfg.HTTPClient
	}
	// What Deputy answers is shown as it is; a token never follows a redirect.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	templates, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("sample app: read pages: %w", err)
	}
	a := &App{
		cfg: cfg, http: &client, templates: templates, visits: map[string]*visit{},
		oauth: oauth2.Config{
			ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, RedirectURL: cfg.BaseURL + "/callback",
			// Never AuthStyleAutoDetect: it sends a single-use code twice.
			Endpoint: oauth2.Endpoint{
				AuthURL: cfg.DeputyURL + "/oauth/authorize", TokenURL: cfg.DeputyURL + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams,
			},
		},
	}
	a.handler = http.NewCrossOriginProtection().Handler(a.routes())
	return a, nil
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

func (a *App) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", a.page(a.home))
	mux.Handle("POST /connect", a.page(a.connect))
	mux.Handle("GET /callback", a.page(a.callback))
	mux.Handle("POST /call", a.page(a.call))
	mux.Handle("POST /signout", a.page(a.signOut))
	mux.HandleFunc("GET /style.css", a.style)
	mux.Handle("/", a.page(func(http.ResponseWriter, *http.Request) error {
		return trouble{status: http.StatusNotFound, Headline: "There is no such page", Text: "The address may be mistyped."}
	}))
	return mux
}
