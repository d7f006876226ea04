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
	*Cluster
	judgement judgement
}

type builder struct {
	in       Input
	sites    map[string]*siteState
	order    []string // site ids, sorted
	clusters map[string]*clusterState
	inOrder  []*clusterState // the clusters by site and id
	findings []*Finding
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
	b.clusters, b.shared = make(map[string]*clusterState, len(b.in.Sites)), map[string]*Shared{}
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
	slices.SortFunc(b.inOrder, func(x, y *clusterState) int { return cmp.Or(cmp.Compare(x.Site, y.Site), cmp.Compare(x.ID, y.ID)) })
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
	for i := range a.inventories {
		ref := &a.inventories[i]
		s := b.site(ref.Site)
		if s.JudgedAt != nil {
			return fmt.Errorf("site %s is judged twice", ref.Site)
		}
		observed := ref.ObservedAt.UTC()
		s.Name = cmp.Or(s.Name, ref.Name)
		s.Revision, s.ObservedAt, s.JudgedAt, s.RulePack = ref.Revision, &observed, &a.at, a.pack.Version
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
		if _, twice := b.clusters[c.ID]; twice {
			return fmt.Errorf("cluster %s is judged twice", c.ID)
		}
		s := b.site(c.Site)
		if s.JudgedAt == nil {
			return fmt.Errorf("cluster %s is of a site whose inventory the assessment does not name", c.ID)
		}
		s.Clusters++
		state := &clusterState{Cluster: c}
		b.clusters[c.ID], b.inOrder = state, append(b.inOrder, state)
	}
	return nil
}

func (b *builder) addFindings(a *Extract) {
	// Findings come in order of site and cluster, so that most concern what the one before concerned.
	var at rules.Subject
	var site *siteState
	var concerned []*judgement
	for i := range a.findings {
		f := &a.findings[i]
		b.findings = append(b.findings, f)
		f.Waived = waiver.Holds(f.Finding, b.in.At)
		if of := (rules.Subject{Site: f.Subject.Site, Cluster: f.Subject.Cluster}); site == nil || of != at || of.Cluster == "" {
			at, site, concerned = of, b.site(of.Site), b.concerned(f, a)
		}
		f.ObservedAt = site.ObservedAt
		site.judgement.count(f, b.in.Threshold)
		for _, j := range concerned {
			j.count(f, b.in.Threshold)
		}
	}
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
		if c := b.clusters[p.Subject]; c != nil && cluster != "" {
			counts = append(counts, &c.judgement.counts)
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
func (b *builder) concerned(f *Finding, a *Extract) []*judgement {
	var of []string
	switch {
	case f.Subject.Cluster != "":
		of = []string{f.Subject.Site + "/" + f.Subject.Cluster}
	case f.Subject.Infrastructure != "":
		prefix := f.Subject.Site + "/"
		for i := range a.shared {
			s := &a.shared[i]
			if s.Infrastructure != f.Subject.Infrastructure && !slices.Contains(s.Aliases, f.Subject.Infrastructure) {
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
				if a.clusters[i].Site == f.Subject.Site {
					of = append(of, a.clusters[i].ID)
				}
			}
		}
	}
	var out []*judgement
	for _, id := range of {
		if c := b.clusters[id]; c != nil {
			out = append(out, &c.judgement)
		}
	}
	return out
}

// judgement collects what decides about a status.
type judgement struct {
	counts                Verdicts
	fails, unknown, waive []string // ids of rules at or above the threshold, each once
}

func (j *judgement) count(f *Finding, threshold rules.Severity) {
	j.counts.add(f)
	if f.Severity.Rank() > threshold.Rank() {
		return
	}
	note := func(of *[]string) {
		if !slices.Contains(*of, f.Rule) {
			*of = append(*of, f.Rule)
		}
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
	list := func(what string, of []string) {
		if len(of) > 0 {
			slices.Sort(of)
			because = append(because, what+" "+strings.Join(of, ", "))
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
	r.Clusters = slices.Grow(r.Clusters, len(b.inOrder))
	for _, c := range b.inOrder {
		c.Findings = c.judgement.counts
		c.Status, c.Because = c.judgement.status(b.sites[c.Site].Freshness)
		r.Clusters = append(r.Clusters, *c.Cluster)
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
	r.Findings = make([]Finding, 0, len(b.findings))
	for _, f := range b.findings {
		if in.All || f.Verdict != rules.Pass && f.Verdict != rules.NotApplicable {
			r.Findings = append(r.Findings, *f)
		}
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
func compareFindings(a, b *Finding) int {
	x, y := &a.Subject, &b.Subject
	if c := cmp.Compare(x.Site, y.Site); c != 0 {
		return c
	}
	if c := cmp.Compare(x.Cluster, y.Cluster); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Rule, b.Rule); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(x.Infrastructure, y.Infrastructure), cmp.Compare(x.Node, y.Node), cmp.Compare(a.ID, b.ID))
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
