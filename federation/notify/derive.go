package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Known is what is known of a site's findings and what receivers were told of them. Transitions are the difference between
// it and the next assessment, so that they are the same whichever replica derives them, and none is lost by a crash: it is
// written after the events are in the queues.
type Known struct {
	Sequence uint64           `json:"sequence"` // of the assessment in its stream
	Findings map[string]track `json:"findings,omitempty"`
}

// state of a finding that fails or is unknown; the zero value is that of one that does neither.
type state struct {
	Verdict  rules.Verdict  `json:"verdict,omitempty"`
	Severity rules.Severity `json:"severity,omitempty"`
	Waived   bool           `json:"waived,omitempty"`
}

func (s state) open() bool { return s.Verdict != "" }

// String names what receivers were told.
func (s state) String() string {
	switch {
	case !s.open():
		return ""
	case s.Waived:
		return "waived"
	}
	return string(s.Severity) + " " + string(s.Verdict)
}

// track follows one finding.
type track struct {
	Now     state       `json:"now,omitzero"`
	Told    state       `json:"told,omitzero"`
	Changes []time.Time `json:"changes,omitempty"` // within the last window, oldest first
	Held    bool        `json:"held,omitempty"`    // Now is not told until the finding has been quiet for the window

	// Texts for a message that comes when the assessment is no longer at hand.
	Rule       string           `json:"rule"`
	Title      string           `json:"title,omitempty"`
	Confidence rules.Confidence `json:"confidence,omitempty"`
	Subject    rules.Subject    `json:"subject"`
	Regions    []string         `json:"regions,omitempty"`
}

// holds reports whether any finding is held back.
func (k *Known) holds() bool {
	for _, t := range k.Findings {
		if t.Held {
			return true
		}
	}
	return false
}

// Assessed is one assessment as it lies in the stream.
type Assessed struct {
	Site       string
	Sequence   uint64
	Assessment *assess.Assessment
}

const conflicts = 8

// Assessed derives what an assessment changed and tells it. One that is older than what is known changes nothing, so it may
// come again. Assessments of one site are to be given in order.
func (s *Service) Assessed(ctx context.Context, a Assessed) error {
	err := s.advance(ctx, a.Site, func(k *Known) []Event {
		if a.Sequence <= k.Sequence {
			return nil
		}
		return s.derive(k, &a)
	})
	if err != nil {
		return fmt.Errorf("derive what changed at site %s: %w", a.Site, err)
	}
	return nil
}

// advance changes what is known of a site by f and tells the events that f returns first. f returns nil when nothing has
// changed. Of two replicas one writes; the other sees then that there is nothing left to do.
func (s *Service) advance(ctx context.Context, site string, f func(*Known) []Event) error {
	for range conflicts {
		e, err := s.o.Stores.Sites.Get(ctx, site)
		if err != nil && !errors.Is(err, bus.ErrNotFound) {
			return err
		}
		events := f(&e.Value)
		if events == nil {
			return nil
		}
		if err := s.Tell(ctx, events...); err != nil {
			return err
		}
		if e.Revision == 0 {
			_, err = s.o.Stores.Sites.Create(ctx, site, e.Value)
		} else {
			_, err = s.o.Stores.Sites.Update(ctx, site, e.Value, e.Revision)
		}
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("what is known of site %s changes too often: %w", site, bus.ErrConflict)
}

// derive brings what is known to an assessment and returns what is to be told; nil when nothing changed.
func (s *Service) derive(k *Known, a *Assessed) []Event {
	k.Sequence = a.Sequence
	current := map[string]*rules.Finding{}
	for i := range a.Assessment.Findings {
		if f := &a.Assessment.Findings[i]; f.Verdict == rules.Fail || f.Verdict == rules.Unknown {
			current[f.ID] = f
		}
	}
	ids := map[string]struct{}{}
	for id := range k.Findings {
		ids[id] = struct{}{}
	}
	for id := range current {
		ids[id] = struct{}{}
	}
	if k.Findings == nil {
		k.Findings = map[string]track{}
	}
	at := a.Assessment.At.UTC()
	changed := false
	events := []Event{}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		t, f := k.Findings[id], current[id]
		var now state
		if f != nil {
			now = state{f.Verdict, f.Severity, f.Waiver != nil}
		}
		if now == t.Now {
			continue
		}
		changed = true
		t.Now = now
		t.Changes = append(slices.DeleteFunc(t.Changes, func(c time.Time) bool { return !c.Add(s.o.Tuning.FlapWindow).After(at) }), at)
		t.Held = len(t.Changes) > s.o.Tuning.FlapLimit
		if f != nil {
			t.Rule, t.Title, t.Confidence, t.Subject, t.Regions = f.Rule, f.Title, f.Confidence, f.Subject, a.Assessment.RegionsOf(f.Subject.Cluster)
		}
		if e, ok := t.tell(id, at); ok && !t.Held {
			e.Damped = len(t.Changes) == s.o.Tuning.FlapLimit
			if f != nil {
				e.Message, e.Remedy = f.Message, f.Remedy
			}
			events = append(events, e)
			t.Told = t.Now
		}
		k.Findings[id] = t
	}
	if !changed {
		return nil
	}
	k.forget(at, s.o.Tuning.FlapWindow)
	return events
}

// forget drops findings that are closed, told and quiet.
func (k *Known) forget(now time.Time, window time.Duration) {
	maps.DeleteFunc(k.Findings, func(_ string, t track) bool {
		return !t.Now.open() && !t.Told.open() && !t.Held && (len(t.Changes) == 0 || !t.Changes[len(t.Changes)-1].Add(window).After(now))
	})
}

// tell makes the event that brings receivers from what they were told to what is; none when that is the same.
func (t *track) tell(id string, at time.Time) (Event, bool) {
	was, now := t.Told, t.Now
	if was == now {
		return Event{}, false
	}
	e := Event{
		At: at, Site: t.Subject.Site, Cluster: t.Subject.Cluster, Infrastructure: t.Subject.Infrastructure, Node: t.Subject.Node, Regions: t.Regions,
		Finding: id, Rule: t.Rule, Title: t.Title, Confidence: t.Confidence, Severity: now.Severity, Verdict: now.Verdict, Waived: now.Waived,
	}
	switch {
	case !now.open():
		e.Kind, e.Severity, e.Verdict, e.Waived = FindingClosed, was.Severity, was.Verdict, was.Waived
	case now.Waived && was.Waived:
		return Event{}, false // what is waived may change without a word
	case now.Waived:
		e.Kind = FindingWaived
	case !was.open(), was.Waived:
		e.Kind = FindingOpened
	default:
		e.Kind = FindingChanged
	}
	e.Before = was.String()
	e.ID = eventID(e.Kind, id, at.Format(time.RFC3339Nano), was.String(), now.String())
	return e, true
}

// settle tells what has become of findings that were held back and have been quiet since.
func (s *Service) settle(ctx context.Context) error {
	s.mu.Lock()
	sites := slices.Sorted(maps.Keys(s.damped))
	s.mu.Unlock()
	now := s.o.Now().UTC()
	for _, site := range sites {
		err := s.advance(ctx, site, func(k *Known) []Event { return s.release(k, now) })
		if err != nil {
			return fmt.Errorf("tell of findings that were held back at site %s: %w", site, err)
		}
	}
	return nil
}

func (s *Service) release(k *Known, now time.Time) []Event {
	changed := false
	events := []Event{}
	for _, id := range slices.Sorted(maps.Keys(k.Findings)) {
		t := k.Findings[id]
		if !t.Held || len(t.Changes) == 0 || t.Changes[len(t.Changes)-1].Add(s.o.Tuning.FlapWindow).After(now) {
			continue
		}
		changed = true
		if e, ok := t.tell(id, t.Changes[len(t.Changes)-1]); ok {
			e.Message = fmt.Sprintf("It changed %d times within %s; it has been like this since %s.", len(t.Changes), s.o.Tuning.FlapWindow, e.At.Format(time.RFC3339))
			events = append(events, e)
		}
		t.Told, t.Held, t.Changes = t.Now, false, nil
		k.Findings[id] = t
	}
	if !changed {
		return nil
	}
	k.forget(now, s.o.Tuning.FlapWindow)
	return events
}
