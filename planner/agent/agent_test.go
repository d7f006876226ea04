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
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	if s.Verdicts[rules.Fail] != 1 || s.Verdicts[rules.Unknown] != 1 || s.Verdicts[rules.Pass] != 3 || s.Failing[rules.High] != 1 {
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
	eventually(t, a, "the repaired source leaves no error", func(s agent.Status) bool {
		return s.Outbox.Kept == 3 && s.Sources[0].Status == inventory.SourceOK && s.LastError == nil
	})
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
	bustest.Background(t, func(ctx context.Context) error { return hub.Heartbeats(ctx, func(h bus.Heartbeat) { beats <- h }, nil) })
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
	for instance, want := range map[string]string{s.Instance: "1 queued again", "another": "another planner"} {
		if reply := ask(bus.Request{Kind: bus.RequestResend, Instance: instance}); reply.OK != (instance == s.Instance) || !strings.Contains(reply.Detail, want) {
			t.Errorf("resend of %s: %+v, want %q", instance, reply, want)
		}
	}
	eventually(t, a, "sent again", func(s agent.Status) bool { return s.Outbox.Queued == 0 && s.Outbox.Kept == 1 })
	if reply := ask(bus.Request{Kind: bus.RequestResend, Instance: s.Instance, After: 1}); !reply.OK || reply.Detail != "0 queued again" {
		t.Errorf("resend of what the hub holds: %+v", reply)
	}
	if _, err := hub.PublishRejection(t.Context(), bus.Rejection{Site: "muc-01", Revision: "r", Sequence: 9, At: r.clock.Now(), Body: []byte(`{"reason":"future"}`)}); err != nil {
		t.Fatal(err)
	}
	s = eventually(t, a, "the rejection", func(s agent.Status) bool { return s.Rejected != nil })
	if s.Rejected.Revision != "r" || !strings.Contains(string(s.Rejected.Reason), "future") {
		t.Errorf("%+v", s.Rejected)
	}
}

// TestIntervalOfHeartbeatsOutlivesARestart: what the hub asked for stays, until the configuration says something new.
func TestIntervalOfHeartbeatsOutlivesARestart(t *testing.T) {
	server := bustest.Start(t)
	hub := server.Hub(t)
	r := newRig(t, server.Site(t, "muc-01"))
	_, stop := r.start(t)
	bustest.Eventually(t, "the planner takes the interval", func() bool {
		reply, err := hub.Request(t.Context(), "muc-01", bus.Request{Kind: bus.RequestHeartbeatInterval, Interval: inventory.Duration(20 * time.Second)})
		return err == nil && reply.OK
	})
	stop()
	interval := func() time.Duration {
		a, stop := r.start(t)
		defer stop()
		return time.Duration(a.Status().HeartbeatInterval)
	}
	if got := interval(); got != 20*time.Second {
		t.Errorf("after a restart it is %s", got)
	}
	r.o.Heartbeat = 2 * time.Minute
	if got := interval(); got != 2*time.Minute {
		t.Errorf("with another configuration it is %s", got)
	}
	r.o.Heartbeat = agent.DefaultHeartbeat
	if err := os.WriteFile(filepath.Join(r.o.Dir, "heartbeat.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := interval(); got != agent.DefaultHeartbeat {
		t.Errorf("with a broken file it is %s", got)
	}
}
