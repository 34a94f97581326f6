package authserver

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/web"
)

// Logos has the pictures of apps that an operator answers for.
type Logos interface {
	// Logo is the PNG with that SHA-256, in hex; false when there is none.
	Logo(ctx context.Context, digest string) (png []byte, found bool, err error)
}

// logo serves a picture under its digest, so that browsers may keep it for ever. It
// was drawn here, pixel by pixel; the headers are the second fence: opened on its
// own it is a file, and runs nothing.
func logo(logos Logos) web.Handler {
	return func(c *gin.Context) error {
		digest, is := strings.CutSuffix(c.Param("logo"), ".png")
		if raw, err := hex.DecodeString(digest); !is || err != nil || len(raw) != 32 {
			c.AbortWithStatus(http.StatusNotFound)
			return nil
		}
		png, found, err := logos.Logo(c.Request.Context(), digest)
		switch {
		case err != nil:
			return err
		case !found:
			c.AbortWithStatus(http.StatusNotFound)
			return nil
		}
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
		c.Header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		c.Header("Content-Disposition", `attachment; filename="logo.png"`)
		c.Data(http.StatusOK, "image/png", png)
		return nil
	}
}
