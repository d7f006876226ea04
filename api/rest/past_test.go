package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

func decodeAs[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if a.Code != http.StatusOK {
		t.Fatalf("%d: %s", a.Code, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// pastServer is a server whose history counts the views it makes.
func pastServer(t *testing.T, change ...func(*rest.Options)) (*server, *resttest.Past) {
	past := resttest.NewPast(resttest.Sample(12))
	return newServer(t, append([]func(*rest.Options){func(o *rest.Options) { o.Past = past }}, change...)...), past
}

func TestAsOf(t *testing.T) {
	s, past := pastServer(t)
	const before, after = "?asOf=2026-11-18T00:00:00Z", "?asOf=2026-11-20T08:00:00Z"
	for path, want := range map[string][2]int{
		"/sites": {2, 12}, "/clusters": {2, 15}, "/recommendations": {2, 15}, "/tenancy": {0, 3}, "/region-mismatches": {1, 3}, "/findings": {2, 0},
	} {
		type list struct {
			Total    int
			Coverage struct{ Sites, Stale int }
		}
		early, late := decodeAs[list](t, s.get(path+before)), decodeAs[list](t, s.get(path+after))
		if early.Total != want[0] || early.Coverage.Sites != 2 || late.Coverage.Sites != 12 || want[1] > 0 && late.Total != want[1] {
			t.Errorf("%s: %+v before and %+v after, want %v", path, early, late, want)
		}
	}
	if past.Made != 2 {
		t.Errorf("%d views were made for two instants", past.Made)
	}
	// A site that was silent shows its age; one that was not there yet is not found.
	old := decodeAs[gen.SiteDetail](t, s.get("/sites/plant-001?asOf=2026-11-20T08:30:00Z"))
	if old.Site.Liveness != "late" && old.Site.Liveness != "live" {
		t.Errorf("liveness of a past instant: %s", old.Site.Liveness)
	}
	if a := s.get("/sites/plant-005" + before); a.Code != http.StatusNotFound {
		t.Errorf("a site that was not there yet: %d", a.Code)
	}
	// Paging and filtering are those of the present.
	type page struct {
		Items []struct{ ID string }
		Next  string
		Total int
	}
	var ids []string
	cursor := ""
	for {
		p := decodeAs[page](t, s.get("/sites"+after+"&limit=5&filter=country%3DDE&cursor="+cursor))
		for _, i := range p.Items {
			ids = append(ids, i.ID)
		}
		if p.Total != 4 {
			t.Errorf("total %d", p.Total)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if len(ids) != 4 {
		t.Errorf("pages hold %v", ids)
	}
	if a := s.get("/findings" + after + "&filter=nonsense%3D1"); a.Code != http.StatusBadRequest {
		t.Errorf("a wrong filter: %d", a.Code)
	}
	// A strong ETag, and 304 for who knows the answer.
	first := s.get("/sites" + before)
	tag := first.Header().Get("ETag")
	if tag == "" || strings.HasPrefix(tag, "W/") {
		t.Errorf("ETag %q", tag)
	}
	if again := s.get("/sites"+before, "If-None-Match", tag); again.Code != http.StatusNotModified {
		t.Errorf("the same answer again: %d", again.Code)
	}
	if a := s.get("/sites?asOf=2027-01-01T00:00:00Z"); a.Code != http.StatusBadRequest || !strings.Contains(a.body, "future") {
		t.Errorf("the future: %d %s", a.Code, a.body)
	}
	// A scope holds for the past too.
	if a := s.do(http.MethodGet, "/api/v1/sites"+after, "", scoped()...); decodeAs[page](t, a).Total != 1 || strings.Contains(a.body, "plant-004") {
		t.Errorf("a scope sees %s", a.body)
	}
}

// TestAsOfWithAllVerdicts: what passes is listed as far as the record tells of it.
func TestAsOfWithAllVerdicts(t *testing.T) {
	s, past := pastServer(t)
	for _, r := range past.Records {
		r.Assessment = nil // never used: the view of the past is another sample
	}
	a := s.get("/findings?asOf=2026-11-20T08:00:00Z&all=true&filter=verdict%3Dpass")
	list := decodeAs[gen.FindingList](t, a)
	if list.Total == 0 || list.Items[0].Rule != "HA-001" || list.Items[0].Title == "" {
		t.Errorf("what passes: %s", a.body)
	}
}

func TestHistoryAway(t *testing.T) {
	paths := []string{
		"/sites?asOf=2026-11-18T00:00:00Z", "/changes?from=2026-11-18T00:00:00Z", "/diff?from=2026-11-18T00:00:00Z", "/trends?from=2026-11-18T00:00:00Z",
	}
	none := newServer(t, func(o *rest.Options) { o.Past = nil })
	for _, path := range paths {
		if a := none.get(path); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.body, "without history") {
			t.Errorf("%s without history: %d %s", path, a.Code, a.body)
		}
	}
	s, past := pastServer(t)
	past.Err = errors.New("secret address of the engine")
	for _, path := range paths {
		if a := s.get(path); a.Code != http.StatusServiceUnavailable || strings.Contains(a.body, "secret") {
			t.Errorf("%s with the history away: %d %s", path, a.Code, a.body)
		}
	}
	// What failed is tried again.
	past.Err = nil
	if a := s.get(paths[0]); a.Code != http.StatusOK {
		t.Errorf("with the history back: %d %s", a.Code, a.body)
	}
	if a := s.get("/sites"); a.Code != http.StatusOK {
		t.Errorf("the present: %d", a.Code)
	}
}

// TestPastIsMadeOnce: callers who ask at once for one instant share the view, and it is made anew after a while.
func TestPastIsMadeOnce(t *testing.T) {
	var mu sync.Mutex
	now := resttest.Now()
	s, past := pastServer(t, func(o *rest.Options) {
		o.Clock = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}
	})
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			if a := s.get(fmt.Sprintf("/sites?asOf=2026-11-18T00:00:00Z&limit=%d", i+1)); a.Code != http.StatusOK {
				t.Errorf("%d", a.Code)
			}
		})
	}
	wait.Wait()
	if past.Made != 1 {
		t.Errorf("the view was made %d times", past.Made)
	}
	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	s.get("/sites?asOf=2026-11-18T00:00:00Z")
	if past.Made != 2 {
		t.Errorf("after a while the view was made %d times in all", past.Made)
	}
}

func TestDistanceOfTrends(t *testing.T) {
	s, _ := pastServer(t)
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		span   time.Duration
		every  string
		points int
	}{
		"half a minute":    {30 * time.Second, "1m0s", 1},
		"half an hour":     {30 * time.Minute, "1m0s", 31},
		"an hour":          {time.Hour, "2m0s", 31},
		"some hours":       {5*time.Hour + time.Second, "15m0s", 21},
		"a day":            {24 * time.Hour, "1h0m0s", 25},
		"a week":           {7 * 24 * time.Hour, "6h0m0s", 29},
		"30 days":          {30 * 24 * time.Hour, "24h0m0s", 31},
		"more than that":   {30*24*time.Hour + time.Second, "48h0m0s", 16},
		"a year":           {365 * 24 * time.Hour, "336h0m0s", 27},
		"just 30 times 4w": {30 * 28 * 24 * time.Hour, "672h0m0s", 31},
		"longer":           {30*28*24*time.Hour + 1, "1344h0m0s", 16},
		"just twice that":  {2 * 30 * 28 * 24 * time.Hour, "1344h0m0s", 31},
		"centuries":        {math.MaxInt64, "86016h0m0s", 30},
	} {
		from := now.Add(-c.span).Format(time.RFC3339Nano)
		got := decodeAs[gen.Trends](t, s.get("/trends?from="+from+"&to="+now.Format(time.RFC3339Nano)))
		every, err := time.ParseDuration(c.every)
		if err != nil {
			t.Fatal(err)
		}
		if want := now.Add(-c.span).Add(time.Duration(c.points-1) * every); got.Every != c.every || !got.To.Equal(want) {
			t.Errorf("%s: points every %s until %s, want every %s until %s", name, got.Every, got.To, c.every, want)
		}
	}
}

func TestChangesDifferencesTrends(t *testing.T) {
	s, _ := pastServer(t)
	all := decodeAs[gen.ChangeList](t, s.get("/changes?from=2026-11-19T09:00:00Z&limit=1000"))
	if all.Total == 0 || len(all.Items) != all.Total || all.Coverage.Sites != 12 {
		t.Fatalf("%d of %d changes", len(all.Items), all.Total)
	}
	var paged []gen.FindingChange
	cursor := ""
	for {
		p := decodeAs[gen.ChangeList](t, s.get("/changes?from=2026-11-19T09:00:00Z&limit=2&cursor="+cursor))
		paged = append(paged, p.Items...)
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if fmt.Sprint(paged) != fmt.Sprint(all.Items) {
		t.Error("pages and the whole differ")
	}
	// The end of a span is no part of it.
	if p := decodeAs[gen.ChangeList](t, s.get("/changes?from=2026-11-18T09:00:00Z&to=2026-11-19T09:00:00Z")); p.Total != 0 || p.Items == nil {
		t.Errorf("%+v", p)
	}
	if p := decodeAs[gen.ChangeList](t, s.get("/changes?from=2026-11-18T00:00:00Z&filter=severity%3E%3Dhigh+and+verdict%3Dfail")); p.Total == 0 || p.Total == all.Total {
		t.Errorf("a filter selects %d of %d", p.Total, all.Total)
	}
	one := s.do(http.MethodGet, "/api/v1/changes?from=2026-11-18T00:00:00Z", "", scoped()...)
	if p := decodeAs[gen.ChangeList](t, one); p.Total == 0 || strings.Contains(one.body, "plant-000") {
		t.Errorf("a scope sees %s", one.body)
	}
	diff := decodeAs[gen.DifferenceList](t, s.get("/diff?from=2026-11-18T00:00:00Z&filter=kind%3Dfact"))
	if diff.Total != 10 || diff.Items[0].Before != `"FR"` {
		t.Errorf("%+v", diff)
	}
	if d := decodeAs[gen.DifferenceList](t, s.do(http.MethodGet, "/api/v1/diff?from=2026-11-18T00:00:00Z&site=plant-004", "", scoped()...)); d.Total != 0 {
		t.Errorf("a site out of scope: %+v", d)
	}
	trends := decodeAs[gen.Trends](t, s.get("/trends?from=2026-11-18T09:00:00Z&by=rule&every=24h"))
	if len(trends.Series) != 1 || len(trends.Series[0].Points) != 3 || trends.Series[0].Points[1].Sites != 12 || trends.Series[0].Points[0].Sites != 2 || trends.Every != "24h0m0s" {
		t.Errorf("%+v", trends)
	}
	for _, path := range []string{
		"/changes", "/changes?from=2026-11-21T00:00:00Z", "/diff?from=2026-11-18T00:00:00Z&to=2027-01-01T00:00:00Z", "/trends?from=2026-11-18T00:00:00Z&every=0s",
		"/trends?from=2026-11-18T00:00:00Z&every=x", "/trends?from=2026-11-18T00:00:00Z&every=1ns", "/trends?from=2026-11-18T00:00:00Z&by=colour",
	} {
		if a := s.get(path); a.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, a.Code, a.body)
		}
	}
}
