package provider

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// transport never follows a proxy from the environment, reaches public addresses
// only, and keeps enough connections that a busy provider is not dialled anew.
func transport(allowLoopback bool) *http.Transport {
	dialer := &net.Dialer{
		Timeout: 5 * time.Second, KeepAlive: 30 * time.Second,
		// After the name was resolved and before anything is sent, so that a name
		// cannot be pointed elsewhere between check and use (DNS rebinding).
		Control: func(_, address string, _ syscall.RawConn) error { return mayDial(address, allowLoopback) },
	}
	return &http.Transport{
		Proxy:                  nil,
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

// noRedirect hands a redirect back as the answer: following one would carry a
// bearer token to wherever it points.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// mayDial refuses addresses that are not on the public internet (MCP security
// best practices, server-side request forgery).
func mayDial(address string, allowLoopback bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial: address cannot be read: %w", err)
	}
	ip := at.Addr().Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	switch {
	case ip.IsLoopback() && allowLoopback:
		return nil
	case ip.IsLoopback(), ip.IsPrivate(), !ip.IsGlobalUnicast(), reserved(ip):
		return fmt.Errorf("dial: %s is not a public address", ip)
	}
	return nil
}

// reserved lists what netip does not know as private: shared address space and
// the ways to write an IPv4 address inside an IPv6 one.
func reserved(ip netip.Addr) bool {
	for _, block := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		if netip.MustParsePrefix(block).Contains(ip) {
			return true
		}
	}
	return false
}
