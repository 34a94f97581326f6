package resourceserver

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/events"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Events takes what providers tell us. Package events implements it.
type Events interface {
	Receive(ctx context.Context, id provider.RegistrationID, header http.Header, body io.Reader) (events.Answer, error)
}

// hear is POST /webhooks/{provider}. Only the signature counts: no token, no cookie.
func hear(take Events) gin.HandlerFunc {
	return func(c *gin.Context) {
		answer, err := take.Receive(c.Request.Context(), provider.RegistrationID(c.Param("provider")), c.Request.Header, c.Request.Body)
		if err != nil {
			web.Note(c, slog.String("error", err.Error()))
			answer = events.Answer{Status: http.StatusInternalServerError, Text: "This could not be taken. Send it again.\n"}
		}
		if answer.Status == http.StatusUnauthorized {
			c.Header("WWW-Authenticate", `Signature realm="`+realm+`"`) // RFC 9110 section 15.5.2
		}
		c.String(answer.Status, "%s", answer.Text)
	}
}
