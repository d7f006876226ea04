package fleet_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

// accepted is a waiver of the mismatch at Munich, in force from one time after start to another.
func accepted(t *testing.T, id string, from, until time.Duration) waiver.Waiver {
	t.Helper()
	w, err := waiver.New(id, waiver.Request{
		Rule: "COL-001", Match: waiver.Match{Site: "muc-01"}, Reason: "moves in spring", Expires: start.Add(until),
	}, waiver.Act{By: "p-anna", Name: "Anna", At: start.Add(from - time.Second)}, waiver.Limits{})
	if err == nil {
		w, err = w.Approve(waiver.Act{By: "p-bert", Name: "Bert", At: start.Add(from)}, waiver.Limits{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (r *rig) to(after time.Duration) {
	r.t.Helper()
	if err := r.fleet.Tick(context.Background(), start.Add(after)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) applySample() {
	r.t.Helper()
	for _, s := range r.sample() {
		r.apply(r.update(s, start))
	}
}

// instants are those of the judgements of a site that were published, after a number of them.
func (r *rig) instants(site string, from int) []time.Duration {
	var out []time.Duration
	for _, rec := range r.log[from:] {
		if rec.ID == site {
			out = append(out, rec.Assessment.At.Sub(start))
		}
	}
	return out
}

// TestWaiverBeginsAndEndsAtItsInstants: the affected site, and no other, is judged at the approval and at the expiry, though
// the hub looks later, and what is waived still fails.
func TestWaiverBeginsAndEndsAtItsInstants(t *testing.T) {
	r := newRig(t)
	r.applySample()
	r.to(time.Minute)
	judged := r.fleet.Evaluations()
	mark := len(r.log)
	r.fleet.SetWaivers(waiver.NewSet([]waiver.Waiver{accepted(t, "w", 2*time.Minute, 5*time.Minute)}))
	r.to(2*time.Minute - 1)
	if f := failing(r.record("muc-01").Assessment, "COL-001"); f == nil || f.Waiver != nil {
		t.Fatalf("waived before the approval: %+v", f)
	}
	r.to(2*time.Minute + 30*time.Second)
	since := failing(r.record("muc-01").Assessment, "COL-001")
	if since == nil || since.Waiver == nil || since.Waiver.ID != "w" {
		t.Fatalf("not waived after the approval: %+v", since)
	}
	if v := r.record("muc-01").Assessment.Verdicts; v.Fail == 0 {
		t.Errorf("what is waived is not counted as failing: %+v", v)
	}
	r.to(5*time.Minute - 1)
	if failing(r.record("muc-01").Assessment, "COL-001").Waiver == nil {
		t.Error("not waived right before the expiry")
	}
	r.to(5 * time.Minute)
	if f := failing(r.record("muc-01").Assessment, "COL-001"); f == nil || f.Waiver != nil || !f.FailingSince.Equal(*since.FailingSince) {
		t.Errorf("after the expiry: %+v", f)
	}
	if got := r.instants("muc-01", mark); len(got) != 2 || got[0] != 2*time.Minute || got[1] != 5*time.Minute {
		t.Errorf("judged at %v", got)
	}
	if n := r.fleet.Evaluations() - judged; n != 2 {
		t.Errorf("%d judgements for one waiver", n)
	}
}

// TestWaiverWhileTheHubWasAway: both instants are made up for, in order.
func TestWaiverWhileTheHubWasAway(t *testing.T) {
	r := newRig(t)
	r.applySample()
	mark := len(r.log)
	r.fleet.SetWaivers(waiver.NewSet([]waiver.Waiver{accepted(t, "w", 2*time.Minute, 5*time.Minute)}))
	r.to(time.Hour)
	if got := r.instants("muc-01", mark); len(got) != 2 || got[0] != 2*time.Minute || got[1] != 5*time.Minute {
		t.Errorf("judged at %v", got)
	}
}

// TestLateWithdrawal: what was judged in between, before the withdrawal was heard of, is put right behind it.
func TestLateWithdrawal(t *testing.T) {
	r := newRig(t)
	r.applySample()
	w := accepted(t, "w", time.Minute, time.Hour)
	r.fleet.SetWaivers(waiver.NewSet([]waiver.Waiver{w}))
	r.to(2 * time.Minute)
	again := r.sample()["muc-01"]
	again.ObservedAt = start.Add(2 * time.Minute)
	r.apply(r.update(again, start.Add(3*time.Minute)))
	back, err := w.Withdraw(waiver.Act{By: "p-anna", Name: "Anna", At: start.Add(150 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	r.fleet.SetWaivers(waiver.NewSet([]waiver.Waiver{back}))
	r.to(3*time.Minute + time.Second)
	if rec := r.record("muc-01"); failing(rec.Assessment, "COL-001").Waiver != nil || !rec.Assessment.At.Equal(start.Add(3*time.Minute+1)) {
		t.Errorf("at %s: %+v", rec.Assessment.At, failing(rec.Assessment, "COL-001").Waiver)
	}
	evaluations := r.fleet.Evaluations()
	r.to(3*time.Minute + 2*time.Second)
	if r.fleet.Evaluations() != evaluations {
		t.Error("judged again although nothing changed")
	}
}

// TestReplicasAgree: in whatever order replicas hear of inventories, waivers and policies, they end with equal bytes.
func TestReplicasAgree(t *testing.T) {
	strict, loose := policy.Default(), policy.Default()
	off := false
	strict.Rules = map[string]policy.RuleTune{"COL-001": {Severity: "low"}}
	loose.Rules = map[string]policy.RuleTune{"COL-002": {Enabled: &off}}
	first, second := accepted(t, "a", 2*time.Minute, 6*time.Minute), accepted(t, "b", 4*time.Minute, 9*time.Minute)
	back, err := second.Withdraw(waiver.Act{By: "p-anna", Name: "Anna", At: start.Add(8 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	for seed := range uint64(6) {
		r := newRig(t)
		r.applySample()
		again := r.sample()["muc-01"]
		again.ObservedAt = start.Add(time.Minute)
		inventory := r.update(again, start.Add(5*time.Minute))
		regimes := []fleet.Regime{{From: start.Add(3 * time.Minute), Version: "1", Policy: strict}, {From: start.Add(7 * time.Minute), Version: "2", Policy: loose}}
		random := rand.New(rand.NewPCG(seed, 1))
		steps := []func(){
			func() { r.apply(inventory) },
			func() { r.fleet.SetWaivers(waiver.NewSet([]waiver.Waiver{first})) },
			func() { r.fleet.SetPolicies(regimes[:1]) },
			func() { r.fleet.SetPolicies(regimes) },
			func() { r.fleet.SetWaivers(waiver.NewSet([]waiver.Waiver{first, second})) },
		}
		random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		for i, do := range steps {
			do()
			if seed > 0 {
				r.to(time.Duration(i+1) * time.Minute)
			}
		}
		r.fleet.SetPolicies(regimes)
		r.fleet.SetWaivers(waiver.NewSet([]waiver.Waiver{first, back}))
		r.to(10 * time.Minute)
		got := map[string]string{}
		for rec := range r.store.View().Sites("") {
			got[rec.ID] = r.bytes(rec.ID)
		}
		if want == nil {
			want = got
		}
		for site := range want {
			if got[site] != want[site] {
				t.Errorf("seed %d: the replicas differ about %s", seed, site)
			}
		}
		if a := r.record("muc-01").Assessment; failing(a, "COL-001").Waiver != nil || a.Policy.Version != "2" || !a.At.Equal(start.Add(8*time.Minute)) {
			t.Errorf("seed %d: at %s under %+v", seed, a.At, a.Policy)
		}
		if a := r.record("ham-03").Assessment; !a.At.Equal(start.Add(7*time.Minute)) || a.Policy.Version != "2" {
			t.Errorf("seed %d: a site without waivers was judged at %s under %+v", seed, a.At, a.Policy)
		}
	}
}

// TestActivationJudgesAllAtOneInstant: every site is judged under another policy at the instant it came into force, once,
// and a replica that starts afterwards takes over what is published.
func TestActivationJudgesAllAtOneInstant(t *testing.T) {
	r := newRig(t)
	r.applySample()
	r.to(time.Minute)
	mild := policy.Default()
	mild.Name, mild.Rules = "mild", map[string]policy.RuleTune{"COL-001": {Severity: "low"}}
	before, mark := r.fleet.Evaluations(), len(r.log)
	regimes := []fleet.Regime{{From: start.Add(2 * time.Minute), Version: "7", Policy: mild}}
	r.fleet.SetPolicies(regimes)
	r.to(3 * time.Minute)
	if n := int(r.fleet.Evaluations() - before); n != r.store.View().Count() || len(r.log)-mark != n {
		t.Errorf("%d judgements, %d published, for %d sites", n, len(r.log)-mark, r.store.View().Count())
	}
	for rec := range r.store.View().Sites("") {
		if a := rec.Assessment; !a.At.Equal(start.Add(2*time.Minute)) || a.Policy != (assess.PolicyRef{Name: "mild", Version: "7", Hash: mild.Hash()}) {
			t.Errorf("%s: at %s under %+v", rec.ID, a.At, a.Policy)
		}
	}
	if f := failing(r.record("muc-01").Assessment, "COL-001"); f == nil || f.Severity != rules.Low {
		t.Errorf("under the new policy: %+v", f)
	}
	later := newRig(t)
	later.fleet.SetPolicies(regimes)
	var updates []fleet.Update
	for rec := range r.store.View().Sites("") {
		updates = append(updates, fleet.Update{Site: rec.Inventory, Revision: rec.Revision, Sequence: rec.Sequence, AcceptedAt: rec.AcceptedAt})
	}
	if err := later.fleet.Load(context.Background(), updates, r.published, start.Add(4*time.Minute)); err != nil {
		t.Fatal(err)
	}
	later.to(4 * time.Minute)
	if n := later.fleet.Evaluations(); n != 0 {
		t.Errorf("a replica that starts later judges %d sites again", n)
	}
}
