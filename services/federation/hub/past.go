package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/state"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Past answers what was; *history.Store does.
type Past interface {
	AsOf(ctx context.Context, t time.Time, sites []string, each func(history.AssessmentRow) error) error
	InventoriesAsOf(ctx context.Context, t time.Time, sites []string, each func(history.InventoryRow) error) error
	RecommendationsAsOf(ctx context.Context, t time.Time, sites []string, each func(history.Recommendation) error) error
	FactsAsOf(ctx context.Context, t time.Time, sites, paths []string, prefix string, each func(site, path, value string) error) error
	ReportedAsOf(ctx context.Context, t time.Time, sites []string, each func(history.Reported) error) error
	Present(ctx context.Context, t time.Time, sites []string) (map[string]time.Time, error)
	EachEvent(ctx context.Context, f history.EventFilter, each func(history.FindingEvent) error) error
	Diff(ctx context.Context, from, to time.Time, sites []string, each func(history.Difference) error) error
	Trend(ctx context.Context, from time.Time, step time.Duration, n int, sites []string, each func(history.Standing) error) error
}

// archive answers REST from the history.
type archive struct{ h *Hub }

// View implements rest.Past.
func (a archive) View(ctx context.Context, at time.Time, then bool) (fleet.View, error) {
	records, err := a.h.recordsAsOf(ctx, at, then, forView)
	if err != nil {
		return nil, err
	}
	store, err := state.New()
	if err != nil {
		return nil, err
	}
	if _, err := store.Commit(records); err != nil {
		return nil, err
	}
	return store.View(), nil
}

// purpose says what records of the past are for: of a report judged anew, all verdicts are listed.
type purpose bool

const (
	forView   purpose = false
	forReport purpose = true
)

// recordsAsOf are the sites of a past instant, in order: as they were judged then, or their inventories judged anew.
func (h *Hub) recordsAsOf(ctx context.Context, at time.Time, then bool, why purpose) ([]*fleet.Record, error) {
	present, err := h.o.Past.Present(ctx, at, nil)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	byID := map[string]*fleet.Record{}
	decoders := new(errgroup.Group)
	decoders.SetLimit(runtime.GOMAXPROCS(0))
	err = h.o.Past.InventoriesAsOf(ctx, at, nil, func(row history.InventoryRow) error {
		accepted, ok := present[row.Site]
		if !ok {
			return nil
		}
		decoders.Go(func() error {
			s := new(inventory.Site)
			if err := json.Unmarshal(row.Document, s); err != nil {
				return fmt.Errorf("read revision %s of site %s: %w", row.Revision, row.Site, err)
			}
			r := &fleet.Record{
				ID: row.Site, Revision: row.Revision, Sequence: row.Sequence, Inventory: s, AcceptedAt: accepted,
				Planner: fleet.Planner{Version: row.PlannerVersion, Instance: row.Instance},
			}
			fleet.Past(r, accepted, at)
			mu.Lock()
			defer mu.Unlock()
			byID[r.ID] = r
			return nil
		})
		return nil
	})
	// The decoders end in any case, before the records are used.
	if err = errors.Join(decoders.Wait(), err); err != nil {
		return nil, err
	}
	records := slices.SortedFunc(maps.Values(byID), func(a, b *fleet.Record) int { return strings.Compare(a.ID, b.ID) })
	if !then {
		sites := make([]*inventory.Site, len(records))
		for i, r := range records {
			sites[i] = r.Inventory
		}
		pol, ref := h.fleet.Policy(h.o.Now())
		// Both are in order of site.
		for i, a := range h.o.Engine.Sites(sites, assess.View{Policy: pol, At: at, HubInView: true, All: why == forReport}) {
			site := sites[i].Site
			waiver.Apply(h.fleet.Waivers().Of(site), a, waiver.Own(site))
			a.Policy, records[i].Assessment = ref, a
		}
		return records, nil
	}
	return records, h.judgedAsOf(ctx, at, byID)
}

// judgedAsOf gives the records the assessments that were in force.
func (h *Hub) judgedAsOf(ctx context.Context, at time.Time, records map[string]*fleet.Record) error {
	decoders := new(errgroup.Group)
	decoders.SetLimit(runtime.GOMAXPROCS(0))
	err := h.o.Past.AsOf(ctx, at, nil, func(row history.AssessmentRow) error {
		r, ok := records[row.Site]
		if !ok {
			return nil
		}
		decoders.Go(func() error {
			a := new(assess.Assessment)
			if err := json.Unmarshal(row.Document, a); err != nil {
				return fmt.Errorf("read the assessment of site %s at %s: %w", row.Site, row.At.Format(time.RFC3339), err)
			}
			r.Assessment = a
			return nil
		})
		return nil
	})
	return errors.Join(decoders.Wait(), err)
}

// entries are the rules by id.
func (h *Hub) entries() map[string]*rules.Entry {
	out := map[string]*rules.Entry{}
	for _, e := range h.o.Engine.Rules.Entries() {
		out[e.ID] = &e
	}
	return out
}

// Changes implements rest.Past.
func (a archive) Changes(ctx context.Context, from, to time.Time, sites []string, each func(*gen.FindingChange) error) error {
	return a.h.o.Past.EachEvent(ctx, history.EventFilter{Sites: sites, From: from, To: to}, func(e history.FindingEvent) error {
		f := &e.Finding
		return each(&gen.FindingChange{
			At: e.At, Change: gen.FindingChangeChange(e.Change), Site: e.Site, Cluster: f.Cluster, Infrastructure: f.Infrastructure, Node: f.Node,
			Finding: f.ID, Rule: f.Rule, Verdict: f.Verdict, Severity: f.Severity, Message: f.Message, Waiver: f.Waiver, Revision: e.Revision, RulePackHash: e.PackHash,
		})
	})
}

// Differences implements rest.Past.
func (a archive) Differences(ctx context.Context, from, to time.Time, sites []string, each func(*gen.Difference) error) error {
	return a.h.o.Past.Diff(ctx, from, to, sites, func(d history.Difference) error {
		out := &gen.Difference{
			Kind: gen.DifferenceKind(d.Kind), Change: gen.DifferenceChange(d.Change), Site: d.Site, Cluster: d.Cluster, What: d.What, Before: d.Before, After: d.After,
		}
		if f := d.Finding; f != nil {
			out.Rule, out.Severity, out.Message = f.Rule, f.Severity, f.Message
		}
		return each(out)
	})
}

// Trends implements rest.Past.
func (a archive) Trends(ctx context.Context, q rest.TrendQuery) ([]gen.TrendSeries, error) {
	t := newTrend(q)
	if err := a.groups(ctx, q, t); err != nil {
		return nil, err
	}
	err := a.h.o.Past.Trend(ctx, q.From, q.Every, q.Points, q.Sites, func(s history.Standing) error {
		t.add(&s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t.series(), nil
}

// groups reads where the sites are, or what they are tagged with, at the last point.
func (a archive) groups(ctx context.Context, q rest.TrendQuery, t *trend) error {
	last := q.From.Add(time.Duration(q.Points-1) * q.Every)
	path := ""
	switch tag, tagged := strings.CutPrefix(q.By, "tag."); {
	case q.By == "region":
		return a.h.o.Past.RecommendationsAsOf(ctx, last, q.Sites, func(r history.Recommendation) error {
			regions := slices.Clone(r.ThingWorx)
			if r.Database != "" {
				regions = append(regions, r.Database)
			}
			t.locate(r.Site, r.Cluster, regions)
			return nil
		})
	case q.By == "country":
		path = "/site/country"
	case tagged:
		path = "/site/tags/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(tag)
	default:
		return nil
	}
	return a.h.o.Past.FactsAsOf(ctx, last, q.Sites, []string{path}, "", func(site, _, value string) error {
		var text string
		if err := json.Unmarshal([]byte(value), &text); err != nil {
			text = value // A number, as a person may have written it.
		}
		t.locate(site, "", []string{text})
		return nil
	})
}
