// Package passkey lets people sign in with a key that their device keeps
// (WebAuthn Level 3), and has the page on which they add and remove such keys.
//
// The hard part, once. A device signs a challenge of ours together with the
// origin the browser is at: a page somewhere else gets a signature that is worth
// nothing here. The challenge is stored nowhere; it travels through the page,
// sealed with what it is for and bound to the browser (to sign in) or to the
// sign-in (to add a key), ends after five minutes, and counts once: whoever
// presents it writes its hash down, and only the first write succeeds. The device
// must have checked who holds it (user verification), so that a passkey alone is
// the surest of our levels.
//
// The identity of this server in WebAuthn, the relying party id, and the only
// origin a signature may name come from the external URL and from nowhere else.
//
// Authenticators that count their signatures tell on copies: a count that does
// not grow means that two devices hold the key. Such a sign-in is refused and
// recorded. Keys that are backed up do not count; theirs stays zero.
//
// The package does not know passwords, makes no session (package identity does)
// and asks for no attestation: which make of device somebody uses is not ours to
// know.
package passkey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	// challengeLife is how long a page may wait for the device.
	challengeLife = 5 * time.Minute
	// most is how many passkeys one person may have.
	most = 20
)

// What a challenge is for.
const (
	signInStep = "passkey sign-in"
	addStep    = "passkey add"
)

// Key is one passkey.
type Key struct {
	ID         string
	User       consent.UserID
	Credential []byte // its id at the authenticator
	Public     []byte // COSE key
	Counter    uint32 // of its signatures; stays 0 for keys that do not count
	Flags      byte   // of the authenticator, among them whether the key is backed up
	Transports []string
	Name       string // the person's own word for it
	Created    time.Time
	Used       time.Time // zero: never
	Copied     time.Time // when a copy of it showed; zero: never
}

// Keys keeps the passkeys.
type Keys interface {
	// AddPasskey stores a new one. The error is a fault.Conflict when the person has
	// most already, or when the authenticator's id is known.
	AddPasskey(ctx context.Context, k Key, most int) error
	// PasskeysOf lists a person's, the oldest first.
	PasskeysOf(ctx context.Context, user consent.UserID) ([]Key, error)
	// PasskeyByCredential finds one by its id at the authenticator.
	PasskeyByCredential(ctx context.Context, credential []byte) (Key, bool, error)
	// UsePasskey writes down counter, flags and time of use, and reports false when
	// the counter has not grown, of two at the same time for one of them.
	UsePasskey(ctx context.Context, k Key) (bool, error)
	// MarkCopied writes down that a copy of it showed.
	MarkCopied(ctx context.Context, id string, at time.Time) error
	// RemovePasskey takes one away from its owner. It reports false when there is no
	// such key, and the error is a fault.Conflict when it is the person's last way to
	// sign in.
	RemovePasskey(ctx context.Context, user consent.UserID, id string) (bool, error)
	// First reports whether an id is presented for the first time, and remembers it.
	First(ctx context.Context, id string, until time.Time) (bool, error)
}

// Audit records a change in its transaction.
type Audit interface {
	InTx(ctx context.Context, e audit.Event) error
}

// Config is what the package is made of. All of it is needed.
type Config struct {
	External *url.URL // how browsers reach us; see Possible
	Operator string   // shown by devices; "" means Deputy
	Keys     Keys
	People   People
	Audit    Audit
	// Tx runs fn in one transaction.
	Tx    func(ctx context.Context, fn func(ctx context.Context) error) error
	Site  *web.Site
	Forms web.Forms
	Box   seal.Box
	Now   func() time.Time
}

// Passkeys checks and keeps passkeys. It is safe for concurrent use.
type Passkeys struct {
	cfg Config
	lib *webauthn.WebAuthn
}

// Possible reports whether browsers let a site at this address ask for passkeys:
// it has a name, and it is https or this computer (WebAuthn Level 3 section 5.1).
func Possible(external *url.URL) bool {
	host := external.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return net.ParseIP(host) == nil && (external.Scheme == "https" || local)
}

// New returns Passkeys.
func New(cfg Config) (*Passkeys, error) {
	name := cfg.Operator
	if name == "" {
		name = "Deputy"
	}
	resident := true
	lib, err := webauthn.New(&webauthn.Config{
		RPID: cfg.External.Hostname(), RPDisplayName: name, RPOrigins: []string{cfg.External.String()},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &resident, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set passkeys up for %s: %w", cfg.External, err)
	}
	return &Passkeys{cfg, lib}, nil
}

// challenge is a ceremony under way, as it travels through the page.
type challenge struct {
	Session webauthn.SessionData
	Until   int64 // milliseconds
}

// offer is what the page's script needs to begin a ceremony.
func (p *Passkeys) offer(options any, session *webauthn.SessionData, bound ...string) (templates.Ceremony, error) {
	asked, err := json.Marshal(options)
	if err != nil {
		return templates.Ceremony{}, err
	}
	plain, err := json.Marshal(challenge{*session, p.cfg.Now().Add(challengeLife).UnixMilli()})
	if err != nil {
		return templates.Ceremony{}, err
	}
	return templates.Ceremony{Options: string(asked), Ticket: p.cfg.Box.Seal(plain, bound...)}, nil
}

// open reads a ceremony that came back. The error is a fault.Conflict.
func (p *Passkeys) open(ticket string, bound ...string) (challenge, error) {
	plain, err := p.cfg.Box.Open(ticket, bound...)
	if err != nil {
		return challenge{}, late(err)
	}
	var c challenge
	if err := json.Unmarshal(plain, &c); err != nil {
		return challenge{}, err
	}
	if !p.cfg.Now().Before(time.UnixMilli(c.Until)) {
		return challenge{}, late(errors.New("it ended"))
	}
	return c, nil
}

// once uses a challenge up. The error is a fault.Conflict for one that was used.
func (p *Passkeys) once(ctx context.Context, c challenge) error {
	sum := sha256.Sum256([]byte(c.Session.Challenge))
	first, err := p.cfg.Keys.First(ctx, "passkey:"+hex.EncodeToString(sum[:]), time.UnixMilli(c.Until))
	if err != nil {
		return fmt.Errorf("use a challenge up: %w", err)
	}
	if !first {
		return late(errors.New("it was used"))
	}
	return nil
}

func late(cause error) error {
	return fault.Wrap(fault.Conflict, cause, "The device took too long, or this page was used already. Nothing was changed. Go back and try again.")
}

// owner is webauthn.User.
type owner struct {
	id          consent.UserID
	email, name string
	keys        []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return []byte(o.id) }
func (o owner) WebAuthnName() string                       { return o.email }
func (o owner) WebAuthnDisplayName() string                { return o.name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.keys }

func (k Key) credential() webauthn.Credential {
	c := webauthn.Credential{
		ID: k.Credential, PublicKey: k.Public, Flags: webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags)),
		Authenticator: webauthn.Authenticator{SignCount: k.Counter},
	}
	for _, t := range k.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}
