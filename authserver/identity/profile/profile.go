// Package profile has what a person says about themselves: their name and their
// picture, which apps read that were allowed to.
//
// A picture is decoded and drawn again as a small PNG before it is stored, so that
// nothing of the file itself reaches a browser. Its address has a random id, which is
// told to the person's browser and in the picture claim (OpenID Connect Core section
// 5.1); whoever has the address can fetch the picture, as that claim needs it, until
// the person changes or removes it.
//
// It does not own the account, nor who may read what of it.
package profile

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/web"
)

// Rows keeps pictures.
type Rows interface {
	AccountByID(ctx context.Context, id consent.UserID) (identity.Account, bool, error)
	// SetPicture stores a person's picture in the place of the one before. Without a
	// png there is none afterwards, and id is "".
	SetPicture(ctx context.Context, user consent.UserID, id string, png []byte) error
	// Picture returns a picture; false when there is none of that id.
	Picture(ctx context.Context, id string) ([]byte, bool, error)
}

// People knows who is at the browser. Package identity implements it.
type People interface {
	Require(c *gin.Context) (identity.Person, bool, error)
	SignOutToken(p identity.Person) string
	// Rename gives a person another name. The error is a fault.Invalid for what is
	// none.
	Rename(ctx context.Context, user consent.UserID, name string) error
}

// Audit records a change in its transaction.
type Audit interface {
	InTx(ctx context.Context, e audit.Event) error
}

// Config is what the package is made of. All of it is needed.
type Config struct {
	Rows   Rows
	People People
	Audit  Audit
	// Tx runs fn in one transaction.
	Tx    func(ctx context.Context, fn func(ctx context.Context) error) error
	Site  *web.Site
	Forms web.Forms
}

// Profile serves the pages. It is safe for concurrent use.
type Profile struct{ cfg Config }

// New returns a Profile.
func New(cfg Config) *Profile { return &Profile{cfg} }
