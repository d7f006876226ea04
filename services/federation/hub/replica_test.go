package hub_test

import (
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// TestReplicasThatHeardLessSayTheSame: a replica that was cut off hears only the last of several revisions, and dates what the first of them
// changed at the neighbours later than one that heard both. The verdict that was published first counts at both.
func TestReplicasThatHeardLessSayTheSame(t *testing.T) {
	server := bustest.Start(t)
	conn := server.Connect(t)
	streams := bus.StreamOptions{InventoryPerSite: 1}
	if err := conn.EnsureStreams(t.Context(), streams); err != nil {
		t.Fatal(err)
	}
	keeping := func(o *hub.Options) { o.Streams = streams }
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	files, err := demo.Inventories(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sites := map[string]*inventory.Site{}
	sent := map[string]string{}
	send := func(s *inventory.Site) {
		t.Helper()
		body, err := inventory.Canonical(s)
		if err != nil {
			t.Fatal(err)
		}
		sent[s.Site.ID] = inventory.Revision(s)
		if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: s.Site.ID, Revision: sent[s.Site.ID], Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		s, err := inventory.Parse(name, data, regions)
		if err != nil {
			t.Fatal(err)
		}
		sites[s.Site.ID] = inventory.Normalise(s, regions)
		send(sites[s.Site.ID])
	}
	inForceAt := func(h *running, what string) {
		t.Helper()
		bustest.Eventually(t, what, func() bool {
			for id, revision := range sent {
				if inForce(h, id) != revision {
					return false
				}
			}
			return true
		})
	}
	first := run(t, conn, keeping)
	gate := &bustest.Door{Server: server}
	o := server.Options()
	o.InProcess, o.ReconnectWait = gate, 10*time.Millisecond
	cut, err := bus.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cut.Close)
	second := run(t, cut, keeping)
	for _, h := range []*running{first, second} {
		inForceAt(h, "the first inventories")
	}
	if err := gate.Cut(); err != nil {
		t.Fatal(err)
	}
	instant := func(h *running, site string) time.Time {
		r, _ := h.View().Site(site)
		return r.Assessment.At
	}
	spoke := ""
	before := map[string]time.Time{}
	for id := range sites {
		before[id] = instant(first, id)
	}
	hq := sites["hq-01"]
	hq.Clusters[0].ThingworxVersion = "9.7.1"
	send(hq)
	inForceAt(first, "another version")
	for id := range sites {
		if id != "hq-01" && instant(first, id).After(before[id]) {
			spoke = id
		}
	}
	if spoke == "" {
		t.Fatal("another version at the hub concerned no spoke")
	}
	hq.ObservedAt = hq.ObservedAt.Add(time.Minute)
	send(hq)
	inForceAt(first, "new measurements")
	counted := instant(first, spoke)
	gate.Open()
	inForceAt(second, "what the cut replica heard of it")
	for id := range sites {
		bustest.Eventually(t, "both say the same of "+id, func() bool {
			one, _ := first.View().Site(id)
			two, _ := second.View().Site(id)
			return marshal(t, one.Assessment) == marshal(t, two.Assessment)
		})
	}
	if got := instant(second, spoke); !got.Equal(counted) {
		t.Errorf("the verdict on %s is of %s, and was of %s when it was published first", spoke, got, counted)
	}
}
