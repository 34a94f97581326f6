package bearer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

// An API that verifies signed tokens by itself. The authorization server here
// publishes one key and signs one token; yours is Deputy.
func ExampleNewJWTVerifier() {
	issuer, token := exampleIssuer("https://notes.example/api", "notes:read")
	defer issuer.Close()

	verifier, err := bearer.NewJWTVerifier(bearer.JWTVerifierConfig{Issuer: issuer.URL, Audience: "https://notes.example/api"})
	if err != nil {
		log.Fatal(err)
	}
	notes := func(w http.ResponseWriter, r *http.Request, who bearer.Authority) {
		fmt.Fprintf(w, "the notes of %s, for %s", who.Subject, who.ClientID)
	}
	api := httptest.NewServer(bearer.Middleware(notes, bearer.Config{Verifier: verifier, Realm: "notes", Scopes: []string{"notes:read"}}))
	defer api.Close()

	fmt.Println(call(api.URL, token))
	fmt.Println(call(api.URL, "something else"))
	// Output:
	// 200 the notes of user_ana, for app_scout
	// 400 {"error":"invalid_request","error_description":"The Authorization header must be there once and hold one bearer token."}
}

// The same API asks the authorization server about each token, and so learns at
// once what was taken back.
func ExampleNewIntrospector() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"active":true,"aud":"https://notes.example/api","sub":"user_ana","client_id":"app_scout","scope":"notes:read"}`)
	}))
	defer server.Close()

	verifier, err := bearer.NewIntrospector(bearer.IntrospectorConfig{
		Endpoint: server.URL + "/oauth/introspect", ClientID: "rs_notes", Secret: bearer.NewSecret("its secret"), Audience: "https://notes.example/api",
	})
	if err != nil {
		log.Fatal(err)
	}
	notes := func(w http.ResponseWriter, r *http.Request, who bearer.Authority) {
		fmt.Fprintf(w, "hello %s", who.Subject)
	}
	api := httptest.NewServer(bearer.Middleware(notes, bearer.Config{Verifier: verifier, Realm: "notes", Scopes: []string{"notes:write"}}))
	defer api.Close()

	fmt.Println(call(api.URL, "dpa_token"))
	// Output:
	// 403 {"error":"insufficient_scope","error_description":"The access token lacks a scope this request needs."}
}

func call(address, token string) string {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(body))
}

// exampleIssuer is an authorization server with one key, and a token it signed.
func exampleIssuer(audience, scope string) (server *httptest.Server, token string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/jwks.json" {
			fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":%q,"y":%q}]}`, b64(point[1:33]), b64(point[33:]))
			return
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, server.URL+"/jwks.json")
	}))
	now := time.Now().Unix()
	input := b64([]byte(`{"typ":"at+jwt","alg":"ES256","kid":"k1"}`)) + "." + b64(fmt.Appendf(nil,
		`{"iss":%q,"aud":%q,"sub":"user_ana","client_id":"app_scout","scope":%q,"jti":"t1","iat":%d,"exp":%d}`, server.URL, audience, scope, now, now+300))
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		log.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return server, input + "." + b64(signature)
}
