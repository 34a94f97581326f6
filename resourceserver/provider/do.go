package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// How much of an answer is looked at for a refusal, in bytes. Providers that
// refuse with status 200 do it briefly; anything longer is content.
const (
	maxRefusal   = 64 << 10
	maxRefusalOK = 4 << 10
)

// APIBase returns the URL that API paths of this connection begin with, without a
// trailing slash.
func (c *Client) APIBase(ctx context.Context, id consent.ConnectionID) (string, error) {
	h, err := c.fresh(ctx, id, 0)
	if err != nil {
		return "", err
	}
	return h.at.api, nil
}

// Do sends req with a fresh provider token. When the provider says that the token
// is not valid, the token is refreshed once and the request sent once more: it
// was refused before it was looked at, so this is safe for writes too. A second
// such refusal, confirmed, marks the connection as needing the person.
//
// req must go to the connection's APIBase and, with a body, must be repeatable
// (http.NewRequest over bytes or strings is). Redirects come back as answers.
// The error is an *Error for everything a provider did, ErrDisconnected when the
// connection has no tokens any more. An answer that is not about the token comes
// back as it is, whatever its status; the caller closes its body.
func (c *Client) Do(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error) {
	resp, _, err := c.do(ctx, id, req, c.api)
	return resp, err
}

// do is Do through a client of the caller's choice. It returns the endpoint too.
func (c *Client) do(ctx context.Context, id consent.ConnectionID, req *http.Request, via *http.Client) (*http.Response, *endpoint, error) {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return nil, nil, errors.New("call provider: the request's body cannot be sent again")
	}
	var last held
	var refused int64
	// Three: the token in memory may be a generation behind the stored one, which
	// may itself need its one refresh.
	for range 3 {
		h, err := c.fresh(ctx, id, refused)
		if errors.Is(err, errNoRefresh) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		resp, class, err := c.send(ctx, h, req, via)
		if err != nil {
			return nil, nil, err
		}
		switch class {
		case catalog.TokenInvalid:
			drop(resp)
		case catalog.ReauthRequired:
			drop(resp)
			return nil, nil, c.refusedForGood(h, id)
		default:
			return resp, h.at, nil
		}
		c.kept.Invalidate(id)
		last, refused = h, h.version
		if h.renewed {
			break
		}
	}
	return nil, nil, c.confirm(ctx, id, last)
}

// confirm asks the provider for the account itself before a connection is called
// dead: a 401 may be about one endpoint only. A token that is good for the
// account and not for the call lacks something there.
func (c *Client) confirm(ctx context.Context, id consent.ConnectionID, h held) error {
	if h.at == nil {
		return fmt.Errorf("call provider for %s: %w", id, errNoRefresh)
	}
	_, err := c.identify(ctx, h.at, Tokens{Access: h.access})
	if err == nil {
		return &Error{Provider: h.at.provider.ID, Doing: "call", Kind: catalog.UpgradeNeeded, Status: http.StatusUnauthorized}
	}
	if class, known := ClassOf(err); known && (class == catalog.TokenInvalid || class == catalog.ReauthRequired) {
		return c.refusedForGood(h, id)
	}
	return err
}

// Check asks the provider whose tokens these are, to find out whether they still
// work. A token that it refuses is refreshed once; a refusal for good marks the
// connection as needing the person, as in Do.
func (c *Client) Check(ctx context.Context, id consent.ConnectionID) error {
	c.kept.Invalidate(id)
	h, err := c.fresh(ctx, id, 0)
	if err != nil {
		return err
	}
	_, err = c.identify(ctx, h.at, Tokens{Access: h.access})
	class, known := ClassOf(err)
	if !known || (class != catalog.TokenInvalid && class != catalog.ReauthRequired) {
		return err
	}
	if _, err := c.fresh(ctx, id, h.version); !errors.Is(err, errNoRefresh) {
		return err // it was replaced, or the refusal was dealt with
	}
	return c.refusedForGood(h, id)
}

// refusedForGood marks the connection of tokens that the provider refuses for
// good, unless they were replaced meanwhile.
func (c *Client) refusedForGood(h held, id consent.ConnectionID) error {
	out := &Error{Provider: h.at.provider.ID, Doing: "call", Kind: catalog.ReauthRequired}
	verdict, err := c.note(Failure{
		Connection: id, Version: h.version, Class: out.Kind, Rest: h.rest.after(out, c.cfg.Now(), chance()), At: c.cfg.Now(),
	})
	if err != nil {
		return errors.Join(out, err)
	}
	if verdict == Resting {
		out.Kind = catalog.Misconfigured
		c.cfg.Log.Error("a provider refuses many connections of a registration", slog.String("registration", string(h.at.reg.ID)))
	}
	return out
}

// send makes one call and says whether its answer is about the token.
func (c *Client) send(ctx context.Context, h held, req *http.Request, via *http.Client) (*http.Response, catalog.ErrorClass, error) {
	out := req.Clone(ctx)
	if err := h.at.owns(out.URL); err != nil {
		return nil, "", err
	}
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, "", fmt.Errorf("call %s: read request body: %w", h.at.provider.ID, err)
		}
		out.Body = body
	}
	h.at.decorate(out)
	out.Header.Set("Authorization", "Bearer "+h.access.Reveal())
	out, sent := traced(out)
	resp, err := via.Do(out)
	if err != nil {
		return nil, "", h.at.unanswered("call", err, sent.Load())
	}
	class, err := h.at.aboutToken(resp)
	if err != nil {
		drop(resp)
		return nil, "", h.at.unanswered("call", err, true)
	}
	return resp, class, nil
}

// owns refuses to attach a token to anything but the API it is for.
func (e *endpoint) owns(u *url.URL) error {
	base, err := url.Parse(e.api)
	if err != nil {
		return fmt.Errorf("call %s: the API base cannot be read", e.provider.ID)
	}
	if u.Scheme != base.Scheme || u.Host != base.Host || u.User != nil || !strings.HasPrefix(u.EscapedPath(), base.EscapedPath()+"/") {
		return fmt.Errorf("call %s: the URL is outside its API", e.provider.ID)
	}
	return nil
}

// aboutToken classifies an answer as far as the token is concerned and leaves its
// body readable from the start.
func (e *endpoint) aboutToken(resp *http.Response) (catalog.ErrorClass, error) {
	success := resp.StatusCode < 400
	if success && e.provider.OK == "" {
		return "", nil
	}
	most := int64(maxRefusal)
	if success {
		most = maxRefusalOK
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return "", err
	}
	resp.Body = &rejoined{Reader: io.MultiReader(bytes.NewReader(head), resp.Body), Closer: resp.Body}
	if success && int64(len(head)) > most {
		return "", nil
	}
	class, _, _ := e.provider.Classify(resp.StatusCode, resp.Header, head)
	return class, nil
}

// rejoined is a body whose beginning was read already.
type rejoined struct {
	io.Reader
	io.Closer
}

// drop ends an answer nobody will read, so that its connection can be used again.
func drop(resp *http.Response) {
	// An error here means only that the connection is not used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRefusal))
	_ = resp.Body.Close()
}
