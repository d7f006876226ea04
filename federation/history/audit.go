package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// AuditEntry is one write that somebody made.
type AuditEntry struct {
	ID        string    `ch:"id"` // the same when the entry is written again
	At        time.Time `ch:"at"`
	Actor     string    `ch:"actor"`
	Action    string    `ch:"action"` // for example waiver.approve
	Object    string    `ch:"object"` // what it was done to
	Reason    string    `ch:"reason"`
	Before    string    `ch:"before"` // JSON text, empty when there was nothing
	After     string    `ch:"after"`  // JSON text, empty when there is nothing any more
	RequestID string    `ch:"request_id"`
}

// AuditFilter selects audit entries. An empty field selects all.
type AuditFilter struct {
	Actors, Actions, Objects []string
	From, To                 time.Time   // From inclusive, To exclusive
	Limit                    int         // 0 means 100
	Before                   *AuditEntry // the last entry of the page before
}

const (
	insertAudit = `INSERT INTO audit_entries (id, at, actor, action, object, reason, before, after, request_id)`

	selectAudit = `SELECT id, at, actor, action, object, reason, before, after, request_id
FROM audit_entries FINAL
WHERE %s
ORDER BY at DESC, id DESC
LIMIT {limit:UInt64}`

	countAudit = `SELECT count() FROM audit_entries FINAL WHERE %s`

	beforeEntry = `(at, id) < (fromUnixTimestamp64Nano({b_at:Int64}, 'UTC'), {b_id:String})`
)

// WriteAudit stores audit entries. It may be repeated with the same entries.
func (s *Store) WriteAudit(ctx context.Context, entries []AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	texts := make([][]string, 8)
	at := make([]time.Time, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		at = append(at, instant(e.At))
		for k, text := range []string{e.ID, e.Actor, e.Action, e.Object, e.Reason, e.Before, e.After, e.RequestID} {
			texts[k] = append(texts[k], text)
		}
	}
	return wrap("write audit entries", s.insert(ctx, insertAudit,
		[]any{texts[0], at, texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7]}))
}

// Audit returns the newest entries that the filter selects, newest first, and how many there are on all pages.
func (s *Store) Audit(ctx context.Context, f AuditFilter) (entries []AuditEntry, total uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	conditions, arguments := []string{"1"}, []any(nil)
	for _, list := range []struct {
		name   string
		values []string
	}{{"actor", f.Actors}, {"action", f.Actions}, {"object", f.Objects}} {
		if len(list.values) > 0 {
			conditions = append(conditions, fmt.Sprintf("%s IN {%s:Array(String)}", list.name, list.name))
			arguments = append(arguments, clickhouse.Named(list.name, list.values))
		}
	}
	if !f.From.IsZero() {
		conditions = append(conditions, "at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')")
		arguments = append(arguments, nanos("from", f.From))
	}
	if !f.To.IsZero() {
		conditions = append(conditions, "at < fromUnixTimestamp64Nano({to:Int64}, 'UTC')")
		arguments = append(arguments, nanos("to", f.To))
	}
	if err := s.conn.QueryRow(ctx, fmt.Sprintf(countAudit, strings.Join(conditions, " AND ")), arguments...).Scan(&total); err != nil {
		return nil, 0, wrap("count audit entries", err)
	}
	if f.Before != nil {
		conditions = append(conditions, beforeEntry)
		arguments = append(arguments, nanos("b_at", f.Before.At), clickhouse.Named("b_id", f.Before.ID))
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	err = s.conn.Select(ctx, &entries, fmt.Sprintf(selectAudit, strings.Join(conditions, " AND ")), append(arguments, clickhouse.Named("limit", uint64(limit)))...)
	return entries, total, wrap("read audit entries", err)
}
