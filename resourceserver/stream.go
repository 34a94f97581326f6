package resourceserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// stream sends a file as it comes. One that breaks off must not look whole: the
// connection is cut instead of ended (RFC 9112 section 8).
func stream(c *gin.Context, a broker.Answer) {
	h := c.Writer.Header()
	for name, values := range a.Header {
		h[name] = values
	}
	c.Status(a.Status)
	conn := http.NewResponseController(c.Writer)
	// When the time for reading the request is over, net/http takes the app for gone.
	err := conn.SetReadDeadline(time.Time{})
	content := sink{c.Writer, conn}
	if err = errors.Join(err, a.Content.Send(c.Request.Context(), content)); err != nil {
		web.Note(c, slog.String("error", fmt.Sprintf("send a file: %v", err)))
		panic(http.ErrAbortHandler)
	}
	c.Writer.WriteHeaderNow() // of a file with nothing in it
}

// sink is the app's connection. The server bounds how long an answer may take; a
// file is bounded by its own pace instead.
type sink struct {
	gin.ResponseWriter
	conn *http.ResponseController
}

// Within implements broker.Sink.
func (s sink) Within(d time.Duration) error { return s.conn.SetWriteDeadline(time.Now().Add(d)) }
