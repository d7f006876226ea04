package planners_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/planner/sitesim/planners"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func lively(sites int) *sitesim.Fleet {
	return sitesim.New(sitesim.Options{
		Seed: 2, Sites: sites, Start: time.Now().UTC().Truncate(time.Millisecond), Every: 200 * time.Millisecond,
		Chances: sitesim.Chances{Demand: 0.1, Silence: 0.1},
	})
}

// TestEveryRevisionArrives: what was counted as accepted is in the stream, each revision once and each site's in order,
// and what is judged is counted as applied.
func TestEveryRevisionArrives(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	log := &bustest.Log{}
	var beats sync.Map
	defer bustest.Background(t, func(ctx context.Context) error {
		return hub.Heartbeats(ctx, func(h bus.Heartbeat) { beats.Store(h.Site, h) }, nil)
	})()
	defer bustest.Background(t, func(ctx context.Context) error {
		return hub.Inventories(ctx, func(ctx context.Context, inv bus.Inventory) {
			log.Hear(ctx, inv)
			a := bustest.Judgement(inv.Site, 1, inv.StreamSequence, inv.AcceptedAt)
			a.Revision, a.MessageID = inv.Revision, inv.Site+inv.Revision
			if _, err := hub.PublishAssessment(ctx, a); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}, nil)
	})()
	f := lively(30)
	counts, err := planners.Run(t.Context(), planners.Options{
		Fleet: f, Hubs: []planners.Hub{s.Connect(t), s.Connect(t)}, Duration: 2 * time.Second, Heartbeat: 300 * time.Millisecond,
		Settle: bustest.Patience, Version: "9.9.9",
	})
	if err != nil {
		t.Fatal(err)
	}
	heard := log.Heard()
	if counts.Sites != 30 || counts.Applied != 30 || counts.Behind != 0 || counts.Unsent != 0 || counts.Accepted-counts.Duplicates != len(heard) || counts.Silences == 0 || counts.Heartbeats == 0 {
		t.Errorf("%+v, %d messages in the stream", counts, len(heard))
	}
	last, seen := map[string]uint64{}, map[string]bool{}
	for _, inv := range heard {
		if seen[inv.Site+inv.Revision] || inv.InstanceSequence != last[inv.Site]+1 || inv.PlannerVersion != "9.9.9" {
			t.Errorf("revision %s of %s is number %d after %d", inv.Revision, inv.Site, inv.InstanceSequence, last[inv.Site])
		}
		seen[inv.Site+inv.Revision], last[inv.Site] = true, inv.InstanceSequence
	}
	if len(last) != 30 {
		t.Errorf("%d sites published", len(last))
	}
	if h, ok := beats.Load(f.ID(0)); !ok || h.(bus.Heartbeat).Instance == "" {
		t.Errorf("heartbeat %+v", h)
	}
}

// deaf accepts nothing.
type deaf struct {
	planners.Hub
	err error
}

func (d deaf) PublishInventory(context.Context, bus.Inventory) (bus.Ack, error) {
	return bus.Ack{}, fmt.Errorf("publish: %w", d.err)
}
func (d deaf) PublishHeartbeat(context.Context, bus.Heartbeat) error { return d.err }

func (d deaf) Assessments(ctx context.Context, _ func(context.Context, bus.Assessment), caughtUp func()) error {
	caughtUp()
	<-ctx.Done()
	return nil
}

// TestNothingIsLostSilently: what the bus does not take is repeated and counted, and a refusal ends the simulation.
func TestNothingIsLostSilently(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := make(chan struct{}, 1)
	done := make(chan planners.Counts, 1)
	go func() {
		counts, err := planners.Run(ctx, planners.Options{Fleet: lively(2), Hubs: []planners.Hub{counting{deaf{err: bus.ErrUnavailable}, tries}}})
		if err != nil {
			t.Error(err)
		}
		done <- counts
	}()
	<-tries
	<-tries
	cancel()
	if counts := <-done; counts.Unsent == 0 || counts.Retries == 0 || counts.Accepted != 0 || counts.Applied+counts.Behind != 0 {
		t.Errorf("%+v", counts)
	}
	if _, err := planners.Run(t.Context(), planners.Options{Fleet: lively(2), Hubs: []planners.Hub{deaf{err: bus.ErrDenied}}}); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("a refusal ends with %v", err)
	}
	if _, err := planners.Run(t.Context(), planners.Options{Fleet: lively(2)}); err == nil {
		t.Error("it runs without a connection")
	}
}

// counting tells of each repetition of site 0.
type counting struct {
	deaf
	tries chan struct{}
}

func (c counting) PublishInventory(ctx context.Context, inv bus.Inventory) (bus.Ack, error) {
	select {
	case c.tries <- struct{}{}:
	default:
	}
	return c.deaf.PublishInventory(ctx, inv)
}
