package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/ingest"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// ask sends a request and returns the status and the body.
func ask(t *testing.T, h *running, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// TestFloodIsLimitedAndTold: of a site that floods the latest revision comes into force, all of them stay in the stream,
// the site and the metrics tell of the limit, and another site's inventory does not wait.
func TestFloodIsLimitedAndTold(t *testing.T) {
	conn := bustest.Start(t).Hub(t)
	h := run(t, conn, func(o *hub.Options) { o.Limits = ingest.Limits{Burst: 3, Every: 200 * time.Millisecond} })
	at := time.Now().Add(-time.Hour)
	last := ""
	const flood = 40
	for n := range flood {
		revision, body := munich(t, at.Add(time.Duration(n)*time.Second), 12000+n)
		if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: revision, Body: body, Instance: "i", InstanceSequence: uint64(n + 1)}); err != nil {
			t.Fatal(err)
		}
		last = revision
	}
	var row struct {
		Site struct {
			Revision     string
			LimitedSince time.Time
		}
	}
	bustest.Eventually(t, "the latest is in force and the limit is told", func() bool {
		status, body := ask(t, h, http.MethodGet, "/api/v1/sites/muc-01", "")
		if status != http.StatusOK {
			return false
		}
		if err := json.Unmarshal([]byte(body), &row); err != nil {
			t.Fatal(err)
		}
		return row.Site.Revision == last && !row.Site.LimitedSince.IsZero()
	})
	kept := 0
	if err := conn.KeptInventories(t.Context(), "muc-01", func(bus.Inventory) { kept++ }); err != nil || kept != flood {
		t.Errorf("the stream holds %d of %d revisions for the history: %v", kept, flood, err)
	}
	_, metrics := ask(t, h, http.MethodGet, "/metrics", "")
	for _, want := range []string{
		"meridian_ingest_limited_sites 1", "meridian_ingest_coalesced_total ", "meridian_ingest_waiting 0", `meridian_inventories_total{outcome="applied"} `,
		`meridian_assessments_total{outcome="stored"} `, `meridian_sites_liveness{state="live"} 1`, "meridian_planners_behind 0", "meridian_planner_queued 0",
	} {
		if !strings.Contains(metrics, "\n"+want) {
			t.Errorf("the metrics do not say %q", want)
		}
	}
	if strings.Contains(metrics, "\nmeridian_ingest_coalesced_total 0\n") {
		t.Error("no revision was replaced by a later one")
	}
}

// TestPoisonStopsNobody: a document that nobody can read is refused with its reason, while other sites go on.
func TestPoisonStopsNobody(t *testing.T) {
	conn := bustest.Start(t).Hub(t)
	h := run(t, conn)
	told := make(chan bus.Rejection, 10)
	bustest.Background(t, func(ctx context.Context) error {
		return conn.WatchRejection(ctx, "bad-01", func(r bus.Rejection) { told <- r })
	})
	for n, poison := range []string{`{"kind":"Nonsense"}`, `[]`, `{"clusters":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`} {
		if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "bad-01", Revision: fmt.Sprint("poison-", n), Body: []byte(poison)}); err != nil {
			t.Fatal(err)
		}
	}
	good, body := munich(t, time.Now(), 12000)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: good, Body: body}); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the good one is in force", func() bool { return inForce(h, "muc-01") == good })
	bustest.Eventually(t, "the others are refused", func() bool { return len(rejections(h)) == 3 })
	select {
	case r := <-told:
		var reason fleet.Rejection
		if err := json.Unmarshal(r.Body, &reason); err != nil || reason.Reason != ingest.ReasonSchema || reason.Detail == "" {
			t.Errorf("the site is told %s: %v", r.Body, err)
		}
	case <-time.After(bustest.Patience):
		t.Error("the site was not told")
	}
	if status, answer := ask(t, h, http.MethodGet, "/api/v1/rejections?filter=site%3Dbad-01", ""); status != http.StatusOK || !strings.Contains(answer, `"total":3`) {
		t.Errorf("%d %s", status, answer)
	}
}

// TestHeartbeatIsTunedOverREST: the interval goes to the site's planner, whose refusal and absence are told.
func TestHeartbeatIsTunedOverREST(t *testing.T) {
	server := bustest.Start(t)
	conn := server.Hub(t)
	h := run(t, conn)
	revision, body := munich(t, time.Now(), 12000)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: revision, Body: body}); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the site is there", func() bool { return inForce(h, "muc-01") == revision })
	put := func(interval string) (int, string) {
		return ask(t, h, http.MethodPut, "/api/v1/sites/muc-01/heartbeat", `{"interval":"`+interval+`"}`)
	}
	if status, answer := put("30s"); status != http.StatusServiceUnavailable || !strings.Contains(answer, "no planner") {
		t.Errorf("without a planner: %d %s", status, answer)
	}
	asked, site := make(chan bus.Request, 10), server.Site(t, "muc-01")
	bustest.Background(t, func(ctx context.Context) error {
		return site.Requests(ctx, "muc-01", func(_ context.Context, r bus.Request) bus.Reply {
			asked <- r
			if time.Duration(r.Interval) < 5*time.Second {
				return bus.Reply{Detail: "too often"}
			}
			return bus.Reply{OK: true}
		})
	})
	bustest.Eventually(t, "the planner has taken the interval", func() bool {
		status, _ := put("30s")
		return status == http.StatusNoContent
	})
	if r := <-asked; r.Kind != bus.RequestHeartbeatInterval || r.Interval != inventory.Duration(30*time.Second) {
		t.Errorf("asked %+v", r)
	}
	if status, answer := put("1s"); status != http.StatusUnprocessableEntity || !strings.Contains(answer, "too often") {
		t.Errorf("refused: %d %s", status, answer)
	}
}

// TestReplicaTakesOverWhatTheStreamHolds: of two verdicts on one revision and instant the one in the stream counts.
func TestReplicaTakesOverWhatTheStreamHolds(t *testing.T) {
	server := bustest.Start(t)
	conn := server.Hub(t)
	first := run(t, conn)
	revision, body := munich(t, time.Now(), 12000)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: revision, Body: body}); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "it is in force", func() bool { return inForce(first, "muc-01") == revision })
	second := run(t, server.Connect(t))
	bustest.Eventually(t, "the other replica has it", func() bool { return inForce(second, "muc-01") == revision })
	next, body := munich(t, time.Now().Add(time.Second), 13000)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: next, Body: body}); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*running{first, second} {
		bustest.Eventually(t, "both have the next one", func() bool { return inForce(h, "muc-01") == next })
	}
	for _, h := range []*running{first, second} {
		bustest.Eventually(t, "both say what the stream says", func() bool {
			a, ok, err := conn.LastAssessment(t.Context(), "muc-01")
			if err != nil || !ok || a.Revision != next {
				return false // it is published after it is in force
			}
			var held bytes.Buffer
			if err := json.Compact(&held, a.Body); err != nil {
				t.Fatal(err)
			}
			rec, _ := h.View().Site("muc-01")
			return marshal(t, rec.Assessment) == held.String()
		})
	}
}
