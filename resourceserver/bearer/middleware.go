package bearer

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Handler is an HTTP handler that is told who called. The caller is a parameter,
// so that no handler can forget to ask.
type Handler func(w http.ResponseWriter, r *http.Request, who Authority)

// Config says what a request must bring.
type Config struct {
	Verifier Verifier
	Realm    string
	// Metadata is the URL of the resource metadata document; see MetadataURL.
	Metadata string
	// Scopes are needed, all of them.
	Scopes []string
	// MaxAge is how long ago the user may have signed in, in whole seconds; 0 asks
	// for nothing. ACR are the authentication context classes that will do, one of
	// them; none asks for nothing. What falls short is answered with a challenge that
	// sends the user to sign in again (RFC 9470).
	MaxAge time.Duration
	ACR    []string
	// Covers reports whether a scope gives another one; nil means only itself.
	Covers func(have, want string) bool
	// Proofs checks the proofs of tokens that are bound to a key. Nil means that
	// such tokens are not taken.
	Proofs *Proofs
	Now    func() time.Time // nil means time.Now
	Log    *slog.Logger     // told when a token cannot be verified; nil means slog.Default()
}

// Middleware lets a request through to next when its token is active here, has
// the scopes, rests on the sign-in that is asked for and, if it is bound to a key,
// comes with a proof of it. Everything else gets a challenge, or 503 when the
// token could not be verified.
func Middleware(next Handler, cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, refusal, err := Admit(r, cfg)
		switch {
		case err != nil:
			cfg.Log.WarnContext(r.Context(), "cannot verify a token", "error", err)
			w.Header().Set("Retry-After", "1")
			write(w, http.StatusServiceUnavailable, "temporarily_unavailable", "The token could not be verified just now.")
		case refusal != nil:
			refusal.Set(w.Header())
			write(w, refusal.Status(), refusal.Error, refusal.Description)
		default:
			next(w, r, who)
		}
	})
}

// Admit decides about one request: who calls, or the challenge to refuse with, or
// an error when that could not be found out. also lists further schemes; see
// Token.
func Admit(r *http.Request, cfg Config, also ...string) (Authority, *Challenge, error) {
	challenge := &Challenge{Realm: cfg.Realm, Scope: cfg.Scopes, Metadata: cfg.Metadata}
	if cfg.Proofs != nil {
		also = append(also[:len(also):len(also)], schemeDPoP)
	}
	scheme, token, err := presented(r, also)
	switch {
	case errors.Is(err, ErrMalformed):
		challenge.Error, challenge.Description = InvalidRequest, "The Authorization header must be there once and hold one bearer token."
		return Authority{}, challenge, nil
	case err != nil:
		return Authority{}, challenge, nil
	}
	challenge.DPoP = strings.EqualFold(scheme, schemeDPoP)
	who, err := cfg.Verifier.Verify(r.Context(), token)
	if err != nil {
		return Authority{}, nil, err
	}
	if !who.Active {
		challenge.Error, challenge.Description = InvalidToken, "The access token is expired, revoked or not for this resource."
		return Authority{}, challenge, nil
	}
	proven, err := prove(r, cfg.Proofs, who, token, challenge)
	switch {
	case err != nil:
		return Authority{}, nil, err
	case !proven:
		return Authority{}, challenge, nil
	case !who.Holds(cfg.Covers, cfg.Scopes...):
		challenge.Error, challenge.Description = InsufficientScope, "The access token lacks a scope this request needs."
		return Authority{}, challenge, nil
	case !who.SignedIn(cfg.MaxAge, cfg.ACR, now(cfg)):
		challenge.Error, challenge.Description = InsufficientSignIn, "The user must sign in more recently or more surely for this request."
		challenge.MaxAge, challenge.ACR = cfg.MaxAge, cfg.ACR
		return Authority{}, challenge, nil
	}
	return who, nil, nil
}

func now(cfg Config) time.Time {
	if cfg.Now == nil {
		return time.Now()
	}
	return cfg.Now()
}

// prove checks that a bound token comes from who holds its key, and fills in the
// challenge when it does not.
func prove(r *http.Request, proofs *Proofs, who Authority, token string, challenge *Challenge) (bool, error) {
	switch {
	case who.Thumbprint == "" && !challenge.DPoP:
		return true, nil
	case who.Thumbprint == "":
		challenge.Error, challenge.Description = InvalidToken, "The access token is bound to no key; send it as a bearer token."
		return false, nil
	case !challenge.DPoP:
		// A bound token without its proof is a stolen one (RFC 9449 section 7.1).
		challenge.DPoP = proofs != nil
		challenge.Error, challenge.Description = InvalidToken, "The access token is bound to a key and cannot be used as a bearer token."
		return false, nil
	}
	thumbprint, err := proofs.Check(r, token)
	var bad *ProofError
	switch {
	case errors.As(err, &bad):
		challenge.Error, challenge.Description, challenge.Nonce = bad.Code(), "The DPoP proof was refused: "+bad.Reason+".", bad.Nonce
	case err != nil:
		return false, err
	case thumbprint == "":
		challenge.Error, challenge.Description = InvalidProof, "The DPoP proof is missing."
	case thumbprint != who.Thumbprint:
		challenge.Error, challenge.Description = InvalidToken, "The access token is bound to another key."
	default:
		return true, nil
	}
	return false, nil
}

// write answers with the same words as the challenge, for people who read bodies.
func write(w http.ResponseWriter, status int, code, description string) {
	if code == "" {
		code, description = "unauthorized", "This resource needs an access token."
	}
	body, err := json.Marshal(map[string]string{"error": code, "error_description": description})
	if err != nil {
		panic(err) // two strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body) // a client that left is no error of ours
}
