package web

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

const notesKey = "web.notes"

// Note adds something learned on the way to the request's one log line. Values
// must not be secret.
func Note(c *gin.Context, attrs ...slog.Attr) {
	have, _ := c.Get(notesKey)
	notes, _ := have.([]slog.Attr)
	c.Set(notesKey, append(notes, attrs...))
}

// Logged writes one line a request, at its end. It logs the route's pattern and
// never the path, the query or a header: those can carry codes and names.
func Logged(log *slog.Logger, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		id := uuid.Must(uuid.NewV7()).String()
		c.Writer.Header().Set("X-Request-Id", id)
		defer logged(c, log, id, func() time.Duration { return now().Sub(start) }) // also of an answer that was cut off
		c.Next()
	}
}

func logged(c *gin.Context, log *slog.Logger, id string, took func() time.Duration) {
	status := c.Writer.Status()
	level := slog.LevelInfo
	switch {
	case status >= 500:
		level = slog.LevelError
	case c.FullPath() == "/healthz", c.FullPath() == "/readyz":
		level = slog.LevelDebug
	}
	if !log.Enabled(c.Request.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.Request.Method),
		slog.String("route", c.FullPath()),
		slog.Int("status", status),
		slog.Duration("took", took()),
		slog.String("request", id),
	}
	if have, ok := c.Get(notesKey); ok {
		notes, _ := have.([]slog.Attr)
		attrs = append(attrs, notes...)
	}
	log.LogAttrs(c.Request.Context(), level, "request", attrs...)
}
