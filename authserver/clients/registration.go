package clients

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// maxRegistration bounds the body of a registration, in bytes.
const maxRegistration = 16 << 10

// Register answers POST at the registration endpoint (RFC 7591 section 3). address
// is where the request came from. It always answers; the error is for the log.
func (r *Registrar) Register(w http.ResponseWriter, req *http.Request, address string) error {
	if req.Method != http.MethodPost {
		return onlyMethods(w, "POST")
	}
	raw, err := body(req)
	if err != nil {
		return answerError(w, err)
	}
	c, token, err := r.register(req.Context(), raw, address)
	if err != nil {
		return answerError(w, err)
	}
	return r.answer(w, http.StatusCreated, c, token)
}

// Manage answers GET, PUT and DELETE at the client configuration endpoint (RFC
// 7592 section 2). address is where the request came from. It always answers; the
// error is for the log.
func (r *Registrar) Manage(w http.ResponseWriter, req *http.Request, id consent.AppID, address string) error {
	if req.Method != http.MethodGet && req.Method != http.MethodPut && req.Method != http.MethodDelete {
		return onlyMethods(w, "GET, PUT, DELETE")
	}
	ctx := req.Context()
	scheme, presented, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	token := secret.New(presented)
	if !strings.EqualFold(scheme, "Bearer") || token.Empty() {
		return answerError(w, errDenied)
	}
	c, err := r.held(ctx, id, token)
	if err != nil {
		return answerError(w, err)
	}
	switch req.Method {
	case http.MethodDelete:
		if err := r.remove(ctx, c, address); err != nil {
			return answerError(w, err)
		}
		noStore(w)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPut:
		raw, err := body(req)
		if err != nil {
			return answerError(w, err)
		}
		if c, err = r.change(ctx, c, raw, address); err != nil {
			return answerError(w, err)
		}
	}
	return r.answer(w, http.StatusOK, c, token)
}

func body(req *http.Request) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, badMetadata("send the metadata as application/json")
	}
	raw, err := io.ReadAll(io.LimitReader(req.Body, maxRegistration+1))
	if err != nil {
		return nil, badMetadata("the body could not be read")
	}
	if len(raw) > maxRegistration {
		return nil, badMetadata("the body is longer than %d bytes", maxRegistration)
	}
	return raw, nil
}

func (r *Registrar) answer(w http.ResponseWriter, status int, c Client, token secret.Text) error {
	out, err := r.information(c, token)
	if err != nil {
		return answerError(w, err)
	}
	return write(w, status, out)
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

func write(w http.ResponseWriter, status int, value any) error {
	noStore(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(value)
}

func onlyMethods(w http.ResponseWriter, allow string) error {
	w.Header().Set("Allow", allow)
	return write(w, http.StatusMethodNotAllowed, problem{"invalid_request", "Use " + allow + "."})
}

// problem is the error of RFC 7591 section 3.2.2.
type problem struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// answerError says what was wrong and returns the error for the log.
func answerError(w http.ResponseWriter, err error) error {
	var bad *MetadataError
	var many *TooMany
	status, answer := http.StatusInternalServerError, problem{"server_error", "The server could not complete the request."}
	switch {
	case errors.As(err, &bad):
		status, answer = http.StatusBadRequest, problem{bad.Code, bad.Description}
	case errors.As(err, &many):
		w.Header().Set("Retry-After", strconv.Itoa(int(many.Wait/time.Second)))
		status, answer = http.StatusTooManyRequests, problem{"temporarily_unavailable", "There were too many registrations from this network or for this site. Try again later."}
	case errors.Is(err, errDenied):
		w.Header().Set("WWW-Authenticate", `Bearer realm="deputy", error="invalid_token"`)
		status, answer = http.StatusUnauthorized, problem{"invalid_token", "There is no such registration, or the token is not the one it was registered with."}
	}
	return errors.Join(err, write(w, status, answer))
}
