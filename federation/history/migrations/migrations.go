// Package migrations holds the schema of the history as numbered SQL files. A file never changes once released: a change
// is a new file. Every statement is idempotent, because ClickHouse has no transactions and a file that failed half way
// is run again. history.Migrate applies them.
//
// The files are text templates with two functions: engine "Family" "arguments" gives the table engine, replicated or
// not as configured, and cluster gives the ON CLUSTER clause or nothing.
package migrations

import "embed"

// Files are the migrations, NNNN_<name>.sql.
//
//go:embed *.sql
var Files embed.FS
