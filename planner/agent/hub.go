package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent/outbox"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/atomicfile"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// publishing sends what is queued, oldest first and one at a time.
func (a *Agent) publishing(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		back := a.back()
		e, ok, err := a.box.Next()
		if err != nil {
			a.fail("read the outbox", err)
		}
		if !ok {
			failures = 0
			var retry <-chan time.Time
			if err != nil {
				retry = a.o.Clock.After(retryMax)
			}
			select {
			case <-ctx.Done():
			case <-a.publishNow:
			case <-retry:
			}
			continue
		}
		wait, err := a.publish(ctx, e)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, bus.ErrClosed):
			return err
		case err != nil:
			failures++
			a.fail("publish revision "+e.Revision, err)
			if a.rest(ctx, max(wait, retryAfter(failures)), back) {
				failures = 0
			}
		default:
			failures = 0
		}
	}
	return nil
}

// publish sends one entry. wait is the least time before another attempt makes sense.
func (a *Agent) publish(ctx context.Context, e outbox.Entry) (wait time.Duration, err error) {
	ack, err := a.o.Hub.PublishInventory(ctx, bus.Inventory{
		Site: a.o.Site, Revision: e.Revision, Body: e.Body, Instance: a.box.Instance(), InstanceSequence: e.Sequence,
		PlannerVersion: a.o.Version, Time: a.o.Clock.Now(),
	})
	switch {
	case errors.Is(err, bus.ErrTooLarge), errors.Is(err, bus.ErrInvalid):
		// No repetition will help, and what comes after must not wait for it.
		a.update(func(s *Status) {
			s.Refused = &Mark{Revision: e.Revision, At: a.o.Clock.Now().UTC(), Detail: detail(err)}
		})
		return 0, errors.Join(err, a.box.Discard(e.Sequence))
	case err != nil:
		return 0, err
	}
	if before, ok := a.box.LastAcknowledged(); ok && ack.Duplicate && before.Sequence < e.Sequence && ack.StreamSequence < before.StreamSequence {
		// The site has returned to an earlier content while the stream still remembers its message id: the stream's last
		// message is another revision. It will take this one when it has forgotten the id.
		return bus.DuplicateWindow / 4, fmt.Errorf("%w: the stream still holds the same revision from before revision %s, and takes it again %s after that", bus.ErrUnavailable, before.Revision, bus.DuplicateWindow)
	}
	if err := a.box.Acknowledge(e.Sequence, ack.StreamSequence); err != nil {
		return 0, err
	}
	a.o.Logger.Info("inventory accepted", "revision", e.Revision, "position", ack.StreamSequence, "duplicate", ack.Duplicate)
	a.update(func(s *Status) {
		if s.LastError != nil && s.LastError.passing {
			s.LastError = nil
		}
	})
	return 0, nil
}

// beating sends a heartbeat at the start and at each interval.
func (a *Agent) beating(ctx context.Context) error {
	for {
		back := a.back()
		a.mu.Lock()
		interval := a.beat
		a.mu.Unlock()
		h := bus.Heartbeat{
			Site: a.o.Site, Instance: a.box.Instance(), PlannerVersion: a.o.Version, At: a.o.Clock.Now().UTC(), Interval: inventory.Duration(interval),
		}
		stats := a.box.Stats()
		h.Queued, h.Dropped = stats.Queued, stats.Dropped
		if last, ok := a.box.LastAcknowledged(); ok {
			h.Revision, h.InstanceSequence, h.StreamSequence = last.Revision, last.Sequence, last.StreamSequence
		}
		err := a.o.Hub.PublishHeartbeat(ctx, h)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, bus.ErrClosed):
			return err
		case err != nil:
			a.fail(opBeat, err)
		default:
			a.update(func(s *Status) {
				s.HeartbeatAt = h.At
				s.over(opBeat)
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.o.Clock.After(spread(interval)):
		case <-a.beatNow:
		case <-back:
		}
	}
}

// hearAssessment notes what the hub says about this site. A revision counts as applied only when the assessment names this
// site with exactly a revision that this outbox sent.
func (a *Agent) hearAssessment(m bus.Assessment) {
	if m.DecodeErr != nil {
		a.fail("read the hub's verdict", m.DecodeErr)
		return
	}
	var heard assess.Assessment
	if err := json.Unmarshal(m.Body, &heard); err != nil {
		a.fail("read the hub's verdict", err)
		return
	}
	at := a.o.Clock.Now().UTC()
	for _, ref := range heard.Inventories {
		if ref.Site != a.o.Site {
			continue
		}
		mark := &Mark{Revision: ref.Revision, ObservedAt: ref.ObservedAt, At: at}
		own := a.sent(ref.Revision)
		if !own {
			mark.Detail = "not in this planner's outbox: an older one, or another planner or an upload speaks for the site"
		}
		a.mu.Lock()
		a.hub = &heard
		a.mu.Unlock()
		a.update(func(s *Status) {
			s.AtHub = mark
			if own {
				s.Applied = mark
			}
		})
		a.o.Logger.Info("verdict of the hub", "revision", ref.Revision, "own", own)
		return
	}
	a.fail("read the hub's verdict", fmt.Errorf("it does not judge site %s", a.o.Site))
}

// sent reports whether the revision lies in the outbox.
func (a *Agent) sent(revision string) bool {
	for _, e := range a.box.Entries() {
		if e.Revision == revision {
			return true
		}
	}
	return false
}

func (a *Agent) hearRejection(r bus.Rejection) {
	if r.DecodeErr != nil {
		a.fail("read a rejection", r.DecodeErr)
		return
	}
	a.o.Logger.Warn("the hub refused an inventory", "revision", r.Revision, "reason", string(r.Body))
	a.update(func(s *Status) {
		s.Rejected = &Rejected{Revision: r.Revision, At: r.At, Reason: json.RawMessage(r.Body)}
	})
}

// answer serves the hub's requests.
func (a *Agent) answer(_ context.Context, r bus.Request) bus.Reply {
	switch r.Kind {
	case bus.RequestRefresh:
		a.Refresh(true)
		return bus.Reply{OK: true, Detail: "collecting"}
	case bus.RequestResend:
		n, err := a.resend(r)
		if err != nil {
			a.fail("queue revisions again", err)
			return bus.Reply{Detail: detail(err)}
		}
		wake(a.publishNow)
		wake(a.dirty)
		return bus.Reply{OK: true, Detail: fmt.Sprintf("%d queued again", n)}
	case bus.RequestDiagnostics:
		body, err := json.Marshal(a.Status())
		if err != nil {
			return bus.Reply{Detail: detail(err)}
		}
		return bus.Reply{OK: true, Body: body}
	case bus.RequestHeartbeatInterval:
		d := time.Duration(r.Interval)
		if d < MinHeartbeat || d > MaxHeartbeat {
			return bus.Reply{Detail: fmt.Sprintf("%s is not between %s and %s", d, MinHeartbeat, MaxHeartbeat)}
		}
		// On the disk before the hub is told, so that a restart does not fall back.
		if err := a.keepBeat(d); err != nil {
			a.fail("keep the interval of heartbeats", err)
			return bus.Reply{Detail: detail(err)}
		}
		a.mu.Lock()
		a.beat = d
		a.mu.Unlock()
		wake(a.beatNow)
		wake(a.dirty)
		return bus.Reply{OK: true}
	}
	return bus.Reply{Detail: fmt.Sprintf("unknown request %.40q", r.Kind)}
}

// resend queues again what the hub has lost. A request that names another outbox is meant for another planner of the site.
func (a *Agent) resend(r bus.Request) (int, error) {
	if r.Instance == "" {
		return a.box.Requeue(r.Revision)
	}
	if r.Instance != a.box.Instance() {
		return 0, fmt.Errorf("this planner has the instance %s, not %s: another planner speaks for the site", a.box.Instance(), r.Instance)
	}
	return a.box.RequeueAfter(r.After)
}

// beatSetting is the interval of heartbeats that the hub has asked for.
type beatSetting struct {
	Interval   inventory.Duration `json:"interval"`
	Configured inventory.Duration `json:"configured"` // what the configuration said then; another value there is a newer wish
}

func (a *Agent) keepBeat(d time.Duration) error {
	body, err := json.Marshal(beatSetting{inventory.Duration(d), inventory.Duration(a.o.Heartbeat)})
	if err != nil {
		return err
	}
	return atomicfile.WriteUnsynced(a.path(beatFile), append(body, '\n'))
}

// recallBeat returns the interval that the hub has asked for, or the configured one.
func (a *Agent) recallBeat() time.Duration {
	var s beatSetting
	body, err := os.ReadFile(a.path(beatFile))
	if errors.Is(err, os.ErrNotExist) {
		return a.o.Heartbeat
	}
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	d := time.Duration(s.Interval)
	if err != nil || d < MinHeartbeat || d > MaxHeartbeat {
		a.o.Logger.Warn("the interval of heartbeats that the hub asked for is of no use", "file", a.path(beatFile), "error", err)
		return a.o.Heartbeat
	}
	if time.Duration(s.Configured) != a.o.Heartbeat {
		return a.o.Heartbeat
	}
	return d
}
