package whatif

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/simulate"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Answer says what would differ.
type Answer struct {
	Steps       []string        `json:"steps"` // what was changed, one sentence each
	Assumptions []string        `json:"assumptions"`
	Judged      int             `json:"judged"` // sites that the changes concern
	Gone        []string        `json:"gone"`   // sites that are no more
	Findings    Findings        `json:"findings"`
	Clusters    []ClusterChange `json:"clusters"` // those that differ, and those that a loss touches, in order
	Tenancy     []TenancyChange `json:"tenancy"`
	Down        int             `json:"down"`     // clusters that do not serve while what is lost is lost
	Degraded    int             `json:"degraded"` // clusters that lost something and serve
}

// Findings are the differences of what fails.
type Findings struct {
	Opened  []rules.Finding `json:"opened"`  // fail, and did not
	Closed  []rules.Finding `json:"closed"`  // failed, and do not; as they were
	Changed []FindingChange `json:"changed"` // fail as before, and say something else or are under another waiver, or one more or less
	Unknown []rules.Finding `json:"unknown"` // unknown, and were not
	// Before and After count the findings of the sites concerned.
	Before Counts `json:"before"`
	After  Counts `json:"after"`
}

// Counts counts findings. What is waived fails as well and is told apart by its waiver.
type Counts struct {
	Fail    int `json:"fail"`   // waived ones included
	Waived  int `json:"waived"` // failing ones under a waiver in force
	Unknown int `json:"unknown"`
}

func (c *Counts) add(list []rules.Finding) {
	for i := range list {
		switch f := &list[i]; f.Verdict {
		case rules.Fail:
			c.Fail++
			if f.Waiver != nil {
				c.Waived++
			}
		case rules.Unknown:
			c.Unknown++
		}
	}
}

// FindingChange is a finding before and after.
type FindingChange struct {
	Before rules.Finding `json:"before"`
	After  rules.Finding `json:"after"`
}

// ClusterChange is a cluster before and after; either is absent when the cluster is not there.
type ClusterChange struct {
	ID     string   `json:"id"` // site/cluster
	Before *Cluster `json:"before,omitempty"`
	After  *Cluster `json:"after,omitempty"`
	// State is what a loss leaves of it: up, degraded or down; empty when nothing is lost or the loss does not touch it.
	State  simulate.State `json:"state,omitempty"`
	Causes []string       `json:"causes,omitempty"`
	// Serving is the chance that it serves while the loss lasts.
	Serving *float64 `json:"serving,omitempty"`
}

// Cluster is what is compared of a cluster.
type Cluster struct {
	Serving      float64 `json:"serving"`
	Full         float64 `json:"full"`
	Known        bool    `json:"known"` // false: the availability is not known
	Architecture string  `json:"architecture"`
	Recommended  string  `json:"recommended"`
	RegionMatch  *bool   `json:"regionMatch"`
}

// TenancyChange is an infrastructure before and after.
type TenancyChange struct {
	Infrastructure string   `json:"infrastructure"`
	Kind           string   `json:"kind"`
	Before         []string `json:"before"` // clusters that use it
	After          []string `json:"after"`
	Regions        []string `json:"regions"` // after
}

// UnknownError tells that what is to be lost is nowhere in what the reader sees.
type UnknownError struct {
	Failure simulate.Failure
	Nearest string // the name most like it of what the reader sees, empty when none is
}

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no %s %s in what you see of the federation%s", e.Failure.Kind, e.Failure.ID, orNearest(e.Nearest))
}

// Sight is how a reader sees one site: its assessment, or false when there is no such site for that reader.
type Sight func(site string) (*assess.Assessment, bool)

// Answer compares the base with the branch as a reader sees them. within tells which sites the reader may see; nil is all.
func (b *Branch) Answer(before, after Sight, within func(site string) bool) (*Answer, error) {
	if within == nil {
		within = func(string) bool { return true }
	}
	out := &Answer{
		Steps: orEmpty(b.steps), Assumptions: orEmpty(b.assumed), Gone: []string{}, Clusters: []ClusterChange{}, Tenancy: []TenancyChange{},
		Findings: Findings{Opened: []rules.Finding{}, Closed: []rules.Finding{}, Changed: []FindingChange{}, Unknown: []rules.Finding{}},
	}
	clusters := map[string]*ClusterChange{}
	was, is := map[string]tenancy.Shared{}, map[string]tenancy.Shared{}
	for _, id := range b.Concerned() {
		if !within(id) {
			continue
		}
		out.Judged++
		x, hadX := before(id)
		y, hasY := after(id)
		if hadX && !hasY {
			out.Gone = append(out.Gone, id)
		}
		out.Findings.compare(findings(x, hadX), findings(y, hasY))
		for _, side := range []struct {
			a     *assess.Assessment
			ok    bool
			after bool
			into  map[string]tenancy.Shared
		}{{x, hadX, false, was}, {y, hasY, true, is}} {
			if !side.ok {
				continue
			}
			for i := range side.a.Clusters {
				c := &side.a.Clusters[i]
				if clusters[c.ID] == nil {
					clusters[c.ID] = &ClusterChange{ID: c.ID}
				}
				v := &Cluster{c.Availability.Serving, c.Availability.Full, c.Availability.Known, c.Recognised.Architecture, c.Recommendation.Architecture, c.Regions.Match}
				if side.after {
					clusters[c.ID].After = v
				} else {
					clusters[c.ID].Before = v
				}
			}
			for _, t := range side.a.Tenancy {
				side.into[t.Infrastructure] = t
			}
		}
	}
	maps.DeleteFunc(clusters, func(_ string, c *ClusterChange) bool { return reflect.DeepEqual(c.Before, c.After) })
	if err := b.losses(out, clusters, within); err != nil {
		return nil, err
	}
	for _, id := range slices.SortedFunc(maps.Keys(clusters), compareKeys) {
		out.Clusters = append(out.Clusters, *clusters[id])
	}
	out.tenancy(was, is)
	return out, nil
}

func findings(a *assess.Assessment, ok bool) []rules.Finding {
	if !ok {
		return nil
	}
	return a.Findings
}

func (f *Findings) compare(before, after []rules.Finding) {
	f.Before.add(before)
	f.After.add(after)
	type state struct{ before, after *rules.Finding }
	states := map[string]*state{}
	var order []string
	of := func(x *rules.Finding) *state {
		if states[x.ID] == nil {
			states[x.ID] = &state{}
			order = append(order, x.ID)
		}
		return states[x.ID]
	}
	for i := range before {
		of(&before[i]).before = &before[i]
	}
	for i := range after {
		of(&after[i]).after = &after[i]
	}
	verdict := func(x *rules.Finding) rules.Verdict {
		if x == nil {
			return rules.Pass
		}
		return x.Verdict
	}
	for _, id := range order {
		s := states[id]
		was, is := verdict(s.before), verdict(s.after)
		switch {
		case is == rules.Fail && was != rules.Fail:
			f.Opened = append(f.Opened, *s.after)
		case is != rules.Fail && was == rules.Fail:
			f.Closed = append(f.Closed, *s.before)
		case is == rules.Fail && (s.before.Message != s.after.Message || s.before.Severity != s.after.Severity ||
			s.before.Evidence != s.after.Evidence || waiverOf(s.before) != waiverOf(s.after)):
			f.Changed = append(f.Changed, FindingChange{*s.before, *s.after})
		}
		if is == rules.Unknown && was != rules.Unknown {
			f.Unknown = append(f.Unknown, *s.after)
		}
	}
}

func waiverOf(f *rules.Finding) string {
	if f.Waiver == nil {
		return ""
	}
	return f.Waiver.ID
}

func (a *Answer) tenancy(was, is map[string]tenancy.Shared) {
	names := slices.Collect(maps.Keys(was))
	names = append(names, slices.Collect(maps.Keys(is))...)
	slices.SortFunc(names, compareKeys)
	for _, n := range slices.Compact(names) {
		x, y := was[n], is[n]
		if slices.Equal(x.Tenants, y.Tenants) && slices.Equal(x.Regions, y.Regions) {
			continue
		}
		a.Tenancy = append(a.Tenancy, TenancyChange{n, cmp.Or(y.Kind, x.Kind), orEmpty(x.Tenants), orEmpty(y.Tenants), orEmpty(y.Regions)})
	}
}

// losses tells what is left of each cluster that what is lost touches.
func (b *Branch) losses(out *Answer, clusters map[string]*ClusterChange, within func(string) bool) error {
	if len(b.lost) == 0 {
		return nil
	}
	tenants := b.tenants(within)
	model := simulate.New(tenants, b.base.Policy.Availability.WithDefaults())
	report, err := model.Fail(b.lost...)
	if err != nil {
		var unknown *simulate.UnknownError
		if errors.As(err, &unknown) {
			return &UnknownError{unknown.Failure, b.nearest(unknown, within)}
		}
		return err
	}
	given, err := model.Given(b.lost...)
	if err != nil {
		return err
	}
	for i, c := range report.Clusters {
		if site, _, _ := strings.Cut(c.ID, "/"); c.State == simulate.Up || !within(site) {
			continue
		}
		if clusters[c.ID] == nil {
			clusters[c.ID] = &ClusterChange{ID: c.ID, Before: b.known(c.ID), After: b.known(c.ID)}
		}
		x := clusters[c.ID]
		x.State, x.Causes = c.State, c.Causes
		if c.State == simulate.Down {
			out.Down++
			x.Serving = new(float64)
			continue
		}
		out.Degraded++
		if r := given(i); r.Known {
			x.Serving = &r.Serving
		}
	}
	return nil
}

// known is a cluster of the branch that no change concerned.
func (b *Branch) known(id string) *Cluster {
	site, _, _ := strings.Cut(id, "/")
	r, ok := b.Site(site)
	if !ok || r.Assessment == nil {
		return nil
	}
	for i := range r.Assessment.Clusters {
		if c := &r.Assessment.Clusters[i]; c.ID == id {
			return &Cluster{c.Availability.Serving, c.Availability.Full, c.Availability.Known, c.Recognised.Architecture, c.Recommendation.Architecture, c.Regions.Match}
		}
	}
	return nil
}

// tenants are the clusters of the sites that what is lost can touch, and of those that share infrastructure with them, as far as the
// reader sees them: what only others know of a shared infrastructure would come out in the causes.
func (b *Branch) tenants(within func(string) bool) []availability.Tenant {
	sites := map[string]*inventory.Site{}
	for r := range b.Sites("") {
		if within(r.ID) && slices.ContainsFunc(b.lost, func(f simulate.Failure) bool { return touches(r.Inventory, f) }) {
			sites[r.ID] = r.Inventory
		}
	}
	for _, id := range slices.Sorted(maps.Keys(sites)) {
		for _, n := range assess.Neighbours(sites[id], inventories(b.Site), b.listing) {
			if within(n.Site.ID) {
				sites[n.Site.ID] = n
			}
		}
	}
	var out []availability.Tenant
	for _, id := range slices.Sorted(maps.Keys(sites)) {
		s := sites[id]
		for i := range s.Clusters {
			out = append(out, availability.Tenant{Site: s, Cluster: &s.Clusters[i], Need: max(1, sizing.InSite(s, &s.Clusters[i], b.base.Engine.Sizes).FoundationNodes)})
		}
	}
	slices.SortStableFunc(out, func(x, y availability.Tenant) int {
		return cmp.Or(cmp.Compare(x.Site.Site.ID, y.Site.Site.ID), cmp.Compare(x.Cluster.ID, y.Cluster.ID))
	})
	return out
}

// touches reports whether a site lists something that stands where the loss is.
func touches(s *inventory.Site, f simulate.Failure) bool {
	if f.Kind != simulate.Region && f.Kind != simulate.Zone {
		site, _, _ := strings.Cut(f.ID, "/")
		return site == s.Site.ID
	}
	for p := range places(s) {
		region := p.Provider + "/" + p.Region
		if f.ID == region || f.Kind == simulate.Zone && f.ID == region+"/"+p.Zone {
			return true
		}
	}
	return false
}

// places yields where the nodes and the infrastructure of a site stand, each as often as something stands there.
func places(s *inventory.Site) iter.Seq[inventory.Placement] {
	return func(yield func(inventory.Placement) bool) {
		all := func(nodes []inventory.Node) bool {
			for i := range nodes {
				if !yield(nodes[i].Placement) {
					return false
				}
			}
			return true
		}
		for i := range s.Clusters {
			for k := range s.Clusters[i].Components {
				if !all(s.Clusters[i].Components[k].Nodes) {
					return
				}
			}
		}
		for i := range s.Infrastructure {
			if x := &s.Infrastructure[i]; !yield(x.Placement) || !all(x.Nodes) || !all(x.PgPool) {
				return
			}
		}
	}
}

// nearest is the name most like that of what is unknown, of what the reader sees. The model behind the error holds the sites
// that the loss touches, which for a region that is nowhere are none.
func (b *Branch) nearest(unknown *simulate.UnknownError, within func(string) bool) string {
	f := unknown.Failure
	if f.Kind != simulate.Region && f.Kind != simulate.Zone {
		return document.Nearest(f.ID, unknown.Nearest)
	}
	known := map[string]bool{}
	for r := range b.Sites("") {
		if !within(r.ID) {
			continue
		}
		for p := range places(r.Inventory) {
			name := p.Provider + "/" + p.Region
			if f.Kind == simulate.Zone {
				name += "/" + p.Zone
			}
			known[name] = p.Region != "" && (f.Kind == simulate.Region || p.Zone != "")
		}
	}
	maps.DeleteFunc(known, func(_ string, whole bool) bool { return !whole })
	return document.Nearest(f.ID, slices.Sorted(maps.Keys(known)))
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// compareKeys orders site/id by site first, as sites are.
func compareKeys(a, b string) int {
	as, ai, _ := strings.Cut(a, "/")
	bs, bi, _ := strings.Cut(b, "/")
	return cmp.Or(cmp.Compare(as, bs), cmp.Compare(ai, bi))
}
