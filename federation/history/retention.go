package history

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// leastRetention keeps what is in force and what was before it for the time that a person needs to see a mistake in the
// configuration.
const leastRetention = 24 * time.Hour

// Retention says how long each kind of row is kept, counted from the row's own instant; zero keeps it for ever. A row goes with
// its age, also when it is the last of its site: a site that has said nothing for so long is not known in reads of the past,
// which the present, fed from the streams, does not notice. ClickHouse drops rows when it merges parts, which may be hours later.
type Retention struct {
	Inventories     time.Duration // revisions and their acceptances
	Facts           time.Duration
	Assessments     time.Duration
	Changes         time.Duration // of findings
	Recommendations time.Duration
	Probes          time.Duration
	Rejections      time.Duration
	Audit           time.Duration
}

type kept struct {
	name, table, column string
	time.Duration
}

func (r *Retention) tables() [9]kept {
	return [9]kept{
		{"inventories", "inventory_revisions", "accepted_at", r.Inventories},
		{"inventories", "acceptances", "accepted_at", r.Inventories},
		{"facts", "facts", "observed_at", r.Facts},
		{"assessments", "assessments", "at", r.Assessments},
		{"changes", "finding_events", "at", r.Changes},
		{"recommendations", "recommendations", "at", r.Recommendations},
		{"probes", "probe_samples", "measured_at", r.Probes},
		{"rejections", "rejections", "at", r.Rejections},
		{"audit", "audit_entries", "at", r.Audit},
	}
}

// Check refuses spans that would drop what was hardly written.
func (r *Retention) Check() error {
	var problems []error
	for _, t := range r.tables() {
		if t.Duration != 0 && t.Duration < leastRetention {
			problems = append(problems, fmt.Errorf("%w: retention of %s is %s; keep at least %s, or leave it out to keep them for ever", ErrInvalid, t.name, t.Duration, leastRetention))
		}
	}
	return errors.Join(problems...)
}

// clause is the TTL as the server is told it. Instants that DateTime does not hold would wrap into the past.
func (t *kept) clause() string {
	return fmt.Sprintf("toDateTime(least(%s, toDateTime64('2100-01-01 00:00:00', 9, 'UTC'))) + toIntervalSecond(%d)", t.column, int64(t.Seconds()))
}

// alteration is the statement that brings a table from the given age in seconds to the wanted one, 0 standing for ever. It is
// empty when there is nothing to do.
func (t *kept) alteration(seconds int64, cluster string) string {
	switch want := int64(t.Seconds()); want {
	case seconds:
		return ""
	case 0:
		return fmt.Sprintf("ALTER TABLE %s%s REMOVE TTL", t.table, onCluster(cluster))
	default:
		return fmt.Sprintf("ALTER TABLE %s%s MODIFY TTL %s", t.table, onCluster(cluster), t.clause())
	}
}

const selectEngine = `SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}`

// Retain applies the retention of the options to the tables as they are. Migrate does it, too.
func (s *Store) Retain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	age := regexp.MustCompile(`toIntervalSecond\((\d+)\)`)
	for _, t := range s.options.Retention.tables() {
		var engine string
		if err := s.conn.QueryRow(ctx, selectEngine, clickhouse.Named("table", t.table)).Scan(&engine); err != nil {
			return wrap("read the retention of "+t.table, err)
		}
		var seconds int64
		if found := age.FindStringSubmatch(engine); found != nil {
			seconds, _ = strconv.ParseInt(found[1], 10, 64) // Digits; what is out of range is altered.
		}
		statement := t.alteration(seconds, s.options.Cluster)
		if statement == "" {
			continue
		}
		if err := s.conn.Exec(ctx, statement); err != nil {
			return wrap("set the retention of "+t.table, err)
		}
		s.logger.Info("retention set", "table", t.table, "was", time.Duration(seconds)*time.Second, "is", t.Duration)
	}
	return nil
}
