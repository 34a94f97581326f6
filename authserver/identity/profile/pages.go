package profile

import (
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/picture"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/templates"
)

// The pages.
const (
	Path        = "/profile"
	PicturePath = Path + "/picture"
)

const step = "profile"

// MaxUpload bounds the form with a picture, in bytes.
var MaxUpload = int64(picture.Photo.Bytes) + 64<<10

// inMemory is how much of an upload is kept in memory, in bytes; the rest waits in a
// file until the request ends.
const inMemory = 1 << 20

// Page is GET /profile.
func (p *Profile) Page(c *gin.Context) error {
	who, ok, err := p.cfg.People.Require(c)
	if err != nil || !ok {
		return err
	}
	a, _, err := p.cfg.Rows.AccountByID(c.Request.Context(), who.User)
	if err != nil {
		return fmt.Errorf("load the account of %s: %w", who.User, err)
	}
	return p.cfg.Site.Render(c, http.StatusOK, templates.Profile{
		Frame: templates.Frame{Account: who.Email, SignOut: p.cfg.People.SignOutToken(who), CSRF: p.cfg.Forms.Token(string(who.Session), step), Return: "/", Path: Path, Here: Path},
		Name:  a.Name, Picture: a.Picture,
	})
}

// Rename is POST /profile with the fields csrf and name.
func (p *Profile) Rename(c *gin.Context) error {
	who, ok, err := p.cfg.People.Require(c)
	if err != nil || !ok {
		return err
	}
	form := c.Request.PostForm
	if err := p.cfg.Forms.Check(form.Get("csrf"), string(who.Session), step); err != nil {
		return err
	}
	return p.change(c, who, func(ctx context.Context) error { return p.cfg.People.Rename(ctx, who.User, form.Get("name")) })
}

// ChangePicture is POST /profile/picture with the fields csrf, do ("use", "remove")
// and, to use one, the file picture.
func (p *Profile) ChangePicture(c *gin.Context) error {
	who, ok, err := p.cfg.People.Require(c)
	if err != nil || !ok {
		return err
	}
	err = c.Request.ParseMultipartForm(inMemory)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return refused(picture.ErrTooLong)
	case err != nil:
		return fault.Wrap(fault.Invalid, err, "This form could not be read. Nothing was changed. Go back and try again.")
	}
	form := c.Request.MultipartForm
	defer form.RemoveAll()
	if err := p.cfg.Forms.Check(c.Request.PostForm.Get("csrf"), string(who.Session), step); err != nil {
		return err
	}
	switch do := c.Request.PostForm.Get("do"); {
	case do == "remove":
		return p.change(c, who, func(ctx context.Context) error { return p.cfg.Rows.SetPicture(ctx, who.User, "", nil) })
	case do != "use" || len(form.File["picture"]) != 1:
		return refused(picture.ErrNoPicture)
	}
	small, err := square(c.Request.Context(), form.File["picture"][0])
	if err != nil {
		return refused(err)
	}
	return p.change(c, who, func(ctx context.Context) error {
		return p.cfg.Rows.SetPicture(ctx, who.User, secret.Random().Reveal(), small)
	})
}

// square makes the picture that is stored of a file.
func square(ctx context.Context, file *multipart.FileHeader) ([]byte, error) {
	f, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("open an upload: %w", err)
	}
	defer f.Close()
	return picture.Square(ctx, f, picture.Photo)
}

// refused says why a picture was not taken.
func refused(err error) error {
	switch {
	case errors.Is(err, picture.ErrTooLong):
		return fault.Wrap(fault.Invalid, err, "This picture has more than 8 MB. Nothing was changed. Go back and choose a smaller one.")
	case errors.Is(err, picture.ErrTooLarge):
		return fault.Wrap(fault.Invalid, err, "This picture has too many pixels. Nothing was changed. Go back and choose a smaller one.")
	case errors.Is(err, picture.ErrNoPicture):
		return fault.Wrap(fault.Invalid, err, "This is no picture in PNG, JPEG, GIF or WebP. Nothing was changed. Go back and choose another one.")
	case errors.Is(err, picture.ErrBroken):
		return fault.Wrap(fault.Invalid, err, "This picture is broken. Nothing was changed. Go back and choose another one.")
	}
	return err
}

// change makes a change with its record, and goes back to the page.
func (p *Profile) change(c *gin.Context, who identity.Person, do func(ctx context.Context) error) error {
	err := p.cfg.Tx(c.Request.Context(), func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		return p.cfg.Audit.InTx(ctx, audit.Event{Kind: audit.ProfileChanged, User: who.User, Outcome: audit.Done})
	})
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, Path)
	return nil
}

// Picture is GET /pictures/:picture.
func (p *Profile) Picture(c *gin.Context) error {
	png, found, err := p.cfg.Rows.Picture(c.Request.Context(), c.Param("picture"))
	if err != nil {
		return fmt.Errorf("load a picture: %w", err)
	}
	if !found {
		return fault.New(fault.NotFound, "There is no such picture. Whoever showed it removed it.")
	}
	// For an hour: then a picture that was removed is gone everywhere. Apps show it on
	// pages of theirs.
	c.Header("Cache-Control", "private, max-age=3600")
	c.Header("Cross-Origin-Resource-Policy", "cross-origin")
	c.Data(http.StatusOK, "image/png", png)
	return nil
}
