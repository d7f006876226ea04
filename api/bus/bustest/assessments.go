package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
)

// Judgement makes a sendable assessment of the n-th revision that stands at a position of the stream.
func Judgement(site string, n int, sequence uint64, at time.Time) bus.Assessment {
	revision := Revision(site, n, 0).Revision
	return bus.Assessment{
		Site: site, Revision: revision, At: at, InventorySequence: sequence,
		MessageID: site + ":" + revision + ":pack:" + at.Format(time.RFC3339Nano),
		Body:      fmt.Appendf(nil, `{"kind":"Assessment","n":%d}`, n),
	}
}

func assessmentReaches(t *testing.T, b Bus, hub *bus.Conn) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	if _, err := hub.PublishAssessment(t.Context(), Judgement("muc-01", 1, 1, at)); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.PublishAssessment(t.Context(), Judgement("ber-02", 7, 2, at)); err != nil {
		t.Fatal(err)
	}
	heard := make(chan bus.Assessment, 10)
	site := b.Site(t, "muc-01")
	Background(t, func(ctx context.Context) error {
		return site.WatchAssessment(ctx, "muc-01", func(a bus.Assessment) { heard <- a })
	})
	expect := func(revision string) {
		t.Helper()
		select {
		case a := <-heard:
			if a.DecodeErr != nil || a.Revision != revision || a.Site != "muc-01" || !a.At.Equal(at) || len(a.Body) == 0 {
				t.Fatalf("got %+v, want revision %s", a, revision)
			}
		case <-time.After(Patience):
			t.Fatalf("revision %s did not come", revision)
		}
	}
	expect("r00000001")
	if _, err := hub.PublishAssessment(t.Context(), Judgement("muc-01", 2, 3, at)); err != nil {
		t.Fatal(err)
	}
	expect("r00000002")
	var last []string
	if err := hub.LastAssessments(t.Context(), func(a bus.Assessment) { last = append(last, a.Site+" "+a.Revision) }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"ber-02 r00000007", "muc-01 r00000002"}; !slices.Equal(last, want) {
		t.Fatalf("last %v, want %v", last, want)
	}
}

// oneOnABasis: what another replica said on the same basis is not said again as of a later instant, but by whoever knows that it was said.
func oneOnABasis(t *testing.T, b Bus, hub *bus.Conn) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	other := b.Hub(t)
	on := func(n int, sequence uint64, at time.Time, basis string) bus.Assessment {
		a := Judgement("muc-01", n, sequence, at)
		a.Basis = basis
		return a
	}
	stored := func(what string, ack bus.Ack, err error) uint64 {
		t.Helper()
		if err != nil || ack.Superseded || ack.Duplicate {
			t.Fatalf("%s: %+v, %v", what, ack, err)
		}
		return ack.StreamSequence
	}
	ack, err := hub.PublishAssessment(t.Context(), on(1, 10, at, "b1"))
	first := stored("the first", ack, err)
	if ack, err = other.PublishAssessment(t.Context(), on(1, 10, at.Add(time.Minute), "b1")); err != nil || !ack.Superseded || ack.StreamSequence != first {
		t.Errorf("the same by another replica: %+v, %v", ack, err)
	}
	ack, err = other.PublishAssessment(t.Context(), on(1, 10, at.Add(time.Hour), "b1"))
	stored("what time changed, by one that knows what was said before", ack, err)
	acks, errs := hub.PublishAssessments(t.Context(), []bus.Assessment{on(1, 10, at.Add(2*time.Hour), "b1")})
	if errs[0] != nil || !acks[0].Superseded {
		t.Errorf("the same in a batch, by one that does not know the last: %+v, %v", acks[0], errs[0])
	}
	ack, err = hub.PublishAssessment(t.Context(), on(1, 10, at.Add(3*time.Hour), "b2"))
	stored("on another basis", ack, err)
	ack, err = other.PublishAssessment(t.Context(), on(1, 10, at.Add(4*time.Hour), ""))
	stored("on none", ack, err)
	ack, err = hub.PublishAssessment(t.Context(), on(2, 20, at.Add(5*time.Hour), "b2"))
	stored("of the next revision", ack, err)
}

func noOlderAssessment(t *testing.T, b Bus, hub *bus.Conn) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	other := b.Hub(t) // a second replica
	newer, err := hub.PublishAssessment(t.Context(), Judgement("muc-01", 2, 20, at))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*bus.Conn{"the same replica": hub, "another replica": other} {
		for what, a := range map[string]bus.Assessment{
			"of an older inventory": Judgement("muc-01", 1, 10, at.Add(time.Hour)),
			"of an earlier instant": Judgement("muc-01", 2, 20, at.Add(-time.Second)),
		} {
			ack, err := c.PublishAssessment(t.Context(), a)
			if err != nil || !ack.Superseded || ack.StreamSequence != newer.StreamSequence {
				t.Errorf("%s, %s: %+v, %v", name, what, ack, err)
			}
		}
		ack, err := c.PublishAssessment(t.Context(), Judgement("muc-01", 2, 20, at))
		if err != nil || !ack.Duplicate || ack.StreamSequence != newer.StreamSequence {
			t.Errorf("%s, the same again: %+v, %v", name, ack, err)
		}
	}
	// Now the other replica writes; the first one's knowledge is out of date.
	if _, err := other.PublishAssessment(t.Context(), Judgement("muc-01", 3, 30, at)); err != nil {
		t.Fatal(err)
	}
	if ack, err := hub.PublishAssessment(t.Context(), Judgement("muc-01", 2, 25, at)); err != nil || !ack.Superseded {
		t.Errorf("older than what the other replica wrote: %+v, %v", ack, err)
	}
	if _, err := other.PublishAssessment(t.Context(), Judgement("muc-01", 3, 31, at)); err != nil {
		t.Fatal(err)
	}
	acks, errs := hub.PublishAssessments(t.Context(), []bus.Assessment{
		Judgement("muc-01", 2, 20, at.Add(time.Hour)), Judgement("muc-01", 4, 40, at), Judgement("ber-02", 1, 5, at), Judgement("muc-01", 5, 50, at),
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if !acks[0].Superseded || acks[1].Superseded || acks[2].Superseded || acks[3].Superseded {
		t.Errorf("batch: %+v", acks)
	}
	var last []string
	if err := hub.LastAssessments(t.Context(), func(a bus.Assessment) { last = append(last, a.Site+" "+a.Revision) }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"ber-02 r00000001", "muc-01 r00000005"}; !slices.Equal(last, want) {
		t.Fatalf("last %v, want %v", last, want)
	}
}
