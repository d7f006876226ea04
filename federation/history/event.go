package history

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Change says what happened to a finding.
type Change string

// Changes of a finding: it began to fail or be unknown; its verdict or severity became another, or one waiver took the
// place of another; it passed or does not apply any more; a waiver came into force; it has one no longer. A waiver that
// comes or goes together with another verdict is told as such; the event shows both.
const (
	Opened   Change = "opened"
	Changed  Change = "changed"
	Closed   Change = "closed"
	Waived   Change = "waived"
	Unwaived Change = "unwaived"
)

// FindingEvent is one change of a finding. A closed event shows the finding as it was before.
type FindingEvent struct {
	Site     string
	At       time.Time // of the assessment that showed the change
	Change   Change
	Finding  Finding
	Revision string // of the inventory that was judged
	PackHash string
}

type eventKey struct {
	assessmentKey
	finding string
}

func (e *FindingEvent) key() eventKey {
	return eventKey{assessmentKey{e.Site, e.At.UnixNano(), e.Revision, e.PackHash}, e.Finding.ID}
}

func (e *FindingEvent) equal(o *FindingEvent) bool {
	a, b := e.Finding, o.Finding
	times := instantEqual(a.FirstSeen, b.FirstSeen) && instantEqual(a.FailingSince, b.FailingSince)
	a.FirstSeen, a.FailingSince, b.FirstSeen, b.FailingSince = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return times && e.key() == o.key() && e.Change == o.Change && a == b
}

// instantEqual compares as the columns would hold the times.
func instantEqual(a, b time.Time) bool { return value(optional(a)).Equal(value(optional(b))) }

// EventFilter selects finding events. An empty field selects all.
type EventFilter struct {
	Sites, Rules, Severities []string
	Clusters                 []string // site/cluster
	Changes                  []Change
	From, To                 time.Time // From inclusive, To exclusive
	Limit                    int       // of a page; 0 means 100, at most 1000
	After                    string    // EventPage.Next of the page before
}

// EventPage is one page of finding events, newest first.
type EventPage struct {
	Events []FindingEvent
	Next   string // cursor of the next page, empty on the last
	Total  uint64 // of all pages
}

const (
	insertEvents = `INSERT INTO finding_events (site, at, finding_id, change, rule, verdict, severity, cluster, infrastructure, node, message,
    first_seen, failing_since, waiver, revision, pack_hash, written, withdrawn)`

	eventColumns = `site, at, finding_id, CAST(change, 'String'), rule, verdict, severity, cluster, infrastructure, node, message,
    first_seen, failing_since, waiver, revision, pack_hash`

	selectEventsOf = `SELECT ` + eventColumns + `
FROM finding_events FINAL
WHERE site IN {sites:Array(String)} AND (site, toUnixTimestamp64Nano(at)) IN arrayZip({sites:Array(String)}, {instants:Array(Int64)})
    AND at >= fromUnixTimestamp64Nano({low:Int64}, 'UTC') AND at <= fromUnixTimestamp64Nano({high:Int64}, 'UTC')`

	selectEvents = `SELECT ` + eventColumns + `
FROM finding_events FINAL
WHERE %s
ORDER BY at DESC, site, finding_id, revision, pack_hash
LIMIT {limit:UInt64}`

	selectEventsBetween = `SELECT ` + eventColumns + `
FROM finding_events FINAL
WHERE %s
ORDER BY at DESC, site, finding_id, revision, pack_hash`

	countEvents = `SELECT count() FROM finding_events FINAL WHERE %s`

	afterCursor = `(at < fromUnixTimestamp64Nano({c_at:Int64}, 'UTC') OR at = fromUnixTimestamp64Nano({c_at:Int64}, 'UTC')
    AND (site, finding_id, revision, pack_hash) > ({c_site:String}, {c_finding:String}, {c_revision:String}, {c_pack:String}))`
)

// FindingEvents returns one page of events. A cursor that is not one gives ErrInvalid.
func (s *Store) FindingEvents(ctx context.Context, filter EventFilter) (EventPage, error) {
	limit := filter.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	conditions, arguments := filter.conditions()
	var page EventPage
	count, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	if err := s.conn.QueryRow(count, fmt.Sprintf(countEvents, conditions), arguments...).Scan(&page.Total); err != nil {
		return EventPage{}, wrap("count finding events", err)
	}
	if filter.After != "" {
		cursor, err := readCursor(filter.After)
		if err != nil {
			return EventPage{}, wrap("read finding events", err)
		}
		conditions += "\n    AND " + afterCursor
		arguments = append(arguments, cursor.arguments()...)
	}
	arguments = append(arguments, clickhouse.Named("limit", uint64(limit)+1))
	events, err := s.readEvents(ctx, fmt.Sprintf(selectEvents, conditions), arguments)
	if err != nil {
		return EventPage{}, wrap("read finding events", err)
	}
	if len(events) > limit {
		events = events[:limit]
		page.Next = cursorOf(&events[limit-1]).String()
	}
	page.Events = events
	return page, nil
}

// EachEvent calls each with every event that the filter selects, newest first, whatever its Limit and After say. It stops at
// the first error of each and returns it.
func (s *Store) EachEvent(ctx context.Context, filter EventFilter, each func(FindingEvent) error) error {
	conditions, arguments := filter.conditions()
	return wrap("read finding events", s.eachEvent(ctx, fmt.Sprintf(selectEventsBetween, conditions), arguments, each))
}

// conditions renders the filter as SQL; its values travel as query parameters.
func (f *EventFilter) conditions() (string, []any) {
	conditions := []string{"1"}
	var arguments []any
	list := func(expression, name string, values []string) {
		if len(values) > 0 {
			conditions = append(conditions, fmt.Sprintf("%s IN {%s:Array(String)}", expression, name))
			arguments = append(arguments, clickhouse.Named(name, values))
		}
	}
	list("site", "sites", f.Sites)
	list("rule", "rules", f.Rules)
	list("severity", "severities", f.Severities)
	list("concat(site, '/', cluster)", "clusters", f.Clusters)
	var changes []string
	for _, c := range f.Changes {
		changes = append(changes, string(c))
	}
	list("CAST(change, 'String')", "changes", changes)
	if !f.From.IsZero() {
		conditions = append(conditions, "at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')")
		arguments = append(arguments, nanos("from", f.From))
	}
	if !f.To.IsZero() {
		conditions = append(conditions, "at < fromUnixTimestamp64Nano({to:Int64}, 'UTC')")
		arguments = append(arguments, nanos("to", f.To))
	}
	return strings.Join(conditions, "\n    AND "), arguments
}

// eventCursor names the last event of a page.
type eventCursor struct {
	At       int64  `json:"t"`
	Site     string `json:"s"`
	Finding  string `json:"f"`
	Revision string `json:"r"`
	Pack     string `json:"p"`
}

func cursorOf(e *FindingEvent) eventCursor {
	return eventCursor{e.At.UnixNano(), e.Site, e.Finding.ID, e.Revision, e.PackHash}
}

func (c eventCursor) String() string {
	text, _ := json.Marshal(c) // Strings and a number cannot fail.
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(text string) (eventCursor, error) {
	var c eventCursor
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return c, fmt.Errorf("%w: the cursor is not one that an earlier page gave", ErrInvalid)
	}
	return c, nil
}

func (c eventCursor) arguments() []any {
	return []any{
		clickhouse.Named("c_at", c.At), clickhouse.Named("c_site", c.Site), clickhouse.Named("c_finding", c.Finding),
		clickhouse.Named("c_revision", c.Revision), clickhouse.Named("c_pack", c.Pack),
	}
}

// eventsOf reads the stored events of the given assessments.
func (s *Store) eventsOf(ctx context.Context, keys []assessmentKey) ([]FindingEvent, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	asked := make(map[assessmentKey]bool, len(keys))
	sites, instants := make([]string, len(keys)), make([]int64, len(keys))
	low, high := keys[0].at, keys[0].at
	for i, k := range keys {
		asked[k] = true
		sites[i], instants[i] = k.site, k.at
		low, high = min(low, k.at), max(high, k.at)
	}
	events, err := s.readEvents(ctx, selectEventsOf, []any{
		clickhouse.Named("sites", sites), clickhouse.Named("instants", instants),
		clickhouse.Named("low", low), clickhouse.Named("high", high),
	})
	var out []FindingEvent
	for i := range events {
		if asked[events[i].key().assessmentKey] {
			out = append(out, events[i])
		}
	}
	return out, err
}

func (s *Store) readEvents(ctx context.Context, query string, arguments []any) ([]FindingEvent, error) {
	var out []FindingEvent
	err := s.eachEvent(ctx, query, arguments, func(e FindingEvent) error { out = append(out, e); return nil })
	return out, err
}

func (s *Store) eachEvent(ctx context.Context, query string, arguments []any, each func(FindingEvent) error) error {
	return s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var e FindingEvent
		var change string
		var firstSeen, failingSince *time.Time
		f := &e.Finding
		err := scan(&e.Site, &e.At, &f.ID, &change, &f.Rule, &f.Verdict, &f.Severity, &f.Cluster, &f.Infrastructure, &f.Node, &f.Message,
			&firstSeen, &failingSince, &f.Waiver, &e.Revision, &e.PackHash)
		if err != nil {
			return err
		}
		e.Change = Change(change)
		f.FirstSeen, f.FailingSince = value(firstSeen), value(failingSince)
		return each(e)
	})
}

func (s *Store) insertEvents(ctx context.Context, write, withdraw []FindingEvent, version uint64) error {
	n := len(write) + len(withdraw)
	if n == 0 {
		return nil
	}
	texts := make([][]string, 12)
	for i := range texts {
		texts[i] = make([]string, 0, n)
	}
	at, firstSeen, failingSince := make([]time.Time, 0, n), make([]*time.Time, 0, n), make([]*time.Time, 0, n)
	written, withdrawn := make([]uint64, 0, n), make([]uint8, 0, n)
	add := func(e *FindingEvent, gone uint8) {
		f := &e.Finding
		for i, text := range []string{
			e.Site, f.ID, string(e.Change), f.Rule, f.Verdict, f.Severity, f.Cluster, f.Infrastructure, f.Node, f.Message, f.Waiver, e.Revision,
		} {
			texts[i] = append(texts[i], text)
		}
		at = append(at, instant(e.At))
		firstSeen, failingSince = append(firstSeen, optional(f.FirstSeen)), append(failingSince, optional(f.FailingSince))
		written, withdrawn = append(written, version), append(withdrawn, gone)
	}
	pack := make([]string, 0, n)
	for i := range write {
		add(&write[i], 0)
		pack = append(pack, write[i].PackHash)
	}
	for i := range withdraw {
		add(&withdraw[i], 1)
		pack = append(pack, withdraw[i].PackHash)
	}
	return s.insert(ctx, insertEvents, []any{
		texts[0], at, texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8], texts[9],
		firstSeen, failingSince, texts[10], texts[11], pack, written, withdrawn,
	})
}
