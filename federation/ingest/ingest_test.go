package ingest_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/ingest"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

var now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func gate(t testing.TB) (*ingest.Gate, *geo.Table) {
	t.Helper()
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return ingest.New(regions, ingest.NewWords(), nil), regions
}

func munich(t testing.TB, regions *geo.Table) *inventory.Site {
	t.Helper()
	files, err := demo.Inventories(now)
	if err != nil {
		t.Fatal(err)
	}
	s, err := inventory.Parse("muc-01.yaml", files["muc-01.yaml"], regions)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(t testing.TB, s *inventory.Site) ingest.Message {
	t.Helper()
	body, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Message{
		Site: "muc-01", Revision: "r1", Body: body, Sequence: 7, AcceptedAt: now,
		Planner: fleet.Planner{Version: "v1", Instance: "i", Sequence: 3},
	}
}

func TestAdmits(t *testing.T) {
	g, regions := gate(t)
	m := message(t, munich(t, regions))
	u, rejection := g.Admit(m)
	if rejection != nil {
		t.Fatalf("refused: %+v", rejection)
	}
	if u.Revision != "r1" || u.Sequence != 7 || !u.AcceptedAt.Equal(now) || u.Planner != m.Planner {
		t.Errorf("the message's marks are lost: %+v", u)
	}
	if got := u.Site.Infra("pg-1").Placement.Region; got != "northeurope" {
		t.Errorf("the site is not normalised: region %q", got)
	}
}

func TestIgnoresKeysOfANewerPlanner(t *testing.T) {
	g, regions := gate(t)
	m := message(t, munich(t, regions))
	m.Body = []byte(strings.Replace(string(m.Body), `{"apiVersion"`, `{"somethingNew":{"a":1},"apiVersion"`, 1))
	if _, rejection := g.Admit(m); rejection != nil {
		t.Errorf("refused: %+v", rejection)
	}
}

func TestRefuses(t *testing.T) {
	g, regions := gate(t)
	change := func(f func(*inventory.Site)) ingest.Message {
		s := munich(t, regions)
		f(s)
		return message(t, s)
	}
	for _, c := range []struct {
		name, reason, detail string
		message              ingest.Message
	}{
		{"what the transport could not read", ingest.ReasonUnreadable, "zstd", ingest.Message{Site: "muc-01", Sequence: 7, AcceptedAt: now, Err: errors.New("zstd: bad frame")}},
		{"no JSON", ingest.ReasonSchema, "SiteInventory", ingest.Message{Site: "muc-01", Sequence: 7, AcceptedAt: now, Body: []byte(`{"site":`)}},
		{"too large", ingest.ReasonSize, "limit", ingest.Message{Site: "muc-01", Sequence: 7, AcceptedAt: now, Body: make([]byte, inventory.MaxDocument+1)}},
		{"another site's document", ingest.ReasonSiteMismatch, "ham-03", change(func(s *inventory.Site) { s.Site.ID = "ham-03"; s.Probes = nil })},
		{"an unknown region", ingest.ReasonSchema, "westeurope", change(func(s *inventory.Site) { s.Clusters[0].Components[0].Nodes[0].Placement.Region = "westeuropa" })},
		{"the future", ingest.ReasonFuture, "clock", change(func(s *inventory.Site) { s.ObservedAt = now.Add(time.Hour) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, r := g.Admit(c.message)
			if u != nil || r == nil {
				t.Fatalf("admitted: %+v", u)
			}
			if r.Reason != c.reason || !strings.Contains(r.Detail, c.detail) || r.Site != "muc-01" || r.Sequence != 7 || !r.At.Equal(now) {
				t.Errorf("rejection %+v, want reason %s and a detail with %q", r, c.reason, c.detail)
			}
		})
	}
}

func FuzzAdmit(f *testing.F) {
	g, regions := gate(f)
	f.Add(message(f, munich(f, regions)).Body)
	f.Add([]byte(`{}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		u, r := g.Admit(ingest.Message{Site: "muc-01", Body: body, AcceptedAt: now})
		if (u == nil) == (r == nil) {
			t.Fatalf("neither or both: %+v %+v", u, r)
		}
	})
}
