package broker_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// still answers every call with the same bytes: what is left is our own work.
type still struct {
	header http.Header
	body   []byte
}

func (*still) APIBase(context.Context, consent.ConnectionID) (string, error) {
	return "https://api.example", nil
}

func (s *still) Do(context.Context, consent.ConnectionID, *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: s.header, Body: io.NopCloser(bytes.NewReader(s.body))}, nil
}

func (s *still) Fetch(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error) {
	return s.Do(ctx, id, req)
}

type unwritten struct{}

func (unwritten) Record(context.Context, broker.Event) error { return nil }

// BenchmarkBroker measures what the broker adds to one call, without network,
// database and audit.
func BenchmarkBroker(b *testing.B) {
	w := newWorld(b).allowAll()
	for _, target := range []string{"/repos/acme/web", "/repos/acme/web/contents/package.json", "/user/repos?per_page=30", "/repos/acme/web/issues"} {
		b.Run(target, func(b *testing.B) {
			req := w.request("GET", "github", target, "")
			w.broker = w.build(w.audit)
			if _, refusal := w.send(req); refusal != nil {
				b.Fatal(refusal)
			}
			last, _ := w.wire.last()
			resp, err := w.wire.Do(b.Context(), onHub, last.Clone(b.Context()))
			if err != nil {
				b.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				b.Fatal(err)
			}
			w.broker.SetForBenchmark(&still{resp.Header, body}, unwritten{})
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.broker.Serve(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
