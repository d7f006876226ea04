// Package bare reads and writes the history's tables with the ClickHouse driver and nothing around it: columnar batches, no
// row of ours, no repetition recognised. Benchmarks measure the history against it; nothing else calls it.
package bare

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Database is where Copies makes its tables.
const Database = "bare"

// Conn is a bare connection.
type Conn struct{ conn clickhouse.Conn }

// Open connects with the compression that the history uses.
func Open(dsn string, timeout time.Duration) (*Conn, error) {
	login, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the address: %w", err)
	}
	login.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	login.ReadTimeout = timeout
	conn, err := clickhouse.Open(login)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &Conn{conn}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Copies makes an empty copy of each table in Database.
func (c *Conn) Copies(ctx context.Context, tables ...string) error {
	if err := c.conn.Exec(ctx, "CREATE DATABASE "+Database); err != nil {
		return fmt.Errorf("make the bare tables: %w", err)
	}
	for _, t := range tables {
		if err := c.conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s.%s AS %s", Database, t, t)); err != nil {
			return fmt.Errorf("make the bare tables: %w", err)
		}
	}
	return nil
}

// Block is the rows of one table as columns, ready to be sent.
type Block struct {
	insert  string
	columns []any
	Rows    int
}

// Read takes the rows of a table whose column lies from an instant up to another.
func (c *Conn) Read(ctx context.Context, table, column string, from, to time.Time) (b Block, err error) {
	const layout = "2006-01-02 15:04:05"
	rows, err := c.conn.Query(ctx, fmt.Sprintf("SELECT * FROM %s WHERE %s >= {from:DateTime64(9, 'UTC')} AND %s < {to:DateTime64(9, 'UTC')}", table, column, column),
		clickhouse.Named("from", from.Format(layout)), clickhouse.Named("to", to.Format(layout)))
	if err != nil {
		return b, fmt.Errorf("read %s: %w", table, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	types := rows.ColumnTypes()
	columns, targets := make([]reflect.Value, len(types)), make([]any, len(types))
	for i, t := range types {
		columns[i] = reflect.MakeSlice(reflect.SliceOf(t.ScanType()), 0, 1000)
	}
	for rows.Next() {
		for i, t := range types {
			targets[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := rows.Scan(targets...); err != nil {
			return b, fmt.Errorf("read %s: %w", table, err)
		}
		for i := range targets {
			columns[i] = reflect.Append(columns[i], reflect.ValueOf(targets[i]).Elem())
		}
		b.Rows++
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.Name()
		b.columns = append(b.columns, columns[i].Interface())
	}
	b.insert = fmt.Sprintf("INSERT INTO %s.%s (%s)", Database, table, strings.Join(names, ", "))
	return b, rows.Err()
}

// Send writes a block into the copy of its table.
func (c *Conn) Send(ctx context.Context, b Block) (err error) {
	batch, err := c.conn.PrepareBatch(ctx, b.insert)
	if err != nil {
		return fmt.Errorf("%s: %w", b.insert, err)
	}
	defer func() { err = errors.Join(err, batch.Close()) }()
	for i, column := range b.columns {
		if err := batch.Column(i).Append(column); err != nil {
			return fmt.Errorf("%s, column %d: %w", b.insert, i, err)
		}
	}
	return batch.Send()
}
