package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// ask reads a path of a hub's API.
func ask(ctx context.Context, address, path string) (body, etag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/v1"+path, http.NoBody)
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, resp.StatusCode, data)
	}
	return string(data), resp.Header.Get("ETag"), err
}

// lists are the answers in which two replicas must agree byte for byte.
func lists(sites []string) []string {
	out := []string{"/sites", "/clusters", "/findings?limit=1000", "/region-mismatches", "/recommendations", "/tenancy", "/rejections", "/versions"}
	for _, s := range sites {
		out = append(out, "/sites/"+s, "/sites/"+s+"/assessment?all=true", "/sites/"+s+"/inventory")
	}
	return out
}

// agree waits until two hubs give the same bytes and the same ETags.
func agree(t *testing.T, sites []string, a, b string) {
	t.Helper()
	for _, path := range lists(sites) {
		eventually(t, "both hubs answer "+path+" alike", func() error {
			one, tagOne, err := ask(t.Context(), a, path)
			if err != nil {
				return err
			}
			two, tagTwo, err := ask(t.Context(), b, path)
			if err != nil {
				return err
			}
			if one != two || tagOne != tagTwo || tagOne == "" {
				return fmt.Errorf("ETags %s and %s\n%s\n%s", tagOne, tagTwo, one, two)
			}
			return nil
		})
	}
}

// TestTwoHubsSideBySide: two replicas over one NATS and one ClickHouse answer alike, whichever is killed and whatever it was
// doing; each revision has one verdict and is in the history once.
func TestTwoHubsSideBySide(t *testing.T) {
	t.Parallel()
	server, db := bustest.Start(t), database(t)
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	files, err := demo.Inventories(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conn := server.Hub(t)
	var documents []*inventory.Site
	var ids []string
	for name, data := range files {
		site, err := inventory.Parse(name, data, regions)
		if err != nil {
			t.Fatal(err)
		}
		documents, ids = append(documents, inventory.Normalise(site, regions)), append(ids, site.Site.ID)
	}
	sent := map[string]int{}
	send := func(rounds int) {
		t.Helper()
		for range rounds {
			for _, s := range documents {
				s.ObservedAt = s.ObservedAt.Add(time.Millisecond)
				sent[s.Site.ID]++
				body, err := inventory.Canonical(s)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.PublishInventory(t.Context(), bus.Inventory{
					Site: s.Site.ID, Revision: inventory.Revision(s), Body: body, Instance: "i-" + s.Site.ID, InstanceSequence: uint64(sent[s.Site.ID]), PlannerVersion: "1.0.0",
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	at := func() settings {
		return settings{URL: server.URL(), Credentials: server.CredentialsFile(), DSN: db.DSN(), Listen: freeAddress(t)}
	}
	first, second := at(), at()
	_, stopFirst := startReplica(t, first)
	kill := hubProcess(t, second)
	send(3)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: ids[0], Revision: "poison", Body: []byte(`{"kind":"Nonsense"}`), Instance: "i-" + ids[0], InstanceSequence: uint64(sent[ids[0]] + 1)}); err != nil {
		t.Fatal(err)
	}
	sent[ids[0]]++
	agree(t, ids, first.Listen, second.Listen)
	send(2)
	kill()
	send(2)
	kill = hubProcess(t, second)
	agree(t, ids, first.Listen, second.Listen)
	send(2)
	stopFirst()
	send(1)
	third := at()
	_, _ = startReplica(t, third)
	agree(t, ids, second.Listen, third.Listen)
	kill()

	store := openHistory(t, db.DSN())
	total := 0
	for _, n := range sent {
		total += n
	}
	eventually(t, "the history has each revision once", func() error {
		counts, err := store.Counts(t.Context())
		if err == nil && counts.Revisions != uint64(total) {
			err = fmt.Errorf("%+v, %d were sent", counts, total)
		}
		return err
	})
	// A verdict is one message for each judgement: of a revision and an instant there is one only.
	verdicts := map[string]int{}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	end := uint64(0)
	if err := conn.LastAssessments(ctx, func(a bus.Assessment) { end = max(end, a.StreamSequence) }); err != nil {
		t.Fatal(err)
	}
	err = conn.Batches(ctx, bus.StreamAssessment, "count-verdicts", 200, time.Second, func(_ context.Context, batch []bus.Message) error {
		for i := range batch {
			var a struct{ At time.Time }
			if err := json.Unmarshal(batch[i].Body, &a); err != nil {
				return err
			}
			verdicts[fmt.Sprint(batch[i].Site, " ", batch[i].Revision, " ", a.At)]++
			if batch[i].Sequence >= end {
				cancel()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, n := range verdicts {
		if n != 1 {
			t.Errorf("%d verdicts on %s", n, key)
		}
	}
}
