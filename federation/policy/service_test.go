package policy_test

import (
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	versions "github.com/meridian-federation/meridian/federation/policy"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	anna  = versions.Act{By: "t-1", Name: "Anna"}
	bert  = versions.Act{By: "t-2", Name: "Bert"}
)

type stage struct{ *bustest.Stage }

func newStage(t *testing.T) *stage {
	t.Helper()
	return &stage{bustest.NewStage(t, start)}
}

type replica struct {
	*versions.Service
	mu      sync.Mutex
	regimes []versions.Regime
	told    int
}

func (r *replica) last() []versions.Regime {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.regimes
}

func (s *stage) replica(t *testing.T, approval bool) *replica {
	t.Helper()
	conn := s.Connect(t)
	list, err := bus.OpenBucket[versions.Version](t.Context(), conn, bus.StreamOptions{}, versions.Versions())
	if err != nil {
		t.Fatal(err)
	}
	log, err := bus.OpenBucket[versions.Log](t.Context(), conn, bus.StreamOptions{}, versions.Activations())
	if err != nil {
		t.Fatal(err)
	}
	r := new(replica)
	r.Service = versions.NewService(versions.Options{
		Versions: list, Log: log, Approval: approval, Now: s.Now, Logger: slog.New(slog.DiscardHandler),
		Changed: func(regimes []versions.Regime) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.regimes, r.told = regimes, r.told+1
		},
	})
	bustest.Background(t, r.Run)
	<-r.Ready()
	return r
}

func refused(t *testing.T, what string, err error, code refuse.Code) {
	t.Helper()
	var e *refuse.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want a refusal of the kind %v", what, err, code)
	}
}

func named(name string) *policy.Policy {
	p := policy.Default()
	p.Name = name
	return p
}

// TestVersionsOfTwoWriters: replicas that write at once take numbers of their own, without a gap, and no version changes any more.
func TestVersionsOfTwoWriters(t *testing.T) {
	s := newStage(t)
	replicas := []*replica{s.replica(t, false), s.replica(t, false)}
	const each = 6
	var group sync.WaitGroup
	var mu sync.Mutex
	wrote := map[string]versions.Version{}
	for i, r := range replicas {
		group.Go(func() {
			for k := range each {
				v, err := r.Draft(t.Context(), anna, named(strconv.Itoa(10*i+k)))
				if err != nil {
					t.Errorf("draft: %v", err)
					return
				}
				mu.Lock()
				if _, twice := wrote[v.ID]; twice {
					t.Errorf("version %s is given twice", v.ID)
				}
				wrote[v.ID] = v
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for _, r := range append(replicas, s.replica(t, false)) {
		bustest.Eventually(t, "every version is known", func() bool { list, _ := r.List(); return len(list) == 2*each })
		list, _ := r.List()
		for i, v := range list {
			if want := strconv.Itoa(2*each - i); v.ID != want || v.Policy.Name != wrote[v.ID].Policy.Name || v.Hash != wrote[v.ID].Hash || v.Created != wrote[v.ID].Created {
				t.Errorf("place %d is version %s %q, was written as %q", i, v.ID, v.Policy.Name, wrote[v.ID].Policy.Name)
			}
		}
	}
	_, err := replicas[0].Get("99")
	refused(t, "no such version", err, refuse.NotFound)
}

// TestActivations: the log only grows, its instants ascend whatever the clock does, and what was in force at an instant is the same
// at every replica and after a restart.
func TestActivations(t *testing.T) {
	s := newStage(t)
	one, two := s.replica(t, false), s.replica(t, false)
	for _, name := range []string{"one", "two"} {
		if _, err := one.Draft(t.Context(), anna, named(name)); err != nil {
			t.Fatal(err)
		}
	}
	for i, step := range []struct {
		at time.Time
		id string
	}{{start, "1"}, {start.Add(time.Hour), "2"}, {start.Add(-time.Hour), "1"}} { // The clock went back.
		s.Set(step.at)
		bustest.Eventually(t, "the versions are known", func() bool { _, err := two.Get(step.id); return err == nil })
		before, a, err := two.Activate(t.Context(), anna, step.id)
		if err != nil || a.Version != step.id || (before == "") != (i == 0) {
			t.Fatalf("%s, %+v: %v", before, a, err)
		}
		_, _, err = one.Activate(t.Context(), anna, step.id)
		refused(t, "in force already", err, refuse.Conflict)
	}
	for _, r := range []*replica{one, two, s.replica(t, false)} {
		bustest.Eventually(t, "three activations are told of", func() bool { return len(r.last()) == 3 })
		_, log := r.List()
		for i := 1; i < len(log.Activations); i++ {
			if !log.Activations[i].At.After(log.Activations[i-1].At) {
				t.Errorf("activation %d is not after the one before it: %+v", i, log.Activations)
			}
		}
		for at, want := range map[time.Duration]string{-1: "", 0: "1", time.Hour - 1: "1", time.Hour: "2", time.Hour + 1: "1", 1000 * time.Hour: "1"} {
			if got := log.Active(start.Add(at)); got != want {
				t.Errorf("in force %s after the first: %q, want %q", at, got, want)
			}
		}
		if g := r.last(); g[1].Version.Policy.Name != "two" || !g[1].From.Equal(start.Add(time.Hour)) {
			t.Errorf("told of %+v", g)
		}
	}
	_, _, err := one.Activate(t.Context(), anna, "7")
	refused(t, "no such version", err, refuse.NotFound)
}

// TestTwoActivateAtOnce: one of them wins, the other is told to look first, and no activation is lost.
func TestTwoActivateAtOnce(t *testing.T) {
	s := newStage(t)
	one, two := s.replica(t, false), s.replica(t, false)
	for range 3 {
		if _, err := one.Draft(t.Context(), anna, named("x")); err != nil {
			t.Fatal(err)
		}
	}
	bustest.Eventually(t, "the versions are known", func() bool { list, _ := two.List(); return len(list) == 3 })
	if _, _, err := one.Activate(t.Context(), anna, "3"); err != nil {
		t.Fatal(err)
	}
	held := 1
	for range 10 {
		errs := make([]error, 2)
		var group sync.WaitGroup
		group.Go(func() { _, _, errs[0] = one.Activate(t.Context(), anna, "1") })
		group.Go(func() { _, _, errs[1] = two.Activate(t.Context(), anna, "2") })
		group.Wait()
		for _, err := range errs {
			var e *refuse.Error
			switch {
			case err == nil:
				held++
			case !errors.As(err, &e) || e.Code != refuse.Conflict:
				t.Errorf("the one that lost was told %v", err)
			}
		}
		if errs[0] != nil && errs[1] != nil {
			t.Errorf("nobody won: %v", errs)
		}
		if _, _, err := one.Activate(t.Context(), anna, "3"); err != nil {
			t.Fatal(err)
		}
		held++
	}
	for _, r := range []*replica{one, two, s.replica(t, false)} {
		bustest.Eventually(t, "every activation that was answered is in the log", func() bool { _, log := r.List(); return len(log.Activations) == held })
	}
}

// TestFourEyes: where approval is demanded, the author activates no version for the first time, with whichever token; going back
// to one that was in force is anybody's.
func TestFourEyes(t *testing.T) {
	s := newStage(t)
	r := s.replica(t, true)
	for _, name := range []string{"one", "two"} {
		if _, err := r.Draft(t.Context(), anna, named(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, by := range []versions.Act{anna, {By: "t-9", Name: "anna"}, {By: anna.By, Name: "another name"}} {
		_, _, err := r.Activate(t.Context(), by, "1")
		refused(t, "activated by its author as "+by.Name, err, refuse.Forbidden)
	}
	for _, id := range []string{"1", "2"} {
		if _, _, err := r.Activate(t.Context(), bert, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, a, err := r.Activate(t.Context(), anna, "1"); err != nil || a.By != anna.By {
		t.Errorf("%+v: %v", a, err)
	}
}

func finding(id string, v rules.Verdict, s rules.Severity) rules.Finding {
	return rules.Finding{ID: id, Rule: "R-" + id, Verdict: v, Severity: s, Subject: rules.Subject{Site: "a", Cluster: id}, Waiver: &rules.Waiver{ID: "w"}}
}

// TestCompare: what another policy would open, close and change; a waiver hides none of it.
func TestCompare(t *testing.T) {
	before := &assess.Assessment{Findings: []rules.Finding{
		finding("stays", rules.Fail, rules.High), finding("milder", rules.Fail, rules.High), finding("passes", rules.Fail, rules.Low), finding("gone", rules.Fail, rules.Low),
		finding("opens", rules.Pass, rules.Low), finding("lost", rules.Fail, rules.Low), finding("dim", rules.Pass, rules.Low), finding("dark", rules.Unknown, rules.Low),
	}}
	after := &assess.Assessment{Findings: []rules.Finding{
		finding("stays", rules.Fail, rules.High), finding("milder", rules.Fail, rules.Low), finding("passes", rules.Pass, rules.Low),
		finding("opens", rules.Fail, rules.Critical), finding("new", rules.Fail, rules.Info), finding("lost", rules.Unknown, rules.Low), finding("dim", rules.Unknown, rules.Low), finding("dark", rules.Unknown, rules.Low),
	}}
	var d, all versions.Delta
	d.Compare(before, after)
	all.Add(&d)
	all.Sort()
	ids := func(list []versions.Change) (out string) {
		for _, c := range list {
			out += c.Finding + " "
		}
		return out
	}
	if got := ids(all.Opened) + "| " + ids(all.Closed) + "| " + ids(all.Changed) + "| " + ids(all.Unknown); got != "new opens | gone lost passes | milder | dim " || all.Sites != 1 {
		t.Errorf("%s of %d sites", got, all.Sites)
	}
	if c := all.Changed[0]; c.Before != rules.High || c.Severity != rules.Low {
		t.Errorf("%+v", c)
	}
	var none versions.Delta
	none.Sort()
	if none.Opened == nil || none.Closed == nil || none.Changed == nil || none.Unknown == nil {
		t.Error("a list of nothing is none")
	}
}
