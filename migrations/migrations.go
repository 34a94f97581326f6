// Package migrations holds the schema, one folder a database with the same file
// names. It owns SQL files and nothing else; package db runs them.
package migrations

import "embed"

// Files holds sqlite/*.sql and postgres/*.sql.
//
//go:embed sqlite/*.sql postgres/*.sql
var Files embed.FS
