package bus_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
)

// TestAuditIsAppendOnly: entries come back in order, one that is sent again is stored once, and the server deletes none of
// them, whoever asks.
func TestAuditIsAppendOnly(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	if err := hub.EnsureAudit(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for range 2 {
			if _, err := hub.PublishAudit(t.Context(), bus.Audit{ID: fmt.Sprint("entry-", i), Body: fmt.Appendf(nil, `{"n":%d}`, i)}); err != nil {
				t.Fatal(err)
			}
		}
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
	stream, err := js.Stream(t.Context(), bus.StreamAudit)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), 2); err == nil {
		t.Error("an entry was deleted")
	}
	if err := stream.SecureDeleteMsg(t.Context(), 2); err == nil {
		t.Error("an entry was overwritten")
	}
	if err := stream.Purge(t.Context()); err == nil {
		t.Error("the audit was purged")
	}
	open := stream.CachedInfo().Config
	open.DenyDelete, open.DenyPurge = false, false
	if _, err := js.UpdateStream(t.Context(), open); err == nil {
		t.Error("the stream was opened for deletion")
	}
	var mu sync.Mutex
	var got []string
	through := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- hub.Audits(t.Context(), func(a bus.Audit) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, a.ID+" "+string(a.Body))
			if a.DecodeErr != nil {
				t.Error(a.DecodeErr)
			}
		}, func() { close(through) })
	}()
	select {
	case <-through:
	case err := <-ended:
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := `[entry-0 {"n":0} entry-1 {"n":1} entry-2 {"n":2}]`; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}
