package db

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate brings the database to the newest schema. files holds the folders
// sqlite/ and postgres/. Several replicas may call it at once.
func (d *DB) Migrate(ctx context.Context, files fs.FS) error {
	p, err := d.migrations(files)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

func (d *DB) migrations(files fs.FS) (*goose.Provider, error) {
	dialect, folder := goose.DialectPostgres, "postgres"
	var options []goose.ProviderOption
	if d.lite {
		dialect, folder = goose.DialectSQLite3, "sqlite"
	} else {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("prepare the migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	sub, err := fs.Sub(files, folder)
	if err != nil {
		return nil, err
	}
	pool, err := d.write.DB()
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(dialect, pool, sub, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}
