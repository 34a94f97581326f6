package db

import (
	"errors"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	moderncsqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// liteDialect is gorm's SQLite dialect over the pure Go driver, whose errors the
// original does not recognise.
type liteDialect struct{ *sqlite.Dialector }

func dialect(conn gorm.ConnPool) gorm.Dialector {
	d, ok := sqlite.New(sqlite.Config{Conn: conn}).(*sqlite.Dialector)
	if !ok {
		panic("gorm's sqlite.New no longer returns a *sqlite.Dialector")
	}
	return liteDialect{d}
}

// Translate implements gorm.ErrorTranslator.
func (liteDialect) Translate(err error) error {
	var e *moderncsqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return gorm.ErrDuplicatedKey
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return gorm.ErrForeignKeyViolated
	}
	return err
}
