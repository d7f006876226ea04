package advice

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Fix is one thing to mend, with what that gains.
type Fix struct {
	Do       string         `json:"do"` // mend, move-database or separate
	Rule     string         `json:"rule,omitempty"`
	Site     string         `json:"site"`
	Cluster  string         `json:"cluster,omitempty"`
	Subject  string         `json:"subject"` // site/cluster, site/infrastructure or the site
	Severity rules.Severity `json:"severity"`
	Why      string         `json:"why"`
	Finding  string         `json:"finding,omitempty"` // id of the finding that is the evidence
	// Computed tells that the change was judged: what it gains and closes is known. Otherwise NotComputed says why not, and only the
	// finding itself counts.
	Computed    bool          `json:"computed"`
	NotComputed string        `json:"notComputed,omitempty"`
	Hours       float64       `json:"hours"`      // of downtime a year less, over all clusters, by the exact model
	Mismatches  int           `json:"mismatches"` // clusters less whose database is in another region
	Serving     []Serving     `json:"serving"`    // of the clusters whose availability changes
	Closed      []Consequence `json:"closed"`
	Opened      []Consequence `json:"opened"`
	Steps       []string      `json:"steps"`
	// Changes are the least that the rule asks for, where a what-if can say it, computed or not.
	Changes []whatif.Change `json:"changes,omitempty"`
	Effort  float64         `json:"effort"` // hours, an assumption
	// Score is what the hours of downtime and the mismatches less weigh, for each hour of work; Findings what the findings weigh that
	// it closes, less those that it opens, for each hour of work. It decides where scores are equal.
	Score    float64 `json:"score"`
	Findings float64 `json:"findings"`
}

// queue ranks everything that fails by what mending it gains for each hour of work.
func (p *planner) queue() {
	separated := map[string]bool{}
	for i := range p.plan.Separations {
		s := &p.plan.Separations[i]
		for _, n := range s.Infrastructure {
			separated[n] = true
		}
		f := Fix{
			Do: "separate", Site: siteOf(s.Clusters[0]), Subject: s.Infrastructure[0], Why: s.Why, Computed: true,
			Serving: s.Serving, Closed: s.Closed, Opened: s.Opened, Steps: s.Steps, Effort: s.Effort,
		}
		p.enqueue(f)
	}
	moved := map[string]bool{}
	for _, r := range p.records {
		for i := range r.Assessment.Findings {
			f := &r.Assessment.Findings[i]
			// ARC-001 is the sum of what else fails.
			if f.Verdict != rules.Fail || f.Waiver != nil || f.Rule == "ARC-001" || due()[f.Rule] != "" && separated[f.Subject.Infrastructure] {
				continue
			}
			fix := Fix{
				Do: "mend", Rule: f.Rule, Site: r.ID, Cluster: f.Subject.Cluster, Subject: consequence(f).Subject, Severity: f.Severity, Why: f.Title, Finding: f.ID,
				Closed: []Consequence{consequence(f)}, Opened: []Consequence{}, Serving: []Serving{}, Steps: []string{f.Remedy}, Effort: p.effort.rule(f.Rule),
			}
			if f.Rule == "COL-001" && f.Subject.Cluster != "" {
				if moved[fix.Subject] {
					continue
				}
				fix.NotComputed = p.move(r, f, &fix)
				moved[fix.Subject] = true
			} else {
				fix.NotComputed = p.mend(r, f, &fix)
			}
			p.enqueue(fix)
		}
	}
	slices.SortStableFunc(p.plan.Queue, func(a, b Fix) int {
		return cmp.Or(-cmp.Compare(a.Score, b.Score), -cmp.Compare(a.Findings, b.Findings), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Finding, b.Finding))
	})
	p.plan.QueueTotal = len(p.plan.Queue)
	p.plan.Queue = p.plan.Queue[:min(fixesListed, len(p.plan.Queue))]
}

// enqueue reckons the score of a fix.
func (p *planner) enqueue(f Fix) {
	w := &p.effort.Weights
	gain := 0.0
	f.Hours = 0
	for _, s := range f.Serving {
		f.Hours += (s.After - s.Before) * hoursPerYear
	}
	f.Mismatches = 0
	for _, c := range f.Closed {
		gain += w.of(c.Severity)
		if f.Severity == "" || c.Severity.Rank() < f.Severity.Rank() {
			f.Severity = c.Severity
		}
		if c.Rule == "COL-001" {
			f.Mismatches++
		}
	}
	for _, c := range f.Opened {
		gain -= w.of(c.Severity)
	}
	f.Score = (max(0, f.Hours)*w.Hour + float64(f.Mismatches)*w.Mismatch) / f.Effort
	f.Findings = gain / f.Effort
	p.plan.Queue = append(p.plan.Queue, f)
}

// Why a gain is not computed.
const (
	notStructural = "what mends it changes nothing that the model counts, or nobody can tell from the inventory what it comes to"
	notListed     = "the inventory does not list what would change"
	notTried      = "the plan had judged as many changes as it may before it came to this one"
	notJudged     = "the document after the change would not be accepted, or a site that it concerns is not judged"
	notClosed     = "the least change that the rule asks for does not close the finding"
	notSound      = "the least change that the rule asks for opens a finding that is critical, high, or about sharing or places, or leaves it unknown whether one is there"
	notBetter     = "the least change that the rule asks for makes a cluster serve less"
	notSeparable  = "no way was found to have clusters leave it that ends the finding and makes no cluster serve less"
)

// take puts the outcome of a branch into a fix when it is one: what was to close closed, nothing hard opened, and no cluster serves
// less. Otherwise it says why not.
func (p *planner) take(o *outcome, f *rules.Finding, fix *Fix) string {
	if !slices.ContainsFunc(o.closed, func(c Consequence) bool { return c == consequence(f) }) {
		return notClosed
	}
	if !o.sound() {
		return notSound
	}
	var serving []Serving
	for id := range o.after {
		if !p.within(siteOf(id)) {
			continue
		}
		if s, ok := o.serving([]string{id}); ok && s[0].Before != s[0].After {
			if s[0].After < s[0].Before-1e-12 {
				return notBetter
			}
			serving = append(serving, s[0])
		}
	}
	slices.SortFunc(serving, func(a, b Serving) int { return cmp.Compare(a.Cluster, b.Cluster) })
	seen := func(list []Consequence) []Consequence {
		return orEmpty(slices.DeleteFunc(list, func(c Consequence) bool { return !p.within(c.Site) }))
	}
	fix.Computed, fix.Serving, fix.Closed, fix.Opened = true, orEmpty(serving), seen(o.closed), seen(o.opened)
	return ""
}

// move tries to bring the database to ThingWorx, and says why it could not.
func (p *planner) move(r *fleet.Record, f *rules.Finding, fix *Fix) string {
	fix.Do, fix.Effort = "move-database", p.effort.action("move-database")
	c := clusterIn(r.Inventory, f.Subject.Cluster)
	if c == nil || len(c.Nodes(inventory.Foundation)) == 0 {
		return notListed
	}
	to := c.Nodes(inventory.Foundation)[0].Placement
	if to.Region == "" {
		return notListed
	}
	change := whatif.Change{Do: whatif.MoveDatabase, Cluster: r.Inventory.Key(c), To: to.Provider + "/" + to.Region}
	fix.Changes = []whatif.Change{change}
	if !p.may() {
		return notTried
	}
	b, err := whatif.New(p.base, &whatif.Request{Changes: []whatif.Change{change}}, nil)
	if err != nil {
		return notJudged
	}
	o, ok := p.outcome(b)
	if !ok {
		return notJudged
	}
	why := p.take(o, f, fix)
	if why == "" {
		fix.Steps = []string{"Move the database of " + change.Cluster + " to " + change.To + ", where its ThingWorx runs, in a window with the way back kept."}
	}
	return why
}

// mend tries what the remedy of a rule comes to in the document, for the rules of which that is a matter of counting or of places,
// and says why it could not.
func (p *planner) mend(r *fleet.Record, f *rules.Finding, fix *Fix) string {
	if due()[f.Rule] != "" {
		return notSeparable
	}
	if !mendable(f.Rule) {
		return notStructural
	}
	s := inventory.Clone(r.Inventory)
	if !edit(s, f) {
		return notListed
	}
	if p.left == 0 {
		p.may()
		return notTried
	}
	o, ok := p.try(s)
	if !ok {
		return notJudged
	}
	return p.take(o, f, fix)
}

func mendable(rule string) bool {
	return slices.Contains([]string{"HA-001", "HA-002", "HA-003", "HA-004", "HA-005", "HA-006", "HA-007", "HA-008", "HA-009", "HA-010", "HA-013", "HA-014", "HA-017"}, rule)
}

// edit makes the least change that the rule asks for and reports whether it found where.
func edit(s *inventory.Site, f *rules.Finding) bool {
	c := clusterIn(s, f.Subject.Cluster)
	x := s.Infra(idOf(f.Subject.Infrastructure))
	if x == nil && c != nil {
		kinds := map[string]inventory.UseAs{
			"HA-001": inventory.AsZooKeeper, "HA-002": inventory.AsZooKeeper, "HA-003": inventory.AsZooKeeper, "HA-010": inventory.AsDatabase, "HA-006": inventory.AsLoadBalancer, "HA-007": inventory.AsStorage,
			"HA-008": inventory.AsDatabase, "HA-009": inventory.AsDatabase, "HA-014": inventory.AsDatabase,
		}
		if uses := c.Used(kinds[f.Rule]); len(uses) > 0 {
			x = s.Infra(uses[0].Infrastructure)
		}
	}
	yes := true
	switch f.Rule {
	case "HA-001", "HA-002":
		return x != nil && grow(&x.Nodes, max(3, len(x.Nodes)|1))
	case "HA-003":
		return x != nil && spread(x.Nodes)
	case "HA-010":
		return x != nil && grow(&x.Nodes, 2)
	case "HA-004", "HA-017":
		return c != nil && component(c, inventory.Foundation, 2)
	case "HA-005":
		return c != nil && component(c, inventory.ConnectionServer, 2)
	case "HA-013":
		return c != nil && component(c, inventory.Ignite, 2)
	case "HA-006":
		if x == nil || x.Kind != inventory.KindLoadBalancer {
			return false
		}
		x.Redundant = &yes
	case "HA-007":
		if x == nil || x.Kind != inventory.KindStorage {
			return false
		}
		x.Redundancy = inventory.RedundancyZone
	case "HA-008":
		return x != nil && grow(&x.Nodes, 3)
	case "HA-009":
		if x == nil || len(x.Nodes) == 0 {
			return false
		}
		if len(x.PgPool) == 0 {
			x.PgPool = []inventory.Node{{Name: "pgpool-1", Placement: x.Nodes[0].Placement}}
		}
		return grow(&x.PgPool, 2)
	case "HA-014":
		if x == nil || x.Kind != inventory.KindDatabase {
			return false
		}
		x.HighAvailability = &inventory.HighAvailability{Mode: inventory.HAZoneRedundant}
		if strings.EqualFold(x.Tier, "Burstable") {
			x.Tier, x.SKU = "GeneralPurpose", ""
		}
	default:
		return false
	}
	return true
}

// spread gives each node a machine of its own, and those of one region its zones in turn, where the document tells zones at all.
func spread(nodes []inventory.Node) bool {
	if len(nodes) < 3 {
		return false
	}
	next := map[string]int{}
	for i := range nodes {
		n := &nodes[i]
		n.Machine, n.Availability = "", nil
		if n.Placement.Zone != "" {
			region := n.Placement.Provider + "/" + n.Placement.Region
			n.Placement.Zone = strconv.Itoa(next[region]%3 + 1)
			next[region]++
		}
	}
	return true
}

// grow adds nodes like the last one on machines of their own until there are n, and one at least.
func grow(nodes *[]inventory.Node, n int) bool {
	if len(*nodes) == 0 {
		return false
	}
	for added := false; len(*nodes) < n || !added; added = true {
		next := (*nodes)[len(*nodes)-1]
		next.Name, next.Machine, next.Availability = next.Name+"-more", "", nil
		if next.Role == "primary" || next.Role == "leader" {
			next.Role = "standby"
		}
		next.Settings.PlatformID = ""
		*nodes = append(*nodes, next)
	}
	return true
}

func component(c *inventory.Cluster, kind inventory.ComponentKind, n int) bool {
	for i := range c.Components {
		if c.Components[i].Kind == kind && len(c.Components[i].Nodes) > 0 {
			return grow(&c.Components[i].Nodes, n)
		}
	}
	return false
}
