package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/server"
)

// drainTime is how long requests under way may take once the program is asked to
// end.
const drainTime = 25 * time.Second

func (p program) serve() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			collectLess()
			return serve(cmd.Context(), cfg, p.logger(cfg.LogLevel), nil)
		},
	}
}

// garbage is how much memory may wait to be collected, in percent of what is in use.
// The server keeps little (some 12 MB), so that Go's own 100 would collect twice a
// second at 500 calls, and the calls of those moments are the slow ones.
const garbage = 300

// collectLess sets that, unless the operator has set GOGC.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}

// serve runs the server until ctx ends, then lets requests under way finish.
// ready is called with the foundation once the address is open.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger, ready func(*server.Foundation) error) error {
	f, err := server.Prepare(ctx, cfg, time.Now)
	if err != nil {
		return err
	}
	s, err := server.New(ctx, f, log)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	err = listen(ctx, cfg, log, s, func() error {
		if ready == nil {
			return nil
		}
		return ready(f)
	})
	return errors.Join(err, s.Close(), f.Close())
}

func listen(ctx context.Context, cfg config.Config, log *slog.Logger, s *server.Server, ready func() error) error {
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; another program may be using it, choose one with --listen", cfg.Listen, err)
	}
	h := patient.server(s.Handler())
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	log.Info("listening", "address", l.Addr().String(), "url", cfg.ExternalURL.String())
	if err := ready(); err != nil {
		return errors.Join(err, h.Close())
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("draining")
	s.Draining()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := h.Shutdown(bounded); err != nil {
		return errors.Join(fmt.Errorf("drain: %w", err), h.Close())
	}
	log.Info("stopped")
	return nil
}

// patience is how long a client may take to send a head, to send all of a request,
// until all of its answer is with it, and between two requests.
type patience struct{ header, read, write, idle time.Duration }

// patient is what is shipped. Files that are passed on have a measure of their own.
var patient = patience{header: 5 * time.Second, read: 30 * time.Second, write: 90 * time.Second, idle: 2 * time.Minute}

// server bounds what a slow or greedy client can hold on to.
func (p patience) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: p.header, ReadTimeout: p.read, WriteTimeout: p.write,
		IdleTimeout: p.idle, MaxHeaderBytes: 64 << 10,
	}
}
