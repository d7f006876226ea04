package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/rules"
)

// believer is a receiver that knows of findings only what it is told. It refuses every fourth request.
type believer struct {
	*httptest.Server
	mu       sync.Mutex
	requests int
	seen     map[string]bool
	open     map[string]string // severity and verdict by finding
	wrong    []string          // transitions that do not follow from those before
}

func newBeliever(t *testing.T) *believer {
	t.Helper()
	b := &believer{seen: map[string]bool{}, open: map[string]string{}}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.Close)
	return b
}

func (b *believer) serve(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ID   string       `json:"id"`
		Data notify.Event `json:"data"`
	}
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.requests++; err != nil || b.requests%4 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if b.seen[m.ID] {
		return
	}
	b.seen[m.ID] = true
	e := &m.Data
	is, before := string(e.Severity)+" "+string(e.Verdict), b.open[e.Finding]
	switch e.Kind {
	case notify.FindingOpened:
		if before != "" {
			b.wrong = append(b.wrong, "opened while open: "+e.ID)
		}
		b.open[e.Finding] = is
	case notify.FindingChanged:
		if before != e.Before {
			b.wrong = append(b.wrong, fmt.Sprintf("changed from %q while it was %q: %s", e.Before, before, e.ID))
		}
		b.open[e.Finding] = is
	case notify.FindingClosed:
		if before == "" {
			b.wrong = append(b.wrong, "closed while closed: "+e.ID)
		}
		delete(b.open, e.Finding)
	}
}

func (b *believer) believes() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.open)
}

// TestHubKilledMidDelivery kills hubs with signal 9 while they derive and deliver, two replicas side by side. In the end the
// receiver believes what is in force, and every transition followed from the one before: none was lost, none came in
// another order, and what came twice could be recognised.
func TestHubKilledMidDelivery(t *testing.T) {
	t.Parallel()
	server, receiver := bustest.Start(t), newBeliever(t)
	s := settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: freeAddress(t), Notify: true}
	other := s
	other.Listen = "127.0.0.1:0"
	kills := []func(){hubProcess(t, s), hubProcess(t, other)}
	api, err := client.New(client.Options{Server: "http://" + s.Listen, Token: secret})
	if err != nil {
		t.Fatal(err)
	}
	var made *gen.WebhookSecret
	eventually(t, "the webhook is made", func() (err error) {
		made, err = api.CreateWebhook(t.Context(), gen.WebhookRequest{
			Name: "believer", Url: receiver.URL, Events: []gen.WebhookEvent{gen.FindingOpened, gen.FindingChanged, gen.FindingClosed},
		})
		return err
	})
	all := plants(t, 3, func(string) bus.Options { return server.Options() })
	for i := range 2 {
		observe(t, all, 4)
		eventually(t, "something is delivered", func() error {
			if len(receiver.believes()) == 0 {
				return fmt.Errorf("nothing yet")
			}
			return nil
		})
		kills[i]()
		observe(t, all, 2)
	}
	r, _ := startReplica(t, s)
	observe(t, all, 1)
	applied(t, all)
	want := map[string]string{}
	eventually(t, "the receiver believes what is in force", func() error {
		clear(want)
		for site := range r.View().Sites("") {
			for i := range site.Assessment.Findings {
				if f := &site.Assessment.Findings[i]; f.Verdict == rules.Fail || f.Verdict == rules.Unknown {
					want[f.ID] = string(f.Severity) + " " + string(f.Verdict)
				}
			}
		}
		if got := receiver.believes(); !maps.Equal(got, want) {
			return fmt.Errorf("it believes %v instead of %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		return nil
	})
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	if len(want) == 0 || len(receiver.wrong) > 0 {
		t.Errorf("%d findings; %v", len(want), receiver.wrong)
	}
	dead, err := api.DeadLetters(made.Webhook.Id, client.Query{}).Collect(t.Context())
	if err != nil || dead.Total != 0 {
		t.Errorf("dead letters %+v, %v", dead, err)
	}
}
