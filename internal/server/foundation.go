// Package server puts the program together: keys, database, catalogue, the
// authorization server, the person's pages and the broker, in one process. It is
// the only package that knows them all, and the only one that imports store. It
// has no idea of its own: what is not wiring belongs elsewhere.
package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/migrations"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

// Foundation is what every command stands on: keys, database and catalogue.
type Foundation struct {
	Config  config.Config
	DB      *db.DB
	Store   *store.Store
	Key     seal.Key
	Vault   *vault.Vault
	Catalog *catalog.Catalog
	Now     func() time.Time
	// Watch is told how far refreshes at providers are; nil but for scripts/torture,
	// which ends the program there.
	Watch func(provider.Step)
}

// The files of the keys, in the key folder.
const (
	serverKeyFile = "server.key"
	vaultKeyFile  = "vault.json"
)

// embedded is read once a process, like the templates.
var embedded = sync.OnceValues(catalog.Default)

// catalogue is what comes with the program, and an operator's own providers.
func catalogue(cfg config.Config) (*catalog.Catalog, error) {
	if cfg.Providers == "" {
		return embedded()
	}
	words, err := catalog.With(os.DirFS(cfg.Providers))
	if err != nil {
		return nil, fmt.Errorf("providers %s: %w", cfg.Providers, err)
	}
	return words, nil
}

// Prepare opens the database, brings it to the newest schema, and opens the keys.
// On the first start it makes them. A database that was used with other keys is
// refused: its secrets would be unreadable, and everything new would be sealed
// with keys that the other replicas do not have.
func Prepare(ctx context.Context, cfg config.Config, now func() time.Time) (*Foundation, error) {
	words, err := catalogue(cfg)
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	if err := cfg.MakeDirs(); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Config{URL: cfg.DatabaseURL, Path: cfg.SQLitePath()})
	if err != nil {
		return nil, err
	}
	f := &Foundation{Config: cfg, DB: d, Store: &store.Store{DB: d, Now: now}, Catalog: words, Now: now}
	if err := f.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return f, nil
}

func (f *Foundation) open(ctx context.Context) error {
	if f.DB.SQLite() {
		// The database holds names and addresses; the driver makes it world-readable.
		if err := os.Chmod(f.Config.SQLitePath(), 0o600); err != nil {
			return fmt.Errorf("protect the database file: %w", err)
		}
	}
	if err := f.DB.Migrate(ctx, migrations.Files); err != nil {
		return err
	}
	known, err := f.Store.Meta(ctx, fingerprintName)
	if err != nil {
		return err
	}
	server, vaultPath := filepath.Join(f.Config.KeyDir(), serverKeyFile), filepath.Join(f.Config.KeyDir(), vaultKeyFile)
	if known == "" {
		if err := errors.Join(missingOnly(server, seal.Create), missingOnly(vaultPath, createVault)); err != nil {
			return err
		}
	}
	var keyErr, vaultErr error
	f.Key, keyErr = seal.OpenFile(server)
	f.Vault, vaultErr = vault.OpenFile(vaultPath)
	if err := errors.Join(keyErr, vaultErr); err != nil {
		return fmt.Errorf("open the keys: %w", err)
	}
	return f.belongs(ctx)
}

func createVault(path string) error {
	_, err := vault.Create(path)
	return err
}

// fingerprintName is the row of meta that says which keys a database is used
// with.
const fingerprintName = "keys"

// belongs checks that the keys are the ones this database was first used with.
func (f *Foundation) belongs(ctx context.Context) error {
	ours := hex.EncodeToString(f.Key.Derive("fingerprint")) + " " + f.Vault.Fingerprint()
	first, err := f.Store.FirstMeta(ctx, fingerprintName, ours)
	if err != nil {
		return err
	}
	if first != ours {
		return fmt.Errorf("the keys in %s are not those this database was first used with; copy the key folder from where it was, or restore it from your backup", f.Config.KeyDir())
	}
	return nil
}

func missingOnly(path string, create func(string) error) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Close closes the database.
func (f *Foundation) Close() error { return f.DB.Close() }

// sealer seals columns of one table, for packages that know no vault.
type sealer struct {
	vault *vault.Vault
	table string
}

func (s sealer) place(row, column string) vault.Place {
	return vault.Place{Table: s.table, Row: row, Column: column}
}

// Seal implements keys.Sealer and onetime.Sealer.
func (s sealer) Seal(row, column string, text secret.Text) ([]byte, error) {
	return s.vault.Seal(s.place(row, column), text)
}

// Open implements keys.Sealer and onetime.Sealer.
func (s sealer) Open(row, column string, sealed []byte) (secret.Text, error) {
	return s.vault.Open(s.place(row, column), sealed)
}
