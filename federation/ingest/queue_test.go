package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

func message(site string, n int, at time.Time) Message {
	return Message{Site: site, Revision: fmt.Sprint(n), Sequence: uint64(n), AcceptedAt: at, Body: []byte("{}")}
}

// model is a hub in which one application costs one unit of a time that only the test moves.
type model struct {
	q    *Queue
	now  time.Time
	cost time.Duration
	done []string
	late map[string][]time.Duration // by site: from acceptance to the end of the application
}

func newModel(l Limits, cost time.Duration) *model {
	return &model{q: NewQueue(l), now: start, cost: cost, late: map[string][]time.Duration{}}
}

// until works off what waits until an instant.
func (m *model) until(end time.Time) {
	for m.now.Before(end) {
		x, ok, wait := m.q.take(m.now)
		if !ok {
			if wait == 0 || m.now.Add(wait).After(end) {
				m.now = end
				return
			}
			m.now = m.now.Add(wait)
			continue
		}
		m.now = m.now.Add(m.cost)
		m.done = append(m.done, x.Site+" "+x.Revision)
		m.late[x.Site] = append(m.late[x.Site], m.now.Sub(x.AcceptedAt))
	}
}

func (m *model) put(t *testing.T, x Message) {
	t.Helper()
	if err := m.q.Put(t.Context(), x); err != nil {
		t.Fatal(err)
	}
}

func p99(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)*99/100]
}

// TestFloodDoesNotSlowOthers: with one site that sends a hundred times what the hub can apply, the 99th percentile of the
// other sites' delays stays within twice what it is without the flood.
func TestFloodDoesNotSlowOthers(t *testing.T) {
	const sites, cost = 50, 10 * time.Millisecond
	run := func(flood int) (time.Duration, *model) {
		m := newModel(Limits{}, cost)
		rnd := rand.New(rand.NewPCG(1, 2))
		var all []Message
		for n := range 2000 {
			all = append(all, message(fmt.Sprint("site-", n%sites), n, start.Add(time.Duration(n)*20*time.Millisecond+time.Duration(rnd.IntN(20))*time.Millisecond)))
		}
		for n := range flood {
			all = append(all, message("flood", n, start.Add(time.Duration(n)*100*time.Microsecond)))
		}
		slices.SortStableFunc(all, func(a, b Message) int { return a.AcceptedAt.Compare(b.AcceptedAt) })
		for _, x := range all {
			m.until(x.AcceptedAt)
			m.put(t, x)
		}
		m.until(start.Add(time.Hour))
		var others []time.Duration
		for site, d := range m.late {
			if site != "flood" {
				others = append(others, d...)
			}
		}
		if len(others) != 2000 {
			t.Fatalf("%d of 2000 revisions of the other sites were applied", len(others))
		}
		return p99(others), m
	}
	calmly, _ := run(0)
	flooded, m := run(400_000)
	if flooded > 2*calmly+cost {
		t.Errorf("p99 of the others is %s with the flood, %s without", flooded, calmly)
	}
	last := ""
	for _, d := range m.done {
		if d[:5] == "flood" {
			last = d
		}
	}
	if last != "flood 399999" {
		t.Errorf("the last of the flood that was applied is %q, want its latest revision", last)
	}
	applied := len(m.late["flood"])
	if s := m.q.Stats(); s.Coalesced != uint64(400_000-applied) || applied > 130 || s.Waiting != 0 || s.Held != 0 || s.Bytes != 0 {
		t.Errorf("%d of the flood were applied; %+v", applied, s)
	}
}

// TestSitesTakeTurns: what one brings at once does not stand before what another brings next.
func TestSitesTakeTurns(t *testing.T) {
	m := newModel(Limits{}, time.Second)
	for n := range 5 {
		m.put(t, message("a", n, start))
	}
	m.put(t, message("b", 0, start))
	m.put(t, message("c", 0, start))
	m.put(t, message("b", 1, start))
	m.until(start.Add(time.Minute))
	if want := []string{"a 0", "b 0", "c 0", "a 1", "b 1", "a 2", "a 3", "a 4"}; !slices.Equal(m.done, want) {
		t.Errorf("applied %v, want %v", m.done, want)
	}
}

// TestLimitCountsByTheStreamsTime: two replicas of which one lags apply the same revisions of a flood.
func TestLimitCountsByTheStreamsTime(t *testing.T) {
	limits := Limits{Burst: 3, Every: 10 * time.Second}
	var all []Message
	for n, at := range []int{0, 0, 1, 2, 3, 4, 15, 16, 17, 60, 61, 62, 63} {
		all = append(all, message("muc-01", n, start.Add(time.Duration(at)*time.Second)))
	}
	prompt, lagging := newModel(limits, time.Millisecond), newModel(limits, time.Millisecond)
	for _, x := range all {
		prompt.until(x.AcceptedAt)
		prompt.put(t, x)
		lagging.put(t, x)
	}
	end := start.Add(10 * time.Minute)
	prompt.until(end)
	lagging.until(end)
	want := []string{"muc-01 0", "muc-01 1", "muc-01 2", "muc-01 5", "muc-01 8", "muc-01 9", "muc-01 10", "muc-01 11", "muc-01 12"}
	if !slices.Equal(prompt.done, want) || !slices.Equal(lagging.done, want) {
		t.Errorf("applied\n%v by the prompt replica\n%v by the lagging one, want\n%v", prompt.done, lagging.done, want)
	}
}

// TestDayOfRevisionsIsNotAFlood: a planner that brings a day's revisions at once has each of them applied.
func TestDayOfRevisionsIsNotAFlood(t *testing.T) {
	m := newModel(Limits{}, time.Millisecond)
	for n := range 96 {
		m.put(t, message("muc-01", n, start.Add(time.Duration(n)*time.Millisecond)))
	}
	m.until(start.Add(time.Minute))
	if len(m.done) != 96 || m.q.Stats().Limited != 0 {
		t.Errorf("%d applied, %+v", len(m.done), m.q.Stats())
	}
}

func TestLimitIsToldAndEnds(t *testing.T) {
	m := newModel(Limits{Burst: 1, Every: time.Second}, time.Millisecond)
	for n := range 3 {
		m.put(t, message("muc-01", n, start.Add(time.Duration(n)*time.Millisecond)))
	}
	m.put(t, message("ber-02", 0, start))
	limited := func(at time.Time) map[string]time.Time {
		out := map[string]time.Time{}
		m.q.Limited(at, func(site string, since time.Time) { out[site] = since })
		return out
	}
	if got := limited(start); len(got) != 1 || !got["muc-01"].Equal(start.Add(time.Millisecond)) {
		t.Errorf("limited: %v", got)
	}
	m.until(start.Add(2 * time.Minute))
	if since, told := limited(m.now)["muc-01"]; !told || !since.IsZero() {
		t.Errorf("the end of the limit is not told: %v", since)
	}
	if got := limited(m.now); len(got) != 0 || len(m.q.lines) != 0 {
		t.Errorf("afterwards limited %v, %d sites remembered", got, len(m.q.lines))
	}
}

// TestFullQueueStopsTheReader: documents that wait are bounded in bytes, one site's share to a quarter of it.
func TestFullQueueStopsTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(Limits{MaxBytes: 4000})
		big := func(site string, n int) Message {
			m := message(site, n, start)
			m.Body = make([]byte, 900)
			return m
		}
		for n := range 3 {
			if err := q.Put(t.Context(), big("greedy", n)); err != nil {
				t.Fatal(err)
			}
		}
		if s := q.Stats(); s.Bytes != 1800 || s.Coalesced != 1 {
			t.Errorf("one site takes %+v of 4000 bytes", s)
		}
		for _, site := range []string{"b", "c"} {
			if err := q.Put(t.Context(), big(site, 0)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		put := make(chan error, 1)
		go func() { put <- q.Put(ctx, big("d", 0)) }()
		synctest.Wait()
		select {
		case err := <-put:
			t.Fatalf("a full queue took a message: %v", err)
		default:
		}
		seen := make(chan string, 10)
		go q.Run(ctx, func() time.Time { return start }, func(_ context.Context, m Message) { seen <- m.Site + " " + m.Revision })
		if err := <-put; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		var got []string
		for len(seen) > 0 {
			got = append(got, <-seen)
		}
		slices.Sort(got)
		if want := []string{"b 0", "c 0", "d 0", "greedy 0", "greedy 2"}; !slices.Equal(got, want) {
			t.Errorf("applied %v, want %v", got, want)
		}
	})
}
