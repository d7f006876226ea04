// Package branch holds inventories from files as the hub does, runs changes and the plan for the fleet over them, and prints what comes
// of it. "meridian whatif" and "meridian recommend" give it what they read.
package branch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/state"
	"github.com/meridian-federation/meridian/federation/tenancy"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

// Base judges normalised inventories together and holds them as the hub does.
func Base(engine *assess.Engine, pol *policy.Policy, sites []*inventory.Site, at time.Time) (whatif.Base, error) {
	store, err := state.New()
	if err != nil {
		return whatif.Base{}, err
	}
	relation := tenancy.New()
	byID := make(map[string]*inventory.Site, len(sites))
	for _, s := range sites {
		relation.Set(s)
		byID[s.Site.ID] = s
	}
	records := make([]*fleet.Record, 0, len(sites))
	for _, a := range engine.Sites(sites, assess.View{Policy: pol, At: at, HubInView: true}) {
		ref := a.Inventories[0]
		records = append(records, &fleet.Record{ID: ref.Site, Revision: ref.Revision, AcceptedAt: at, Inventory: byID[ref.Site], Assessment: a, HeardAt: at, Liveness: fleet.Live})
	}
	if _, err := store.Commit(records); err != nil {
		return whatif.Base{}, fmt.Errorf("hold %d sites: %w", len(records), err)
	}
	return whatif.Base{View: store.View(), Engine: engine, Policy: pol, Listing: relation.Sites, Spokes: relation.Spokes}, nil
}

// Offline answers a request over a base.
func Offline(base whatif.Base, r *whatif.Request) (*whatif.Answer, error) {
	b, err := whatif.New(base, r, nil)
	if err != nil {
		return nil, err
	}
	return b.Answer(sight(base.View), sight(b), nil)
}

func sight(v fleet.View) whatif.Sight {
	return func(id string) (*assess.Assessment, bool) {
		r, ok := v.Site(id)
		if !ok {
			return nil, false
		}
		return r.Assessment, true
	}
}

// Document is the answer for the terminal and for files: the findings first, which CSV holds alone.
func Document(a *whatif.Answer) output.Document {
	found := output.Sheet{Title: "Findings", Empty: "No finding would open, close or change.", Columns: []output.Column{{Name: "change"}, {Name: "severity"}, {Name: "rule"}, {Name: "site"}, {Name: "cluster"}, {Name: "infrastructure", Wide: true}, {Name: "waiver", Wide: true}, {Name: "message"}}}
	for i := range a.Findings.Opened {
		f := &a.Findings.Opened[i]
		found.Rows = append(found.Rows, []string{"opened", string(f.Severity), f.Rule, f.Subject.Site, f.Subject.Cluster, f.Subject.Infrastructure, waiverOf(f), f.Message})
	}
	for i := range a.Findings.Closed {
		f := &a.Findings.Closed[i]
		found.Rows = append(found.Rows, []string{"closed", string(f.Severity), f.Rule, f.Subject.Site, f.Subject.Cluster, f.Subject.Infrastructure, waiverOf(f), f.Message})
	}
	for i := range a.Findings.Changed {
		f := &a.Findings.Changed[i].After
		found.Rows = append(found.Rows, []string{"changed", string(f.Severity), f.Rule, f.Subject.Site, f.Subject.Cluster, f.Subject.Infrastructure, waiverOf(f), f.Message})
	}
	for i := range a.Findings.Unknown {
		f := &a.Findings.Unknown[i]
		found.Rows = append(found.Rows, []string{"unknown", string(f.Severity), f.Rule, f.Subject.Site, f.Subject.Cluster, f.Subject.Infrastructure, waiverOf(f), f.Message})
	}
	clusters := output.Sheet{Title: "Clusters", Empty: "No cluster would differ.", Columns: []output.Column{
		{Name: "cluster"}, {Name: "serving before"}, {Name: "serving after"}, {Name: "state"}, {Name: "while lost"}, {Name: "should be"}, {Name: "region match", Wide: true}, {Name: "causes"},
	}}
	for _, c := range a.Clusters {
		lost := ""
		if c.Serving != nil {
			lost = chance(*c.Serving)
		}
		recommended, match := "", ""
		if c.After != nil {
			if recommended = c.After.Recommended; c.Before != nil && c.Before.Recommended != recommended {
				recommended = c.Before.Recommended + " -> " + recommended
			}
			if c.After.RegionMatch != nil {
				match = strconv.FormatBool(*c.After.RegionMatch)
			}
		}
		clusters.Rows = append(clusters.Rows, []string{c.ID, serving(c.Before), serving(c.After), string(c.State), lost, recommended, match, strings.Join(c.Causes, "; ")})
	}
	shared := output.Sheet{Title: "Tenancy", Empty: "Nobody would share anything else.", Columns: []output.Column{{Name: "infrastructure"}, {Name: "kind"}, {Name: "before"}, {Name: "after"}, {Name: "regions"}}}
	for _, t := range a.Tenancy {
		shared.Rows = append(shared.Rows, []string{t.Infrastructure, t.Kind, strings.Join(t.Before, " "), strings.Join(t.After, " "), strings.Join(t.Regions, " ")})
	}
	return output.Document{Value: a, Sheets: []output.Sheet{found, clusters, shared}}
}

func waiverOf(f *rules.Finding) string {
	if f.Waiver == nil {
		return ""
	}
	return f.Waiver.ID
}

func serving(c *whatif.Cluster) string {
	switch {
	case c == nil:
		return ""
	case !c.Known:
		return "unknown"
	}
	return chance(c.Serving)
}

func chance(p float64) string { return strconv.FormatFloat(p, 'f', 8, 64) }
