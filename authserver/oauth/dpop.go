package oauth

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
)

// Proofs checks that the sender of a request holds a key (RFC 9449).
type Proofs interface {
	// Check returns the thumbprint of the key that r proves, "" when r brings no
	// proof. token is the access token r was sent with, if any. The error is a
	// *BadProof for a proof that does not count.
	Check(r *http.Request, token string) (thumbprint string, err error)
}

// BadProof is why a DPoP proof was refused.
type BadProof struct {
	Reason string // for developers
	Nonce  string // unless empty: what the next proof must carry (RFC 9449 section 8)
}

// Error implements error.
func (b *BadProof) Error() string { return "DPoP proof refused: " + b.Reason }

func (b *BadProof) registered() *Error {
	e := &Error{Code: "invalid_dpop_proof", Description: "The DPoP proof was refused: " + b.Reason + ".", Status: http.StatusBadRequest, Cause: b}
	if b.Nonce != "" {
		e.Code = "use_dpop_nonce"
	}
	return e
}

// proven returns the key that a request proves to hold, "" for none.
func (s *Server) proven(r *http.Request, token string) (string, error) {
	if len(r.Header.Values("DPoP")) == 0 {
		return "", nil
	}
	return s.Proofs.Check(r, token)
}

var thumbprintForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // a SHA-256 in base64url

// keyOf reads dpop_jkt, the key that the code will be bound to (RFC 9449 section
// 10).
func keyOf(jkt string) (string, error) {
	if jkt != "" && !thumbprintForm.MatchString(jkt) {
		return "", invalidRequest("The dpop_jkt is not a SHA-256 in base64url.")
	}
	return jkt, nil
}

// bearer returns what the access token of a request to this server's own API
// stands for. A token that is bound to a key counts only under its own scheme
// and with a proof for this request, any other only under Bearer (RFC 9449
// section 7.1). The error is a *BadProof where a proof was refused.
func (s *Server) bearer(r *http.Request) (Authorization, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, err := s.Verify(r.Context(), raw)
	if err != nil || !a.Active {
		return Authorization{}, err
	}
	if a.Thumbprint == "" {
		if !strings.EqualFold(scheme, "Bearer") {
			return Authorization{}, nil
		}
		return a, nil
	}
	if !strings.EqualFold(scheme, tokenDPoP) {
		return Authorization{}, nil
	}
	key, err := s.proven(r, raw)
	if err != nil || key != a.Thumbprint {
		return Authorization{}, err
	}
	return a, nil
}

// challengeToken answers a request whose token does not count.
func challengeToken(c *gin.Context, err error) {
	code, description := "invalid_token", "The token is unknown, expired or revoked, or it came without the proof it needs."
	scheme := "Bearer"
	if strings.HasPrefix(strings.ToLower(c.GetHeader("Authorization")), "dpop ") {
		scheme = tokenDPoP
	}
	if err != nil {
		e := registered(err)
		code, description = e.Code, e.Description
		setNonce(c, err)
	}
	c.Header("WWW-Authenticate", scheme+` realm="deputy", error="`+code+`"`)
	c.JSON(http.StatusUnauthorized, gin.H{"error": code, "error_description": description})
}

// challengeScope answers a request whose token does not reach so far (RFC 6750
// section 3.1).
func challengeScope(c *gin.Context, a Authorization, needs consent.ScopeName) {
	c.Header("WWW-Authenticate", tokenType(a.Thumbprint)+` realm="deputy", error="insufficient_scope", scope="`+string(needs)+`"`)
	c.JSON(http.StatusForbidden, gin.H{"error": "insufficient_scope", "error_description": "The token lacks " + string(needs) + "."})
}

// setNonce hands out the nonce that a refused proof lacked.
func setNonce(c *gin.Context, err error) {
	var bad *BadProof
	if errors.As(err, &bad) && bad.Nonce != "" {
		c.Header("DPoP-Nonce", bad.Nonce)
	}
}

// The token types (RFC 6749 section 7.1, RFC 9449 section 5).
const (
	tokenBearer = "Bearer"
	tokenDPoP   = "DPoP"
)

// tokenType is the type of a token that is bound to key.
func tokenType(key string) string {
	if key == "" {
		return tokenBearer
	}
	return tokenDPoP
}

// mayRefresh reports whether a family may be refreshed by who proves key. A
// public client's refresh token is bound to the key it was issued to (RFC 9449
// section 5), which is why it need not change.
func (f Family) mayRefresh(key string) bool { return f.Thumbprint == "" || f.Thumbprint == key }

// bind binds a new family and its tokens to the key that was proven. A
// confidential client proves itself at each refresh: its family stays free, so
// that it can change keys.
func (f Family) bind(key string, confidential bool) Family {
	if key != "" && !confidential {
		f.Thumbprint, f.Rotates = key, false
	}
	return f
}

// confirmation is how introspection tells of the key (RFC 9449 section 6.2).
func confirmation(key string) map[string]string { return map[string]string{"jkt": key} }
