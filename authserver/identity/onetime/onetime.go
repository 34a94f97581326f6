// Package onetime has the second step of a sign-in with a password: a code from
// an app that the person holds (RFC 6238), or, when that is lost, one of ten
// recovery codes they kept; and the page on which they turn both on and off.
//
// The hard part, once. App and server share a secret, of which the app shows six
// digits for each half minute. A code that was seen over somebody's shoulder must
// be worth nothing: the number of the half minute whose code was used is written
// down, by one conditional write that only a later one passes (section 5.2), so
// that each code counts once, here and on every other replica. A code is taken a
// half minute before and after its time, for clocks that are off.
//
// The secret is sealed with the vault's keys and of recovery codes there are only
// keyed hashes: a dump of the database is no second step. Recovery codes are shown
// once, when they are made.
//
// Six digits can be guessed. Package identity counts the tries, makes the
// session, and asks for the password first; this package only says whether a code
// is right, and uses it up.
package onetime

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/web"
)

const (
	period   = 30 // seconds: what apps assume whatever they are told
	drift    = 1  // steps a clock may be off
	recovery = 10 // codes
)

// Codes keeps secrets and what was used of them.
type Codes interface {
	// OneTimeSecret returns a person's sealed secret; nil when they have none.
	OneTimeSecret(ctx context.Context, user consent.UserID) ([]byte, error)
	// UseStep writes down that the code of a step was used, and reports false unless
	// it is a later one than the last.
	UseStep(ctx context.Context, user consent.UserID, step int64) (bool, error)
	// UseRecoveryCode uses up the code of a hash, and reports false when the person
	// has no such code or used it.
	UseRecoveryCode(ctx context.Context, user consent.UserID, hash []byte) (bool, error)
	// RecoveryCodesLeft counts the codes not used.
	RecoveryCodesLeft(ctx context.Context, user consent.UserID) (int, error)
	// AddOneTime stores a secret whose code of a step was used. It reports false when
	// the person has one already.
	AddOneTime(ctx context.Context, user consent.UserID, sealed []byte, step int64) (bool, error)
	// ReplaceRecoveryCodes stores the hashes of new codes in the place of the old.
	ReplaceRecoveryCodes(ctx context.Context, user consent.UserID, hashes [][]byte) error
	// RemoveOneTime forgets a person's secret and recovery codes. It reports false
	// when there was none.
	RemoveOneTime(ctx context.Context, user consent.UserID) (bool, error)
}

// Sealer seals secrets, each for one row and column.
type Sealer interface {
	Seal(row, column string, text secret.Text) ([]byte, error)
	Open(row, column string, sealed []byte) (secret.Text, error)
}

// Audit records a change in its transaction.
type Audit interface {
	InTx(ctx context.Context, e audit.Event) error
}

// Config is what the package is made of. All of it is needed but Operator.
type Config struct {
	Host     string // of this server, as the app names it
	Operator string // "" means Deputy
	Codes    Codes
	Sealer   Sealer
	HashKey  []byte // of recovery codes
	People   People
	Audit    Audit
	// Tx runs fn in one transaction.
	Tx    func(ctx context.Context, fn func(ctx context.Context) error) error
	Site  *web.Site
	Forms web.Forms
	Box   seal.Box
	Now   func() time.Time
}

// OneTime checks codes. It is safe for concurrent use.
type OneTime struct{ cfg Config }

// New returns OneTime.
func New(cfg Config) *OneTime { return &OneTime{cfg} }

const column = "secret"

// Has reports whether a person has codes turned on.
func (o *OneTime) Has(ctx context.Context, user consent.UserID) (bool, error) {
	sealed, err := o.cfg.Codes.OneTimeSecret(ctx, user)
	if err != nil {
		return false, fmt.Errorf("read the secret of %s: %w", user, err)
	}
	return sealed != nil, nil
}

// Check uses up a code from the app or a recovery code, and reports false when it
// is neither, or was used.
func (o *OneTime) Check(ctx context.Context, user consent.UserID, typed string) (bool, error) {
	sealed, err := o.cfg.Codes.OneTimeSecret(ctx, user)
	if err != nil {
		return false, fmt.Errorf("read the secret of %s: %w", user, err)
	}
	if sealed == nil {
		return false, nil
	}
	typed = plain(typed)
	if len(typed) != otp.DigitsSix.Length() {
		return o.recover(ctx, user, typed)
	}
	key, err := o.cfg.Sealer.Open(string(user), column, sealed)
	if err != nil {
		return false, fmt.Errorf("open the secret of %s: %w", user, err)
	}
	step, right, err := matching(key, typed, o.cfg.Now())
	if err != nil || !right {
		return false, err
	}
	first, err := o.cfg.Codes.UseStep(ctx, user, step)
	if err != nil {
		return false, fmt.Errorf("use a code of %s up: %w", user, err)
	}
	return first, nil
}

func (o *OneTime) recover(ctx context.Context, user consent.UserID, typed string) (bool, error) {
	if len(typed) != recoveryLength {
		return false, nil
	}
	used := false
	err := o.cfg.Tx(ctx, func(ctx context.Context) error {
		var err error
		if used, err = o.cfg.Codes.UseRecoveryCode(ctx, user, o.hash(user, typed)); err != nil || !used {
			return err
		}
		return o.cfg.Audit.InTx(ctx, audit.Event{At: o.cfg.Now(), Kind: audit.RecoveryCodeUsed, User: user, Outcome: audit.Done})
	})
	if err != nil {
		return false, fmt.Errorf("use a recovery code of %s up: %w", user, err)
	}
	return used, nil
}

// matching finds the step near now whose code was typed. It looks at all of them,
// so that the time it takes says nothing.
func matching(key secret.Text, typed string, now time.Time) (step int64, right bool, err error) {
	at := now.Unix() / period
	for s := at - drift; s <= at+drift; s++ {
		want, err := hotp.GenerateCodeCustom(key.Reveal(), uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, fmt.Errorf("make the code of step %d: %w", s, err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(typed)) == 1 {
			step, right = s, true
		}
	}
	return step, right, nil
}

// plain is a code as it is compared: people type it in groups, and letters large
// or small.
func plain(typed string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(typed)))
}

func (o *OneTime) hash(user consent.UserID, code string) []byte {
	mac := hmac.New(sha256.New, o.cfg.HashKey)
	fmt.Fprintf(mac, "%s %s", user, code)
	return mac.Sum(nil)
}
