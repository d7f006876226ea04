//go:build linux

package probe

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/probetest"
)

func TestZooKeeperEnsemble(t *testing.T) {
	t.Parallel()
	e := probetest.StartEnsemble(t)
	site := &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, Site: inventory.Identity{ID: "s"}, ObservedAt: time.Now().Add(-time.Hour),
		Infrastructure: []inventory.Infrastructure{{ID: "zk", Kind: inventory.KindZooKeeper, Version: "3.5.9", Nodes: []inventory.Node{{Name: "zk1", Role: "follower"}, {Name: "zk2"}, {Name: "zk3"}, {Name: "zk4"}}}},
	}
	p := prober(t, Config{Targets: []Target{{Infrastructure: "zk", Nodes: e.Address}}, Timeout: inventory.Duration(2 * time.Second)})

	leaderOf := func(s *inventory.Site) string {
		leaders := ""
		for _, n := range s.Infra("zk").Nodes {
			if n.Role == "leader" {
				leaders += n.Name
			}
		}
		return leaders
	}
	r := eventually(t, p, site, e.Nodes, func(r *Results) string {
		if d := r.Components[0].Detail; !strings.Contains(d, "3 of 3 members serve; leader zk") {
			return "the ensemble does not serve: " + d
		}
		return ""
	})
	c := r.Component("probe/zk")
	if c.Status != inventory.SourcePartial || !strings.Contains(c.Detail, "ruok does not allow the word: add it to 4lw.commands.whitelist") || !strings.Contains(c.Detail, "the inventory lists 4 nodes, the ensemble has 3 members") {
		t.Fatalf("status %s, detail %q", c.Status, c.Detail)
	}
	applied := Apply(site, r)
	zk := applied.Infra("zk")
	if zk.Version != "3.8.0" && !strings.HasPrefix(zk.Version, "3.") {
		t.Errorf("version %q", zk.Version)
	}
	if len(zk.Nodes) != 3 {
		t.Fatalf("nodes %+v", zk.Nodes)
	}
	wantProof(t, applied, "/infrastructure/0/version", "3.5.9")
	wantProof(t, applied, "/infrastructure/0/nodes", "4")
	first := leaderOf(applied)
	if len(first) != 3 {
		t.Fatalf("not one leader: %+v", zk.Nodes)
	}
	if !applied.ObservedAt.After(site.ObservedAt) {
		t.Error("observedAt is not the time of the newest fact")
	}

	// Host configuration with three coordinators on localhost sees one machine; the ensemble says that it has three members.
	guess := &inventory.Site{Site: inventory.Identity{ID: "s"}, Infrastructure: []inventory.Infrastructure{{
		ID: "zk", Kind: inventory.KindZooKeeper, Identity: inventory.ResourceIdentity{Endpoint: e.Address["zk1"] + "," + e.Address["zk2"] + "," + e.Address["zk3"]},
		Nodes: []inventory.Node{{Name: "twx-1", Machine: "twx-1"}},
	}}}
	unnamed := prober(t, Config{Targets: []Target{{Infrastructure: "zk"}}, Timeout: inventory.Duration(2 * time.Second)})
	mended := Apply(guess, unnamed.Run(t.Context(), guess)).Infra("zk")
	leaders := 0
	for _, n := range mended.Nodes {
		if n.Machine != "twx-1" || n.Name == "twx-1" || n.Role == "" {
			t.Errorf("member %+v", n)
		}
		if n.Role == "leader" {
			leaders++
		}
	}
	if len(mended.Nodes) != 3 || leaders != 1 {
		t.Errorf("members %+v", mended.Nodes)
	}

	e.Nodes[first[2]-'1'].Stop(syscall.SIGKILL)
	r = eventually(t, p, applied, nil, func(r *Results) string {
		d := r.Components[0].Detail
		if !strings.Contains(d, "2 of 3 members serve; leader zk") || strings.Contains(d, "leader "+first) {
			return "no new leader: " + d
		}
		return ""
	})
	c = r.Component("probe/zk")
	if c.Status != inventory.SourcePartial || !strings.Contains(c.Detail, e.Address[first]+" refused the connection") {
		t.Errorf("status %s, detail %q", c.Status, c.Detail)
	}
	after := Apply(applied, r)
	if second := leaderOf(after); second == first || len(second) != 3 {
		t.Errorf("the leader was %s and is %q", first, second)
	}
	if len(after.Infra("zk").Nodes) != 3 {
		t.Error("a member that is down is one still")
	}

	// Without a majority nobody serves, and every server says so.
	for _, n := range e.Nodes {
		if !n.Ended() {
			n.Stop(syscall.SIGKILL)
			break
		}
	}
	r = eventually(t, p, after, nil, func(r *Results) string {
		if d := r.Components[0].Detail; !strings.Contains(d, "has no quorum") || !strings.Contains(d, "0 of 3 members serve") {
			return "still a quorum: " + d
		}
		return ""
	})
	if leader := leaderOf(Apply(after, r)); leader == "" {
		t.Error("nobody told of a new leader, so the last known role stays")
	}
}

// wantProof checks a fact's provenance.
func wantProof(t *testing.T, s *inventory.Site, path, declared string) {
	t.Helper()
	for _, p := range s.Provenance {
		if p.Path == path {
			if p.Source != Source || p.Declared != declared || p.ObservedAt.IsZero() {
				t.Errorf("%s: %+v", path, p)
			}
			return
		}
	}
	t.Errorf("%s has no provenance", path)
}
