// Package loopback says which hosts are this computer. What goes there leaves no
// wire, so http is no danger; and nobody from elsewhere can be meant by it.
package loopback

import (
	"net/netip"
	"strings"
)

// Is reports whether a host, a name or an address without a port, is this computer
// (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). It looks
// nothing up.
func Is(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && ip.Unmap().IsLoopback())
}
