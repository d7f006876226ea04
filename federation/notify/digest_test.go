package notify_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/notify"
)

type summary struct {
	Counts notify.Counts  `json:"counts"`
	Number int            `json:"number"`
	Events []notify.Event `json:"events"`
	From   time.Time      `json:"from"`
	To     time.Time      `json:"to"`
	At     time.Time      `json:"at"`
}

func digests(t *testing.T, r *receiver) []summary {
	t.Helper()
	var out []summary
	for _, e := range r.events(t) {
		var d summary
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

// TestADigest: two replicas, one digest for each interval in which something happened, with the counts of when it was sent;
// a receiver that was away gets what happened meanwhile with the next attempt.
func TestADigest(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(t), w.replica(t)
	down := make(chan struct{})
	sink := newReceiver(t, func(_ int, rw http.ResponseWriter, _ *http.Request) bool {
		select {
		case <-down:
			return true
		default:
			rw.WriteHeader(http.StatusBadGateway)
			return false
		}
	})
	w.counts = notify.Counts{Total: 3, High: 2, Unknown: 1}
	hook, _ := a.webhook(t, sink.URL, func(c *notify.Change) { c.Digest = &notify.Schedule{Every: 15 * time.Minute} }, b)
	for i := range 3 {
		for _, r := range []*replica{a, b} {
			if err := r.Tell(t.Context(), lost("a", w.clock.Now(), i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if l, waiting, err := a.Deliveries(t.Context(), hook.ID); err != nil || waiting != 0 || len(l.Attempts) != 0 {
		t.Fatalf("something was sent before its time: %+v, %d, %v", l, waiting, err)
	}
	w.clock.forward(16 * time.Minute)
	close(down)
	eventually(t, "one digest", func() any { return len(digests(t, sink)) }, 1)
	d := digests(t, sink)[0]
	if d.Number != 3 || len(d.Events) != 3 || d.Counts != w.counts || !d.At.Equal(w.clock.Now()) || !d.To.Equal(time.Date(2026, 11, 20, 8, 15, 0, 0, time.UTC)) {
		t.Errorf("%+v", d)
	}
	if d.Events[0].SiteName == "" || len(d.Events[0].Regions) == 0 {
		t.Errorf("site and region are not named: %+v", d.Events[0])
	}
	// An interval in which nothing happens has none.
	w.clock.forward(15 * time.Minute)
	if err := b.Tell(t.Context(), lost("b", w.clock.Now(), 9)); err != nil {
		t.Fatal(err)
	}
	w.clock.forward(15 * time.Minute)
	eventually(t, "the next digest", func() any { return len(digests(t, sink)) }, 2)
	if d := digests(t, sink)[1]; d.Number != 1 || d.Events[0].Site != "b" {
		t.Errorf("%+v", d)
	}
}

func TestWhenADigestIsDue(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	for _, c := range []struct {
		schedule notify.Schedule
		pointer  string
	}{
		{notify.Schedule{}, "/digest"},
		{notify.Schedule{Every: time.Second}, "/digest/every"},
		{notify.Schedule{Every: 30 * 24 * time.Hour}, "/digest/every"},
		{notify.Schedule{Every: time.Hour, DailyAt: "07:00"}, "/digest"},
		{notify.Schedule{DailyAt: "24:00"}, "/digest/dailyAt"},
		{notify.Schedule{DailyAt: "7"}, "/digest/dailyAt"},
		{notify.Schedule{DailyAt: "07:00", TimeZone: "Europe/Atlantis"}, "/digest/timeZone"},
		{notify.Schedule{DailyAt: "07:00", TimeZone: "../../etc/passwd"}, "/digest/timeZone"},
	} {
		refuses(t, r, c.pointer, func(x *notify.Change) { x.Digest = &c.schedule })
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	daily := notify.Schedule{DailyAt: "02:30", TimeZone: "Europe/Berlin"}
	for now, want := range map[time.Time]time.Time{
		time.Date(2026, 11, 20, 2, 29, 0, 0, zone): time.Date(2026, 11, 19, 2, 30, 0, 0, zone),
		time.Date(2026, 11, 20, 2, 30, 0, 0, zone): time.Date(2026, 11, 20, 2, 30, 0, 0, zone),
		time.Date(2026, 3, 29, 23, 0, 0, 0, zone):  time.Date(2026, 3, 29, 2, 30, 0, 0, zone), // the hour that summer time leaves out
		time.Date(2026, 10, 25, 23, 0, 0, 0, zone): time.Date(2026, 10, 25, 2, 30, 0, 0, zone),
	} {
		if got := daily.Due(now); !got.Equal(want) {
			t.Errorf("at %s: %s, want %s", now, got, want)
		}
	}
}
