package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// TestThousandSitesReconnectAtOnce: the server goes while a thousand sites are connected, each with revisions to deliver.
// All of them come back at the same moment, and everything they hold is applied once. It runs beside no other test, since a thousand
// handshakes at once take both processors of a small machine for most of a minute.
func TestThousandSitesReconnectAtOnce(t *testing.T) {
	const sites, revisions = 1000, 2
	server := bustest.Start(t)
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: "127.0.0.1:0"})
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*plant, sites)
	conns := make([]*bus.Conn, sites)
	o := server.Options()
	o.ReconnectWait, o.PublishTimeout = time.Second, 20*time.Second
	for i := range all {
		all[i] = &plant{site: fmt.Sprintf("crowd-%04d", i), source: &source{at: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)}}
		all[i].source.site = all[i].site
		conns[i] = bustest.Dial(t, o)
	}
	server.Down(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	var group errgroup.Group
	var gone sync.WaitGroup
	gone.Add(sites)
	for i, p := range all {
		group.Go(func() error {
			first := true
			for n := range revisions {
				p.source.n = n
				doc, _, err := p.source.Collect(ctx)
				if err != nil {
					return err
				}
				site := inventory.Normalise(doc, regions)
				body, err := inventory.Canonical(site)
				if err != nil {
					return err
				}
				inv := bus.Inventory{
					Site: p.site, Revision: inventory.Revision(site), Body: body, Instance: "i-" + p.site, InstanceSequence: uint64(n + 1), PlannerVersion: "1.0.0",
				}
				for {
					back := conns[i].Reconnected()
					_, err := conns[i].PublishInventory(ctx, inv)
					if first {
						first = false
						gone.Done() // its first attempt met no server
					}
					if err == nil {
						break
					}
					select {
					case <-back:
					case <-time.After(time.Second):
					case <-ctx.Done():
						return fmt.Errorf("%s: %w", p.site, err)
					}
				}
				p.revisions = append(p.revisions, inv.Revision)
			}
			return nil
		})
	}
	gone.Wait()
	server.Up(t)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	count(t, server.Connect(t), r.View, nil, all...)
}

// clock is the planner's; it stands until it is moved.
type clock struct {
	mu      sync.Mutex
	at      time.Time
	waiting map[chan time.Time]time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := make(chan time.Time, 1)
	c.waiting[w] = c.at.Add(d)
	return w
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	for w, due := range c.waiting {
		if !due.After(c.at) {
			w <- c.at
			delete(c.waiting, w)
		}
	}
}

// TestNetworkCutForADay: a planner that collects every quarter of an hour has no network for a day. When it is back, each
// of the 96 revisions is delivered, in order.
func TestNetworkCutForADay(t *testing.T) {
	t.Parallel()
	server, db := bustest.Start(t), database(t)
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), DSN: db.DSN(), Listen: "127.0.0.1:0"})
	w := newWire(t, server.URL()[len("nats://"):])
	o := server.SiteOptions(t, "plant-0")
	o.URL = "nats://" + w.listen
	c := &clock{at: time.Now().Add(-25 * time.Hour), waiting: map[chan time.Time]time.Time{}}
	p := newPlant(t, "plant-0", o, func(o *agent.Options) { o.Clock = c })
	p.applied(t)
	w.cut()
	for range 96 {
		c.move(15 * time.Minute)
		p.observe(t, 1)
	}
	w.mend(t)
	eventually(t, "the day is delivered", func() error {
		c.move(time.Second) // pauses between attempts pass
		if s := p.agent.Status(); !s.InSync || s.Outbox.Queued > 0 {
			return fmt.Errorf("%+v, last error %+v", s.Outbox, s.LastError)
		}
		return nil
	})
	if n := len(p.revisions); n != 97 {
		t.Fatalf("%d revisions", n)
	}
	if got := stored(t, server.Connect(t), bus.StreamAssessment, []*plant{p})["plant-0"]; !slices.Equal(got, p.revisions) {
		t.Errorf("the verdicts are on %v, the revisions are %v", got, p.revisions)
	}
	count(t, server.Connect(t), r.View, openHistory(t, db.DSN()), p)
}

// TestPlannersClockJumps: with its clock set back by a day a planner is heard as before. Set a day ahead, what it observes
// is refused for that reason, which it is told; set right, it is applied again. Nothing is lost.
func TestPlannersClockJumps(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: "127.0.0.1:0"})
	c := &clock{at: time.Now(), waiting: map[chan time.Time]time.Time{}}
	p := newPlant(t, "plant-0", server.SiteOptions(t, "plant-0"), func(o *agent.Options) { o.Clock = c })
	p.applied(t)
	c.move(-24 * time.Hour)
	p.observe(t, 2)
	p.applied(t)
	c.move(48 * time.Hour)
	p.observe(t, 1)
	ahead := p.revisions[len(p.revisions)-1]
	eventually(t, "the planner is told that its clock is ahead", func() error {
		if s := p.agent.Status(); s.Rejected == nil || s.Rejected.Revision != ahead || !strings.Contains(string(s.Rejected.Reason), "future") {
			return fmt.Errorf("rejected %+v", s.Rejected)
		}
		return nil
	})
	c.move(-24 * time.Hour)
	p.observe(t, 1)
	p.applied(t)
	count(t, server.Connect(t), r.View, nil, p)
	if rec, _ := r.View().Site("plant-0"); rec.Liveness != "live" {
		t.Errorf("the site is %s", rec.Liveness)
	}
}

// TestHubsClockJumps: the clock of the hub's machine is set forward by eight days, then back by two. No site looks silent
// or old for it.
func TestHubsClockJumps(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	var mu sync.Mutex
	jump := time.Duration(0)
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(jump)
	}
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: "127.0.0.1:0", Now: now})
	p := newPlant(t, "plant-0", server.SiteOptions(t, "plant-0"))
	p.applied(t)
	for _, d := range []time.Duration{8 * 24 * time.Hour, -48 * time.Hour} {
		mu.Lock()
		jump = d
		mu.Unlock()
		ticks := r.Ticks()
		eventually(t, "time alone was looked at", func() error {
			if n := r.Ticks(); n < ticks+2 {
				return fmt.Errorf("%d times", n-ticks)
			}
			return nil
		})
		rec, ok := r.View().Site("plant-0")
		if !ok || rec.Liveness != "live" || !rec.Entered.Lost.IsZero() {
			t.Errorf("after a jump of %s the site is %+v", d, rec)
		}
		for i := range rec.Assessment.Findings {
			if rec.Assessment.Findings[i].Rule == "DQ-001" {
				t.Errorf("after a jump of %s: %s", d, rec.Assessment.Findings[i].Message)
			}
		}
	}
	p.observe(t, 1)
	p.applied(t)
	count(t, server.Connect(t), r.View, nil, p)
}
