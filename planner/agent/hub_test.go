package agent_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/agent/dirlock"
	"github.com/meridian-federation/meridian/planner/agent/outbox"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// fake is a hub that answers as the test says.
type fake struct {
	agent.Hub
	mu      sync.Mutex
	publish func(bus.Inventory) (bus.Ack, error)
	watch   error
}

func (f *fake) PublishInventory(_ context.Context, inv bus.Inventory) (bus.Ack, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.publish(inv)
}

func (f *fake) PublishHeartbeat(context.Context, bus.Heartbeat) error { return bus.ErrUnavailable }

func (f *fake) WatchAssessment(ctx context.Context, _ string, _ func(bus.Assessment)) error {
	if f.watch != nil {
		return f.watch
	}
	<-ctx.Done()
	return nil
}

func (f *fake) WatchRejection(ctx context.Context, _ string, _ func(bus.Rejection)) error {
	<-ctx.Done()
	return nil
}

func (f *fake) Requests(ctx context.Context, _ string, _ func(context.Context, bus.Request) bus.Reply) error {
	<-ctx.Done()
	return nil
}

func (f *fake) Status() bus.Status           { return bus.Status{} }
func (f *fake) Reconnected() <-chan struct{} { return nil }

func TestReturnToAnEarlierContentIsNotTakenForApplied(t *testing.T) {
	// The stream still remembers the message id of the first revision when the site returns to it.
	f := &fake{}
	forgotten := false
	ids := map[string]uint64{}
	sequence := uint64(0)
	f.publish = func(inv bus.Inventory) (bus.Ack, error) {
		if known, ok := ids[inv.Revision]; ok && !forgotten {
			return bus.Ack{StreamSequence: known, Duplicate: true}, nil
		}
		sequence++
		ids[inv.Revision] = sequence
		return bus.Ack{StreamSequence: sequence}, nil
	}
	r := newRig(t, f)
	a, _ := r.start(t)
	eventually(t, a, "the first", func(s agent.Status) bool { return s.Acknowledged != nil && s.Acknowledged.StreamSequence == 1 })
	r.source.put(site(2), nil)
	eventually(t, a, "the second", func(s agent.Status) bool { return s.Acknowledged.StreamSequence == 2 })
	r.source.put(site(1), nil)
	s := eventually(t, a, "it waits", func(s agent.Status) bool {
		return s.Outbox.Queued == 1 && s.LastError != nil && strings.Contains(s.LastError.What, "still holds")
	})
	if s.Acknowledged.StreamSequence != 2 {
		t.Fatalf("%+v", s.Acknowledged)
	}
	f.mu.Lock()
	forgotten = true
	f.mu.Unlock()
	r.move(t, a, time.Minute, "the first again", func(s agent.Status) bool { return s.Acknowledged.StreamSequence == 3 && s.Outbox.Queued == 0 })
	if s := a.Status(); s.LastError != nil && strings.Contains(s.LastError.What, "still holds") {
		t.Errorf("an error that is over: %+v", s.LastError)
	}
}

func TestRevisionThatCanNeverBeSentHoldsNothingUp(t *testing.T) {
	f := &fake{publish: func(inv bus.Inventory) (bus.Ack, error) {
		if inv.InstanceSequence == 1 {
			return bus.Ack{}, fmt.Errorf("publish: %w", bus.ErrTooLarge)
		}
		return bus.Ack{StreamSequence: 5}, nil
	}}
	r := newRig(t, f)
	a, _ := r.start(t)
	s := eventually(t, a, "the first is refused", func(s agent.Status) bool { return s.Refused != nil })
	r.source.put(site(2), nil)
	r.move(t, a, time.Second, "the second", func(s agent.Status) bool { return s.Acknowledged != nil })
	if s.Refused.Detail == "" || a.Status().Outbox.Dropped != 1 {
		t.Errorf("%+v", s)
	}
}

func TestConnectionClosedForGoodEndsTheAgent(t *testing.T) {
	r := newRig(t, &fake{watch: bus.ErrClosed, publish: func(bus.Inventory) (bus.Ack, error) { return bus.Ack{}, bus.ErrUnavailable }})
	a, err := agent.New(r.o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestOutboxThatTakesNothingIsToldAndTheLoopGoesOn(t *testing.T) {
	r := newRig(t, nil)
	r.o.Outbox = outbox.Options{MaxBytes: 900}
	large := site(1)
	large.Site.Name = strings.Repeat("x", 2000)
	r.source.site = large
	a, _ := r.start(t)
	s := eventually(t, a, "the error", func(s agent.Status) bool { return s.LastError != nil })
	if !strings.Contains(s.LastError.Op, "queue") || s.Collected != nil {
		t.Errorf("%+v", s.LastError)
	}
	r.source.put(site(2), nil)
	eventually(t, a, "the next one fits", func(s agent.Status) bool { return s.Outbox.Queued == 1 })
}

func TestJudgeThatFailsDoesNotKeepTheInventoryBack(t *testing.T) {
	r := newRig(t, nil)
	r.o.Assess = func(*inventory.Site, time.Time) (*assess.Assessment, error) { return nil, errors.New("no rules") }
	a, _ := r.start(t)
	s := eventually(t, a, "queued", func(s agent.Status) bool { return s.Outbox.Queued == 1 })
	if s.LastError == nil || s.LastError.What != "no rules" || s.Verdicts != nil {
		t.Errorf("%+v", s)
	}
}

func TestTwoAgentsDoNotShareAStateDirectory(t *testing.T) {
	r := newRig(t, nil)
	_, stop := r.start(t)
	if _, err := agent.New(r.o); !errors.Is(err, dirlock.ErrHeld) || !strings.Contains(err.Error(), r.o.Dir) {
		t.Fatalf("got %v", err)
	}
	stop()
	r.start(t)
}

func TestBadOptions(t *testing.T) {
	for name, change := range map[string]func(*agent.Options){
		"site":      func(o *agent.Options) { o.Site = "a.b" },
		"source":    func(o *agent.Options) { o.Source = nil },
		"judge":     func(o *agent.Options) { o.Assess = nil },
		"directory": func(o *agent.Options) { o.Dir = "" },
		"interval":  func(o *agent.Options) { o.Interval = time.Millisecond },
		"heartbeat": func(o *agent.Options) { o.Heartbeat = 24 * time.Hour },
		"outbox":    func(o *agent.Options) { o.Outbox.Keep = time.Second },
	} {
		r := newRig(t, nil)
		change(&r.o)
		if a, err := agent.New(r.o); err == nil {
			t.Errorf("%s: accepted", name)
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := agent.ReadStatus(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("status of nobody: %v", err)
	}
}
