package provider

import (
	"testing"
	"time"
)

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	for address, want := range map[string]bool{
		"140.82.121.4:443": true, "[2606:50c0:8000::153]:443": true,
		"127.0.0.1:80": false, "127.8.8.8:80": false, "[::1]:80": false, "[::ffff:127.0.0.1]:80": false,
		"10.1.2.3:443": false, "172.16.0.1:443": false, "192.168.1.1:443": false, "[fd00::1]:443": false, "[fe80::1]:443": false,
		"169.254.169.254:80": false, "100.64.0.1:80": false, "0.0.0.0:80": false, "[::]:80": false, "224.0.0.1:80": false,
		"255.255.255.255:80": false, "[64:ff9b::7f00:1]:80": false, "[2002:7f00:1::]:80": false, "192.0.2.1:80": false, "nonsense": false,
	} {
		if err := mayDial(address, false); (err == nil) != want {
			t.Errorf("dial %s: %v, want allowed = %v", address, err, want)
		}
	}
	for address, want := range map[string]bool{"127.0.0.1:80": true, "[::1]:80": true, "10.1.2.3:80": false, "169.254.169.254:80": false} {
		if err := mayDial(address, true); (err == nil) != want {
			t.Errorf("with loopback, dial %s: %v, want allowed = %v", address, err, want)
		}
	}
}

func TestTheNextLinkIsFound(t *testing.T) {
	for header, want := range map[string]string{
		``: "",
		`<https://a/x?page=2>; rel="next", <https://a/x?page=9>; rel="last"`:       "https://a/x?page=2",
		`<https://a/x?page=9>; rel="last", <https://a/x?a=b,c&page=2>; rel="next"`: "https://a/x?a=b,c&page=2",
		`<https://a/x?page=1>; rel="prev"`:                                         "",
		`<https://a/x>; title="a"; rel=next`:                                       "https://a/x",
		`broken; rel="next"`:                                                       "",
		`<https://a/x; rel="next"`:                                                 "",
	} {
		if got := linkNext([]string{header}); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func TestSecondsAreReadInEverySpelling(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		"60": time.Minute, " 60 ": time.Minute, "0.5": 500 * time.Millisecond, "": 0, "-1": 0, "0": 0, "NaN": 0, "soon": 0,
		"+Inf": 10 * 365 * 24 * time.Hour, "1e99": 10 * 365 * 24 * time.Hour,
	} {
		if got := seconds(raw); got != want {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	}
}
