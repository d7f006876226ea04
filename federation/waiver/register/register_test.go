package register_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/federation/waiver/register"
	"github.com/meridian-federation/meridian/planner/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	anna  = waiver.Act{By: "t-1", Name: "Anna"}
	bert  = waiver.Act{By: "t-2", Name: "Bert"}
)

// stage is a message bus with any number of replicas of the register and one clock.
type stage struct{ *bustest.Stage }

func newStage(t *testing.T) *stage {
	t.Helper()
	return &stage{bustest.NewStage(t, start)}
}

// replica is one service with the sets that it told of.
type replica struct {
	*register.Service
	mu   sync.Mutex
	sets []*waiver.Set
}

func (r *replica) told() *waiver.Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sets) == 0 {
		return nil
	}
	return r.sets[len(r.sets)-1]
}

// state is that of a waiver in the set told of last, "" when it is not in it.
func (r *replica) state(id string, at time.Time) waiver.State {
	for _, w := range r.told().All() {
		if w.Document().ID == id {
			return w.At(at)
		}
	}
	return ""
}

func (s *stage) replica(t *testing.T) *replica {
	t.Helper()
	bucket, err := bus.OpenBucket[waiver.Waiver](t.Context(), s.Connect(t), bus.StreamOptions{}, register.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	r := new(replica)
	r.Service = register.NewService(register.Options{
		Store: bucket, Rules: []rules.Entry{{ID: "COL-001"}}, Now: s.Now, Logger: slog.New(slog.DiscardHandler),
		Changed: func(set *waiver.Set) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sets = append(r.sets, set)
		},
	})
	bustest.Background(t, r.Run)
	<-r.Ready()
	return r
}

func request() waiver.Request {
	return waiver.Request{Rule: "COL-001", Match: waiver.Match{Site: "muc-01"}, Reason: "moves in spring", Expires: start.Add(48 * time.Hour)}
}

func asked(t *testing.T, r *replica) register.Entry {
	t.Helper()
	e, err := r.Request(t.Context(), anna, request())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func refused(t *testing.T, what string, err error, code refuse.Code) {
	t.Helper()
	var e *refuse.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want a refusal of the kind %v", what, err, code)
	}
}

// TestLife: a waiver goes its way at two replicas, each change names the revision that it is based on, and a replica that starts
// later knows the same.
func TestLife(t *testing.T) {
	s := newStage(t)
	one, two := s.replica(t), s.replica(t)
	e := asked(t, one)
	id := e.Waiver.Document().ID
	for _, r := range []*replica{one, two} {
		bustest.Eventually(t, "the request is known", func() bool { return r.state(id, s.Now()) == waiver.Requested })
	}
	s.Pass(time.Minute)
	if _, _, err := two.Approve(t.Context(), bert, id, e.Revision+1); err == nil {
		t.Error("approved on a revision that nobody has seen")
	} else {
		refused(t, "another revision", err, refuse.Stale)
	}
	_, _, err := two.Approve(t.Context(), anna, id, 0)
	refused(t, "who requested it", err, refuse.Forbidden)
	_, _, err = two.Approve(t.Context(), waiver.Act{By: "t-3", Name: "ANNA "}, id, 0)
	refused(t, "who requested it, with another token", err, refuse.Forbidden)
	before, after, err := two.Approve(t.Context(), bert, id, e.Revision)
	if err != nil || before.Revision != e.Revision || after.Revision <= before.Revision || after.Waiver.Document().Decided.At != s.Now() {
		t.Fatalf("%+v, %+v: %v", before, after, err)
	}
	_, _, err = one.Approve(t.Context(), bert, id, 0)
	refused(t, "approved already", err, refuse.Conflict)
	for _, r := range []*replica{one, two} {
		bustest.Eventually(t, "the approval is known", func() bool { return r.state(id, s.Now()) == waiver.Approved })
	}
	later := s.replica(t)
	if got := later.List(); len(got) != 1 || got[0].Revision != after.Revision || later.state(id, s.Now()) != waiver.Approved {
		t.Errorf("a replica that starts later knows %+v", got)
	}
	// What was in force at an instant follows from the document: the waiver did not hold before it was approved and does not after its end.
	if later.state(id, start) != waiver.Requested || later.state(id, start.Add(48*time.Hour)) != waiver.Expired {
		t.Errorf("at other instants: %s and %s", later.state(id, start), later.state(id, start.Add(48*time.Hour)))
	}
	if _, back, err := one.Withdraw(t.Context(), anna, id, 0); err != nil || back.Waiver.At(s.Now().Add(time.Second)) != waiver.Withdrawn {
		t.Errorf("%+v: %v", back, err)
	}
	_, err = one.Get(t.Context(), "w-none")
	refused(t, "no such waiver", err, refuse.NotFound)
	_, err = one.Get(t.Context(), "no key of a bucket")
	refused(t, "no id", err, refuse.NotFound)
	for rule, remedy := range map[string]string{"COL001": `did you mean "COL-001"?`, "HA-999": "see meridian rules"} {
		r := request()
		r.Rule = rule
		_, err = one.Request(t.Context(), anna, r)
		refused(t, "a rule that is none", err, refuse.Invalid)
		var e *refuse.Error
		if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Remedy != remedy {
			t.Errorf("%s: %+v", rule, e)
		}
	}
}

// TestExpiry: a request that nobody answered in time can be neither approved nor withdrawn, and one without an end is none.
func TestExpiry(t *testing.T) {
	s := newStage(t)
	r := s.replica(t)
	id := asked(t, r).Waiver.Document().ID
	s.Pass(48 * time.Hour)
	_, _, err := r.Approve(t.Context(), bert, id, 0)
	refused(t, "approve what expired", err, refuse.Conflict)
	_, _, err = r.Withdraw(t.Context(), anna, id, 0)
	refused(t, "withdraw what expired", err, refuse.Conflict)
	for what, change := range map[string]func(*waiver.Request){
		"without an end":      func(w *waiver.Request) { w.Expires = time.Time{} },
		"of an unknown rule":  func(w *waiver.Request) { w.Rule = "COL-999" },
		"for everything":      func(w *waiver.Request) { w.Match = waiver.Match{} },
		"that ended":          func(w *waiver.Request) { w.Expires = s.Now() },
		"longer than allowed": func(w *waiver.Request) { w.Expires = s.Now().Add(waiver.DefaultLongest + time.Hour) },
	} {
		w := request()
		w.Expires = s.Now().Add(time.Hour)
		change(&w)
		_, err := r.Request(t.Context(), anna, w)
		refused(t, "a waiver "+what, err, refuse.Invalid)
	}
	if got := r.List(); len(got) != 1 {
		t.Errorf("what was refused is kept: %+v", got)
	}
}

// TestTwoAtOnce: of two replicas that decide on one waiver at the same time one wins, every time, and the other is told.
func TestTwoAtOnce(t *testing.T) {
	s := newStage(t)
	one, two := s.replica(t), s.replica(t)
	for range 15 {
		e := asked(t, one)
		id := e.Waiver.Document().ID
		errs := make([]error, 2)
		var group sync.WaitGroup
		group.Go(func() { _, _, errs[0] = one.Approve(t.Context(), bert, id, 0) })
		group.Go(func() { _, _, errs[1] = two.Reject(t.Context(), bert, id, 0) })
		group.Wait()
		won := 0
		for _, err := range errs {
			var e *refuse.Error
			switch {
			case err == nil:
				won++
			case !errors.As(err, &e) || e.Code != refuse.Stale && e.Code != refuse.Conflict:
				t.Errorf("the one that lost was told %v", err)
			}
		}
		if won != 1 {
			t.Fatalf("%d of two decisions hold: %v", won, errs)
		}
		want := waiver.Approved
		if errs[0] != nil {
			want = waiver.Rejected
		}
		for _, r := range []*replica{one, two} {
			bustest.Eventually(t, "both know who won", func() bool { return r.state(id, s.Now().Add(time.Second)) == want })
		}
	}
}

// TestUnreadable: a document that cannot be read waives nothing, and the others go on.
func TestUnreadable(t *testing.T) {
	s := newStage(t)
	r := s.replica(t)
	good := asked(t, r).Waiver.Document().ID
	raw, err := bus.OpenBucket[json.RawMessage](t.Context(), s.Connect(t), bus.StreamOptions{}, register.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Create(t.Context(), "w-odd", json.RawMessage(`{"id":"w-odd","rule":"COL-001","state":"approved"}`)); err != nil {
		t.Fatal(err)
	}
	later := s.replica(t)
	if later.state("w-odd", s.Now()) != "" || later.state(good, s.Now()) != waiver.Requested {
		t.Errorf("known are %+v", later.List())
	}
	// What could be read once and cannot any more ceases to waive.
	e, err := raw.Get(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Update(t.Context(), good, json.RawMessage(`{"id":"`+good+`"}`), e.Revision); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "it waives no more", func() bool { return later.state(good, s.Now()) == "" })
}

// TestAway: without the bus the waivers that are known stay in force, and a change is refused as something to be tried again.
func TestAway(t *testing.T) {
	s := newStage(t)
	r := s.replica(t)
	id := asked(t, r).Waiver.Document().ID
	s.Down(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, _, err := r.Approve(ctx, bert, id, 0)
	refused(t, "the bus is away", err, refuse.Unavailable)
	if r.state(id, s.Now()) != waiver.Requested || len(r.List()) != 1 {
		t.Error("what was known is forgotten")
	}
	s.Up(t)
	bustest.Eventually(t, "a change is possible again", func() bool { _, _, err := r.Approve(t.Context(), bert, id, 0); return err == nil })
}
