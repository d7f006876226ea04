package report

import (
	"cmp"
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
	b := builder{in: in, sites: make(map[string]*siteState, len(in.Sites))}
	if err := b.collect(); err != nil {
		return nil, fmt.Errorf("make report: %w", err)
	}
	return b.report(), nil
}

type siteState struct {
	SiteResult
	judgement judgement
}

type clusterState struct {
	Cluster
	judgement judgement
}

type builder struct {
	in       Input
	sites    map[string]*siteState
	order    []string // site ids, sorted
	clusters []clusterState
	places   map[string]int // by cluster id, in clusters
	findings []Finding
	passed   map[string]*Verdicts // findings that assessments only name, by rule
	lists    map[string]*list     // of rules, as assessments name them; most clusters have one of a few
	shared   map[string]*Shared
	used     []*Shared // those of shared by infrastructure
	packs    map[RulePack]int
	facts    assess.Coverage
	assumed  map[string]int // assumption -> clusters
}

// list counts of how many subjects the findings are that a list of rules names.
type list struct {
	rules               int
	pass, notApplicable int
}

// site returns the state of a site, made when it is new.
func (b *builder) site(id string) *siteState {
	s, ok := b.sites[id]
	if !ok {
		s = &siteState{SiteResult: SiteResult{Site: Site{ID: id}, Freshness: NoData}}
		b.sites[id], b.order = s, append(b.order, id)
	}
	return s
}

func (b *builder) collect() error {
	// Room for what sites usually have: growing takes longer than filling.
	sites := len(b.in.Sites)
	b.findings, b.clusters, b.places = make([]Finding, 0, 12*sites), make([]clusterState, 0, 3*sites/2), make(map[string]int, 3*sites/2)
	b.shared, b.used = make(map[string]*Shared, 4*sites), make([]*Shared, 0, 4*sites)
	b.passed, b.lists = map[string]*Verdicts{}, map[string]*list{}
	b.packs, b.assumed = map[RulePack]int{}, map[string]int{}
	for _, s := range b.in.Sites {
		b.site(s.ID).Site = s
	}
	for _, a := range b.in.Assessments {
		x, err := Of(a)
		if err == nil {
			err = b.add(x)
		}
		if err != nil {
			return err
		}
	}
	if b.in.Extracts != nil {
		for x, err := range b.in.Extracts {
			if err == nil {
				err = b.add(x)
			}
			if err != nil {
				return err
			}
		}
	}
	b.countLists()
	// What comes in order costs little to sort, and a map gives nothing in order.
	slices.Sort(b.order)
	slices.SortFunc(b.used, func(x, y *Shared) int { return cmp.Compare(x.Infrastructure, y.Infrastructure) })
	slices.SortFunc(b.clusters, func(x, y clusterState) int { return cmp.Or(cmp.Compare(x.Site, y.Site), cmp.Compare(x.ID, y.ID)) })
	if !slices.IsSortedFunc(b.findings, compareFindings) {
		slices.SortStableFunc(b.findings, compareFindings)
	}
	return nil
}

// add takes up what was judged at one time.
func (b *builder) add(a *Extract) error {
	if a == nil {
		return errors.New("an extract is missing")
	}
	if a.at.After(b.in.At) {
		return fmt.Errorf("an assessment of %s is later than the report of %s", a.at.Format(time.RFC3339), b.in.At.Format(time.RFC3339))
	}
	if err := b.addSites(a); err != nil {
		return err
	}
	if err := b.addClusters(a); err != nil {
		return err
	}
	b.addFindings(a)
	b.addPassed(a)
	for i := range a.shared {
		s := &a.shared[i]
		all := b.shared[s.Infrastructure]
		if all == nil {
			all = &Shared{Infrastructure: s.Infrastructure, Kind: s.Kind, Tenants: []string{}}
			b.shared[s.Infrastructure], b.used = all, append(b.used, all)
		}
		all.merge(s)
	}
	for _, t := range a.assumptions {
		b.assumed[t.Text] += t.Clusters
	}
	b.facts = b.facts.Add(a.coverage)
	return nil
}

func (b *builder) addSites(a *Extract) error {
	judged := a.at
	for i := range a.inventories {
		ref := &a.inventories[i]
		s := b.site(ref.Site)
		if s.JudgedAt != nil {
			return fmt.Errorf("site %s is judged twice", ref.Site)
		}
		observed := ref.ObservedAt.UTC()
		s.Name = cmp.Or(s.Name, ref.Name)
		s.Revision, s.ObservedAt, s.JudgedAt, s.RulePack = ref.Revision, &observed, &judged, a.pack.Version
		age := b.in.At.Sub(observed)
		s.Age, s.Freshness = ageText(age), Fresh
		if age > b.in.FreshFor {
			s.Freshness = Stale
		}
		b.packs[a.pack]++
	}
	return nil
}

func (b *builder) addClusters(a *Extract) error {
	for i := range a.clusters {
		c := &a.clusters[i]
		if _, twice := b.places[c.ID]; twice {
			return fmt.Errorf("cluster %s is judged twice", c.ID)
		}
		s := b.site(c.Site)
		if s.JudgedAt == nil {
			return fmt.Errorf("cluster %s is of a site whose inventory the assessment does not name", c.ID)
		}
		s.Clusters++
		b.places[c.ID] = len(b.clusters)
		b.clusters = append(b.clusters, clusterState{Cluster: *c})
	}
	return nil
}

func (b *builder) addFindings(a *Extract) {
	// Findings come in order of site and cluster, so that most concern what the one before concerned.
	var last *deciding
	var site *siteState
	var concerned []*judgement
	for i := range a.findings {
		f := &a.findings[i]
		d := &f.decides
		f.Waived = d.waiver != nil && waiver.Holds(&rules.Finding{Verdict: d.verdict, Waiver: d.waiver}, b.in.At)
		if last == nil || d.site != last.site || d.cluster != last.cluster || d.cluster == "" {
			last, site, concerned = d, b.site(d.site), b.concerned(d, a)
		}
		f.ObservedAt = site.ObservedAt
		site.judgement.count(f, b.in.Threshold)
		for _, j := range concerned {
			j.count(f, b.in.Threshold)
		}
	}
	b.findings = append(b.findings, a.findings...)
}

// addPassed counts the findings that an assessment names without listing them.
func (b *builder) addPassed(a *Extract) {
	for i := range a.passed {
		p := &a.passed[i]
		site, cluster, _ := strings.Cut(p.Subject, "/")
		pass, notApplicable := b.list(p.Pass), b.list(p.NotApplicable)
		pass.pass++
		notApplicable.notApplicable++
		counts := []*Verdicts{&b.site(site).judgement.counts}
		if place, ok := b.places[p.Subject]; ok && cluster != "" {
			counts = append(counts, &b.clusters[place].judgement.counts)
		}
		for _, c := range counts {
			c.Pass += pass.rules
			c.NotApplicable += notApplicable.rules
		}
	}
}

func (b *builder) list(ids string) *list {
	l := b.lists[ids]
	if l == nil {
		l = &list{rules: len(strings.Fields(ids))}
		b.lists[ids] = l
	}
	return l
}

// countLists counts by rule what the lists name.
func (b *builder) countLists() {
	for ids, l := range b.lists {
		for id := range strings.FieldsSeq(ids) {
			v := b.passed[id]
			if v == nil {
				v = &Verdicts{}
				b.passed[id] = v
			}
			v.Pass += l.pass
			v.NotApplicable += l.notApplicable
		}
	}
}

// concerned returns the judgements of the clusters a finding counts for. One on an infrastructure alone counts for its known users at the
// site, and for every cluster of the site when they are not known: rather too many than one too green.
func (b *builder) concerned(d *deciding, a *Extract) []*judgement {
	var of []string
	switch {
	case d.cluster != "":
		of = []string{d.site + "/" + d.cluster}
	case d.infrastructure != "":
		prefix := d.site + "/"
		for i := range a.shared {
			s := &a.shared[i]
			if s.Infrastructure != d.infrastructure && !slices.Contains(s.Aliases, d.infrastructure) {
				continue
			}
			for _, t := range s.Tenants {
				if strings.HasPrefix(t, prefix) {
					of = append(of, t)
				}
			}
		}
		if len(of) == 0 {
			for i := range a.clusters {
				if a.clusters[i].Site == d.site {
					of = append(of, a.clusters[i].ID)
				}
			}
		}
	}
	var out []*judgement
	for _, id := range of {
		if place, ok := b.places[id]; ok {
			out = append(out, &b.clusters[place].judgement)
		}
	}
	return out
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
	r.Clusters = slices.Grow(r.Clusters, len(b.clusters))
	for i := range b.clusters {
		c := &b.clusters[i]
		c.Findings = c.judgement.counts
		c.Status, c.Because = c.judgement.status(b.sites[c.Site].Freshness)
		r.Clusters = append(r.Clusters, c.Cluster)
	}
	worst := map[string]Status{}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		if s, ok := worst[c.Site]; !ok || c.Status.rank() < s.rank() {
			worst[c.Site] = c.Status
		}
	}
	r.Sites = slices.Grow(r.Sites, len(b.order))
	for _, id := range b.order {
		s := b.sites[id]
		s.Findings = s.judgement.counts
		s.Status, s.Because = s.judgement.status(s.Freshness)
		if w, ok := worst[id]; ok && w.rank() < s.Status.rank() {
			s.Status = w
		}
		r.Sites = append(r.Sites, s.SiteResult)
	}
	r.Shared = slices.Grow(r.Shared, len(b.used))
	for _, s := range b.used {
		r.Shared = append(r.Shared, *s)
	}
	for _, text := range slices.Sorted(maps.Keys(b.assumed)) {
		r.Assumptions = append(r.Assumptions, Assumption{text, b.assumed[text]})
	}
	r.Coverage = b.coverage(r.Sites)
	r.Summary = b.summary(r)
	r.Findings = b.findings
	if !in.All {
		r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
			return f.decides.verdict == rules.Pass || f.decides.verdict == rules.NotApplicable
		})
	}
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

// compareFindings orders by site, cluster, rule and infrastructure, as assessments do.
func compareFindings(a, b Finding) int {
	x, y := &a.decides, &b.decides
	if c := cmp.Compare(x.site, y.site); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(x.cluster, y.cluster), cmp.Compare(x.rule, y.rule), cmp.Compare(x.infrastructure, y.infrastructure))
}

// merge adds what another assessment says of the infrastructure. Each list is in order and holds nothing twice.
func (s *Shared) merge(other *Shared) {
	union := func(a, b []string) []string {
		if len(b) == 0 && slices.IsSortedFunc(a, func(x, y string) int { return cmp.Or(strings.Compare(x, y), 1) }) {
			return a
		}
		return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
	}
	s.Aliases, s.Tenants, s.Regions = union(other.Aliases, s.Aliases), union(other.Tenants, s.Tenants), union(other.Regions, s.Regions)
	if s.Tenants == nil {
		s.Tenants = []string{}
	}
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
