package notify_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/rules"
)

func logger(w *world) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TestTransitions: only what changed is told, and each assessment that comes again changes nothing.
func TestTransitions(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	sink := newReceiver(t, nil)
	r.webhook(t, sink.URL, nil)
	var want []string
	sequence := uint64(0)
	for _, step := range []struct {
		findings []rules.Finding
		want     []string
	}{
		{nil, nil},
		{[]rules.Finding{finding("a", "1")}, []string{"finding.opened"}},
		{[]rules.Finding{finding("a", "1")}, nil},
		{[]rules.Finding{finding("a", "1", low)}, []string{"finding.changed"}},
		{[]rules.Finding{finding("a", "1", low, unknown)}, []string{"finding.changed"}},
		{nil, []string{"finding.closed"}},
		{[]rules.Finding{finding("a", "2", unknown)}, []string{"finding.opened"}},
		{[]rules.Finding{finding("a", "2", waived)}, []string{"finding.waived"}},
		{[]rules.Finding{finding("a", "2", waived, low)}, nil},
		{[]rules.Finding{finding("a", "2", low)}, []string{"finding.opened"}},
		{[]rules.Finding{finding("a", "3", waived)}, []string{"finding.closed", "finding.waived"}},
		{[]rules.Finding{finding("a", "3", waived), finding("a", "4", func(f *rules.Finding) { f.Verdict = rules.Pass })}, nil},
	} {
		sequence++
		a := assessed("a", sequence, w.clock.forward(2*time.Hour), step.findings...)
		for range 2 {
			if err := r.Assessed(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		if old := assessed("a", sequence-1, w.clock.Now(), finding("a", "old")); sequence > 2 && len(step.want) > 0 {
			if err := r.Assessed(t.Context(), old); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, step.want...)
		eventually(t, "what was told", func() any { return kinds(t, sink) }, want)
	}
	var first notify.Event
	if err := json.Unmarshal(sink.events(t)[0].Data, &first); err != nil {
		t.Fatal(err)
	}
	if first.SiteName != "Plant a" || len(first.Regions) != 1 || first.Regions[0] != "westeurope" || first.Message == "" || first.Link != "https://meridian.example.com/sites/a" {
		t.Errorf("the event does not name site, region and reason: %+v", first)
	}
}

// TestAFlappingFindingIsDamped: four changes are told, the fourth says so; then silence until the finding has been quiet
// for the window, then its state if that is another one than was told.
func TestAFlappingFindingIsDamped(t *testing.T) {
	for name, changes := range map[string]int{"ends as it was told": 8, "ends otherwise": 9} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.tuning.FlapWindow = time.Hour
			r := w.replica(t)
			sink := newReceiver(t, nil)
			r.webhook(t, sink.URL, nil)
			for i := range changes {
				a := assessed("a", uint64(i+1), w.clock.forward(time.Minute))
				if i%2 == 0 {
					a = assessed("a", uint64(i+1), w.clock.Now(), finding("a", "1"))
				}
				if err := r.Assessed(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			want := []string{"finding.opened", "finding.closed", "finding.opened", "finding.closed"}
			eventually(t, "four changes", func() any { return kinds(t, sink) }, want)
			// Another replica takes over, as after a crash, and the window passes.
			r.kill()
			next := w.replica(t)
			w.clock.forward(59 * time.Minute)
			// An event of another site shows that everything before it was delivered.
			if err := next.Tell(t.Context(), notify.NewEvent(notify.SiteLost, "b", w.clock.Now(), "")); err != nil {
				t.Fatal(err)
			}
			want = append(want, "site.lost")
			eventually(t, "no more within the window", func() any { return kinds(t, sink) }, want)
			w.clock.forward(2 * time.Minute)
			if changes%2 == 1 {
				want = append(want, "finding.opened")
				eventually(t, "the state after the window", func() any { return kinds(t, sink) }, want)
			}
			bustest.Eventually(t, "nothing is held any more", func() bool {
				e, err := next.stores.Sites.Get(t.Context(), "a")
				return err == nil && !holds(e.Value)
			})
			if err := next.Tell(t.Context(), notify.NewEvent(notify.SiteLive, "b", w.clock.Now(), "")); err != nil {
				t.Fatal(err)
			}
			want = append(want, "site.live")
			eventually(t, "the end", func() any { return kinds(t, sink) }, want)
			var fourth notify.Event
			if err := json.Unmarshal(sink.events(t)[3].Data, &fourth); err != nil || !fourth.Damped {
				t.Errorf("the fourth change does not say that more are held back: %+v, %v", fourth, err)
			}
		})
	}
}

// TestWhatIsLongOverIsNotTold: a webhook hears of nothing that happened before it was made.
func TestWhatIsLongOverIsNotTold(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	sink := newReceiver(t, nil)
	r.webhook(t, sink.URL, nil)
	now := w.clock.Now()
	if err := r.Assessed(t.Context(), assessed("a", 1, now.Add(-time.Hour), finding("a", "old"))); err != nil {
		t.Fatal(err)
	}
	if err := r.Assessed(t.Context(), assessed("a", 2, now, finding("a", "old"), finding("a", "new"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new one alone", func() any {
		var out []string
		for _, e := range sink.events(t) {
			out = append(out, e.Subject)
		}
		return out
	}, []string{"sites/a/clusters/prod/findings/new"})
}

// TestWaiversThatEnd: one warning for each site and waiver, a week before; its end is told beside the findings that count
// again, and nothing is when somebody takes it back.
func TestWaiversThatEnd(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	sink := newReceiver(t, nil)
	r.webhook(t, sink.URL, nil)
	ends := w.clock.Now().Add(30 * 24 * time.Hour)
	until := func(f *rules.Finding) { f.Waiver = &rules.Waiver{ID: "w1", Reason: "maintenance", Expires: ends} }
	back := func(f *rules.Finding) { f.Waiver = &rules.Waiver{ID: "w2", Reason: "maintenance", Expires: ends} }
	tell := func(findings ...rules.Finding) {
		t.Helper()
		if err := r.Assessed(t.Context(), assessed("a", w.next(), w.clock.Now(), findings...)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"finding.waived", "finding.waived", "finding.waived"}
	tell(finding("a", "1", until), finding("a", "2", until), finding("a", "3", back))
	eventually(t, "the waivers", func() any { return kinds(t, sink) }, want)
	w.clock.forward(2 * time.Hour)
	tell(finding("a", "1", until), finding("a", "2", until), finding("a", "3"))
	want = append(want, "finding.opened")
	eventually(t, "one is taken back", func() any { return kinds(t, sink) }, want)
	r.kill()
	r = w.replica(t)
	w.clock.forward(22 * 24 * time.Hour)
	if err := r.Tell(t.Context(), notify.NewEvent(notify.SiteLive, "b", w.clock.Now(), "")); err != nil {
		t.Fatal(err)
	}
	want = append(want, "site.live")
	eventually(t, "too early", func() any { return kinds(t, sink) }, want)
	w.clock.forward(24 * time.Hour)
	want = append(want, "waiver.expiring")
	eventually(t, "a week before", func() any { return kinds(t, sink) }, want)
	w.clock.forward(7 * 24 * time.Hour)
	tell(finding("a", "1"), finding("a", "2"), finding("a", "3"))
	want = append(want, "waiver.expired", "finding.opened", "finding.opened")
	eventually(t, "the end", func() any { return kinds(t, sink) }, want)
}

func holds(k notify.Known) bool {
	raw, _ := json.Marshal(k)
	var out struct {
		Findings map[string]struct {
			Held bool `json:"held"`
		} `json:"findings"`
	}
	_ = json.Unmarshal(raw, &out)
	for _, f := range out.Findings {
		if f.Held {
			return true
		}
	}
	return false
}

func TestRoutes(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	for filter, want := range map[string][]string{
		"":                                         {"finding.opened", "site.late", "site.lost"},
		"severity >= high":                         {"finding.opened", "site.lost"},
		"site = a and region = westeurope":         {"finding.opened", "site.late"},
		"tag.division = drives and rule ~ COL-*":   {"finding.opened"},
		"country = FR":                             nil,
		"verdict = fail and not waived = true":     {"finding.opened"},
		"cluster = prod and confidence = official": {"finding.opened"},
	} {
		sink := newReceiver(t, nil)
		e, _ := r.webhook(t, sink.URL, func(c *notify.Change) { c.Filter = filter })
		last := newReceiver(t, nil)
		l, _ := r.webhook(t, last.URL, func(c *notify.Change) { c.Events = []notify.Kind{notify.SiteLost} })
		site := "x" + e.ID
		if err := r.Assessed(t.Context(), assessed("a", w.next(), w.clock.forward(2*time.Hour), finding("a", e.ID))); err != nil {
			t.Fatal(err)
		}
		at := w.clock.Now()
		for _, event := range []notify.Event{notify.NewEvent(notify.SiteLate, "a", at, "", e.ID), notify.NewEvent(notify.SiteLost, site, at, "", e.ID)} {
			if err := r.Tell(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "filter "+filter, func() any { return kinds(t, sink) }, want)
		eventually(t, "one kind only", func() any { return kinds(t, last) }, []string{"site.lost"})
		for _, x := range []notify.Entry{e, l} {
			if err := r.Delete(t.Context(), person(), x.ID, x.Revision); err != nil {
				t.Fatal(err)
			}
			bustest.Eventually(t, "the webhook is gone", func() bool { return !r.Knows(x.ID, x.Revision) })
		}
		// The finding closes again, unheard.
		if err := r.Assessed(t.Context(), assessed("a", w.next(), w.clock.forward(2*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
}
