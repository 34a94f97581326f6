package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/loopback"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// endpoint is a registration together with what the catalogue says about it.
type endpoint struct {
	reg      Registration
	provider *catalog.Provider
	variant  *catalog.Variant
	web, api string // without a trailing slash
	hosts    map[string]string
}

func (c *Client) endpoint(ctx context.Context, id RegistrationID) (*endpoint, error) {
	if e, ok := c.endpoints.GetIfPresent(id); ok {
		return e, nil
	}
	sealed, err := c.cfg.Registrations.Registration(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("load registration %s: %w", id, err)
	}
	e, err := c.open(sealed)
	if err != nil {
		return nil, err
	}
	c.endpoints.Set(id, e)
	return e, nil
}

func (c *Client) open(sealed SealedRegistration) (*endpoint, error) {
	reg := sealed.Registration
	opened, err := c.cfg.Vault.Open(RegistrationPlace(reg.ID), sealed.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open secret of registration %s: %w", reg.ID, err)
	}
	reg.Secret = opened
	if len(sealed.SealedWebhook) > 0 {
		if reg.Webhook, err = c.cfg.Vault.Open(WebhookPlace(reg.ID), sealed.SealedWebhook); err != nil {
			return nil, fmt.Errorf("open webhook secret of registration %s: %w", reg.ID, err)
		}
	}
	return c.resolve(reg)
}

// resolve ties a registration to the catalogue and checks where its URLs lead.
func (c *Client) resolve(reg Registration) (*endpoint, error) {
	p, ok := c.cfg.Catalog.Providers[reg.Provider]
	if !ok || len(p.Variants) == 0 {
		return nil, fmt.Errorf("registration %s: the catalogue has no provider %q", reg.ID, reg.Provider)
	}
	e := &endpoint{reg: reg, provider: p, web: firstOf(reg.WebURL, p.WebURL), api: firstOf(reg.APIURL, p.APIURL), hosts: map[string]string{}}
	e.reg.Variant = firstOf(reg.Variant, p.Variants[0].ID)
	for i := range p.Variants {
		if p.Variants[i].ID == e.reg.Variant {
			e.variant = &p.Variants[i]
		}
	}
	if e.variant == nil {
		return nil, fmt.Errorf("registration %s: %s has no variant %q", reg.ID, p.Name, reg.Variant)
	}
	addresses := []string{e.web, e.api}
	for name, usual := range p.Hosts {
		e.hosts[name] = firstOf(reg.Hosts[name], usual)
		addresses = append(addresses, e.hosts[name])
	}
	for _, raw := range addresses {
		if err := mayCall(raw, c.cfg.AllowLoopback); err != nil {
			return nil, fmt.Errorf("registration %s: %w", reg.ID, err)
		}
	}
	return e, nil
}

// CheckURL says whether an operator may point a provider at raw: https, or
// loopback when that is allowed. The address behind the name is checked again at
// every connection.
func CheckURL(raw string, allowLoopback bool) error {
	return mayCall(strings.TrimSuffix(raw, "/"), allowLoopback)
}

func mayCall(raw string, allowLoopback bool) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("a provider URL cannot be read")
	}
	switch {
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(raw, " \t\r\n"):
		return fmt.Errorf("provider URL %q must be an origin with an optional path", raw)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && allowLoopback && loopback.Is(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("provider URL %q must be https; plain http is only for loopback with --allow-loopback", raw)
	}
	return fmt.Errorf("provider URL %q must be https", raw)
}

func firstOf(a, b string) string {
	if a != "" {
		return strings.TrimSuffix(a, "/")
	}
	return strings.TrimSuffix(b, "/")
}

// values are what a template of the catalogue may name. access and refresh are
// only there for calls that hand a token in.
func (e *endpoint) values(tokens Tokens) map[string]secret.Text {
	return map[string]secret.Text{
		"client_id": secret.New(e.reg.ClientID),
		"access":    tokens.Access,
		"refresh":   tokens.Refresh,
	}
}

// address makes a URL of a catalogue template: its host at its start, otherwise
// relative to the API; other values are escaped as one path segment.
func (e *endpoint) address(template string, values map[string]secret.Text) (string, error) {
	host, rest := catalog.OnHost(template)
	base := e.hosts[host]
	switch host {
	case "web":
		base = e.web
	case "api":
		base = e.api
	}
	path, err := fill(rest, values, url.PathEscape)
	if err != nil {
		return "", err
	}
	return base + path, nil
}

// fill replaces {name} by its value. A name that is not there is an error: a
// template never goes out half filled.
func fill(template string, values map[string]secret.Text, escape func(string) string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := values[name]
		if !closed || !known {
			return "", fmt.Errorf("template names %q, which is not there", name)
		}
		out.WriteString(escape(value.Reveal()))
		template = after
	}
}

func asIs(s string) string { return s }
