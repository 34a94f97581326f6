package outward_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/outward"
)

func TestThreat_O24_OnlyPublicAddressesAreDialled(t *testing.T) {
	for _, allow := range []bool{false, true} {
		client := &http.Client{Transport: outward.Transport(allow)}
		for _, host := range []string{
			"10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
			"[::ffff:10.0.0.1]", "[fd00::1]", "[fe80::1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[::]",
		} {
			res, err := client.Get("http://" + host + ":9/")
			if err == nil {
				res.Body.Close()
				t.Fatalf("%s answered", host)
			}
			if !strings.Contains(err.Error(), "prohibited") && !strings.Contains(err.Error(), "not a permitted") {
				t.Errorf("%s was dialled: %v", host, err)
			}
		}
	}
}

func TestLoopbackOnlyWhenAllowed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{}`))
	}))
	defer s.Close()
	if _, _, err := outward.NewFetcher(false).JSON(t.Context(), s.URL, 100); !errors.Is(err, outward.ErrNotFetched) {
		t.Errorf("loopback was fetched: %v", err)
	}
	if _, _, err := outward.NewFetcher(true).JSON(t.Context(), s.URL, 100); err != nil {
		t.Error(err)
	}
	if _, err := (&http.Client{Transport: outward.Transport(false)}).Get(s.URL); err == nil {
		t.Error("the transport dialled loopback")
	}
}

func TestJSONRefuses(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) },
		"an error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"another type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("{}"))
		},
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(make([]byte, 200))
		},
		"no type at all": func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil; w.Write([]byte("{}")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			if _, _, err := outward.NewFetcher(true).JSON(t.Context(), s.URL, 100); !errors.Is(err, outward.ErrNotFetched) {
				t.Errorf("got %v", err)
			}
		})
	}
}
