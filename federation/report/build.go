package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/rules"
)

const defaultFreshFor = 72 * time.Hour

// New makes the report. It fails when the input contradicts itself: a site judged twice, an unknown threshold, no instant.
func New(in Input) (*Report, error) {
	if in.At.IsZero() {
		return nil, errors.New("make report: the instant is missing")
	}
	in.At = in.At.UTC()
	in.Title = cmp.Or(in.Title, "Compliance report")
	in.RulesOf = cmp.Or(in.RulesOf, "then")
	in.Threshold = cmp.Or(in.Threshold, rules.High)
	if in.FreshFor <= 0 {
		in.FreshFor = defaultFreshFor
	}
	if in.Threshold.Rank() > rules.Info.Rank() {
		return nil, fmt.Errorf("make report: %q is no severity; use one of %v", in.Threshold, rules.Severities())
	}
	if in.RulesOf != "then" && in.RulesOf != "now" {
		return nil, fmt.Errorf("make report: rules of %q; use then or now", in.RulesOf)
	}
	b := builder{in: in, sites: map[string]*siteState{}, clusters: map[string]*Cluster{}}
	if err := b.collect(); err != nil {
		return nil, fmt.Errorf("make report: %w", err)
	}
	r := b.report()
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("make report: %w", err)
	}
	sum := sha256.Sum256(text)
	r.Hash = "sha256:" + hex.EncodeToString(sum[:])
	return r, nil
}

type siteState struct {
	SiteResult
	judgement judgement
}

type builder struct {
	in       Input
	sites    map[string]*siteState
	order    []string // site ids, sorted
	clusters map[string]*Cluster
	judged   map[string]*judgement // by cluster id
	findings []Finding
	passed   map[string]*Verdicts // findings that assessments only name, by rule
	shared   map[string]*Shared
	packs    map[RulePack]int
	facts    assess.Coverage
	assumed  map[string]map[string]bool // assumption -> clusters
}

// site returns the state of a site, made when it is new.
func (b *builder) site(id string) *siteState {
	s, ok := b.sites[id]
	if !ok {
		s = &siteState{SiteResult: SiteResult{Site: Site{ID: id}, Freshness: NoData}}
		b.sites[id] = s
	}
	return s
}

func (b *builder) collect() error {
	b.judged, b.shared, b.passed = map[string]*judgement{}, map[string]*Shared{}, map[string]*Verdicts{}
	b.packs, b.assumed = map[RulePack]int{}, map[string]map[string]bool{}
	for _, s := range b.in.Sites {
		b.site(s.ID).Site = s
	}
	for _, a := range b.in.Assessments {
		if a == nil {
			return errors.New("an assessment is missing")
		}
		if a.At.After(b.in.At) {
			return fmt.Errorf("an assessment of %s is later than the report of %s", a.At.UTC().Format(time.RFC3339), b.in.At.Format(time.RFC3339))
		}
		if err := b.addSites(a); err != nil {
			return err
		}
		if err := b.addClusters(a); err != nil {
			return err
		}
		b.addFindings(a)
		b.addPassed(a)
		for _, t := range a.Tenancy {
			b.shared[t.Infrastructure] = merge(b.shared[t.Infrastructure], Shared{t.Infrastructure, t.Aliases, t.Kind, t.Tenants, t.Regions})
		}
		b.facts = b.facts.Add(a.Coverage)
	}
	b.order = slices.Sorted(maps.Keys(b.sites))
	slices.SortStableFunc(b.findings, compareFindings)
	return nil
}

func (b *builder) addSites(a *assess.Assessment) error {
	pack := RulePack{Version: a.RulePack.Version, Hash: a.RulePack.Hash}
	for _, ref := range a.Inventories {
		s := b.site(ref.Site)
		if s.JudgedAt != nil {
			return fmt.Errorf("site %s is judged twice", ref.Site)
		}
		observed, at := ref.ObservedAt.UTC(), a.At.UTC()
		s.Name = cmp.Or(s.Name, ref.Name)
		s.Revision, s.ObservedAt, s.JudgedAt, s.RulePack = ref.Revision, &observed, &at, pack.Version
		age := b.in.At.Sub(observed)
		s.Age, s.Freshness = ageText(age), Fresh
		if age > b.in.FreshFor {
			s.Freshness = Stale
		}
		b.packs[pack]++
	}
	return nil
}

func (b *builder) addClusters(a *assess.Assessment) error {
	for i := range a.Clusters {
		c := &a.Clusters[i]
		if _, twice := b.clusters[c.ID]; twice {
			return fmt.Errorf("cluster %s is judged twice", c.ID)
		}
		s := b.site(c.Site)
		if s.JudgedAt == nil {
			return fmt.Errorf("cluster %s is of a site whose inventory the assessment does not name", c.ID)
		}
		s.Clusters++
		b.clusters[c.ID] = &Cluster{
			ID: c.ID, Site: c.Site, Cluster: c.Cluster, Environment: string(c.Environment),
			Recognised: c.Recognised.Architecture, Overlays: c.Recognised.Overlays, Distance: c.Recognised.Distance,
			Deviations: deviations(&c.Recognised), Recommended: c.Recommendation.Architecture, Reasons: c.Recommendation.Reasons,
			Regions: c.Regions, Advice: c.Recommendation.Advice, Serving: c.Availability.Serving, DowntimePerYear: c.Availability.DowntimePerYear,
		}
		b.judged[c.ID] = &judgement{}
		for _, text := range c.Sizing.Assumptions {
			b.assume(text, c.ID)
		}
		for _, o := range c.Recommendation.Options {
			for _, text := range o.Assumptions {
				b.assume(text, c.ID)
			}
		}
	}
	return nil
}

func (b *builder) assume(text, cluster string) {
	if b.assumed[text] == nil {
		b.assumed[text] = map[string]bool{}
	}
	b.assumed[text][cluster] = true
}

func (b *builder) addFindings(a *assess.Assessment) {
	tenants := map[string][]string{}
	for _, t := range a.Tenancy {
		for _, name := range append([]string{t.Infrastructure}, t.Aliases...) {
			tenants[name] = t.Tenants
		}
	}
	for i := range a.Findings {
		f := Finding{Finding: a.Findings[i]}
		f.Waived = waiver.Holds(&f.Finding, b.in.At)
		s := b.site(f.Subject.Site)
		f.ObservedAt = s.ObservedAt
		s.judgement.count(&f, b.in.Threshold)
		for _, id := range b.concerned(&f, a, tenants) {
			b.judged[id].count(&f, b.in.Threshold)
		}
		b.findings = append(b.findings, f)
	}
}

// addPassed counts the findings that an assessment names without listing them.
func (b *builder) addPassed(a *assess.Assessment) {
	for i := range a.Passed {
		p := &a.Passed[i]
		site, cluster, _ := strings.Cut(p.Subject, "/")
		left := Verdicts{}
		for id := range strings.FieldsSeq(p.Pass) {
			left.Pass++
			b.ofRule(id).Pass++
		}
		for id := range strings.FieldsSeq(p.NotApplicable) {
			left.NotApplicable++
			b.ofRule(id).NotApplicable++
		}
		counts := []*Verdicts{&b.site(site).judgement.counts}
		if j := b.judged[p.Subject]; j != nil && cluster != "" {
			counts = append(counts, &j.counts)
		}
		for _, c := range counts {
			c.Pass += left.Pass
			c.NotApplicable += left.NotApplicable
		}
	}
}

func (b *builder) ofRule(id string) *Verdicts {
	v := b.passed[id]
	if v == nil {
		v = &Verdicts{}
		b.passed[id] = v
	}
	return v
}

// concerned returns the clusters a finding counts for. One on an infrastructure alone counts for its known users at the
// site, and for every cluster of the site when they are not known: rather too many than one too green.
func (b *builder) concerned(f *Finding, a *assess.Assessment, tenants map[string][]string) []string {
	var of []string
	switch {
	case f.Subject.Cluster != "":
		of = []string{f.Subject.Site + "/" + f.Subject.Cluster}
	case f.Subject.Infrastructure != "":
		prefix := f.Subject.Site + "/"
		for _, t := range tenants[f.Subject.Infrastructure] {
			if strings.HasPrefix(t, prefix) {
				of = append(of, t)
			}
		}
		if len(of) == 0 {
			for i := range a.Clusters {
				if a.Clusters[i].Site == f.Subject.Site {
					of = append(of, a.Clusters[i].ID)
				}
			}
		}
	}
	return slices.DeleteFunc(of, func(id string) bool { return b.judged[id] == nil })
}

// judgement collects what decides about a status.
type judgement struct {
	counts                Verdicts
	fails, unknown, waive map[string]bool // rule ids at or above the threshold
}

func (j *judgement) count(f *Finding, threshold rules.Severity) {
	j.counts.add(f)
	if f.Severity.Rank() > threshold.Rank() {
		return
	}
	note := func(m *map[string]bool) {
		if *m == nil {
			*m = map[string]bool{}
		}
		(*m)[f.Rule] = true
	}
	switch {
	case f.Waived:
		note(&j.waive)
	case f.Verdict == rules.Fail:
		note(&j.fails)
	case f.Verdict != rules.Pass && f.Verdict != rules.NotApplicable:
		note(&j.unknown)
	}
}

func (v *Verdicts) add(f *Finding) {
	switch {
	case f.Waived:
		v.Waived++
	case f.Verdict == rules.Fail:
		v.Fail++
	case f.Verdict == rules.Pass:
		v.Pass++
	case f.Verdict == rules.NotApplicable:
		v.NotApplicable++
	default:
		v.Unknown++
	}
}

// status decides, with the reasons. freshness is that of the site.
func (j *judgement) status(freshness string) (Status, []string) {
	var because []string
	list := func(what string, of map[string]bool) {
		if len(of) > 0 {
			because = append(because, what+" "+strings.Join(slices.Sorted(maps.Keys(of)), ", "))
		}
	}
	list("fails", j.fails)
	list("cannot be judged by", j.unknown)
	switch freshness {
	case NoData:
		because = append(because, "no assessment at or before the instant of the report")
	case Stale:
		because = append(because, "the observation is too old")
	}
	list("waived for", j.waive)
	switch {
	case len(j.fails) > 0:
		return NonCompliant, because
	case len(j.unknown) > 0 || freshness != Fresh:
		return NotKnown, because
	case len(j.waive) > 0:
		return Waived, because
	}
	return Compliant, nil
}

func (b *builder) report() *Report {
	in := b.in
	r := &Report{
		APIVersion: APIVersion, Kind: Kind, Title: in.Title, At: in.At, Policy: in.Policy, Rules: in.RulesOf, Filter: in.Filter,
		Threshold: in.Threshold, FreshFor: ageText(in.FreshFor), Methodology: methodology(in),
		RulePacks: []RulePack{}, Clusters: []Cluster{}, Sites: []SiteResult{}, Findings: []Finding{}, Shared: []Shared{}, Assumptions: []Assumption{},
	}
	for pack, sites := range b.packs {
		pack.Sites = sites
		r.RulePacks = append(r.RulePacks, pack)
	}
	slices.SortFunc(r.RulePacks, func(x, y RulePack) int { return cmp.Or(cmp.Compare(x.Version, y.Version), cmp.Compare(x.Hash, y.Hash)) })
	for _, id := range slices.SortedFunc(maps.Keys(b.clusters), func(x, y string) int {
		return cmp.Or(cmp.Compare(b.clusters[x].Site, b.clusters[y].Site), cmp.Compare(x, y))
	}) {
		c := b.clusters[id]
		j := b.judged[id]
		c.Findings = j.counts
		c.Status, c.Because = j.status(b.sites[c.Site].Freshness)
		r.Clusters = append(r.Clusters, *c)
	}
	worst := map[string]Status{}
	for _, c := range r.Clusters {
		if s, ok := worst[c.Site]; !ok || c.Status.rank() < s.rank() {
			worst[c.Site] = c.Status
		}
	}
	for _, id := range b.order {
		s := b.sites[id]
		s.Findings = s.judgement.counts
		s.Status, s.Because = s.judgement.status(s.Freshness)
		if w, ok := worst[id]; ok && w.rank() < s.Status.rank() {
			s.Status = w
		}
		r.Sites = append(r.Sites, s.SiteResult)
	}
	for i := range b.findings {
		f := &b.findings[i]
		if in.All || f.Verdict != rules.Pass && f.Verdict != rules.NotApplicable {
			r.Findings = append(r.Findings, *f)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.shared)) {
		r.Shared = append(r.Shared, *b.shared[id])
	}
	for _, text := range slices.Sorted(maps.Keys(b.assumed)) {
		r.Assumptions = append(r.Assumptions, Assumption{text, len(b.assumed[text])})
	}
	r.Coverage = b.coverage(r.Sites)
	r.Summary = b.summary(r)
	return r
}

func (b *builder) coverage(sites []SiteResult) Coverage {
	c := Coverage{Sites: len(sites), FactsKnown: b.facts.FactsKnown, FactsNeeded: b.facts.FactsNeeded}
	for i := range sites {
		s := &sites[i]
		switch s.Freshness {
		case Fresh:
			c.Fresh++
		case Stale:
			c.Stale++
		default:
			c.NoData++
			continue
		}
		if c.Oldest == nil || s.ObservedAt.Before(*c.Oldest) {
			c.Oldest = s.ObservedAt
		}
		if c.Newest == nil || s.ObservedAt.After(*c.Newest) {
			c.Newest = s.ObservedAt
		}
	}
	return c
}

// compareFindings orders by site, cluster, rule and subject, as assessments do.
func compareFindings(a, b Finding) int {
	x, y := &a.Subject, &b.Subject
	return cmp.Or(cmp.Compare(x.Site, y.Site), cmp.Compare(x.Cluster, y.Cluster), cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(x.Infrastructure, y.Infrastructure), cmp.Compare(x.Node, y.Node), cmp.Compare(a.ID, b.ID))
}

func merge(old *Shared, s Shared) *Shared {
	if old == nil {
		old = &Shared{Infrastructure: s.Infrastructure, Kind: s.Kind}
	}
	union := func(a, b []string) []string { return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b)))) }
	old.Aliases, old.Tenants, old.Regions = union(old.Aliases, s.Aliases), union(old.Tenants, s.Tenants), union(old.Regions, s.Regions)
	return old
}

func deviations(r *recognise.Result) []string {
	var out []string
	for _, m := range r.Missing {
		out = append(out, sentence(fmt.Sprintf("%s: %d of %d needed", m.Kind, m.Have, m.Need), m.Why))
	}
	for _, m := range r.Extra {
		out = append(out, sentence(fmt.Sprintf("%s: %d where %d are foreseen", m.Kind, m.Have, m.Need), m.Why))
	}
	for _, m := range r.Misplaced {
		out = append(out, sentence(strings.TrimSpace(m.Kind+" "+m.Node)+" misplaced", m.Why))
	}
	return out
}

func sentence(text, why string) string {
	if why == "" {
		return text
	}
	return text + " (" + why + ")"
}

// ageText writes a duration in days and hours, or minutes below an hour.
func ageText(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%s%d d %d h", sign, days, hours)
	case days > 0:
		return fmt.Sprintf("%s%d d", sign, days)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%s%d h %d min", sign, hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%s%d h", sign, hours)
	}
	return fmt.Sprintf("%s%d min", sign, minutes)
}
