// Package outward makes connections to addresses that others chose: providers,
// client metadata documents, key sets. It owns the fence: only public addresses,
// looked at when they are dialled, so that a name cannot be pointed elsewhere
// between check and use; no proxy from the environment; no redirects.
//
// It does not know what is fetched, nor when something may be fetched at all.
package outward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"code.dny.dev/ssrf"

	"github.com/deputy-oauth/deputy/internal/loopback"
)

// Transport returns a transport that reaches public addresses only, and this
// computer when allowLoopback is true.
func Transport(allowLoopback bool) *http.Transport {
	options := []ssrf.Option{ssrf.WithAnyPort()}
	if allowLoopback {
		options = append(options,
			ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.0/8")),
			ssrf.WithAllowedV6Prefixes(netip.MustParsePrefix("::1/128")))
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second, Control: ssrf.New(options...).Safe}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  25 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// NoRedirect hands a redirect back as the answer: following one would carry
// whatever was sent to wherever it points.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Fetcher fetches small public documents.
type Fetcher struct {
	client        *http.Client
	allowLoopback bool
}

// NewFetcher returns a fetcher. With allowLoopback, plain http to this computer is
// possible as well, for tests and development.
func NewFetcher(allowLoopback bool) *Fetcher {
	return &Fetcher{
		client:        &http.Client{Transport: Transport(allowLoopback), CheckRedirect: NoRedirect, Timeout: 5 * time.Second},
		allowLoopback: allowLoopback,
	}
}

// ErrNotFetched is returned for everything that went wrong on the way: whoever
// chose the address must not learn from us what is behind it.
var ErrNotFetched = errors.New("the document could not be fetched")

// JSON fetches a document of at most limit bytes that is served as JSON with
// status 200. The error is ErrNotFetched with a cause for the log.
func (f *Fetcher) JSON(ctx context.Context, address string, limit int64) ([]byte, http.Header, error) {
	body, header, err := f.get(ctx, address, "application/json", limit)
	if err != nil {
		return nil, nil, errors.Join(ErrNotFetched, err)
	}
	if kind, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || !jsonType(kind) {
		return nil, nil, errors.Join(ErrNotFetched, fmt.Errorf("content type %q", kind))
	}
	return body, header, nil
}

// Picture fetches at most limit bytes that are served with status 200. What they
// are is for the caller to find out. The error is ErrNotFetched with its cause.
func (f *Fetcher) Picture(ctx context.Context, address string, limit int64) ([]byte, error) {
	body, _, err := f.get(ctx, address, "image/png, image/jpeg, image/webp, image/gif", limit)
	if err != nil {
		return nil, errors.Join(ErrNotFetched, err)
	}
	return body, nil
}

func (f *Fetcher) get(ctx context.Context, address, accept string, limit int64) ([]byte, http.Header, error) {
	if err := f.allowed(address); err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "deputy")
	res, err := f.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return nil, nil, err
	case res.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("status %d", res.StatusCode)
	case int64(len(body)) > limit:
		return nil, nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return body, res.Header, nil
}

func jsonType(kind string) bool {
	return slices.Contains([]string{"application/json", "application/jwk-set+json", "application/oauth-client-id-metadata+json"}, kind)
}

func (f *Fetcher) allowed(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("not a plain URL")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && f.allowLoopback && loopback.Is(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%s is not https", u.Scheme)
}
