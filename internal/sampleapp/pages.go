package sampleapp

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
)

// trouble is an error a person can read.
type trouble struct {
	status   int
	Headline string
	Text     string
	Detail   string // untrusted: what the other side said
	cause    error
}

// Error implements error.
func (t trouble) Error() string { return t.Headline }

// Unwrap implements errors.Unwrap.
func (t trouble) Unwrap() error { return t.cause }

// homePage is the one page of this app, in both of its states.
type homePage struct {
	Deputy    string
	Connected bool
	News      string
	Granted   []string
	Refused   []string // asked for and not given
	Away      bool
	Bearer    string
	Offers    []offer
	Channels  []channel
	Answer    *answer
}

// page makes a handler of a function that returns its error. This is the only
// place that writes one.
func (a *App) page(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
		err := h(w, r)
		if err == nil {
			return
		}
		var told trouble
		if !errors.As(err, &told) {
			told = trouble{status: http.StatusInternalServerError, Headline: "Something broke on our side", Text: "It was not you. Try again in a moment."}
		}
		err = a.render(w, told.status, "trouble.html", told)
		if err != nil {
			http.Error(w, "Something broke on our side.", http.StatusInternalServerError)
		}
	})
}

// render writes one page, whole or not at all.
func (a *App) render(w http.ResponseWriter, status int, name string, data any) error {
	var out bytes.Buffer
	err := a.templates.ExecuteTemplate(&out, name, data)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	// Without form-action: it would also stop the redirect to Deputy.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	// An error here means that the browser is gone, and nobody is left to tell.
	w.Write(out.Bytes())
	return nil
}

func (a *App) home(w http.ResponseWriter, r *http.Request) error {
	v := a.visitOf(r)
	if v == nil {
		v = &visit{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	shown := a.homePage(v, nil)
	v.news = ""
	return a.render(w, http.StatusOK, "home.html", shown)
}

// homePage describes a visit. Its lock is held.
func (a *App) homePage(v *visit, got *answer) homePage {
	shown := homePage{Deputy: a.cfg.DeputyURL, Connected: v.token != nil, News: v.news, Offers: offers(), Channels: v.channels, Answer: got}
	if v.token == nil {
		return shown
	}
	shown.Bearer = start(v.token.AccessToken)
	shown.Granted = v.granted
	for _, scope := range v.asked {
		if !slices.Contains(shown.Granted, scope) {
			shown.Refused = append(shown.Refused, scope)
		}
	}
	shown.Away = slices.Contains(shown.Granted, "agents.jobs.background")
	return shown
}

func (a *App) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, pageFiles, "pages/style.css")
}
