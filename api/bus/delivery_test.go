package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
)

// TestLeafNodeCarriesWhatTheHubAcknowledges: over a leaf node an inventory is accepted when the hub's stream has it, and
// never while the hub is away.
func TestLeafNodeCarriesWhatTheHubAcknowledges(t *testing.T) {
	l, down, up := bustest.StartLeaf(t, "muc-01", false)
	hub := bustest.Dial(t, l.HubOptions())
	if err := hub.EnsureStreams(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	site := bustest.Dial(t, l.LeafOptions())
	var ack bus.Ack
	bustest.Eventually(t, "the leaf node has learnt of the hub's stream", func() bool {
		var err error
		ack, err = site.PublishInventory(t.Context(), bustest.Revision("muc-01", 1, 300))
		return err == nil
	})
	if ack.StreamSequence != 1 {
		t.Errorf("receipt %+v", ack)
	}
	if _, err := hub.PublishAssessment(t.Context(), bustest.Judgement("muc-01", 1, 1, time.Now())); err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	bustest.Background(t, func(ctx context.Context) error {
		return site.WatchAssessment(ctx, "muc-01", func(a bus.Assessment) { heard <- a.Revision })
	})
	select {
	case got := <-heard:
		if want := bustest.Revision("muc-01", 1, 0).Revision; got != want {
			t.Errorf("the verdict over the leaf node is of %s, want %s", got, want)
		}
	case <-time.After(bustest.Patience):
		t.Error("no verdict came over the leaf node")
	}
	down()
	if ack, err := site.PublishInventory(t.Context(), bustest.Revision("muc-01", 2, 300)); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("with the hub away: %+v, %v", ack, err)
	}
	up()
	bustest.Eventually(t, "the second revision is accepted when the hub is back", func() bool {
		ack, err := site.PublishInventory(t.Context(), bustest.Revision("muc-01", 2, 300))
		return err == nil && ack.StreamSequence == 2 && !ack.Duplicate
	})
}

// TestReceiptOfALeafNodesOwnStreamIsNone: a leaf node that keeps a stream of the same name acknowledges at once, hub or no
// hub. That says nothing of the hub's stream.
func TestReceiptOfALeafNodesOwnStreamIsNone(t *testing.T) {
	l, down, _ := bustest.StartLeaf(t, "muc-01", true)
	nc, err := nats.Connect(l.LeafOptions().URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the leaf node's store is ready", func() bool {
		_, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: bus.StreamInventory, Subjects: []string{"meridian.v1.inventory.*"}})
		return err == nil
	})
	down()
	site := bustest.Dial(t, l.LeafOptions())
	ack, err := site.PublishInventory(t.Context(), bustest.Revision("muc-01", 1, 300))
	if !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "leaf") {
		t.Fatalf("accepted with %+v, %v", ack, err)
	}
}

// TestHoldsTellsALostTail: after a power cut the stream no longer holds what it acknowledged; from which revision on is told.
func TestHoldsTellsALostTail(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	beat := func(n int, position uint64) bus.Heartbeat {
		r := bustest.Revision("muc-01", n, 0)
		return bus.Heartbeat{Site: "muc-01", Revision: r.Revision, Instance: r.Instance, InstanceSequence: r.InstanceSequence, StreamSequence: position}
	}
	expect := func(what string, h bus.Heartbeat, held bool, after uint64) {
		t.Helper()
		got, from, err := hub.Holds(t.Context(), h)
		if err != nil || got != held || !held && from != after {
			t.Errorf("%s: held %v after %d, %v; want %v after %d", what, got, from, err, held, after)
		}
	}
	expect("a planner that sent nothing", bus.Heartbeat{Site: "muc-01", Instance: "x"}, true, 0)
	for n := 1; n <= 3; n++ {
		bustest.Publish(t, hub, bustest.Revision("muc-01", n, 300))
	}
	expect("the last", beat(3, 3), true, 0)
	expect("one before", beat(2, 2), true, 0)
	s.Down(t)
	restore := s.PowerCut(t)
	s.Up(t)
	for n := 4; n <= 6; n++ {
		publishSurely(t, hub, bustest.Revision("muc-01", n, 300))
	}
	expect("before the power cut", beat(6, 6), true, 0)
	s.Down(t)
	restore()
	s.Up(t)
	bustest.Eventually(t, "the server is back", func() bool { _, _, err := hub.Holds(t.Context(), beat(6, 6)); return err == nil })
	expect("after it", beat(6, 6), false, 3)
	other := bustest.Revision("muc-01", 9, 300)
	other.Instance, other.InstanceSequence = "another", 1
	publishSurely(t, hub, other)
	expect("another outbox has spoken since and took the position before", beat(6, 6), false, 0)
	expect("what is there before it", beat(3, 3), true, 0)
}

// TestAssessmentsGoOnAfterALostTail: positions that a power cut took back do not make newer assessments look older.
func TestAssessmentsGoOnAfterALostTail(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for n := 1; n <= 3; n++ {
		bustest.Publish(t, hub, bustest.Revision("ber-02", n, 300))
	}
	bustest.Publish(t, hub, bustest.Revision("muc-01", 1, 300))
	if _, err := hub.PublishAssessment(t.Context(), bustest.Judgement("muc-01", 1, 4, at)); err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(s.URL(), nats.UserCredentials(s.CredentialsFile()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), bus.StreamInventory); err != nil {
		t.Fatal(err)
	}
	if err := hub.EnsureStreams(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	bustest.Publish(t, hub, bustest.Revision("muc-01", 2, 300))
	ack, err := hub.PublishAssessment(t.Context(), bustest.Judgement("muc-01", 2, 1, at.Add(time.Hour)))
	if err != nil || ack.Superseded || ack.Duplicate {
		t.Errorf("the assessment of the new revision was not stored: %+v, %v", ack, err)
	}
	if ack, err = hub.PublishAssessment(t.Context(), bustest.Judgement("muc-01", 2, 1, at)); err != nil || !ack.Superseded {
		t.Errorf("an earlier judgement was stored after it: %+v, %v", ack, err)
	}
}

func TestStreamOptionsAreChecked(t *testing.T) {
	if err := (bus.StreamOptions{Replicas: 3, InventoryPerSite: 100, RejectedMaxAge: 24 * time.Hour, MaxBytes: 1 << 30}).Check(); err != nil {
		t.Error(err)
	}
	err := (bus.StreamOptions{Replicas: 2, InventoryPerSite: -1, AssessmentMaxAge: time.Minute, MaxBytes: 5}).Check()
	for _, want := range []string{"replicas", "inventoryPerSite", "assessmentMaxAge", "maxBytes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// TestFullStreamRefusesInsteadOfForgetting: a limit of the inventory stream never pushes out the state of a silent site.
func TestFullStreamRefusesInsteadOfForgetting(t *testing.T) {
	hub := bustest.Start(t).Connect(t)
	if err := hub.EnsureStreams(t.Context(), bus.StreamOptions{MaxBytes: 16 << 20, InventoryPerSite: 2}); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		bustest.Publish(t, hub, bustest.Revision("silent", n, 300))
	}
	var err error
	for n := 0; n < 40 && err == nil; n++ {
		_, err = hub.PublishInventory(t.Context(), bustest.Incompressible(fmt.Sprintf("talkative-%d", n), n, 700<<10))
	}
	if !errors.Is(err, bus.ErrFull) {
		t.Fatalf("got %v, want a refusal for want of space", err)
	}
	kept := 0
	if err := hub.KeptInventories(t.Context(), "silent", func(bus.Inventory) { kept++ }); err != nil || kept != 2 {
		t.Errorf("the silent site has %d inventories left, want its last two: %v", kept, err)
	}
}
