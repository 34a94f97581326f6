package clients

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"
)

// Counters counts for all replicas how often something was done.
type Counters interface {
	// Count adds one to each subject and returns what stands, in the same order. A
	// counter whose window is over starts again with one that ends at until.
	Count(ctx context.Context, subjects []string, until time.Time) ([]int64, error)
}

// What strangers may make us do, in one window each. There is no limit for all of
// them together: one place could then lock everybody out.
const (
	window                = 15 * time.Minute
	fetchesPerPlace       = 60
	registrationsPerPlace = 30
	registrationsPerHost  = 300
)

// limit is how often a subject may do something in a window.
type limit struct {
	subject string
	most    int64
}

// network returns the limits of the place a request came from. IPv6 gives
// everybody a /64 to choose addresses from, and many people a /56. What is stored
// is a hash.
func network(what, address string, most int64) []limit {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return []limit{{subject(what, "unknown"), most}}
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return []limit{{subject(what, ip.String()), most}}
	}
	return []limit{{subject(what, prefix(ip, 56)), 3 * most}, {subject(what, prefix(ip, 64)), most}}
}

func prefix(ip netip.Addr, bits int) string {
	return netip.PrefixFrom(ip, bits).Masked().String()
}

func subject(what, who string) string {
	sum := sha256.Sum256([]byte(who))
	return what + ":" + hex.EncodeToString(sum[:16])
}

// within counts one time and returns *TooMany when a limit is passed.
func within(ctx context.Context, counters Counters, now time.Time, limits []limit) error {
	names := make([]string, len(limits))
	for i, l := range limits {
		names[i] = l.subject
	}
	stand, err := counters.Count(ctx, names, now.Add(window))
	if err != nil {
		return fmt.Errorf("count requests from one place: %w", err)
	}
	for i, l := range limits {
		if stand[i] > l.most {
			return &TooMany{Wait: window}
		}
	}
	return nil
}
