package read

import (
	"encoding/json"
	"iter"
	"testing"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// sites is a view of sites without content.
type sites []string

func (s sites) Index() uint64 { return 1 }
func (s sites) Count() int    { return len(s) }

func (s sites) Changed(uint64) ([]string, bool) { return nil, false }

func (s sites) Site(id string) (*fleet.Record, bool) {
	for _, x := range s {
		if x == id {
			return &fleet.Record{ID: id, Inventory: &inventory.Site{Site: inventory.Identity{ID: id, Name: "Name of " + id}}}, true
		}
	}
	return nil, false
}

func (s sites) Sites(string) iter.Seq[*fleet.Record] { return func(func(*fleet.Record) bool) {} }

func (s sites) Tenancy(string) iter.Seq[*tenancy.Shared] { return func(func(*tenancy.Shared) bool) {} }

func (s sites) Rejections() iter.Seq[*fleet.Rejection] { return func(func(*fleet.Rejection) bool) {} }

func TestHide(t *testing.T) {
	s := &Snapshot{view: sites{"muc-01", "ber-02", "database", "prod"}, scope: Only([]string{"muc-01"})}
	for _, c := range []struct{ in, bare, keyed string }{
		{"muc-01/prod and ber-02/prod", "muc-01/prod and another site", "muc-01/prod and another site"},
		{"ber-02", "another site", "ber-02"},
		{"xber-02 ber-021 ber-02x", "xber-02 ber-021 ber-02x", "xber-02 ber-021 ber-02x"},
		{"(ber-02/zk-1/node_1), ber-02.", "(another site), another site.", "(another site), ber-02."},
		{"muc-01/database/ber-02", "muc-01/database/ber-02", "muc-01/database/ber-02"},
		{"the database", "the another site", "the database"},
		{"ber-02/", "another site/", "ber-02/"},
		{"nothing here", "nothing here", "nothing here"},
		{"", "", ""},
	} {
		if got := s.hide(c.in, true); got != c.bare {
			t.Errorf("%q: %q, want %q", c.in, got, c.bare)
		}
		if got := s.hide(c.in, false); got != c.keyed {
			t.Errorf("%q by key: %q, want %q", c.in, got, c.keyed)
		}
	}
}

func TestScrubKeepsJSON(t *testing.T) {
	s := &Snapshot{view: sites{"muc-01", "ber-02"}, scope: Only([]string{"muc-01"})}
	in := `{"a":"ber-02/prod","b":["say \"ber-02\" twice: \\ber-02","https://x/ber-02/y"],"kind":"ber-02","n":1.5e3,"ü":"\u00fc ber-02/x","e":""}`
	want := `{"a":"another site","b":["say \"another site\" twice: \\another site","https://x/ber-02/y"],"kind":"ber-02","n":1.5e3,"ü":"ü another site","e":""}`
	got := string(s.Scrub([]byte(in)))
	if got != want || !json.Valid([]byte(got)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRedactedEvidence(t *testing.T) {
	s := &Snapshot{view: sites{"muc-01", "ber-02"}, scope: Only([]string{"muc-01"})}
	sum := summarise(&fleet.Record{ID: "muc-01", Inventory: &inventory.Site{Site: inventory.Identity{ID: "muc-01", Hub: "ber-02"}}})
	red := s.redactor(sum)
	f := &rules.Finding{
		Subject: rules.Subject{Site: "muc-01", Infrastructure: "ber-02/zk-1"}, Message: "Name of ber-02 runs 9.5", Missing: []string{"version of ber-02"},
		Evidence: `{"hub":"ber-02","list":["ber-02/prod",1,true],"deep":{"ber-02":["ber-02"]},"n":3}`,
	}
	got, err := json.Marshal(red.finding(f).Evidence)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"deep":{"another site":["another site"]},"hub":"another site","list":["another site",1,true],"n":3}`; string(got) != want {
		t.Errorf("%s", got)
	}
	if r := red.finding(f); r.Subject.Infrastructure != anotherSite || r.Message != "another site runs 9.5" || r.Missing[0] != "version of another site" || f.Missing[0] != "version of ber-02" {
		t.Errorf("%+v", r)
	}
}

func TestConcerns(t *testing.T) {
	c := clusterSummary{inventory: &inventory.Cluster{Uses: []inventory.Use{{Infrastructure: "pg-1"}}}}
	for _, x := range []struct {
		subject rules.Subject
		want    bool
	}{
		{rules.Subject{Site: "muc-01", Infrastructure: "muc-01/pg-1"}, true},
		{rules.Subject{Site: "muc-01", Infrastructure: "muc-01/pg-10"}, false},
		{rules.Subject{Site: "muc-01", Infrastructure: "ber-02/pg-1"}, false},
		{rules.Subject{Site: "muc-01"}, false},
	} {
		if got := c.concerns("muc-01", &rules.Finding{Subject: x.subject}); got != x.want {
			t.Errorf("%+v: %v", x.subject, got)
		}
	}
}
