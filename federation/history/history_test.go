package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/federation/history/historytest"
)

func TestMain(m *testing.M) {
	embedded.Main()
	goleak.VerifyTestMain(m)
}

// databases makes an empty database for each store on one server.
func databases(t *testing.T) (server *embedded.Server, newStore func(t testing.TB) *history.Store) {
	server = historytest.Server(t)
	var n atomic.Int32
	return server, func(t testing.TB) *history.Store {
		t.Helper()
		login := loginOf(t, server)
		name := fmt.Sprintf("db%d", n.Add(1))
		admin, err := clickhouse.Open(login)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(admin.Exec(t.Context(), "CREATE DATABASE "+name), admin.Close()); err != nil {
			t.Fatal(err)
		}
		return historytest.Open(t, history.Options{
			DSN: fmt.Sprintf("clickhouse://%s@%s/%s", login.Auth.Username, login.Addr[0], name), Password: login.Auth.Password,
		})
	}
}

func loginOf(t testing.TB, server *embedded.Server) *clickhouse.Options {
	t.Helper()
	login, err := clickhouse.ParseDSN(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	return login
}

func TestStore(t *testing.T) {
	_, newStore := databases(t)
	historytest.Run(t, newStore)
}

// A consumer writes while the server is killed again and again. It repeats what was not acknowledged, and afterwards
// every row is there once.
func TestServerKilledDuringWrites(t *testing.T) {
	sites := []string{"a", "b", "c", "d"}
	const hours = 30
	_, newStore := databases(t)
	reference := newStore(t)
	batches := historytest.Batches(sites, hours)
	for _, write := range batches {
		if err := write(t.Context(), reference); err != nil {
			t.Fatal(err)
		}
	}
	want := historytest.ReadAll(t, reference, hours, sites...)

	server := historytest.Server(t)
	store := historytest.Open(t, history.Options{DSN: server.DSN(), DialTimeout: time.Second, Timeout: 10 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const kills = 4
	failed := 0
	killed := make(chan error, 1)
	writing := make(chan int, len(batches))
	go func() {
		var err error
		done := 0
		for n := range writing { // The kill falls into the write that was just announced.
			if done < kills && n%7 == 1 {
				err = errors.Join(err, syscall.Kill(server.PID(), syscall.SIGKILL))
				done++
			}
		}
		killed <- err
	}()
	for i, write := range batches {
		writing <- i
		for {
			err := write(ctx, store)
			if err == nil {
				break
			}
			failed++
			if !errors.Is(err, history.ErrUnavailable) {
				t.Fatalf("not marked as unavailable: %v", err)
			}
			select {
			case <-ctx.Done():
				t.Fatal(err)
			case <-time.After(5 * time.Millisecond): // As a consumer would, which delivers again.
			}
		}
	}
	close(writing)
	if err := <-killed; err != nil {
		t.Error(err)
	}
	t.Logf("%d writes failed, %d restarts", failed, server.Restarts())
	if failed == 0 {
		t.Error("no write met a killed server, so nothing was tested")
	}
	got := historytest.ReadAll(t, store, hours, sites...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads differ (-want +got):\n%s", diff)
	}
}

func TestOpenFails(t *testing.T) {
	server := historytest.Server(t)
	wrong := loginOf(t, server)
	for _, c := range []struct {
		name string
		dsn  string
		want error
	}{
		{"not a DSN", "::", history.ErrInvalid},
		{"HTTP", "http://127.0.0.1:8123/x", history.ErrInvalid},
		{"nobody there", "clickhouse://127.0.0.1:1/x", history.ErrUnavailable},
		{"wrong password", "clickhouse://fed:secret-of-mine@" + wrong.Addr[0] + "/meridian", nil},
	} {
		store, err := history.Open(t.Context(), history.Options{DSN: c.dsn, DialTimeout: time.Second})
		if err == nil {
			_ = store.Close()
			t.Errorf("%s: no error", c.name)
			continue
		}
		if c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.want == nil && errors.Is(err, history.ErrUnavailable) {
			t.Errorf("%s looks as if it would pass by itself: %v", c.name, err)
		}
	}
}

// opened is a store whose schema is not made yet, and a connection to its server.
func opened(t *testing.T) (*history.Store, clickhouse.Conn) {
	t.Helper()
	server := historytest.Server(t)
	store, err := history.Open(t.Context(), history.Options{DSN: server.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	conn, err := clickhouse.Open(loginOf(t, server))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return store, conn
}

// Every table is filled as soon as its migration made it, and the later migrations keep the rows.
func TestMigrateFilledTables(t *testing.T) {
	store, conn := opened(t)
	ctx := t.Context()
	if err := store.Migrate(ctx, 1); err != nil {
		t.Fatal(err)
	}
	// An event that was written before waivers had changes of their own keeps its name.
	if err := store.Migrate(ctx, 4); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(ctx, `INSERT INTO finding_events (site, at, finding_id, change) SELECT 'a', toDateTime64('2026-01-01', 9, 'UTC') + number, 'f', if(number % 3 = 0, 'opened', if(number % 3 = 1, 'changed', 'closed')) FROM numbers(99)`); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(ctx, `INSERT INTO inventory_revisions (site, revision, sequence, observed_at, accepted_at, document)
		SELECT 'a', toString(number), number, toDateTime64('2026-01-01', 9, 'UTC') + number, toDateTime64('2026-01-01', 9, 'UTC') + number, '{}' FROM numbers(100)`); err != nil {
		t.Fatal(err)
	}
	for range 2 { // The second time there is nothing to do.
		if err := store.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, write := range historytest.Batches([]string{"b"}, 3) {
		if err := write(ctx, store); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := store.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	if err := store.InventoriesAsOf(ctx, time.Date(2026, 1, 1, 0, 0, 50, 0, time.UTC), nil, func(r history.InventoryRow) error {
		if found++; r.Revision != "50" {
			t.Errorf("as of then the site had revision %s, want 50", r.Revision)
		}
		return nil
	}); err != nil || found != 1 {
		t.Errorf("%d revisions are known as of an instant before the migration: %v", found, err)
	}
	if changed := historytest.Events(t, store, history.EventFilter{Sites: []string{"a"}, Changes: []history.Change{history.Changed}}); len(changed) != 33 {
		t.Errorf("%d of the 33 old events are told as changed", len(changed))
	}
	if counts.Revisions != 103 || counts.Assessments != 3 {
		t.Errorf("%+v", counts)
	}
}

// Rows of the schema before extracts and identities tell reports the same before and after they are filled.
func TestFillOlderRows(t *testing.T) {
	store, conn := opened(t)
	ctx := t.Context()
	if err := store.Migrate(ctx, 10); err != nil {
		t.Fatal(err)
	}
	// 1,200 sites with two revisions each, months apart, and one whose document is no JSON.
	const document = `concat('{"site":{"id":"', site, '","country":"DE","name":"', toString(number % 2), '"},"clusters":[]}')`
	for _, statement := range []string{
		`INSERT INTO inventory_revisions (site, revision, sequence, observed_at, accepted_at, document)
		SELECT concat('s', leftPad(toString(intDiv(number, 2)), 4, '0')) AS site, toString(number % 2), number, toDateTime64('2026-01-01', 9, 'UTC') + 5000000 * (number % 2) AS seen, seen + 1,
		if(site = 's0007', 'no JSON', ` + document + `) FROM numbers(2400)`,
		`INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision) SELECT site, accepted_at, sequence, observed_at, revision FROM inventory_revisions`,
		`INSERT INTO assessments (site, at, revision, sequence, pack_hash, document) SELECT site, accepted_at + 1, revision, sequence, 'p', concat('assessment of ', site, ' ', revision) FROM inventory_revisions`,
	} {
		if err := conn.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	read := func(sites ...string) (out []history.Reported) {
		t.Helper()
		if err := store.ReportedAsOf(ctx, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), sites, func(r history.Reported) error {
			out = append(out, r)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if err := store.ReportedAsOf(ctx, time.Now(), []string{"s0007"}, func(history.Reported) error { return nil }); err == nil {
		t.Error("a site whose inventory nobody can read is told without an error")
	}
	sites := make([]string, 0, 1199)
	for i := range 1200 {
		if i != 7 {
			sites = append(sites, fmt.Sprintf("s%04d", i))
		}
	}
	want := read(sites...)
	if len(want) != 1199 || want[0].Name != "1" || want[0].Country != "DE" || string(want[0].Document) != "assessment of s0000 1" {
		t.Fatalf("%d sites, the first %+v", len(want), want[0])
	}
	n, err := store.Fill(ctx, func(document []byte) (string, error) { return "extract: " + string(document), nil })
	if err != nil || n != 2400 {
		t.Errorf("filled %d: %v", n, err)
	}
	for i := range want {
		want[i].Extract, want[i].Document = "extract: "+string(want[i].Document), nil
	}
	// The documents are not needed any more.
	for _, statement := range []string{`ALTER TABLE inventory_revisions UPDATE document = '' WHERE 1`, `ALTER TABLE assessments UPDATE document = '' WHERE 1`} {
		if err := conn.Exec(ctx, statement+" SETTINGS mutations_sync = 1"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, read(sites...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n, err := store.Fill(ctx, func([]byte) (string, error) { return "again", nil }); err != nil || n != 0 {
		t.Errorf("filled %d once more: %v", n, err)
	}
}

func TestCancelledCall(t *testing.T) {
	_, newStore := databases(t)
	store := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := store.Revisions(ctx, "a", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := store.WriteInventories(ctx, []history.InventoryRow{historytest.Inventory("a", 1)}); err == nil {
		t.Error("a write with a cancelled context succeeds")
	}
	if err := store.WriteInventories(t.Context(), []history.InventoryRow{historytest.Inventory("a", 1)}); err != nil {
		t.Errorf("after a cancelled call: %v", err)
	}
}

// TestReplicatedSchemaParses has a real server read every statement of the replicated schema. Those that
// make tables two servers run in services/e2e.
func TestReplicatedSchemaParses(t *testing.T) {
	server := historytest.Server(t)
	conn, err := clickhouse.Open(loginOf(t, server))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	schema, err := os.ReadFile("testdata/schema-replicated.sql")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for statement := range strings.SplitSeq(string(schema), ";\n") {
		if !strings.Contains(statement, "CREATE") && !strings.Contains(statement, "ALTER") && !strings.Contains(statement, "INSERT") {
			continue
		}
		var formatted string
		if err := conn.QueryRow(t.Context(), "SELECT formatQuery({q:String})", clickhouse.Named("q", statement)).Scan(&formatted); err != nil {
			t.Errorf("%v:\n%s", err, statement)
		}
		if strings.Contains(statement, "CREATE") && !strings.Contains(formatted, "ENGINE = ReplicatedReplacingMergeTree") {
			t.Errorf("not replicated:\n%s", formatted)
		}
		if !strings.Contains(statement, "INSERT") && !strings.Contains(formatted, "ON CLUSTER") {
			t.Errorf("on one server only:\n%s", formatted)
		}
		read++
	}
	if read < 10 {
		t.Errorf("%d statements were read", read)
	}
}
