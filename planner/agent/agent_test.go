package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/agent/dirlock"
	"github.com/meridian-federation/meridian/planner/agent/outbox"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands still until it is moved.
type clock struct {
	mu      sync.Mutex
	at      time.Time
	waiting map[chan time.Time]time.Time
}

func newClock() *clock {
	return &clock{at: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), waiting: map[chan time.Time]time.Time{}}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := make(chan time.Time, 1)
	c.waiting[w] = c.at.Add(d)
	return w
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	for w, due := range c.waiting {
		if !due.After(c.at) {
			w <- c.at
			delete(c.waiting, w)
		}
	}
}

// source delivers what the test puts there.
type source struct {
	mu      sync.Mutex
	site    *inventory.Site
	err     error
	asked   int
	changed func()
}

func (s *source) Name() string { return "site-file" }

func (s *source) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.site, nil, s.err
}

func (s *source) Watch(ctx context.Context, changed func()) error {
	s.mu.Lock()
	s.changed = changed
	s.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// put changes what the source delivers and tells the agent, if it listens.
func (s *source) put(site *inventory.Site, err error) {
	s.mu.Lock()
	s.site, s.err = site, err
	changed := s.changed
	s.mu.Unlock()
	if changed != nil {
		changed()
	}
}

// site makes the n-th state of a site.
func site(n int) *inventory.Site {
	return &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: time.Date(2026, 11, 20, 7, 0, n, 0, time.UTC),
		Site:     inventory.Identity{ID: "muc-01", Name: fmt.Sprint("Munich ", n)},
		Clusters: []inventory.Cluster{{ID: "prod", ThingworxVersion: "9.6.2"}},
	}
}

func revision(t *testing.T, s *inventory.Site, status inventory.SourceStatus, at time.Time) string {
	t.Helper()
	c := inventory.Normalise(s, regions(t))
	c.Sources = []inventory.Source{{Name: "site-file", Status: status, At: at}}
	return inventory.Revision(c)
}

func regions(t testing.TB) *geo.Table {
	t.Helper()
	table, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// judge finds COL-001 failing here; what the hub finds is the test's business.
func judge(s *inventory.Site, at time.Time) (*assess.Assessment, error) {
	return &assess.Assessment{
		APIVersion: inventory.APIVersion, Kind: assess.Kind, At: at, RulePack: assess.RulePack{Version: "1", Hash: "here"},
		Inventories: []assess.InventoryRef{{Site: s.Site.ID, Revision: inventory.Revision(s), ObservedAt: s.ObservedAt}},
		Findings: []rules.Finding{
			{ID: "f1", Rule: "COL-001", Verdict: rules.Fail, Severity: rules.High, Subject: rules.Subject{Site: s.Site.ID, Cluster: "prod"}},
			{ID: "f2", Rule: "ARC-005", Verdict: rules.Unknown, Severity: rules.Low, Subject: rules.Subject{Site: s.Site.ID, Cluster: "prod"}},
		},
	}, nil
}

type rig struct {
	clock  *clock
	source *source
	o      agent.Options
}

func newRig(t *testing.T, hub agent.Hub) *rig {
	t.Helper()
	r := &rig{clock: newClock(), source: &source{site: site(1)}}
	r.o = agent.Options{
		Site: "muc-01", Dir: filepath.Join(t.TempDir(), "state"), Version: "1.2.3", Source: r.source, Hub: hub, Regions: regions(t), Assess: judge, Clock: r.clock,
	}
	return r
}

// start runs an agent until stop is called or the test ends.
func (r *rig) start(t *testing.T) (a *agent.Agent, stop func()) {
	t.Helper()
	a, err := agent.New(r.o)
	if err != nil {
		t.Fatal(err)
	}
	end := bustest.Background(t, a.Run)
	stop = sync.OnceFunc(func() {
		end()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return a, stop
}

func eventually(t *testing.T, a *agent.Agent, what string, holds func(agent.Status) bool) agent.Status {
	t.Helper()
	var s agent.Status
	bustest.Eventually(t, what, func() bool { s = a.Status(); return holds(s) })
	return s
}

// move lets time pass until the condition holds.
func (r *rig) move(t *testing.T, a *agent.Agent, step time.Duration, what string, holds func(agent.Status) bool) {
	t.Helper()
	eventually(t, a, what, func(s agent.Status) bool {
		if holds(s) {
			return true
		}
		r.clock.move(step)
		return false
	})
}

func assessmentOf(t *testing.T, site, revision string, findings ...rules.Finding) []byte {
	t.Helper()
	body, err := json.Marshal(assess.Assessment{
		APIVersion: inventory.APIVersion, Kind: assess.Kind, RulePack: assess.RulePack{Version: "1", Hash: "hub"},
		Inventories: []assess.InventoryRef{{Site: site, Revision: revision}}, Findings: findings,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestAppliedIsWhatTheHubJudgedAndNothingLess(t *testing.T) {
	server := bustest.Start(t)
	hub := server.Hub(t)
	log := bustest.Follow(t, hub)
	r := newRig(t, server.Site(t, "muc-01"))
	a, _ := r.start(t)
	first := revision(t, site(1), inventory.SourceOK, r.clock.Now())
	s := eventually(t, a, "the revision is acknowledged", func(s agent.Status) bool { return s.Acknowledged != nil })
	if s.Acknowledged.Revision != first || s.Collected.Revision != first || s.Applied != nil || s.InSync || s.Outbox.Queued != 0 || s.Outbox.Kept != 1 {
		t.Fatalf("acknowledged but not applied: %+v", s)
	}
	if s.Verdicts[rules.Fail] != 1 || s.Verdicts[rules.Unknown] != 1 || s.Failing[rules.High] != 1 {
		t.Errorf("verdicts %v, failing %v", s.Verdicts, s.Failing)
	}
	bustest.Eventually(t, "the hub has it", func() bool { return len(log.Heard()) == 1 })
	sent := log.Heard()[0]
	if sent.Revision != first || sent.Instance != s.Instance || sent.InstanceSequence != 1 || sent.PlannerVersion != "1.2.3" {
		t.Errorf("sent %+v", sent)
	}

	say := func(revision string, n int, findings ...rules.Finding) {
		t.Helper()
		if _, err := hub.PublishAssessment(t.Context(), bus.Assessment{
			Site: "muc-01", Revision: revision, At: r.clock.Now(), MessageID: fmt.Sprint("muc-01:", revision, ":", n), Body: assessmentOf(t, "muc-01", revision, findings...),
		}); err != nil {
			t.Fatal(err)
		}
	}
	say("20261119T000000.000Z-000000000000", 1)
	s = eventually(t, a, "another revision's verdict", func(s agent.Status) bool { return s.AtHub != nil })
	if s.Applied != nil || s.InSync || s.AtHub.Detail == "" {
		t.Fatalf("a verdict on another revision made ours applied: %+v", s)
	}
	say(first, 2, rules.Finding{ID: "f1", Rule: "COL-001", Verdict: rules.Fail, Waiver: &rules.Waiver{ID: "w"}},
		rules.Finding{ID: "f2", Rule: "ARC-005", Verdict: rules.Unknown}, rules.Finding{ID: "f3", Rule: "TEN-001", Verdict: rules.Fail, Subject: rules.Subject{Site: "muc-01"}})
	s = eventually(t, a, "applied", func(s agent.Status) bool { return s.InSync })
	if s.Applied.Revision != first || s.HubRulePack.Hash != "hub" || s.RulePack.Hash != "here" {
		t.Errorf("applied %+v", s)
	}
	want := []agent.Difference{
		{Finding: "f3", Rule: "TEN-001", Subject: rules.Subject{Site: "muc-01"}, Here: "absent", Hub: "fail"},
		{Finding: "f1", Rule: "COL-001", Subject: rules.Subject{Site: "muc-01", Cluster: "prod"}, Here: "fail", Hub: "waived"},
	}
	if !slices.Equal(s.Differences, want) || s.DifferenceCount != 2 {
		t.Errorf("differences %+v, want %+v", s.Differences, want)
	}

	r.source.put(site(2), nil)
	second := revision(t, site(2), inventory.SourceOK, r.clock.Now())
	s = eventually(t, a, "the next revision is acknowledged", func(s agent.Status) bool { return s.Acknowledged.Revision == second })
	if s.InSync || s.Applied.Revision != first || len(s.Differences) != 0 {
		t.Errorf("the next revision is not applied yet: %+v", s)
	}
	written, err := agent.ReadStatus(r.o.Dir)
	if err != nil || written.Site != "muc-01" {
		t.Errorf("status file: %+v, %v", written, err)
	}
}

func TestNothingIsLostWithoutTheHubAndOverRestarts(t *testing.T) {
	server := bustest.Start(t)
	hub := server.Hub(t)
	o := server.SiteOptions(t, "muc-01")
	o.WaitConnected = false
	log := bustest.Follow(t, hub)
	bustest.Eventually(t, "caught up", func() bool { return log.Caught() == 1 })
	server.Down(t)
	r := newRig(t, nil)
	var want []string
	for n := 1; n <= 4; n++ {
		conn := bustest.Dial(t, o)
		r.o.Hub = conn
		r.source = &source{site: site(n)}
		r.o.Source = r.source
		a, stop := r.start(t)
		eventually(t, a, "queued without a hub", func(s agent.Status) bool { return s.Outbox.Queued == n })
		want = append(want, revision(t, site(n), inventory.SourceOK, r.clock.Now()))
		stop()
		conn.Close()
		r.clock.move(time.Minute)
	}
	server.Up(t)
	r.o.Hub = bustest.Dial(t, o)
	a, _ := r.start(t)
	r.move(t, a, time.Second, "everything is acknowledged", func(s agent.Status) bool { return s.Outbox.Queued == 0 })
	bustest.Eventually(t, "everything at the hub", func() bool { return len(log.Heard()) == len(want) })
	var got []string
	for i, inv := range log.Heard() {
		got = append(got, inv.Revision)
		if inv.InstanceSequence != uint64(i+1) {
			t.Errorf("revision %d has sequence %d", i+1, inv.InstanceSequence)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestPublishingSurvivesRestartsOfTheServer(t *testing.T) {
	const revisions = 100
	server := bustest.Start(t)
	hub := server.Hub(t)
	if err := hub.EnsureStreams(t.Context(), bus.StreamOptions{InventoryPerSite: revisions}); err != nil {
		t.Fatal(err)
	}
	log := bustest.Follow(t, hub)
	bustest.Eventually(t, "caught up", func() bool { return log.Caught() == 1 })
	r := newRig(t, server.Site(t, "muc-01"))
	a, _ := r.start(t)
	for n := 1; n <= revisions; n++ {
		want := revision(t, site(n), inventory.SourceOK, r.clock.Now())
		r.source.put(site(n), nil)
		eventually(t, a, "the next revision is collected", func(s agent.Status) bool { return s.Collected != nil && s.Collected.Revision == want })
		if n%25 == 0 {
			server.Restart(t)
		}
	}
	r.move(t, a, time.Second, "everything is acknowledged", func(s agent.Status) bool { return s.Outbox.Queued == 0 })
	bustest.Eventually(t, "everything at the hub", func() bool { return len(log.Heard()) >= revisions })
	for i, inv := range log.Heard() {
		if inv.InstanceSequence != uint64(i+1) {
			t.Fatalf("message %d has sequence %d", i+1, inv.InstanceSequence)
		}
	}
	if n := len(log.Heard()); n != revisions {
		t.Fatalf("%d messages, want %d", n, revisions)
	}
}

func TestBadInputLeavesTheLastGoodInventoryInForce(t *testing.T) {
	server := bustest.Start(t)
	log := bustest.Follow(t, server.Hub(t))
	r := newRig(t, server.Site(t, "muc-01"))
	a, stop := r.start(t)
	eventually(t, a, "the good one", func(s agent.Status) bool { return s.Acknowledged != nil })
	r.clock.move(time.Minute)
	bad := errors.New(`site.yaml:7:3: unknown key; dsn was postgres://twadmin:hunter2@pg-1/thingworx, password: "hunter2"`)
	for range 3 {
		asked := r.source.count()
		r.source.put(nil, bad)
		bustest.Eventually(t, "the source was asked", func() bool { return r.source.count() > asked })
		r.clock.move(time.Second)
	}
	bustest.Eventually(t, "the failure at the hub", func() bool { return len(log.Heard()) == 2 })
	var sent inventory.Site
	if err := json.Unmarshal(log.Heard()[1].Body, &sent); err != nil {
		t.Fatal(err)
	}
	if len(sent.Sources) != 1 || sent.Sources[0].Status != inventory.SourceFailed || !strings.Contains(sent.Sources[0].Detail, "site.yaml:7:3") {
		t.Errorf("sources %+v", sent.Sources)
	}
	if !sent.ObservedAt.Equal(site(1).ObservedAt) || len(sent.Clusters) != 1 {
		t.Errorf("not the last good inventory: %+v", sent)
	}
	status, err := os.ReadFile(filepath.Join(r.o.Dir, "status.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"published": string(log.Heard()[1].Body), "status": string(status)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s holds the password", name)
		}
	}
	stop()

	// After a restart the broken source still does not make the site forget.
	a, _ = r.start(t)
	eventually(t, a, "collected after the restart", func(s agent.Status) bool { return len(s.Sources) == 1 })
	s := eventually(t, a, "the last good one is known", func(s agent.Status) bool { return s.Collected != nil })
	if s.Collected.ObservedAt != site(1).ObservedAt || s.Outbox.Kept != 2 || s.LastError == nil {
		t.Errorf("%+v", s)
	}
	r.source.put(site(2), nil)
	eventually(t, a, "the repaired source", func(s agent.Status) bool { return s.Outbox.Kept == 3 && s.Sources[0].Status == inventory.SourceOK })
	bustest.Eventually(t, "it is at the hub", func() bool { return len(log.Heard()) == 3 })
}

func TestSourceThatSpeaksForAnotherSiteOrTheFutureIsRefused(t *testing.T) {
	other, future := site(1), site(1)
	other.Site.ID = "ber-02"
	future.ObservedAt = newClock().at.Add(time.Hour)
	for name, c := range map[string]struct {
		site *inventory.Site
		want string
	}{"another site": {other, "ber-02"}, "the future": {future, "ahead"}, "nothing": {nil, "no inventory"}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.source.site = c.site
			a, _ := r.start(t)
			s := eventually(t, a, "the failure", func(s agent.Status) bool { return len(s.Sources) == 1 })
			if s.Sources[0].Status != inventory.SourceFailed || !strings.Contains(s.Sources[0].Detail, c.want) || s.Collected != nil || s.Outbox.Queued != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestCollectingAgainMakesNoRevisionOutOfNothing(t *testing.T) {
	r := newRig(t, nil)
	a, stop := r.start(t)
	eventually(t, a, "the first", func(s agent.Status) bool { return s.Outbox.Queued == 1 })
	r.move(t, a, agent.DefaultInterval, "collected five times", func(agent.Status) bool { return r.source.count() >= 5 })
	stop()
	a, _ = r.start(t)
	asked := r.source.count()
	r.move(t, a, agent.DefaultInterval, "collected again after a restart", func(agent.Status) bool { return r.source.count() >= asked+2 })
	if s := a.Status(); s.Outbox.Queued != 1 {
		t.Errorf("%+v", s.Outbox)
	}
}

func TestTheHubAsks(t *testing.T) {
	server := bustest.Start(t)
	hub := server.Hub(t)
	beats := make(chan bus.Heartbeat, 1000)
	bustest.Background(t, func(ctx context.Context) error { return hub.Heartbeats(ctx, func(h bus.Heartbeat) { beats <- h }) })
	r := newRig(t, server.Site(t, "muc-01"))
	a, _ := r.start(t)
	s := eventually(t, a, "acknowledged", func(s agent.Status) bool { return s.Acknowledged != nil })
	ask := func(req bus.Request) bus.Reply {
		t.Helper()
		var reply bus.Reply
		bustest.Eventually(t, "an answer to "+string(req.Kind), func() bool {
			var err error
			reply, err = hub.Request(t.Context(), "muc-01", req)
			return err == nil
		})
		return reply
	}
	if reply := ask(bus.Request{Kind: bus.RequestResend, Revision: s.Acknowledged.Revision}); !reply.OK || reply.Detail != "1 queued again" {
		t.Errorf("resend: %+v", reply)
	}
	eventually(t, a, "sent again", func(s agent.Status) bool { return s.Outbox.Queued == 0 && s.Outbox.Kept == 1 })
	asked := r.source.count()
	if reply := ask(bus.Request{Kind: bus.RequestRefresh}); !reply.OK {
		t.Errorf("refresh: %+v", reply)
	}
	bustest.Eventually(t, "collected", func() bool { return r.source.count() > asked })
	eventually(t, a, "sent again", func(s agent.Status) bool { return s.Outbox.Queued == 0 && s.Outbox.Kept == 1 })
	reply := ask(bus.Request{Kind: bus.RequestDiagnostics})
	var status agent.Status
	if err := json.Unmarshal(reply.Body, &status); err != nil || !reply.OK || status.Site != "muc-01" {
		t.Errorf("diagnostics: %+v, %v", reply, err)
	}
	if reply := ask(bus.Request{Kind: bus.RequestHeartbeatInterval, Interval: inventory.Duration(time.Second)}); reply.OK {
		t.Errorf("a heartbeat each second: %+v", reply)
	}
	if reply := ask(bus.Request{Kind: "dance"}); reply.OK {
		t.Errorf("unknown request: %+v", reply)
	}
	if reply := ask(bus.Request{Kind: bus.RequestHeartbeatInterval, Interval: inventory.Duration(10 * time.Second)}); !reply.OK {
		t.Errorf("heartbeat interval: %+v", reply)
	}
	bustest.Eventually(t, "a heartbeat at the new interval with the last revision", func() bool {
		r.clock.move(10 * time.Second)
		select {
		case h := <-beats:
			return time.Duration(h.Interval) == 10*time.Second && h.Revision == s.Acknowledged.Revision && h.StreamSequence == 1 && h.Instance == s.Instance
		default:
			return false
		}
	})
	if _, err := hub.PublishRejection(t.Context(), bus.Rejection{Site: "muc-01", Revision: "r", Sequence: 9, At: r.clock.Now(), Body: []byte(`{"reason":"future"}`)}); err != nil {
		t.Fatal(err)
	}
	s = eventually(t, a, "the rejection", func(s agent.Status) bool { return s.Rejected != nil })
	if s.Rejected.Revision != "r" || !strings.Contains(string(s.Rejected.Reason), "future") {
		t.Errorf("%+v", s.Rejected)
	}
}

// fake is a hub that answers as the test says.
type fake struct {
	agent.Hub
	mu      sync.Mutex
	publish func(bus.Inventory) (bus.Ack, error)
	watch   error
}

func (f *fake) PublishInventory(_ context.Context, inv bus.Inventory) (bus.Ack, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.publish(inv)
}

func (f *fake) PublishHeartbeat(context.Context, bus.Heartbeat) error { return bus.ErrUnavailable }

func (f *fake) WatchAssessment(ctx context.Context, _ string, _ func(bus.Assessment)) error {
	if f.watch != nil {
		return f.watch
	}
	<-ctx.Done()
	return nil
}

func (f *fake) WatchRejection(ctx context.Context, _ string, _ func(bus.Rejection)) error {
	<-ctx.Done()
	return nil
}

func (f *fake) Requests(ctx context.Context, _ string, _ func(context.Context, bus.Request) bus.Reply) error {
	<-ctx.Done()
	return nil
}

func (f *fake) Status() bus.Status           { return bus.Status{} }
func (f *fake) Reconnected() <-chan struct{} { return nil }

func TestReturnToAnEarlierContentIsNotTakenForApplied(t *testing.T) {
	// The stream still remembers the message id of the first revision when the site returns to it.
	f := &fake{}
	forgotten := false
	ids := map[string]uint64{}
	sequence := uint64(0)
	f.publish = func(inv bus.Inventory) (bus.Ack, error) {
		if known, ok := ids[inv.Revision]; ok && !forgotten {
			return bus.Ack{StreamSequence: known, Duplicate: true}, nil
		}
		sequence++
		ids[inv.Revision] = sequence
		return bus.Ack{StreamSequence: sequence}, nil
	}
	r := newRig(t, f)
	a, _ := r.start(t)
	eventually(t, a, "the first", func(s agent.Status) bool { return s.Acknowledged != nil && s.Acknowledged.StreamSequence == 1 })
	r.source.put(site(2), nil)
	eventually(t, a, "the second", func(s agent.Status) bool { return s.Acknowledged.StreamSequence == 2 })
	r.source.put(site(1), nil)
	s := eventually(t, a, "it waits", func(s agent.Status) bool {
		return s.Outbox.Queued == 1 && s.LastError != nil && strings.Contains(s.LastError.What, "still holds")
	})
	if s.Acknowledged.StreamSequence != 2 {
		t.Fatalf("%+v", s.Acknowledged)
	}
	f.mu.Lock()
	forgotten = true
	f.mu.Unlock()
	r.move(t, a, time.Minute, "the first again", func(s agent.Status) bool { return s.Acknowledged.StreamSequence == 3 && s.Outbox.Queued == 0 })
	if s := a.Status(); s.LastError != nil && strings.Contains(s.LastError.What, "still holds") {
		t.Errorf("an error that is over: %+v", s.LastError)
	}
}

func TestRevisionThatCanNeverBeSentHoldsNothingUp(t *testing.T) {
	f := &fake{publish: func(inv bus.Inventory) (bus.Ack, error) {
		if inv.InstanceSequence == 1 {
			return bus.Ack{}, fmt.Errorf("publish: %w", bus.ErrTooLarge)
		}
		return bus.Ack{StreamSequence: 5}, nil
	}}
	r := newRig(t, f)
	a, _ := r.start(t)
	s := eventually(t, a, "the first is refused", func(s agent.Status) bool { return s.Refused != nil })
	r.source.put(site(2), nil)
	r.move(t, a, time.Second, "the second", func(s agent.Status) bool { return s.Acknowledged != nil })
	if s.Refused.Detail == "" || a.Status().Outbox.Dropped != 1 {
		t.Errorf("%+v", s)
	}
}

func TestConnectionClosedForGoodEndsTheAgent(t *testing.T) {
	r := newRig(t, &fake{watch: bus.ErrClosed, publish: func(bus.Inventory) (bus.Ack, error) { return bus.Ack{}, bus.ErrUnavailable }})
	a, err := agent.New(r.o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestOutboxThatTakesNothingIsToldAndTheLoopGoesOn(t *testing.T) {
	r := newRig(t, nil)
	r.o.Outbox = outbox.Options{MaxBytes: 900}
	large := site(1)
	large.Site.Name = strings.Repeat("x", 2000)
	r.source.site = large
	a, _ := r.start(t)
	s := eventually(t, a, "the error", func(s agent.Status) bool { return s.LastError != nil })
	if !strings.Contains(s.LastError.Op, "queue") || s.Collected != nil {
		t.Errorf("%+v", s.LastError)
	}
	r.source.put(site(2), nil)
	eventually(t, a, "the next one fits", func(s agent.Status) bool { return s.Outbox.Queued == 1 })
}

func TestJudgeThatFailsDoesNotKeepTheInventoryBack(t *testing.T) {
	r := newRig(t, nil)
	r.o.Assess = func(*inventory.Site, time.Time) (*assess.Assessment, error) { return nil, errors.New("no rules") }
	a, _ := r.start(t)
	s := eventually(t, a, "queued", func(s agent.Status) bool { return s.Outbox.Queued == 1 })
	if s.LastError == nil || s.LastError.What != "no rules" || s.Verdicts != nil {
		t.Errorf("%+v", s)
	}
}

func TestTwoAgentsDoNotShareAStateDirectory(t *testing.T) {
	r := newRig(t, nil)
	_, stop := r.start(t)
	if _, err := agent.New(r.o); !errors.Is(err, dirlock.ErrHeld) || !strings.Contains(err.Error(), r.o.Dir) {
		t.Fatalf("got %v", err)
	}
	stop()
	r.start(t)
}

func TestBadOptions(t *testing.T) {
	for name, change := range map[string]func(*agent.Options){
		"site":      func(o *agent.Options) { o.Site = "a.b" },
		"source":    func(o *agent.Options) { o.Source = nil },
		"judge":     func(o *agent.Options) { o.Assess = nil },
		"directory": func(o *agent.Options) { o.Dir = "" },
		"interval":  func(o *agent.Options) { o.Interval = time.Millisecond },
		"heartbeat": func(o *agent.Options) { o.Heartbeat = 24 * time.Hour },
		"outbox":    func(o *agent.Options) { o.Outbox.Keep = time.Second },
	} {
		r := newRig(t, nil)
		change(&r.o)
		if a, err := agent.New(r.o); err == nil {
			t.Errorf("%s: accepted", name)
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := agent.ReadStatus(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("status of nobody: %v", err)
	}
}
