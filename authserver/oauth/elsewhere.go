package oauth

import "net/netip"

// A code for a program on the person's own computer is redeemed where the browser
// is. When it is redeemed from far away, somebody may have been talked into pasting
// the address with the code (ConsentFix). People do change networks, so that it is
// on record and in the log, and not refused.

// coarse is what addresses near each other have in common: 16 bits of IPv4, 32 of
// IPv6; "" for what is no address.
func coarse(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip, bits := ip.Unmap().WithZone(""), 16
	if ip.Is6() {
		bits = 32
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}

// elsewhere reports whether an address is outside the network a code was given to.
// A computer may well speak IPv4 to one and IPv6 to the other: that says nothing.
func elsewhere(network, address string) bool {
	was, err := netip.ParsePrefix(network)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	return ip.Is4() == was.Addr().Is4() && !was.Contains(ip)
}
