//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/federation/history/historytest"
	"github.com/meridian-federation/meridian/planner/sources/probe/probetest"
)

// replica is one of two ClickHouse servers that hold the same tables by way of one ZooKeeper ensemble.
type replica struct {
	server *embedded.Server
	store  *history.Store
	conn   clickhouse.Conn
}

func startReplica(t *testing.T, dir, name, ensemble string) *replica {
	t.Helper()
	var r replica
	var err error
	r.server, err = embedded.Start(t.Context(), embedded.Options{Dir: dir, Library: historytest.Library(t), StartTimeout: time.Minute, Config: fmt.Sprintf(
		`<zookeeper>%s</zookeeper>
  <macros><shard>1</shard><replica>%s</replica></macros>
  <default_replica_path>/meridian/{database}/{table}/{shard}</default_replica_path>
  <default_replica_name>{replica}</default_replica_name>
  <interserver_http_host>127.0.0.1</interserver_http_host>
  <interserver_http_port>%d</interserver_http_port>`, ensemble, name, probetest.FreePort(t, "127.0.0.1"))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.server.Close() }) // A second close does nothing.
	if r.store, err = history.Open(t.Context(), history.Options{DSN: r.server.DSN(), Replicated: true, Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.store.Close() })
	login, err := clickhouse.ParseDSN(r.server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	if r.conn, err = clickhouse.Open(login); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.conn.Close() })
	return &r
}

// TestReplicas makes the replicated schema on two servers that share a real ZooKeeper: every CREATE runs, the second server finds
// the first's tables in the ensemble and joins them, having the same columns and engine arguments.
//
// The embedded engine goes no further. It has the replicated engines and the client of ZooKeeper, but it opens no listener between
// servers, as it says when it is asked to, and its replicated tables stay read-only. A newer engine that can do more makes this
// test fail, and it is to write, read and lose a server then.
func TestReplicas(t *testing.T) {
	zookeeper := probetest.StartEnsemble(t)
	var ensemble strings.Builder
	for _, name := range []string{"zk1", "zk2", "zk3"} {
		host, port, _ := strings.Cut(zookeeper.Address[name], ":")
		fmt.Fprintf(&ensemble, "<node><host>%s</host><port>%s</port></node>", host, port)
	}
	const creates = 9 // The last migration before the first that alters a table.
	root := t.TempDir()
	for i, name := range []string{"a", "b"} {
		r := startReplica(t, filepath.Join(root, name), name, ensemble.String())
		eventually(t, "the replicated tables are made", func() error { return r.store.Migrate(t.Context(), creates) })
		var tables, joined, readonly uint64
		if err := r.conn.QueryRow(t.Context(), `SELECT count(), countIf(total_replicas = {n:UInt8} AND replica_name = {name:String} AND startsWith(zookeeper_path, '/meridian/')), countIf(is_readonly)
			FROM system.replicas`, clickhouse.Named("n", uint8(i+1)), clickhouse.Named("name", name)).Scan(&tables, &joined, &readonly); err != nil {
			t.Fatal(err)
		}
		if tables != 9 || joined != tables {
			t.Errorf("server %s has %d replicated tables, in the ensemble are %d with %d replicas each", name, tables, joined, i+1)
		}
		if readonly != tables {
			t.Fatalf("%d of %d tables can be written: this engine lets servers reach each other", tables-readonly, tables)
		}
		err := r.conn.Exec(t.Context(), "SYSTEM START LISTEN INTERSERVER HTTP")
		if err == nil || !strings.Contains(err.Error(), "supports only TCP and HTTP listeners") {
			t.Errorf("a listener between servers: %v", err)
		}
		err = r.store.WriteInventories(t.Context(), []history.InventoryRow{historytest.Inventory("a", 0)})
		if !errors.Is(err, history.ErrUnavailable) {
			t.Errorf("a write to a table that is read-only: %v", err)
		}
	}
}
