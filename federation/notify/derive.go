package notify

import (
	"context"
	"encoding/json"
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
	Sequence uint64            `json:"sequence"` // of the assessment in its stream
	Findings map[string]track  `json:"findings,omitempty"`
	Waivers  map[string]waiver `json:"waivers,omitempty"` // those that lie over a finding, by id
}

// waiver is one that will end.
type waiver struct {
	Expires time.Time `json:"expires"`
	Warned  bool      `json:"warned,omitempty"`
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

// due is the first instant at which time alone makes something to tell; zero when it never does.
func (k *Known) due(t *Tuning) time.Time {
	var first time.Time
	sooner := func(at time.Time) {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	for _, f := range k.Findings {
		if f.Held {
			sooner(f.Changes[len(f.Changes)-1].Add(t.FlapWindow))
		}
	}
	for _, w := range k.Waivers {
		if !w.Warned {
			sooner(w.Expires.Add(-t.WaiverWarning))
		}
	}
	return first
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
		body, err := json.Marshal(e.Value)
		if err != nil {
			return err
		}
		if len(body) > bus.MaxMessage {
			s.o.Logger.Error("a site has more findings than can be followed; nobody is notified of what changes there", "site", site, "findings", len(e.Value.Findings))
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
	events, changed := k.waive(a.Site, at, current)
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

// waive brings the waivers to those that lie over the findings. One that is gone has expired when its time is over; else
// somebody took it back, or nothing is left of what it was for.
func (k *Known) waive(site string, at time.Time, current map[string]*rules.Finding) (events []Event, changed bool) {
	events = []Event{}
	now := map[string]waiver{}
	for _, f := range current {
		if f.Waiver != nil {
			now[f.Waiver.ID] = waiver{Expires: f.Waiver.Expires.UTC()}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(k.Waivers)) {
		before := k.Waivers[id]
		w, still := now[id]
		switch {
		case still && w.Expires.Equal(before.Expires):
			now[id] = before
			continue
		case !still && !before.Expires.After(at):
			events = append(events, NewEvent(WaiverExpired, site, before.Expires, "Waiver "+id+" has expired; what it was for counts again.", id))
		}
		changed = true
	}
	for id := range now {
		if _, known := k.Waivers[id]; !known {
			changed = true
		}
	}
	k.Waivers = now
	return events, changed
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

// settle tells what time alone makes: what has become of findings that were held back and have been quiet since, and which
// waivers are about to expire.
func (s *Service) settle(ctx context.Context) error {
	now := s.o.Now().UTC()
	var sites []string
	s.mu.Lock()
	for site, at := range s.waiting {
		if !at.After(now) {
			sites = append(sites, site)
		}
	}
	s.mu.Unlock()
	slices.Sort(sites)
	for _, site := range sites {
		err := s.advance(ctx, site, func(k *Known) []Event { return s.release(k, site, now) })
		if err != nil {
			return fmt.Errorf("tell what has become of site %s: %w", site, err)
		}
	}
	return nil
}

func (s *Service) release(k *Known, site string, now time.Time) []Event {
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
	for _, id := range slices.Sorted(maps.Keys(k.Waivers)) {
		w := k.Waivers[id]
		from := w.Expires.Add(-s.o.Tuning.WaiverWarning)
		if w.Warned || from.After(now) {
			continue
		}
		changed = true
		if now.Before(w.Expires) {
			events = append(events, NewEvent(WaiverExpiring, site, from, "Waiver "+id+" expires at "+w.Expires.Format(time.RFC3339)+".", id))
		}
		w.Warned = true
		k.Waivers[id] = w
	}
	if !changed {
		return nil
	}
	k.forget(now, s.o.Tuning.FlapWindow)
	return events
}
