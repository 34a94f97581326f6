package server

import (
	"context"
	"errors"
	"log/slog"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/outward"
	"github.com/deputy-oauth/deputy/internal/store"
)

// ApproveApp says that the operator has looked at an app that nobody registered
// by hand, and returns it as it was approved. What a document says is fetched for
// it.
func (f *Foundation) ApproveApp(ctx context.Context, id consent.AppID) (clients.Client, error) {
	c, err := f.sources(f.documents()).Client(ctx, id)
	switch {
	case errors.Is(err, clients.ErrUnknown):
		return c, fault.Wrap(fault.NotFound, err, "There is no app %s, or its document cannot be read.", id)
	case err != nil:
		return c, err
	case c.ByOperator():
		return c, fault.New(fault.Conflict, "An operator registered this app by hand. It needs no approval.")
	}
	return c, f.recording(func(records *audit.Recorder) error { return f.Store.Approve(ctx, c, records) })
}

// UnapproveApp takes that back. Where the app's document cannot be read any more, the
// app is as it was last seen.
func (f *Foundation) UnapproveApp(ctx context.Context, id consent.AppID) error {
	c, err := f.sources(f.documents()).Stranger(ctx, id)
	if errors.Is(err, clients.ErrUnknown) || errors.Is(err, clients.ErrUnreachable) {
		if c, err = f.Store.LastSeen(ctx, id); err == nil {
			c, err = clients.AsStranger(ctx, f.names(), c)
		}
	}
	switch {
	case errors.Is(err, clients.ErrUnknown):
		return fault.Wrap(fault.NotFound, err, "There is no app %s.", id)
	case err != nil:
		return err
	}
	return f.recording(func(records *audit.Recorder) error { return f.Store.Unapprove(ctx, c, records) })
}

// mostListed bounds the list of apps of one origin.
const mostListed = 500

// Apps lists the apps that nobody registered by hand, then those of operators.
func (f *Foundation) Apps(ctx context.Context) ([]store.Listed, error) {
	var out []store.Listed
	for _, origin := range []clients.Origin{clients.Dynamic, clients.Document, clients.Operator} {
		some, err := f.Store.ListApps(ctx, origin, mostListed)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// sources finds clients: rows, and documents at their own addresses.
func (f *Foundation) sources(documents *clients.Documents) clients.Sources {
	return clients.Sources{Registered: f.Store, Documents: documents, Names: f.names()}
}

func (f *Foundation) documents() *clients.Documents {
	return clients.NewDocuments(clients.DocumentsConfig{
		Fetch: outward.NewFetcher(f.Config.AllowLoopback), Known: f.Store, Counters: counters{f.Store}, Now: f.Now, AllowLoopback: f.Config.AllowLoopback,
	})
}

// recording runs an operator's work with a recorder of its own: the command may
// run beside the server or without it.
func (f *Foundation) recording(work func(*audit.Recorder) error) error {
	cfg := audit.Config{DB: f.DB, Now: f.Now, Log: slog.New(slog.DiscardHandler)}
	letters, err := f.letters(cfg.Log)
	if err != nil {
		return err
	}
	if letters != nil {
		cfg.Also = letters.tell // the server sends it
	}
	records := audit.New(cfg)
	return errors.Join(work(records), records.Close())
}
