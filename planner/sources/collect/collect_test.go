package collect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a source that says what the test wants.
type fake struct {
	name  string
	site  *inventory.Site
	err   error
	asked int
}

func (f *fake) Name() string { return f.name }
func (f *fake) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	f.asked++
	return f.site, nil, f.err
}

func (f *fake) Watch(ctx context.Context, changed func()) error {
	changed()
	<-ctx.Done()
	return nil
}

var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

func site(at time.Time, version string) *inventory.Site {
	return &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: at, Site: inventory.Identity{ID: "muc-01"},
		Infrastructure: []inventory.Infrastructure{{ID: "pg-1", Kind: inventory.KindDatabase, Version: version}},
	}
}

type rig struct {
	t       *testing.T
	now     time.Time
	regions *geo.Table
	c       *Collector
}

func newRig(t *testing.T, keep string, members ...Member) *rig {
	t.Helper()
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, now: start, regions: regions}
	if r.c, err = New(Options{Site: "muc-01", Regions: regions, Members: members, Keep: keep, Now: func() time.Time { return r.now }}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) collect() (*inventory.Site, map[string]inventory.Source) {
	r.t.Helper()
	s, sources, err := r.c.Collect(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	byName := map[string]inventory.Source{}
	for _, x := range sources {
		byName[x.Name] = x
	}
	return s, byName
}

func TestAFailingSourceKeepsItsFactsWithTheirAge(t *testing.T) {
	keep := filepath.Join(t.TempDir(), "sources.json")
	mine, theirs := &fake{name: "site-file", site: site(start, "15")}, &fake{name: "azure", site: site(start.Add(-time.Hour), "16")}
	r := newRig(t, keep, Member{Source: mine}, Member{Source: theirs, Observed: true})
	s, _ := r.collect()
	if s.Infrastructure[0].Version != "16" {
		t.Fatalf("the observed version does not count: %+v", s)
	}
	theirs.err, theirs.site = errors.New("forbidden: password=planted and https://u:planted@x/"), nil
	mine.site = site(start.Add(2*time.Hour), "15")
	r.now = start.Add(2 * time.Hour)
	check := func(r *rig, why string) {
		t.Helper()
		s, sources := r.collect()
		if s.Infrastructure[0].Version != "16" {
			t.Errorf("%s: the last good fact is gone: %+v", why, s.Infrastructure)
		}
		for _, p := range s.Provenance {
			if p.Path == "/infrastructure/0/version" && (!p.ObservedAt.Equal(start.Add(-time.Hour)) || p.Declared != "15") {
				t.Errorf("%s: it is shown fresh: %+v", why, p)
			}
		}
		if x := sources["azure"]; x.Status != inventory.SourceFailed || !strings.Contains(x.Detail, "its facts of 2026-11-20T07:00:00Z are kept") || strings.Contains(x.Detail, "planted") {
			t.Errorf("%s: %+v", why, x)
		}
		if sources["site-file"].Status != inventory.SourceOK {
			t.Errorf("%s: one source fails another: %+v", why, sources)
		}
	}
	check(r, "running")
	again := newRig(t, keep, Member{Source: mine}, Member{Source: theirs, Observed: true})
	again.now = r.now
	check(again, "after a restart")
	other := newRig(t, keep, Member{Source: mine}, Member{Source: theirs, Observed: true, Spec: "other"})
	other.now = r.now
	if s, sources := other.collect(); s.Infrastructure[0].Version != "15" || strings.Contains(sources["azure"].Detail, "kept") {
		t.Errorf("facts of another configuration were kept: %+v", s)
	}
	body, err := os.ReadFile(keep)
	if err != nil || strings.Contains(string(body), "planted") {
		t.Errorf("what is kept: %v %s", err, body)
	}
}

func TestWhatIsOfAnotherSiteOrOfTheFutureIsRefused(t *testing.T) {
	other := site(start, "15")
	other.Site.ID = "ber-02"
	f := &fake{name: "azure", site: other}
	r := newRig(t, "", Member{Source: &fake{name: "site-file", site: site(start, "15")}}, Member{Source: f})
	if _, sources := r.collect(); !strings.Contains(sources["azure"].Detail, "describes site") {
		t.Errorf("%+v", sources)
	}
	f.site = site(start.Add(time.Hour), "15")
	if _, sources := r.collect(); !strings.Contains(sources["azure"].Detail, "ahead of the clock") {
		t.Errorf("%+v", sources)
	}
}

func TestIntervalsAndRefresh(t *testing.T) {
	live := &fake{name: "azure", site: site(start, "16")}
	r := newRig(t, "", Member{Source: &fake{name: "site-file", site: site(start, "15")}}, Member{Source: live, Observed: true, Interval: 10 * time.Minute, Refresh: time.Hour})
	first, _ := r.collect()
	for range 5 {
		r.now = r.now.Add(time.Minute)
		r.collect()
	}
	if live.asked != 1 {
		t.Errorf("asked %d times within its interval", live.asked)
	}
	step := func(minutes int) *inventory.Site {
		r.now = r.now.Add(time.Duration(minutes) * time.Minute)
		live.site = site(r.now, "16")
		s, _ := r.collect()
		return s
	}
	if s := step(10); inventory.Revision(s) != inventory.Revision(first) || live.asked != 2 {
		t.Errorf("asked %d times; what says the same makes a revision", live.asked)
	}
	if s := step(60); inventory.Revision(s) == inventory.Revision(first) || !s.ObservedAt.Equal(r.now) {
		t.Error("what was seen again after the refresh stays old")
	}
	r.now = r.now.Add(time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	told := make(chan struct{}, 4)
	go func() { done <- r.c.Watch(ctx, func() { told <- struct{}{} }) }()
	<-told
	<-told
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	before := live.asked
	if r.collect(); live.asked != before+1 {
		t.Error("a source that told of a change is not asked")
	}
}

func TestAloneASourceFailsAsItIs(t *testing.T) {
	f := &fake{name: "site-file", err: errors.New("line 3")}
	r := newRig(t, "", Member{Source: f})
	if _, _, err := r.c.Collect(context.Background()); !errors.Is(err, f.err) || r.c.Name() != "site-file" {
		t.Errorf("%v", err)
	}
}

func TestExports(t *testing.T) {
	dir := t.TempDir()
	old := start.Add(-48 * time.Hour)
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	put("twx-1/platform-settings.json", `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://pg.example.com:5432/thingworx?password=planted","username":"planted","password":"planted"}}}}`)
	r := newRig(t, "", Member{Source: &fake{name: "x"}})
	e := Exports{Title: "hosts", Site: "muc-01", Paths: []string{dir}, Cluster: "prod", Import: hostconfig.Import, Regions: r.regions, Now: func() time.Time { return start }}
	s, sources, err := e.Collect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !s.ObservedAt.Equal(old) || len(s.Clusters) != 1 || s.Clusters[0].ID != "prod" || len(sources) != 1 || sources[0].Name != "hosts" || sources[0].Status != inventory.SourceOK {
		t.Errorf("%s %+v %+v", s.ObservedAt, s.Clusters, sources)
	}
	e.InPlace = true
	if s, _, _ := e.Collect(context.Background()); !s.ObservedAt.Equal(start) {
		t.Error("files in place are not read now")
	}
	put("twx-2/platform-settings.json", `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://other.example.com:5432/thingworx"}}}}`)
	put("notes.txt", "nothing")
	_, sources, err = e.Collect(context.Background())
	if err != nil || sources[0].Status != inventory.SourcePartial || !strings.Contains(sources[0].Detail, "2 clusters") || !strings.Contains(sources[0].Detail, "notes.txt") {
		t.Errorf("%v %+v", err, sources)
	}
	for _, paths := range [][]string{{dir + "/none"}, {t.TempDir()}, {dir + "/notes.txt"}} {
		e.Paths = paths
		if _, _, err := e.Collect(context.Background()); err == nil {
			t.Errorf("%v was understood", paths)
		}
	}
}
