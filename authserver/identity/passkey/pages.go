package passkey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// People knows who is at the browser. Package identity implements it.
type People interface {
	Require(c *gin.Context) (identity.Person, bool, error)
	// Prove is Require for pages that need a sign-in made just now.
	Prove(c *gin.Context, what templates.Purpose, next string) (identity.Person, bool, error)
	SignOutToken(p identity.Person) string
}

// The pages.
const (
	Path    = "/sessions/passkeys"
	NewPath = Path + "/new"
)

const (
	formStep   = "passkeys"
	removeStep = "passkey removal"
	longest    = 60 // characters of a name
)

// Page is GET /sessions/passkeys: what the person has.
func (p *Passkeys) Page(c *gin.Context) error {
	who, ok, err := p.cfg.People.Require(c)
	if err != nil || !ok {
		return err
	}
	keys, err := p.of(c.Request.Context(), who.User)
	if err != nil {
		return err
	}
	page := templates.Passkeys{Frame: p.frame(who, ""), Full: len(keys) >= most}
	for _, k := range keys {
		page.Passkeys = append(page.Passkeys, shown(k))
	}
	return p.cfg.Site.Render(c, http.StatusOK, page)
}

// NewPage is GET /sessions/passkeys/new.
func (p *Passkeys) NewPage(c *gin.Context) error {
	who, ok, err := p.cfg.People.Prove(c, templates.ToChangePasskeys, NewPath)
	if err != nil || !ok {
		return err
	}
	keys, err := p.of(c.Request.Context(), who.User)
	if err != nil {
		return err
	}
	page := templates.NewPasskey{Frame: p.frame(who, p.cfg.Forms.Token(string(who.Session), formStep)), Name: identity.Session{UserAgent: c.Request.UserAgent()}.Device()}
	if page.Ceremony, err = p.begin(owner{id: who.User, email: who.Email, name: who.Name}, keys, string(who.Session)); err != nil {
		return err
	}
	web.AllowScript(c)
	return p.cfg.Site.Render(c, http.StatusOK, page)
}

// Add is POST /sessions/passkeys with the fields csrf, ticket, answer and name.
func (p *Passkeys) Add(c *gin.Context) error {
	who, ok, err := p.cfg.People.Prove(c, templates.ToChangePasskeys, NewPath)
	if err != nil || !ok {
		return err
	}
	form := c.Request.PostForm
	if err := p.cfg.Forms.Check(form.Get("csrf"), string(who.Session), formStep); err != nil {
		return err
	}
	name, err := checkName(form.Get("name"))
	if err != nil {
		return err
	}
	if err := p.finish(c.Request.Context(), who.User, string(who.Session), form.Get("ticket"), form.Get("answer"), name); err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, Path)
	return nil
}

// begin asks for a new key for o, who has known ones; the answer counts only with
// what it is bound to.
func (p *Passkeys) begin(o owner, known []Key, bound string) (templates.Ceremony, error) {
	var exclude webauthn.Credentials
	for _, k := range known {
		exclude = append(exclude, k.credential())
	}
	options, session, err := p.lib.BeginRegistration(o, webauthn.WithExclusions(exclude.CredentialDescriptors()))
	if err != nil {
		return templates.Ceremony{}, fmt.Errorf("begin a passkey: %w", err)
	}
	return p.offer(options.Response, session, addStep, bound)
}

// finish adds the key that answered.
func (p *Passkeys) finish(ctx context.Context, user consent.UserID, bound, ticket, answer, name string) error {
	ch, err := p.open(ticket, addStep, bound)
	if err != nil {
		return err
	}
	made, err := p.made(user, ch, answer)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "The answer of your device could not be checked. No passkey was added. Go back and try again.")
	}
	if err := p.once(ctx, ch); err != nil {
		return err
	}
	made.Name = name
	return p.add(ctx, made)
}

// BeginFor implements identity.Passkeys.
func (p *Passkeys) BeginFor(a identity.Account, browser string) (templates.Ceremony, error) {
	return p.begin(owner{id: a.ID, email: a.Email, name: a.Name}, nil, bindings(a, browser))
}

// AddFor implements identity.Passkeys.
func (p *Passkeys) AddFor(ctx context.Context, a identity.Account, browser, ticket, answer, name string) error {
	return p.finish(ctx, a.ID, bindings(a, browser), ticket, answer, name)
}

// bindings is what an answer for an account is bound to that nobody is signed in to.
func bindings(a identity.Account, browser string) string { return browser + " " + string(a.ID) }

// made checks what an authenticator answered (section 7.1) and returns the key.
func (p *Passkeys) made(user consent.UserID, ch challenge, answer string) (Key, error) {
	given, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return Key{}, err
	}
	cred, err := p.lib.CreateCredential(owner{id: user}, ch.Session, given)
	if err != nil {
		return Key{}, err
	}
	k := Key{
		ID: "passkey_" + uuid.Must(uuid.NewV7()).String(), User: user, Credential: cred.ID, Public: cred.PublicKey,
		Counter: cred.Authenticator.SignCount, Flags: byte(cred.Flags.ProtocolValue()), Created: p.cfg.Now(),
	}
	for _, t := range cred.Transport {
		// A word of the specification or nothing: it goes back to browsers as it is.
		if strings.IndexFunc(string(t), func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) < 0 && len(t) <= 20 && len(k.Transports) < 10 {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return k, nil
}

func (p *Passkeys) add(ctx context.Context, k Key) error {
	return p.cfg.Tx(ctx, func(ctx context.Context) error {
		if err := p.cfg.Keys.AddPasskey(ctx, k, most); err != nil {
			return fmt.Errorf("add a passkey: %w", err)
		}
		return p.cfg.Audit.InTx(ctx, audit.Event{At: k.Created, Kind: audit.PasskeyAdded, User: k.User, Outcome: audit.Done})
	})
}

// RemovePage is GET /sessions/passkeys/:passkey/remove. It asks once.
func (p *Passkeys) RemovePage(c *gin.Context) error {
	who, ok, err := p.cfg.People.Prove(c, templates.ToChangePasskeys, c.Request.URL.Path)
	if err != nil || !ok {
		return err
	}
	keys, err := p.of(c.Request.Context(), who.User)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == c.Param("passkey") {
			return p.cfg.Site.Render(c, http.StatusOK, templates.RemovePasskey{Frame: p.frame(who, p.cfg.Forms.Token(string(who.Session), removeStep, k.ID)), Passkey: shown(k)})
		}
	}
	return absent()
}

// Remove is POST /sessions/passkeys/:passkey/remove with the field csrf.
func (p *Passkeys) Remove(c *gin.Context) error {
	id := c.Param("passkey")
	who, ok, err := p.cfg.People.Prove(c, templates.ToChangePasskeys, Path)
	if err != nil || !ok {
		return err
	}
	if err := p.cfg.Forms.Check(c.Request.PostForm.Get("csrf"), string(who.Session), removeStep, id); err != nil {
		return err
	}
	err = p.cfg.Tx(c.Request.Context(), func(ctx context.Context) error {
		removed, err := p.cfg.Keys.RemovePasskey(ctx, who.User, id)
		if err != nil {
			return fmt.Errorf("remove passkey %s: %w", id, err)
		}
		if !removed {
			return absent()
		}
		return p.cfg.Audit.InTx(ctx, audit.Event{At: p.cfg.Now(), Kind: audit.PasskeyRemoved, User: who.User, Outcome: audit.Done})
	})
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, Path)
	return nil
}

func (p *Passkeys) of(ctx context.Context, user consent.UserID) ([]Key, error) {
	keys, err := p.cfg.Keys.PasskeysOf(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("list the passkeys of %s: %w", user, err)
	}
	return keys, nil
}

// Has reports whether a person has a passkey.
func (p *Passkeys) Has(ctx context.Context, user consent.UserID) (bool, error) {
	keys, err := p.of(ctx, user)
	return len(keys) > 0, err
}

func (p *Passkeys) frame(who identity.Person, csrf string) templates.Frame {
	return templates.Frame{Account: who.Email, SignOut: p.cfg.People.SignOutToken(who), Return: "/", CSRF: csrf, Path: Path, Now: p.cfg.Now()}
}

func shown(k Key) templates.Passkey {
	return templates.Passkey{
		ID: k.ID, Name: k.Name, Added: k.Created, Used: k.Used, Copied: !k.Copied.IsZero(),
		BackedUp: protocol.AuthenticatorFlags(k.Flags).HasBackupState(),
	}
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	unseen := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "" || utf8.RuneCountInString(name) > longest || strings.IndexFunc(name, unseen) >= 0 {
		return "", fault.New(fault.Invalid, "A passkey needs a name of 1 to %d characters. No passkey was added. Go back and try again.", longest)
	}
	return name, nil
}

// absent answers for what is not there and for what is somebody else's.
func absent() error {
	return fault.Wrap(fault.NotFound, errors.New("no such passkey"), "There is no such passkey. It was removed, or it never was yours.")
}
