package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// answer is a small reply read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// invoke makes one of the catalogue's own calls with tokens at hand: identity and
// revocation. It does not judge the answer.
func (c *Client) invoke(ctx context.Context, e *endpoint, call catalog.Call, tokens Tokens, doing string) (answer, error) {
	req, err := e.request(ctx, call, e.values(tokens), nil)
	if err != nil {
		return answer{}, fmt.Errorf("%s at %s: %w", doing, e.provider.ID, err)
	}
	if call.Auth == "basic" {
		req.SetBasicAuth(e.reg.ClientID, e.reg.Secret.Reveal())
	} else {
		req.Header.Set("Authorization", "Bearer "+tokens.Access.Reveal())
	}
	req, sent := traced(req)
	resp, err := c.token.Do(req)
	if err != nil {
		return answer{}, e.unanswered(doing, err, sent.Load())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return answer{}, e.unanswered(doing, err, true)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// traced notes whether any of the request left this machine.
func traced(req *http.Request) (*http.Request, *atomic.Bool) {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	return req.WithContext(httptrace.WithClientTrace(req.Context(), trace)), &sent
}

// request builds a call from its template. more is added to the query.
func (e *endpoint) request(ctx context.Context, call catalog.Call, values map[string]secret.Text, more url.Values) (*http.Request, error) {
	target, err := e.address(call.Path, values)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, template := range call.Query {
		value, err := fill(template, values, asIs)
		if err != nil {
			return nil, err
		}
		query.Set(name, value)
	}
	for name, list := range more {
		query[name] = list
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	body, kind, err := content(call, values)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the catalogue's call to %s cannot be made", call.Path)
	}
	if len(body) == 0 {
		req.Body, req.GetBody = http.NoBody, nil
	}
	e.decorate(req)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return req, nil
}

// decorate adds the provider's constant headers where the request has none.
func (e *endpoint) decorate(req *http.Request) {
	for name, value := range e.provider.Headers {
		if req.Header.Get(name) == "" {
			req.Header.Set(name, value)
		}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "deputy")
	}
}

func content(call catalog.Call, values map[string]secret.Text) (body []byte, kind string, err error) {
	switch {
	case len(call.JSON) > 0:
		doc, err := fillAll(call.JSON, values)
		if err != nil {
			return nil, "", err
		}
		body, err = json.Marshal(doc)
		return body, "application/json", err
	case len(call.Form) > 0:
		form := url.Values{}
		for name, template := range call.Form {
			value, err := fill(template, values, asIs)
			if err != nil {
				return nil, "", err
			}
			form.Set(name, value)
		}
		return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
	}
	return nil, "", nil
}

// fillAll fills every string of a JSON template.
func fillAll(template any, values map[string]secret.Text) (any, error) {
	switch t := template.(type) {
	case string:
		return fill(t, values, asIs)
	case map[string]any:
		out := make(map[string]any, len(t))
		for name, inner := range t {
			filled, err := fillAll(inner, values)
			if err != nil {
				return nil, err
			}
			out[name] = filled
		}
		return out, nil
	case []any:
		out := make([]any, len(t))
		for i, inner := range t {
			filled, err := fillAll(inner, values)
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	}
	return template, nil
}
