// Package store keeps our rows; one short file a table. It owns how a row is
// read and written, in SQL that both databases understand, and which writes
// belong into one transaction.
//
// It decides nothing about who may do what, and nobody but the assembly imports
// it: each consumer declares the few methods it needs.
package store

import (
	"time"

	"github.com/deputy-oauth/deputy/internal/db"
)

// Store reads and writes our rows. It is safe for concurrent use.
type Store struct {
	DB  *db.DB
	Now func() time.Time
}
