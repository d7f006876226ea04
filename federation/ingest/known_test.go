package ingest_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/ingest"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// TestKnownSiteIsReadLikeAnother: what is known of a site changes nothing of what is admitted, and spares reading what is the same.
func TestKnownSiteIsReadLikeAnother(t *testing.T) {
	whole, regions := gate(t)
	first := munich(t, regions)
	u, rejection := whole.Admit(message(t, first))
	if rejection != nil {
		t.Fatalf("refused: %+v", rejection)
	}
	knowing := ingest.New(regions, ingest.NewWords(), func(site string) (*inventory.Site, inventory.Structure) {
		if site != "muc-01" {
			return nil, inventory.Structure{}
		}
		return u.Site, u.Structure
	})
	shares := func(s *inventory.Site) bool { return &s.Clusters[0] == &u.Site.Clusters[0] }
	for what, c := range map[string]struct {
		change func(*inventory.Site)
		shares bool
	}{
		"nothing":           {func(*inventory.Site) {}, true},
		"the time":          {func(s *inventory.Site) { s.ObservedAt = s.ObservedAt.Add(time.Minute) }, true},
		"another zone":      {func(s *inventory.Site) { s.ObservedAt = s.ObservedAt.In(time.FixedZone("x", 3600)) }, true},
		"a probe of nobody": {func(s *inventory.Site) { s.Probes = []inventory.Probe{{From: "muc-01/prod/nobody", To: "x"}} }, false},
		"sources": {func(s *inventory.Site) {
			s.Sources = []inventory.Source{{Name: "azure", Status: inventory.SourceOK, Detail: "https://user:secret@host/x"}}
		}, true},
		"no time":   {func(s *inventory.Site) { s.ObservedAt = time.Time{} }, false},
		"ahead":     {func(s *inventory.Site) { s.ObservedAt = now.Add(time.Hour) }, false},
		"a cluster": {func(s *inventory.Site) { s.Clusters[0].ThingworxVersion = "9.7.0" }, false},
		"its id":    {func(s *inventory.Site) { s.Site.ID = "other" }, false},
	} {
		s := inventory.Clone(first)
		c.change(s)
		m := message(t, s)
		want, refused := whole.Admit(m)
		got, known := knowing.Admit(m)
		if !reflect.DeepEqual(want, got) || !reflect.DeepEqual(refused, known) {
			t.Errorf("%s: admitted %+v and %+v, refused %+v and %+v", what, want, got, refused, known)
		}
		if got != nil && shares(got.Site) != c.shares {
			t.Errorf("%s: shares what is known: %t", what, !c.shares)
		}
	}
	m := message(t, first)
	m.Body = []byte(strings.Replace(string(m.Body), "{", `{"OBSERVEDAT":"2026-11-20T07:00:00Z",`, 1))
	want, _ := whole.Admit(m)
	got, _ := knowing.Admit(m)
	if !reflect.DeepEqual(want, got) {
		t.Errorf("another spelling of a key: %+v, want %+v", got, want)
	}
}
