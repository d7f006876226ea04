package faults

import (
	"fmt"
	"testing"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
)

func plants(t *testing.T, n int, o func(site string) bus.Options) []*plant {
	t.Helper()
	out := make([]*plant, n)
	for i := range out {
		site := fmt.Sprintf("plant-%d", i)
		out[i] = newPlant(t, site, o(site))
	}
	return out
}

func observe(t *testing.T, all []*plant, states int) {
	t.Helper()
	for range states {
		for _, p := range all {
			p.observe(t, 1)
		}
	}
}

func applied(t *testing.T, all []*plant) {
	t.Helper()
	for _, p := range all {
		p.applied(t)
	}
}

// TestHubKilledMidBatch kills the hub's process while it applies, judges and writes history, three times.
func TestHubKilledMidBatch(t *testing.T) {
	t.Parallel()
	server, db := bustest.Start(t), database(t)
	s := settings{URL: server.URL(), Credentials: server.CredentialsFile(), DSN: db.DSN(), Listen: "127.0.0.1:0"}
	kill := hubProcess(t, s)
	all := plants(t, 3, func(site string) bus.Options { return server.SiteOptions(t, site) })
	applied(t, all)
	for range 3 {
		observe(t, all, 6)
		kill()
		observe(t, all, 2) // nobody is there
		kill = hubProcess(t, s)
		observe(t, all, 2)
	}
	applied(t, all)
	kill()
	r, _ := startReplica(t, s)
	count(t, server.Connect(t), r.View, openHistory(t, db.DSN()), all...)
}

// TestServerRestarted restarts NATS while planners send and the hub judges and writes.
func TestServerRestarted(t *testing.T) {
	t.Parallel()
	server, db := bustest.Start(t), database(t)
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), DSN: db.DSN(), Listen: "127.0.0.1:0"})
	all := plants(t, 3, func(site string) bus.Options { return server.SiteOptions(t, site) })
	for range 3 {
		observe(t, all, 4)
		server.Restart(t)
	}
	observe(t, all, 1)
	applied(t, all)
	count(t, server.Connect(t), r.View, openHistory(t, db.DSN()), all...)
}

// TestClusterLosesAnyServer takes each of three servers away in turn, with three copies of each stream.
func TestClusterLosesAnyServer(t *testing.T) {
	t.Parallel()
	cluster := bustest.StartCluster(t)
	o := cluster.Options()
	probe := bustest.Dial(t, o)
	eventually(t, "the cluster takes streams", func() error { return probe.EnsureStreams(t.Context(), bus.StreamOptions{Replicas: 3}) })
	r, _ := startReplica(t, settings{URL: o.URL, Replicas: 3, Listen: "127.0.0.1:0"})
	all := plants(t, 2, func(string) bus.Options { return o })
	applied(t, all)
	for i := range 3 {
		cluster.Down(i)
		observe(t, all, 3)
		applied(t, all)
		cluster.Up(t, i)
		observe(t, all, 1)
	}
	applied(t, all)
	count(t, probe, r.View, nil, all...)
}

// TestLostTailIsSentAgain: a power cut takes acknowledged revisions out of the stream. The planners' heartbeats tell, the
// hub asks, and everything is there again.
func TestLostTailIsSentAgain(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: "127.0.0.1:0"})
	all := plants(t, 2, func(site string) bus.Options { return server.SiteOptions(t, site) })
	observe(t, all, 2)
	applied(t, all)
	server.Down(t)
	restore := server.PowerCut(t)
	server.Up(t)
	observe(t, all, 3)
	applied(t, all)
	server.Down(t)
	restore()
	server.Up(t)
	conn := server.Connect(t)
	for _, p := range all {
		eventually(t, p.site+" is in the stream again", func() error {
			kept := 0
			err := conn.KeptInventories(t.Context(), p.site, func(bus.Inventory) { kept++ })
			if err == nil && kept != len(p.revisions) {
				err = fmt.Errorf("%d of %d", kept, len(p.revisions))
			}
			return err
		})
	}
	applied(t, all)
	count(t, conn, r.View, nil, all...)
	fresh, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: "127.0.0.1:0"})
	count(t, conn, fresh.View, nil, all...)
}
