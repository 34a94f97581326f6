package simulator

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	visitLife = 8 * time.Hour
	maxVisits = 1024
	stylePath = "/simulator/style.css"
)

//go:embed pages
var pageFiles embed.FS

// visit is one browser in which somebody signed in at the provider.
type visit struct {
	account string
	ends    time.Time
}

// brand is how a provider's pages differ.
type brand struct {
	// Name is the provider as people know it.
	Name string
	// Mark is two letters for the tile beside the name.
	Mark string
	// Theme is the class on the body.
	Theme string
	// Account is what the account field is called.
	Account string
	// Cookie is the name of the sign-in cookie.
	Cookie string
	// SignIn is the path of the sign-in page.
	SignIn string
}

// pages renders a provider's web pages.
type pages struct {
	brand     brand
	templates *template.Template
	style     []byte
}

// scopeWords is one provider scope in words a person understands.
type scopeWords struct {
	Scope string
	Words string
	Tick  bool // the person may leave it out
}

// signInPage asks who is there.
type signInPage struct {
	Action, Return, Account, Problem string
	People                           []string
}

// homePage says what this is and what an app needs to use it.
type homePage struct {
	People                []string
	ClientID              string
	ClientSecret          string // "" when it is not for everybody
	Quirks                []quirkInForce
	Authorize, Token, API string // addresses
}

// quirkInForce is a quirk as it was written, and what it does.
type quirkInForce struct{ Written, Help string }

// choosePage asks which account to go on with.
type choosePage struct {
	Account, Continue, SwitchAction, Return string
}

// consentPage asks whether the app may have what it asks for.
type consentPage struct {
	Action, Account, App, ReturnHost, Yes, No string
	Scopes                                    []scopeWords
	SelectAll                                 bool // a box that ticks all others
	Picks                                     []pick
	Hidden                                    []hiddenField
}

// pick is something of the person's that the app gets only when it is ticked.
type pick struct {
	ID, Label string
	Ticked    bool
}

// hiddenField carries one authorization parameter through the form.
type hiddenField struct{ Name, Value string }

// problemPage says why the provider stops here instead of going back.
type problemPage struct{ Code, Sentence string }

func newPages(look brand) pages {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic("simulator: embedded style is missing: " + err.Error())
	}
	return pages{brand: look, templates: template.Must(template.ParseFS(pageFiles, "pages/*.html")), style: style}
}

// render writes one page. Rendering goes to memory first, so that a broken
// template is a 500 and never half a page.
func (p pages) render(w http.ResponseWriter, status int, name string, data any) {
	var out bytes.Buffer
	err := p.templates.ExecuteTemplate(&out, name, struct {
		Brand brand
		Style string
		Page  any
	}{p.brand, stylePath, data})
	if err != nil {
		http.Error(w, "render page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// No form-action here: browsers apply it to the redirect after the answer
	// too, and that one leads to the app.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

// ender is a provider that can end what it handed out.
type ender interface {
	RevokeAll(person string)
	ExpireTokens()
}

// webRoutes are the pages every provider has. authorize, token and api are where
// an app finds the rest, as paths.
func (b *base) webRoutes(provider ender, authorize, token, api string) {
	signIn := b.pages.brand.SignIn
	b.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		origin := originOf(r)
		b.showHome(w, homePage{Authorize: origin + authorize, Token: origin + token, API: origin + api})
	})
	b.mux.Handle("POST /simulator/revoke", sameSiteOnly(func(w http.ResponseWriter, r *http.Request) {
		provider.RevokeAll(r.PostFormValue("account"))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	b.mux.Handle("POST /simulator/expire", sameSiteOnly(func(w http.ResponseWriter, r *http.Request) {
		provider.ExpireTokens()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	b.mux.HandleFunc("GET "+stylePath, b.pages.serveStyle)
	b.mux.HandleFunc("GET "+signIn, b.showSignIn)
	b.mux.Handle("POST "+signIn, sameSiteOnly(b.takeSignIn))
	b.mux.Handle("POST "+signIn+"/switch", sameSiteOnly(b.switchVisitor))
}

func (b *base) showHome(w http.ResponseWriter, page homePage) {
	page.People, page.ClientID = b.people, b.cfg.ClientID
	if b.cfg.ShowSecret {
		page.ClientSecret = b.cfg.ClientSecret
	}
	b.mu.Lock()
	quirks := b.quirks
	b.mu.Unlock()
	for _, q := range KnownQuirks(b.pages.brand.Theme) {
		if written := q.Written(quirks); written != "" {
			page.Quirks = append(page.Quirks, quirkInForce{written, q.Help})
		}
	}
	b.pages.render(w, http.StatusOK, "home.html", page)
}

// showSignIn asks for name and password.
func (b *base) showSignIn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	b.pages.render(w, http.StatusOK, "signin.html", signInPage{
		Action: b.pages.brand.SignIn, Return: localReturn(query.Get("return_to")), Account: query.Get("login"), People: b.people,
	})
}

// takeSignIn checks them: here the password is the name.
func (b *base) takeSignIn(w http.ResponseWriter, r *http.Request) {
	login, back := r.PostFormValue("login"), localReturn(r.PostFormValue("return_to"))
	if !slices.Contains(b.people, login) || r.PostFormValue("password") != login {
		b.pages.render(w, http.StatusUnauthorized, "signin.html", signInPage{
			Action: b.pages.brand.SignIn, Return: back, Account: login, People: b.people,
			Problem: "Incorrect username or password.",
		})
		return
	}
	b.signIn(w, login)
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// switchVisitor signs out and asks who it is instead.
func (b *base) switchVisitor(w http.ResponseWriter, r *http.Request) {
	b.signOut(w, r)
	b.toSignIn(w, r, localReturn(r.PostFormValue("return_to")), "")
}

// toSignIn sends the browser to the sign-in page, and back to this address
// afterwards.
func (b *base) toSignIn(w http.ResponseWriter, r *http.Request, back, login string) {
	query := url.Values{"return_to": {back}, "login": {login}}
	http.Redirect(w, r, b.pages.brand.SignIn+"?"+query.Encode(), http.StatusSeeOther)
}

// originOf is where this simulator is reached, for the addresses in its answers.
func originOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (p pages) serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	w.Write(p.style)
}

func (p pages) problem(w http.ResponseWriter, status int, code, sentence string) {
	p.render(w, status, "problem.html", problemPage{code, sentence})
}

// visitor returns the account signed in at this browser, or "". The lock is
// not held.
func (b *base) visitor(r *http.Request) string {
	cookie, err := r.Cookie(b.pages.brand.Cookie)
	if err != nil {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := b.visits[cookie.Value]
	if !ok || !b.cfg.Now().Before(found.ends) {
		return ""
	}
	return found.account
}

// signIn starts a visit and sets its cookie.
func (b *base) signIn(w http.ResponseWriter, account string) {
	id := randomText(43)
	now := b.cfg.Now()
	b.mu.Lock()
	for key, v := range b.visits {
		if len(b.visits) >= maxVisits || !now.Before(v.ends) {
			delete(b.visits, key)
		}
	}
	b.visits[id] = visit{account, now.Add(visitLife)}
	b.mu.Unlock()
	http.SetCookie(w, &http.Cookie{
		Name: b.pages.brand.Cookie, Value: id, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode, MaxAge: int(visitLife.Seconds()),
	})
}

// signOut ends the visit of this browser.
func (b *base) signOut(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(b.pages.brand.Cookie)
	if err == nil {
		b.mu.Lock()
		delete(b.visits, cookie.Value)
		b.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: b.pages.brand.Cookie, Path: "/", HttpOnly: true, MaxAge: -1})
}

// localReturn keeps only addresses on this very provider, so that its sign-in
// form cannot send anybody elsewhere.
func localReturn(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.Contains(address, `\`) {
		return "/"
	}
	return u.RequestURI()
}

// backTo adds parameters to a return address and keeps those it has.
func backTo(address string, add url.Values) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for name, values := range add {
		if values[0] != "" {
			query.Set(name, values[0])
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// hiddenFields carries a query through a form, in a fixed order.
func hiddenFields(query url.Values, names ...string) []hiddenField {
	var fields []hiddenField
	for _, name := range names {
		if query.Has(name) {
			fields = append(fields, hiddenField{name, query.Get(name)})
		}
	}
	return fields
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// sameSiteOnly refuses form posts that another website made a browser send.
// Programs send no such headers and pass.
func sameSiteOnly(h http.HandlerFunc) http.Handler {
	return http.NewCrossOriginProtection().Handler(h)
}
