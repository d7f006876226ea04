package fleet_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// beat is a heartbeat of Munich's planner.
func beat(instance string, at time.Duration, interval time.Duration) fleet.Sign {
	return fleet.Sign{Site: "muc-01", At: start.Add(at), Interval: interval, Planner: fleet.Planner{Version: "1.2.0", Instance: instance, Protocol: 1}}
}

// from is Munich's inventory as its planner sends it.
func (r *rig) from(instance string, sequence uint64, at time.Duration) fleet.Update {
	u := r.update(r.sample()["muc-01"], start.Add(at))
	u.Planner = fleet.Planner{Version: "1.2.0", Instance: instance, Sequence: sequence, Protocol: 1}
	return u
}

func (r *rig) tick(at time.Duration) *fleet.Record {
	r.t.Helper()
	if err := r.fleet.Tick(context.Background(), start.Add(at)); err != nil {
		r.t.Fatal(err)
	}
	return r.record("muc-01")
}

// load is a replica that starts later: it knows what is in the streams and was announced.
func (r *rig) load(u fleet.Update, at time.Duration, last ...fleet.Sign) *rig {
	r.t.Helper()
	other := newRig(r.t)
	for i, rec := range r.announced {
		other.fleet.Remember(rec.ID, uint64(i+1), rec.HeardAt, rec.Entered)
	}
	for _, s := range last {
		other.fleet.Heard(s)
	}
	prior := map[string]*assess.Assessment{}
	for id, a := range r.published {
		prior[id] = a
	}
	if err := other.fleet.Load(context.Background(), []fleet.Update{u}, prior, start.Add(at)); err != nil {
		r.t.Fatal(err)
	}
	return other
}

// TestTransitionsHaveTheStreamsTimes: when a site became late, stale, lost and live again follows from what was heard, not
// from when somebody looked, and a replica that starts later says the same.
func TestTransitionsHaveTheStreamsTimes(t *testing.T) {
	r := newRig(t)
	if err := r.fleet.Load(context.Background(), nil, nil, start); err != nil {
		t.Fatal(err)
	}
	u := r.from("a", 1, 0)
	r.apply(u)
	r.fleet.Heard(beat("a", 10*time.Minute, time.Minute))
	heard := 10 * time.Minute
	for _, c := range []struct {
		at      time.Duration
		want    fleet.Liveness
		entered time.Duration
	}{
		{heard + 2*time.Minute, fleet.Live, heard}, // ten minutes without a beat before it
		{heard + 4*time.Minute + 7*time.Second, fleet.Late, heard + 3*time.Minute},
		{heard + 2*time.Hour, fleet.Stale, heard + time.Hour},
		{heard + 49*time.Hour, fleet.Lost, heard + 24*time.Hour},
	} {
		rec := r.tick(c.at)
		if rec.Liveness != c.want || !rec.Entered.Of(c.want).Equal(start.Add(c.entered)) {
			t.Errorf("after %s the site is %s since %s, want %s since %s", c.at, rec.Liveness, rec.Entered.Of(rec.Liveness), c.want, start.Add(c.entered))
		}
	}
	lost := r.record("muc-01")
	back := 50 * time.Hour
	r.fleet.Heard(beat("a", back, time.Minute))
	r.fleet.Heard(beat("a", back+time.Minute, time.Minute))
	rec := r.tick(back + 90*time.Second)
	if rec.Liveness != fleet.Live || !rec.Entered.Live.Equal(start.Add(back)) || !rec.Entered.Lost.Equal(lost.Entered.Lost) || !rec.HeardAt.Equal(start.Add(back)) {
		t.Errorf("heard again: %s %+v, heard at %s", rec.Liveness, rec.Entered, rec.HeardAt)
	}
	r.fleet.Heard(beat("a", back+2*time.Minute, time.Minute))
	if next := r.tick(back + 3*time.Minute); next != rec {
		t.Error("a heartbeat of a site that is live changed its record")
	}
	later := r.load(u, back+3*time.Minute+30*time.Second, beat("a", back+2*time.Minute, time.Minute))
	if rec := later.record("muc-01"); rec.Entered != r.record("muc-01").Entered || !rec.HeardAt.Equal(r.record("muc-01").HeardAt) {
		t.Errorf("a replica that starts later says %+v, want %+v", rec.Entered, r.record("muc-01").Entered)
	}
	if failed := failing(r.record("muc-01").Assessment, "COL-001"); failed == nil || !failed.FailingSince.Equal(r.record("muc-01").Inventory.ObservedAt) {
		t.Errorf("silence changed since when COL-001 fails: %+v", failed)
	}
}

// TestReplicasAgreeOnWhatOneHeardFirst: two replicas that start while sites appear have heard different parts of the signs.
// Whichever announces first, both say at last what follows from all signs, and so does the last announcement.
func TestReplicasAgreeOnWhatOneHeardFirst(t *testing.T) {
	for _, c := range []struct {
		name     string
		one, two []time.Duration // when each heard the site
		entered  time.Duration   // when it became live, by all signs
		late     time.Duration   // 0 for never
		order    []int           // in which they announce
	}{
		{"who heard less announces last", []time.Duration{0, time.Minute}, []time.Duration{time.Minute}, 0, 0, []int{0, 1}},
		{"who heard less announces first", []time.Duration{0, time.Minute}, []time.Duration{time.Minute}, 0, 0, []int{1, 0}},
		{"one has heard a silence", []time.Duration{0, 10 * time.Minute, 11 * time.Minute}, []time.Duration{11 * time.Minute}, 10 * time.Minute, 3 * time.Minute, []int{0, 1}},
		{"and announces last", []time.Duration{0, 10 * time.Minute, 11 * time.Minute}, []time.Duration{11 * time.Minute}, 10 * time.Minute, 3 * time.Minute, []int{1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var feed []*fleet.Record
			positions := map[string]uint64{}
			share := func(o *fleet.Options) {
				o.Announce = func(_ context.Context, rec *fleet.Record, after uint64) (uint64, error) {
					id := fmt.Sprint(rec.Liveness, rec.Entered.Of(rec.Liveness), after)
					if at, again := positions[id]; again {
						return at, nil // a stream keeps one message of an id
					}
					feed = append(feed, rec)
					positions[id] = uint64(len(feed))
					return positions[id], nil
				}
			}
			rigs := []*rig{newRig(t, share), newRig(t, share)}
			read := []int{0, 0}
			follow := func(i int) {
				for ; read[i] < len(feed); read[i]++ {
					rigs[i].fleet.Remember("muc-01", uint64(read[i]+1), feed[read[i]].HeardAt, feed[read[i]].Entered)
				}
			}
			for _, i := range c.order {
				heard := [][]time.Duration{c.one, c.two}[i]
				if err := rigs[i].fleet.Load(context.Background(), nil, nil, start); err != nil {
					t.Fatal(err)
				}
				rigs[i].apply(rigs[i].from("a", 1, heard[0]))
				for _, at := range heard[1:] {
					rigs[i].fleet.Heard(beat("a", at, time.Minute))
				}
			}
			end := max(c.one[len(c.one)-1], c.two[len(c.two)-1]) + time.Minute
			for range 4 {
				for i := range rigs {
					rigs[i].tick(end)
				}
				for i := range rigs {
					follow(i)
				}
			}
			announcements := len(feed)
			for i := range rigs {
				rec := rigs[i].tick(end)
				if rec.Liveness != fleet.Live || !rec.Entered.Live.Equal(start.Add(c.entered)) || c.late > 0 != rec.Entered.Late.Equal(start.Add(c.late)) {
					t.Errorf("replica %d says %s since %+v", i, rec.Liveness, rec.Entered)
				}
				if last := feed[len(feed)-1]; last.Entered != rec.Entered {
					t.Errorf("replica %d says %+v, announced last was %+v", i, rec.Entered, last.Entered)
				}
			}
			if len(feed) != announcements {
				t.Errorf("%d announcements became %d with nothing new", announcements, len(feed))
			}
		})
	}
}

// TestSeldomHeartbeatsAreNotLate: a site that was told to beat each hour is not late after three minutes.
func TestSeldomHeartbeatsAreNotLate(t *testing.T) {
	r := newRig(t)
	if err := r.fleet.Load(context.Background(), nil, nil, start); err != nil {
		t.Fatal(err)
	}
	r.apply(r.from("a", 1, 0))
	r.fleet.Heard(beat("a", time.Second, time.Hour))
	for _, c := range []struct {
		after time.Duration
		want  fleet.Liveness
	}{{2 * time.Hour, fleet.Live}, {3*time.Hour + time.Second, fleet.Late}, {6*time.Hour + time.Second, fleet.Stale}, {25 * time.Hour, fleet.Lost}} {
		if got := r.tick(c.after).Liveness; got != c.want {
			t.Errorf("after %s: %s, want %s", c.after, got, c.want)
		}
	}
}

// TestRivals: two instances that speak in turns are told since the second was first heard, also by a replica that starts
// later; silence of both proves nothing, and one that is left alone ends it. An instance that is replaced is no rival.
func TestRivals(t *testing.T) {
	r := newRig(t)
	if err := r.fleet.Load(context.Background(), nil, nil, start); err != nil {
		t.Fatal(err)
	}
	r.apply(r.from("a", 1, 0))
	r.fleet.Heard(beat("b", time.Minute, time.Minute))
	if rec := r.tick(2 * time.Minute); len(rec.Rivals) != 0 {
		t.Fatalf("b has replaced a, yet rivals are %v", rec.Rivals)
	}
	r.fleet.Heard(beat("a", 3*time.Minute, time.Minute))
	rec := r.tick(4 * time.Minute)
	f := failing(rec.Assessment, "DQ-005")
	if !slices.Equal(rec.Rivals, []string{"a", "b"}) || f == nil || !f.FailingSince.Equal(start.Add(time.Minute)) || !rec.Assessment.At.Equal(start.Add(3*time.Minute)) {
		t.Fatalf("rivals %v, finding %+v, judged at %s", rec.Rivals, f, rec.Assessment.At)
	}
	if r.published["muc-01"] != rec.Assessment {
		t.Error("it was not published")
	}
	if n := r.fleet.Evaluations(); r.tick(5*time.Minute) != rec || r.fleet.Evaluations() != n {
		t.Error("looking again changed something")
	}
	u := r.from("a", 1, 0)
	u.Sequence = rec.Sequence
	later := r.load(u, 6*time.Minute)
	if got := later.record("muc-01"); !slices.Equal(got.Rivals, rec.Rivals) || later.bytes("muc-01") != r.bytes("muc-01") || later.fleet.Evaluations() != 0 {
		t.Errorf("a replica that starts later has %v", got.Rivals)
	}
	if rec := r.tick(48 * time.Hour); failing(rec.Assessment, "DQ-005") == nil {
		t.Error("silence of both ended the finding")
	}
	r.fleet.Heard(beat("b", 49*time.Hour, time.Minute))
	if rec := r.tick(49*time.Hour + time.Second); len(rec.Rivals) != 0 || failing(rec.Assessment, "DQ-005") != nil {
		t.Errorf("b is left alone, yet rivals are %v", rec.Rivals)
	}
}

// TestCopiedStateFolder: two planners with one outbox's identity give one sequence to two revisions.
func TestCopiedStateFolder(t *testing.T) {
	r := newRig(t)
	r.apply(r.from("a", 7, 0))
	u := r.from("a", 7, time.Minute)
	other := inventory.Clone(u.Site)
	other.ObservedAt = other.ObservedAt.Add(time.Second)
	u.Site, u.Revision = other, inventory.Revision(other)
	r.apply(u)
	if rec := r.record("muc-01"); !slices.Equal(rec.Rivals, []string{"a", "a"}) || failing(rec.Assessment, "DQ-005") == nil {
		t.Errorf("rivals %v", rec.Rivals)
	}
}

// TestPlannersBehind: a planner older than the hub supports is a finding, until its heartbeat tells of another version.
func TestPlannersBehind(t *testing.T) {
	r := newRig(t, func(o *fleet.Options) { o.Oldest = fleet.Oldest{Version: "1.3"} })
	if err := r.fleet.Load(context.Background(), nil, nil, start); err != nil {
		t.Fatal(err)
	}
	r.apply(r.from("a", 1, 0))
	if rec := r.record("muc-01"); !rec.Planner.Behind || failing(rec.Assessment, "DQ-003") == nil {
		t.Errorf("planner %+v, supported are 1.3 and later", rec.Planner)
	}
	upgraded := beat("a", time.Minute, time.Minute)
	upgraded.Planner.Version = "1.3.1"
	r.fleet.Heard(upgraded)
	if rec := r.tick(2 * time.Minute); rec.Planner.Behind || rec.Planner.Version != "1.3.1" || failing(rec.Assessment, "DQ-003") != nil {
		t.Errorf("after the upgrade: %+v", rec.Planner)
	}
}

// TestStreamsAssessmentIsTakenOver: what another replica has published of a revision is in force here too.
func TestStreamsAssessmentIsTakenOver(t *testing.T) {
	r := newRig(t)
	u := r.update(r.sample()["muc-01"], start)
	other := newRig(t)
	other.apply(u)
	theirs := *other.published["muc-01"]
	theirs.Findings = slices.Clone(theirs.Findings)
	earlier := start.Add(-48 * time.Hour)
	theirs.Findings[0].FirstSeen = &earlier
	r.instead = &theirs
	r.apply(u)
	if rec := r.record("muc-01"); rec.Assessment != &theirs || r.fleet.Adopted() != 1 {
		t.Errorf("in force is what this replica judged itself; %d taken over", r.fleet.Adopted())
	}
}

func TestLimitIsShown(t *testing.T) {
	r := newRig(t)
	r.apply(r.from("a", 1, 0))
	r.fleet.Limit("muc-01", start)
	if rec := r.tick(time.Second); !rec.Limited.Equal(start) {
		t.Errorf("limited since %s", rec.Limited)
	}
	r.fleet.Limit("muc-01", time.Time{})
	if rec := r.tick(2 * time.Second); !rec.Limited.IsZero() {
		t.Errorf("still limited since %s", rec.Limited)
	}
}
