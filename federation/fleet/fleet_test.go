package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/state"
	"github.com/meridian-federation/meridian/federation/tenancy"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// rig is a fleet over a real store that remembers what it published.
type rig struct {
	t          *testing.T
	engine     *assess.Engine
	store      *state.Store
	fleet      *fleet.Fleet
	published  map[string]*assess.Assessment
	log        []*fleet.Record    // everything published, in order
	announcing sync.Mutex         // announcements are made side by side
	announced  []*fleet.Record    // in order
	instead    *assess.Assessment // what the stream holds
	fail       error
	// publishing is called at each publication when it is set.
	publishing func()
	sequence   uint64
}

func newRig(t *testing.T, change ...func(*fleet.Options)) *rig {
	t.Helper()
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.New()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: engine, store: store, published: map[string]*assess.Assessment{}}
	pol := policy.Default()
	o := fleet.Options{
		Engine: engine, Policy: pol, Store: store, Graph: tenancy.New(),
		Publish: func(_ context.Context, records []*fleet.Record) []fleet.Published {
			if r.publishing != nil {
				r.publishing()
			}
			out := make([]fleet.Published, len(records))
			for i, rec := range records {
				if out[i].Err = r.fail; r.fail == nil {
					r.published[rec.ID] = rec.Assessment
					r.log = append(r.log, rec)
					out[i].Instead = r.instead
				}
			}
			return out
		},
		Announce: func(_ context.Context, rec *fleet.Record, _ uint64) (uint64, error) {
			r.announcing.Lock()
			defer r.announcing.Unlock()
			r.announced = append(r.announced, rec)
			return uint64(len(r.announced)), nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	r.fleet = fleet.New(o)
	return r
}

// sample returns the sample federation by site id, normalised and observed an hour before start.
func (r *rig) sample() map[string]*inventory.Site {
	r.t.Helper()
	files, err := demo.Inventories(start)
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]*inventory.Site{}
	for name, data := range files {
		s, err := inventory.Parse(name, data, r.engine.Regions)
		if err != nil {
			r.t.Fatal(err)
		}
		out[s.Site.ID] = inventory.Normalise(s, r.engine.Regions)
	}
	return out
}

func (r *rig) update(s *inventory.Site, at time.Time) fleet.Update {
	r.sequence++
	return fleet.Update{Site: s, Revision: inventory.Revision(s), Sequence: r.sequence, AcceptedAt: at}
}

func (r *rig) apply(u fleet.Update) {
	r.t.Helper()
	if err := r.fleet.Apply(context.Background(), u); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) record(site string) *fleet.Record {
	r.t.Helper()
	rec, ok := r.store.View().Site(site)
	if !ok {
		r.t.Fatalf("site %s is not in the store", site)
	}
	return rec
}

func (r *rig) bytes(site string) string {
	r.t.Helper()
	b, err := assess.Marshal(r.record(site).Assessment)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

func failing(a *assess.Assessment, rule string) *rules.Finding {
	for i := range a.Findings {
		if a.Findings[i].Rule == rule && a.Findings[i].Verdict == rules.Fail {
			return &a.Findings[i]
		}
	}
	return nil
}

// TestOneChangeTouchesItsNeighboursOnly counts the judgements a change costs.
func TestOneChangeTouchesItsNeighboursOnly(t *testing.T) {
	r := newRig(t)
	sample := r.sample()
	for _, s := range sample {
		r.apply(r.update(s, start))
	}
	for site, want := range map[string]uint64{
		"muc-01": 1, // shares nothing
		"ham-03": 2, // Berlin shares its ZooKeeper and database
		"hq-01":  9, // every spoke compares its version with the hub's
	} {
		before := r.fleet.Evaluations()
		r.apply(r.update(sample[site], start.Add(time.Minute)))
		if got := r.fleet.Evaluations() - before; got != want {
			t.Errorf("a change of %s cost %d judgements, want %d", site, got, want)
		}
	}
}

// TestChainsAreFollowedAndLeft counts the judgements along a chain of sites, of which each knows one name more than the one before, and
// compares them with a federation that has always been as it is.
func TestChainsAreFollowedAndLeft(t *testing.T) {
	r := newRig(t)
	lists := func(id string, names ...string) *inventory.Site {
		s := &inventory.Site{APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: start.Add(-time.Hour), Site: inventory.Identity{ID: id}}
		s.Infrastructure = []inventory.Infrastructure{{ID: "db", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL}}
		s.Clusters = []inventory.Cluster{{ID: "prod", Uses: []inventory.Use{{Infrastructure: "db", As: inventory.AsDatabase}}}}
		for i, n := range names {
			if i == 0 {
				s.Infrastructure[0].Identity.Endpoint = n + ".example"
			} else {
				s.Infrastructure[0].Identity.Addresses = append(s.Infrastructure[0].Identity.Addresses, n+".example")
			}
		}
		return s
	}
	now := map[string]*inventory.Site{}
	minutes := 0
	for _, step := range []struct {
		what string
		site *inventory.Site
		want uint64
	}{
		{"the first", lists("a", "n1"), 1},
		{"who knows another name", lists("c", "n3"), 1},
		{"who knows a third one", lists("d", "n4"), 1},
		{"one apart", lists("z", "other"), 1},
		{"the link between n1 and n2", lists("b", "n1", "n2"), 2},
		{"the link between n2 and n3 joins a, b and c", lists("bc", "n2", "n3"), 4},
		{"the link between n3 and n4 joins all five", lists("cd", "n4", "n3"), 6},
		{"a change at the far end reaches them all", lists("a", "n1"), 6},
		{"the one apart reaches nobody", lists("z", "other"), 1},
		{"the middle leaves: both halves and itself", lists("bc", "gone"), 6},
		{"a change of one half", lists("a", "n1"), 2},
		{"a change of the other", lists("d", "n4"), 3},
		{"the middle comes back", lists("bc", "n3", "n2"), 6},
	} {
		minutes++
		at := start.Add(time.Duration(minutes) * time.Minute)
		now[step.site.Site.ID] = step.site
		before := r.fleet.Evaluations()
		r.apply(r.update(step.site, at))
		if got := r.fleet.Evaluations() - before; got != step.want {
			t.Errorf("%s: %d judgements, want %d", step.what, got, step.want)
		}
		var all []*inventory.Site
		for _, s := range now {
			all = append(all, s)
		}
		for _, a := range r.engine.Sites(all, assess.View{At: at, HubInView: true}) {
			id := a.Inventories[0].Site
			if got := r.record(id).Assessment.Tenancy; !reflect.DeepEqual(got, a.Tenancy) {
				t.Errorf("%s: %s sees %+v, want %+v", step.what, id, got, a.Tenancy)
			}
		}
	}
}

func TestNeighbourIsJudgedAgain(t *testing.T) {
	r := newRig(t)
	sample := r.sample()
	r.apply(r.update(sample["ber-02"], start))
	if f := failing(r.record("ber-02").Assessment, "TEN-001"); f != nil {
		t.Fatalf("alone Berlin shares nothing, yet: %s", f.Message)
	}
	r.apply(r.update(sample["ham-03"], start.Add(time.Minute)))
	for _, site := range []string{"ber-02", "ham-03"} {
		rec := r.record(site)
		f := failing(rec.Assessment, "TEN-001")
		if f == nil {
			t.Fatalf("%s does not see that it shares its ZooKeeper", site)
		}
		if want := sample["ham-03"].ObservedAt; !f.FailingSince.Equal(want) {
			t.Errorf("%s fails since %s, want %s, when both were observed", site, f.FailingSince, want)
		}
		if r.published[site] != rec.Assessment {
			t.Errorf("%s: what was published is not what is in force", site)
		}
	}
	moved := inventory.Clone(sample["ham-03"])
	for i := range moved.Infrastructure {
		moved.Infrastructure[i].Identity.Endpoint = fmt.Sprintf("own%d.ham.example:1000", i)
	}
	r.apply(r.update(moved, start.Add(2*time.Minute)))
	if f := failing(r.record("ber-02").Assessment, "TEN-001"); f != nil {
		t.Errorf("Hamburg has left, yet Berlin: %s", f.Message)
	}
}

// TestReplayEqualsLive: a replica that starts later and reads only the last inventory of each site says the same bytes,
// whatever the order in which the sites had come.
func TestReplayEqualsLive(t *testing.T) {
	live := newRig(t)
	sample := live.sample()
	order := make([]string, 0, len(sample))
	for id := range sample {
		order = append(order, id)
	}
	slices.Sort(order)
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 5 {
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		last := map[string]fleet.Update{}
		for i, id := range order {
			u := live.update(sample[id], start.Add(time.Duration(round*100+i)*time.Minute))
			live.apply(u)
			last[id] = u
		}
		var updates []fleet.Update
		prior := map[string]*assess.Assessment{}
		for id, u := range last {
			updates = append(updates, u)
			prior[id] = live.published[id]
		}
		for name, prior := range map[string]map[string]*assess.Assessment{"with the published assessments": prior, "without": nil} {
			replica := newRig(t)
			if err := replica.fleet.Load(context.Background(), updates, prior, start.Add(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			for id := range sample {
				if live.bytes(id) != replica.bytes(id) {
					t.Errorf("round %d, %s: the replica judges %s differently", round, name, id)
				}
			}
			if n := replica.fleet.Evaluations(); prior != nil && n != 0 {
				t.Errorf("round %d: %d sites were judged again although their assessment was at hand", round, n)
			}
		}
	}
}

// TestLeftWhileNobodyLooked: a neighbour that stopped sharing while no hub ran is not remembered as a sharer.
func TestLeftWhileNobodyLooked(t *testing.T) {
	live := newRig(t)
	sample := live.sample()
	ber := live.update(sample["ber-02"], start)
	live.apply(ber)
	live.apply(live.update(sample["ham-03"], start.Add(time.Minute)))
	prior := map[string]*assess.Assessment{"ber-02": live.published["ber-02"], "ham-03": live.published["ham-03"]}
	moved := inventory.Clone(sample["ham-03"])
	for i := range moved.Infrastructure {
		moved.Infrastructure[i].Identity.Endpoint = fmt.Sprintf("own%d.ham.example:1000", i)
	}
	left := live.update(moved, start.Add(2*time.Minute))
	live.apply(left)

	restarted := newRig(t)
	if err := restarted.fleet.Load(context.Background(), []fleet.Update{ber, left}, prior, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if f := failing(restarted.record("ber-02").Assessment, "TEN-001"); f != nil {
		t.Errorf("Hamburg has left, yet Berlin after the restart: %s", f.Message)
	}
	for _, site := range []string{"ber-02", "ham-03"} {
		if live.bytes(site) != restarted.bytes(site) {
			t.Errorf("%s is judged differently after a restart than by a hub that kept running", site)
		}
	}
}

// TestOtherRulesAreInForceFromTheStart: under another policy everything is judged at the instant of the start, so that the
// judgement is newer than the one it replaces and leaves the past as it was; failures keep their beginning.
func TestOtherRulesAreInForceFromTheStart(t *testing.T) {
	live := newRig(t)
	muc := live.update(live.sample()["muc-01"], start)
	live.apply(muc)
	before := live.published["muc-01"]
	restarted := newRig(t)
	other := *before
	other.RulePack.Hash = "of another policy"
	now := start.Add(time.Hour)
	if err := restarted.fleet.Load(context.Background(), []fleet.Update{muc}, map[string]*assess.Assessment{"muc-01": &other}, now); err != nil {
		t.Fatal(err)
	}
	after := restarted.published["muc-01"]
	if after == nil {
		t.Fatal("nothing was published")
	}
	if !after.At.Equal(now) {
		t.Errorf("judged at %s, want %s", after.At, now)
	}
	if was, is := failing(before, "COL-001"), failing(after, "COL-001"); was == nil || is == nil || !is.FailingSince.Equal(*was.FailingSince) || !is.FirstSeen.Equal(*was.FirstSeen) {
		t.Errorf("the failure lost its beginning: %+v, then %+v", was, is)
	}
}

// TestFailureKeepsItsBeginning: a site whose inventory comes only after the start has not begun to fail then.
func TestFailureKeepsItsBeginning(t *testing.T) {
	live := newRig(t)
	first := live.update(live.sample()["muc-01"], start)
	live.apply(first)
	restarted := newRig(t)
	if err := restarted.fleet.Load(context.Background(), nil, live.published, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	later := inventory.Clone(first.Site)
	later.ObservedAt = later.ObservedAt.Add(30 * time.Minute)
	restarted.apply(live.update(later, start.Add(2*time.Hour)))
	was, is := failing(live.published["muc-01"], "COL-001"), failing(restarted.record("muc-01").Assessment, "COL-001")
	if was == nil || is == nil || !is.FailingSince.Equal(*was.FailingSince) || !is.FirstSeen.Equal(*was.FirstSeen) {
		t.Errorf("the failure lost its beginning: %+v, then %+v", was, is)
	}
}

// TestReadersDoNotWaitForThePublisher: while the bus takes its time, explanations, heartbeats and metrics go on.
func TestReadersDoNotWaitForThePublisher(t *testing.T) {
	r := newRig(t)
	sample := r.sample()
	r.apply(r.update(sample["muc-01"], start))
	rec := r.record("muc-01")
	published, release := make(chan struct{}), make(chan struct{})
	r.publishing = func() {
		close(published)
		<-release
	}
	applied := make(chan error, 1)
	u := r.update(sample["ber-02"], start)
	go func() { applied <- r.fleet.Apply(context.Background(), u) }()
	<-published
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.fleet.Explain(rec, r.store.View())
		r.fleet.Heard(fleet.Sign{Site: "muc-01", At: start.Add(time.Minute)})
		r.fleet.Evaluations()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("a reader waits for the publisher")
	}
	close(release)
	if err := <-applied; err != nil {
		t.Fatal(err)
	}
}

func TestSentAgainChangesNothing(t *testing.T) {
	r := newRig(t)
	muc := r.sample()["muc-01"]
	newer := inventory.Clone(muc)
	newer.ObservedAt = newer.ObservedAt.Add(time.Minute)
	planner := func(u fleet.Update, seq uint64) fleet.Update {
		u.Planner = fleet.Planner{Instance: "one", Sequence: seq}
		return u
	}
	r.apply(planner(r.update(muc, start), 1))
	second := planner(r.update(newer, start.Add(time.Minute)), 2)
	r.apply(second)
	index, evaluations := r.store.View().Index(), r.fleet.Evaluations()
	r.apply(second)
	r.apply(planner(r.update(muc, start.Add(2*time.Minute)), 1))
	if got := r.record("muc-01"); got.Revision != second.Revision || r.store.View().Index() != index || r.fleet.Evaluations() != evaluations {
		t.Errorf("sending again changed the state: revision %s at %d", got.Revision, r.store.View().Index())
	}
	// Another instance counts from one, and a stream made anew as well; neither is old news.
	other := planner(r.update(muc, start.Add(3*time.Minute)), 1)
	other.Planner.Instance, other.Sequence = "two", 1
	r.apply(other)
	if got := r.record("muc-01"); got.Revision != other.Revision {
		t.Errorf("the other instance's inventory was dropped")
	}
}

func TestTimeAloneChangesTheJudgement(t *testing.T) {
	r := newRig(t)
	muc := r.sample()["muc-01"]
	r.apply(r.update(muc, start))
	tick := func(age time.Duration) *fleet.Record {
		t.Helper()
		if err := r.fleet.Tick(context.Background(), muc.ObservedAt.Add(age)); err != nil {
			t.Fatal(err)
		}
		return r.record("muc-01")
	}
	if rec := tick(23 * time.Hour); failing(rec.Assessment, "DQ-001") != nil || rec.Liveness != fleet.Live {
		t.Errorf("after 23 h: %s, %+v", rec.Liveness, failing(rec.Assessment, "DQ-001"))
	}
	for _, step := range []struct {
		age      time.Duration
		severity rules.Severity
		liveness fleet.Liveness
	}{{25 * time.Hour, rules.Medium, fleet.Late}, {73 * time.Hour, rules.High, fleet.Stale}, {8 * 24 * time.Hour, rules.High, fleet.Lost}} {
		rec := tick(step.age)
		f := failing(rec.Assessment, "DQ-001")
		if f == nil || f.Severity != step.severity || rec.Liveness != step.liveness {
			t.Fatalf("after %s: %s, %+v", step.age, rec.Liveness, f)
		}
		if want := muc.ObservedAt.Add(24 * time.Hour); !f.FailingSince.Equal(want) {
			t.Errorf("after %s it fails since %s, want %s", step.age, f.FailingSince, want)
		}
		if col := failing(rec.Assessment, "COL-001"); col == nil || !col.FailingSince.Equal(muc.ObservedAt) {
			t.Errorf("after %s COL-001 is %+v: silence must not improve or reset it", step.age, col)
		}
		if n := r.fleet.Evaluations(); tick(step.age) != rec || r.fleet.Evaluations() != n {
			t.Errorf("a second tick at the same instant did something")
		}
	}
	r.fleet.Heard(fleet.Sign{Site: "muc-01", At: muc.ObservedAt.Add(8 * 24 * time.Hour)})
	if rec := tick(8 * 24 * time.Hour); rec.Liveness != fleet.Live || failing(rec.Assessment, "DQ-001") == nil {
		t.Errorf("a heartbeat makes a site live (%s), but its inventory stays old", rec.Liveness)
	}
}

func TestUnpublishedIsPublishedLater(t *testing.T) {
	r := newRig(t)
	sample := r.sample()
	r.fail = errors.New("the bus is away")
	for _, id := range []string{"muc-01", "ham-03"} {
		if err := r.fleet.Apply(context.Background(), r.update(sample[id], start)); !errors.Is(err, r.fail) {
			t.Fatalf("apply %s: %v, want the publisher's error", id, err)
		}
		if r.record(id).Assessment == nil {
			t.Errorf("%s is not in force although only the bus failed", id)
		}
	}
	r.fail = nil
	if err := r.fleet.Tick(context.Background(), start); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"muc-01", "ham-03"} {
		if r.published[id] != r.record(id).Assessment {
			t.Errorf("%s was not published when the bus came back", id)
		}
	}
}

func TestExplainKeepsWhatPasses(t *testing.T) {
	r := newRig(t)
	r.apply(r.update(r.sample()["muc-01"], start))
	rec := r.record("muc-01")
	all := r.fleet.Explain(rec, r.store.View())
	if got := len(all.Findings); got != all.Verdicts.Pass+all.Verdicts.Fail+all.Verdicts.Unknown+all.Verdicts.NotApplicable || all.Verdicts != rec.Assessment.Verdicts {
		t.Errorf("%d findings for %+v", got, all.Verdicts)
	}
}
