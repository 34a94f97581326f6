package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"
)

// tryWindow is how long tries count, from the first one.
const tryWindow = 15 * time.Minute

// Tries are how often something was tried in a window, and when it ends.
type Tries struct {
	Count int64
	Until time.Time
}

// Attempts counts tries for all replicas.
type Attempts interface {
	// CountTries adds one try to each subject and returns what stands, in the same
	// order. A counter whose window is over starts again with one that ends at
	// until.
	CountTries(ctx context.Context, subjects []string, until time.Time) ([]Tries, error)
	// ForgiveTries forgets the counters of some subjects and takes one try back
	// from those of others.
	ForgiveTries(ctx context.Context, forget, less []string) error
}

// limit is how many tries a subject has in a window.
type limit struct {
	subject string
	most    int64
}

// networkLimits bound one place. IPv6 gives everybody a /64 to choose addresses
// from and many people a /56, so both are counted.
func networkLimits(address string) []limit {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return []limit{{subject("network", "unknown"), 100}}
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return []limit{{subject("network", ip.String()), 100}}
	}
	return []limit{{subject("network", prefix(ip, 56)), 300}, {subject("network", prefix(ip, 64)), 100}}
}

// accountLimits bound one account: from one place, so that a stranger elsewhere
// does not lock the person out soon, and from all places together.
func accountLimits(key, address string) (pair, account []limit) {
	place := address
	if ip, err := netip.ParseAddr(address); err == nil {
		ip = ip.Unmap().WithZone("")
		place = ip.String()
		if ip.Is6() {
			place = prefix(ip, 64)
		}
	}
	return []limit{{subject("pair", key, place), 10}}, []limit{{subject("account", key), 50}}
}

func prefix(ip netip.Addr, bits int) string {
	return netip.PrefixFrom(ip, bits).Masked().String()
}

// subject names a counter. What people type as an address may be a password by
// mistake: it is stored as a hash only.
func subject(kind string, parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(sum, "%d:%s", len(p), p)
	}
	return kind + ":" + hex.EncodeToString(sum.Sum(nil)[:16])
}

// waitFor says how long to wait: zero while every counter is within its limit.
func waitFor(limits []limit, tries []Tries, now time.Time) time.Duration {
	var wait time.Duration
	for n, l := range limits {
		if tries[n].Count > l.most {
			wait = max(wait, tries[n].Until.Sub(now))
		}
	}
	return wait
}

// count counts one try and says how long to wait. What one limit stops does not
// count for the next: a network that may not try makes no counters for accounts,
// so that the table stays small, and one place alone uses up no account's tries.
func (i *Identity) count(ctx context.Context, key, address string) (time.Duration, error) {
	pair, account := accountLimits(key, address)
	return i.countEach(ctx, networkLimits(address), pair, account)
}

func (i *Identity) countEach(ctx context.Context, sets ...[]limit) (time.Duration, error) {
	return i.countWithin(ctx, tryWindow, sets...)
}

func (i *Identity) countWithin(ctx context.Context, window time.Duration, sets ...[]limit) (time.Duration, error) {
	now := i.cfg.Now()
	for _, limits := range sets {
		tries, err := i.cfg.Attempts.CountTries(ctx, subjects(limits), now.Add(window))
		if err != nil {
			return 0, fmt.Errorf("count a sign-in: %w", err)
		}
		if wait := waitFor(limits, tries, now); wait > 0 {
			return wait, nil
		}
	}
	return 0, nil
}

// forgive is called after the right password. The account starts afresh; the
// network gets one try back and no more, so that signing in to one's own account
// buys no guesses at others.
func (i *Identity) forgive(ctx context.Context, key, address string) error {
	pair, account := accountLimits(key, address)
	err := i.cfg.Attempts.ForgiveTries(ctx, subjects(append(pair, account...)), subjects(networkLimits(address)))
	if err != nil {
		return fmt.Errorf("forgive the tries of a sign-in: %w", err)
	}
	return nil
}

func subjects(limits []limit) []string {
	names := make([]string, len(limits))
	for n, l := range limits {
		names[n] = l.subject
	}
	return names
}
