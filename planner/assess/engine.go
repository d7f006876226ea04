package assess

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Engine holds what is the same for every site: the catalogue, the size pack, the rule pack and the region table.
// It is immutable and safe for concurrent use.
type Engine struct {
	Catalog *catalog.Catalog
	Sizes   *sizing.Pack
	Rules   *rules.Pack
	Regions *geo.Table
}

// Builtin returns the engine of the embedded data. It fails only when those are broken, which tests exclude.
func Builtin() (*Engine, error) {
	regions, err := geo.Builtin()
	if err != nil {
		return nil, fmt.Errorf("read the embedded region table: %w", err)
	}
	cat, err := catalog.Builtin()
	if err != nil {
		return nil, fmt.Errorf("read the embedded catalogue: %w", err)
	}
	sizes, err := sizing.Builtin()
	if err != nil {
		return nil, fmt.Errorf("read the embedded size pack: %w", err)
	}
	return &Engine{Catalog: cat, Sizes: sizes, Rules: rules.Builtin(), Regions: regions}, nil
}

// reasoning names how this code judges what the data leave open. Whoever changes a result of the pure packages for an
// unchanged input raises it, so that stored assessments are judged again and replicas of two versions do not share one identity.
const reasoning = "12"

// Hash identifies what a judgement is made under: the rules with their parameters and the policy, the catalogue, the size
// pack, the region table and the reasoning of the code. Equal hashes mean equal assessments of equal input. It
// marshals all of them; callers keep the result.
func (e *Engine) Hash(p *policy.Policy) string {
	sum := sha256.New()
	enc := json.NewEncoder(sum)
	for _, part := range []any{reasoning, e.Rules.Hash(p), e.Catalog.All(), e.Sizes, e.Regions.Regions()} {
		if err := enc.Encode(part); err != nil {
			// All parts were decoded from documents of the same types.
			panic(fmt.Errorf("hash the engine's data: %w", err))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// View is what one judgement of a site looks at.
type View struct {
	Site       *inventory.Site   // normalised
	Revision   string            // of Site; "" computes it, for callers that have not published it yet
	Neighbours []*inventory.Site // normalised, as Neighbours selects them
	Policy     *policy.Policy    // nil takes policy.Default
	PackHash   string            // Engine.Hash(Policy); "" computes it, which costs more than a judgement
	PolicyRef  PolicyRef         // of Policy; without a hash it is made, which costs as much
	Planner    *rules.Planner    // the planner that sent the inventory, nil without one in view
	At         time.Time
	HubInView  bool        // the absence of the site's hub from Neighbours means there is none
	Previous   *Assessment // the site's last assessment, for firstSeen and failingSince; nil for a site never seen
	All        bool        // keep passing and not applicable findings
	// Same is an earlier assessment of the site under the same PackHash whose Basis holds still: what follows from structures alone is taken
	// from it. Recommended goes before it.
	Same *Assessment
	// Recommended are recommendations that are known to be what would be computed, by cluster id; the others are computed.
	Recommended map[string]recommend.Packed
	// WithoutRecommendation leaves out the recommendation, and ARC-001 with it, for callers that need verdicts only.
	WithoutRecommendation bool
}

// Site judges one site with its neighbours in view.
func (e *Engine) Site(v View) *Assessment {
	if v.Policy == nil {
		v.Policy = policy.Default()
	}
	if v.Revision == "" {
		v.Revision = inventory.Revision(v.Site)
	}
	if v.PackHash == "" {
		v.PackHash = e.Hash(v.Policy)
	}
	if v.PolicyRef.Hash == "" {
		v.PolicyRef = RefOf(v.Policy)
	}
	chances := v.Policy.Availability.WithDefaults()
	var shared []tenancy.Shared
	if v.Same != nil {
		shared = v.Same.Tenancy
	} else {
		shared = tenancy.Of(v.Site, v.Neighbours)
	}
	out := &Assessment{
		APIVersion:  inventory.APIVersion,
		Kind:        Kind,
		RulePack:    RulePack{Version: e.Rules.Version(), Hash: v.PackHash},
		Policy:      v.PolicyRef,
		At:          v.At.UTC(),
		Inventories: []InventoryRef{{Site: v.Site.Site.ID, Name: v.Site.Site.Name, Revision: v.Revision, ObservedAt: v.Site.ObservedAt}},
		Clusters:    make([]Cluster, 0, len(v.Site.Clusters)),
		Tenancy:     shared,
	}
	facts := make([]rules.ClusterFacts, len(v.Site.Clusters))
	for i := range v.Site.Clusters {
		c := &v.Site.Clusters[i]
		key := v.Site.Key(c)
		judged := Cluster{ID: key, Site: v.Site.Site.ID, Cluster: c.ID, Environment: c.Environment, Regions: e.regions(v.Site, c)}
		known := v.Same.cluster(c.ID)
		if known != nil {
			judged.Sizing, judged.Recognised, judged.Availability = known.Sizing, known.Recognised, known.Availability
		} else {
			judged.Sizing = sizing.InSite(v.Site, c, e.Sizes)
			judged.Recognised = recognise.Cluster(v.Site, c, judged.Sizing, shares(shared, key), e.Catalog)
			judged.Availability = availability.Cluster(v.Site, c, max(1, judged.Sizing.FoundationNodes), chances)
		}
		size := judged.Sizing
		recommended, ok := v.Recommended[c.ID]
		if !ok && known != nil {
			recommended, ok = known.Recommendation.Remeasured(v.Site, c.ID)
		}
		switch {
		case v.WithoutRecommendation:
		case ok:
			judged.Recommendation = recommended
		default:
			judged.Recommendation = recommend.Pack(recommend.Cluster(recommend.Input{
				Site: v.Site, Cluster: c, Recognised: judged.Recognised, Sizing: size,
				Catalog: e.Catalog, Sizes: e.Sizes, Policy: v.Policy, Regions: e.Regions, Shared: shared, Neighbours: v.Neighbours, Rules: e.Rules,
			}))
		}
		neverNull(&judged)
		facts[i] = rules.ClusterFacts{
			Recognised: judged.Recognised, Sizing: size, Availability: judged.Availability,
			Recommended: judged.Recommendation.Architecture,
		}
		out.Clusters = append(out.Clusters, judged)
	}
	slices.SortFunc(out.Clusters, func(a, b Cluster) int { return strings.Compare(a.Cluster, b.Cluster) })

	in := rules.Input{
		Site: v.Site, Neighbours: v.Neighbours, Shared: shared, Clusters: facts,
		Policy: v.Policy, Regions: e.Regions, At: v.At, HubInView: v.HubInView, Planner: v.Planner,
	}
	var findings []rules.Finding
	var tally rules.Tally
	if v.All {
		findings, tally = e.Rules.Judge(in, true)
	} else {
		var left []rules.LeftOut
		findings, tally, left = e.Rules.JudgeOpen(in)
		out.Passed = passed(v.Site.Site.ID, left)
	}
	out.Coverage = coverage(findings, tally)
	out.Verdicts = Verdicts{Pass: tally.Pass, Fail: tally.Fail, Unknown: tally.Unknown, NotApplicable: tally.NotApplicable}
	if v.Previous != nil {
		findings = rules.CarryOver(v.Previous.Findings, findings)
	}
	out.Findings = findings
	return out
}

// Sites judges sites together, each with the others in view, and merges the results: what assess does offline.
// Sites must be normalised and have distinct ids.
func (e *Engine) Sites(sites []*inventory.Site, v View) []*Assessment {
	sorted := slices.SortedFunc(slices.Values(sites), func(a, b *inventory.Site) int { return strings.Compare(a.Site.ID, b.Site.ID) })
	index := newIndex(sorted)
	if v.Policy == nil {
		v.Policy = policy.Default()
	}
	v.PackHash, v.PolicyRef = e.Hash(v.Policy), RefOf(v.Policy)
	out := make([]*Assessment, 0, len(sorted))
	for _, s := range sorted {
		v.Site, v.Revision = s, ""
		v.Neighbours = index.neighbours(s)
		out = append(out, e.Site(v))
	}
	return out
}

// Merge joins assessments of distinct sites into one document, in the order of site id. The instant is the latest of theirs.
func Merge(parts []*Assessment) *Assessment {
	out := &Assessment{
		APIVersion: inventory.APIVersion, Kind: Kind,
		Inventories: []InventoryRef{}, Clusters: []Cluster{}, Findings: []rules.Finding{}, Tenancy: []tenancy.Shared{},
	}
	seen := map[string]bool{}
	for _, p := range parts {
		out.RulePack, out.Policy = p.RulePack, p.Policy
		if p.At.After(out.At) {
			out.At = p.At
		}
		out.Inventories = append(out.Inventories, p.Inventories...)
		out.Coverage = out.Coverage.Add(p.Coverage)
		out.Verdicts = out.Verdicts.Add(p.Verdicts)
		out.Passed = append(out.Passed, p.Passed...)
		out.Clusters = append(out.Clusters, p.Clusters...)
		out.Findings = append(out.Findings, p.Findings...)
		for _, s := range p.Tenancy {
			if !seen[s.Infrastructure] {
				seen[s.Infrastructure] = true
				out.Tenancy = append(out.Tenancy, s)
			}
		}
	}
	return out
}

// cluster is the judgement of a cluster, nil for none.
func (a *Assessment) cluster(id string) *Cluster {
	if a == nil {
		return nil
	}
	for i := range a.Clusters {
		if a.Clusters[i].Cluster == id {
			return &a.Clusters[i]
		}
	}
	return nil
}

// neverNull makes absent lists empty: readers of the document iterate over them without asking.
func neverNull(c *Cluster) { c.Availability.Contributions = orEmpty(c.Availability.Contributions) }

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func shares(all []tenancy.Shared, cluster string) bool {
	return slices.ContainsFunc(all, func(s tenancy.Shared) bool {
		return len(s.Tenants) > 1 && slices.Contains(s.Tenants, cluster)
	})
}

// passed names what findings leaves out, in order of subject.
func passed(site string, left []rules.LeftOut) []Passed {
	out := make([]Passed, len(left))
	for i := range left {
		out[i] = Passed{site, left[i].Pass, left[i].NotApplicable}
		if left[i].Cluster != "" {
			out[i].Subject += "/" + left[i].Cluster
		}
	}
	return out
}

// coverage counts a site as fresh as long as DQ-001 does not fail for it, so that the two can never disagree.
func coverage(findings []rules.Finding, tally rules.Tally) Coverage {
	c := Coverage{Sites: 1, Fresh: 1, FactsKnown: tally.FactsKnown, FactsNeeded: tally.FactsNeeded}
	for i := range findings {
		if findings[i].Rule == "DQ-001" && findings[i].Verdict != rules.Pass {
			c.Fresh, c.Stale = 0, 1
		}
	}
	return c
}
