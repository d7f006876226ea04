package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Extract is what a report takes from one assessment, about a third of it: no bills of components, sizes or migrations. A store
// keeps its text beside the assessment, so that a report of the past is made without decoding one. Findings and clusters lie in
// it as the JSON that the report holds of them, behind the few fields that decide.
type Extract struct {
	at          time.Time
	pack        RulePack
	inventories []assess.InventoryRef
	coverage    assess.Coverage
	passed      []assess.Passed
	clusters    []Cluster
	findings    []Finding
	shared      []Shared
	assumptions []Assumption
}

// Of takes the extract of an assessment. It fails when the evidence of a finding is nothing that JSON can hold.
func Of(a *assess.Assessment) (*Extract, error) {
	if a == nil {
		return nil, errors.New("an assessment is missing")
	}
	x := &Extract{
		at: a.At.UTC(), pack: RulePack{Version: a.RulePack.Version, Hash: a.RulePack.Hash}, inventories: slices.Clone(a.Inventories), coverage: a.Coverage, passed: slices.Clone(a.Passed),
		clusters: make([]Cluster, len(a.Clusters)), findings: make([]Finding, len(a.Findings)), shared: make([]Shared, len(a.Tenancy)),
	}
	assumed := map[string]int{}
	for i := range a.Clusters {
		c := &a.Clusters[i]
		recommendation := c.Recommendation.Open()
		line := Line{
			ID: c.ID, Site: c.Site, Cluster: c.Cluster, Environment: string(c.Environment),
			Recognised: c.Recognised.Architecture, Overlays: c.Recognised.Overlays, Distance: c.Recognised.Distance,
			Deviations: deviations(&c.Recognised), Recommended: c.Recommendation.Architecture, Reasons: recommendation.Reasons,
			Regions: c.Regions, Advice: c.Recommendation.Advice, Serving: c.Availability.Serving, DowntimePerYear: c.Availability.DowntimePerYear,
		}
		text, err := json.Marshal(&line)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", c.ID, err)
		}
		x.clusters[i] = Cluster{Line: line, text: string(text)}
		texts := slices.Clone(c.Sizing.Assumptions)
		for _, o := range recommendation.Options {
			texts = append(texts, o.Assumptions...)
		}
		slices.Sort(texts)
		for _, text := range slices.Compact(texts) {
			assumed[text]++
		}
	}
	for i := range a.Findings {
		text, err := json.Marshal(&a.Findings[i])
		if err != nil {
			return nil, fmt.Errorf("finding %s: %w", a.Findings[i].ID, err)
		}
		f := &a.Findings[i]
		x.findings[i] = Finding{Finding: f, text: string(text), decides: deciding{
			rule: f.Rule, verdict: f.Verdict, severity: f.Severity, site: f.Subject.Site, cluster: f.Subject.Cluster, infrastructure: f.Subject.Infrastructure, waiver: f.Waiver,
		}}
	}
	slices.SortStableFunc(x.findings, func(a, b Finding) int {
		return cmp.Or(compareFindings(a, b), cmp.Compare(a.Subject.Node, b.Subject.Node), cmp.Compare(a.ID, b.ID))
	})
	for i := range a.Tenancy {
		t := &a.Tenancy[i]
		x.shared[i] = Shared{t.Infrastructure, t.Aliases, t.Kind, t.Tenants, t.Regions}
	}
	for text, n := range assumed {
		x.assumptions = append(x.assumptions, Assumption{text, n})
	}
	slices.SortFunc(x.assumptions, func(a, b Assumption) int { return strings.Compare(a.Text, b.Text) })
	return x, nil
}

// The text of an extract is lines of fields between tabs. Each line begins with what it is of, a list with its length. The JSON that
// ends some lines holds neither a tab nor a line feed, as encoding/json writes it.
const (
	lineHead       = "report/1" // instant, version and hash of the rule pack, the five numbers of the coverage, how many findings follow
	lineInventory  = "i"        // site, name, revision, instant of observation
	linePassed     = "p"        // subject, rules that pass, rules that do not apply
	lineCluster    = "c"        // id, site, cluster, recognised, recommended, match, list of regions, JSON
	lineFinding    = "f"        // rule, verdict, severity, site, cluster, infrastructure, waiver, expiry, JSON
	lineShared     = "s"        // infrastructure, kind, lists of aliases, tenants and regions
	lineAssumption = "a"        // text, number of clusters
)

// Text writes the extract.
func (x *Extract) Text() string {
	escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)
	var b strings.Builder
	write := func(kind string, fields ...string) {
		b.WriteString(kind)
		for _, f := range fields {
			b.WriteByte('\t')
			_, _ = escape.WriteString(&b, f) // A strings.Builder takes everything.
		}
	}
	lists := func(of ...[]string) {
		for _, list := range of {
			write("", strconv.Itoa(len(list)))
			write("", list...)
		}
	}
	raw := func(text string) { b.WriteString("\t" + text) }
	end := func() { b.WriteByte('\n') }

	c := x.coverage
	write(lineHead, x.at.Format(time.RFC3339Nano), x.pack.Version, x.pack.Hash,
		strconv.Itoa(c.Sites), strconv.Itoa(c.Fresh), strconv.Itoa(c.Stale), strconv.Itoa(c.FactsKnown), strconv.Itoa(c.FactsNeeded), strconv.Itoa(len(x.findings)))
	end()
	for _, i := range x.inventories {
		write(lineInventory, i.Site, i.Name, i.Revision, i.ObservedAt.UTC().Format(time.RFC3339Nano))
		end()
	}
	for _, p := range x.passed {
		write(linePassed, p.Subject, p.Pass, p.NotApplicable)
		end()
	}
	for i := range x.clusters {
		c := &x.clusters[i]
		match := ""
		if c.Regions.Match != nil {
			match = strconv.FormatBool(*c.Regions.Match)
		}
		write(lineCluster, c.ID, c.Site, c.Cluster, c.Recognised, c.Recommended, match)
		lists(c.Regions.ThingWorx)
		raw(c.text)
		end()
	}
	for i := range x.findings {
		d := &x.findings[i].decides
		waiver, expires := "", ""
		if d.waiver != nil {
			waiver, expires = d.waiver.ID, d.waiver.Expires.UTC().Format(time.RFC3339Nano)
		}
		write(lineFinding, d.rule, string(d.verdict), string(d.severity), d.site, d.cluster, d.infrastructure, waiver, expires)
		raw(x.findings[i].text)
		end()
	}
	for i := range x.shared {
		s := &x.shared[i]
		write(lineShared, s.Infrastructure, s.Kind)
		lists(s.Aliases, s.Tenants, s.Regions)
		end()
	}
	for _, a := range x.assumptions {
		write(lineAssumption, a.Text, strconv.Itoa(a.Clusters))
		end()
	}
	return b.String()
}

// Read makes the extract that of a text that Text wrote, of which its texts are parts. What it held before is overwritten, so that
// one serves for many.
func (x *Extract) Read(text string) error {
	*x = Extract{
		inventories: x.inventories[:0], passed: x.passed[:0], clusters: x.clusters[:0], findings: x.findings[:0], shared: x.shared[:0],
		assumptions: x.assumptions[:0],
	}
	for n := 1; text != ""; n++ {
		var l fields
		l.rest, text, _ = strings.Cut(text, "\n")
		kind := l.next()
		if (n == 1) != (kind == lineHead) {
			return fmt.Errorf("line %d of an extract begins with %q; the first, and no other, begins with %q", n, kind, lineHead)
		}
		switch kind {
		case lineHead:
			x.at, x.pack = l.instant(), RulePack{Version: l.next(), Hash: l.next()}
			x.coverage = assess.Coverage{Sites: l.number(), Fresh: l.number(), Stale: l.number(), FactsKnown: l.number(), FactsNeeded: l.number()}
			x.findings = slices.Grow(x.findings, min(l.number(), 1000)) // However many the line says: it is only room.
		case lineInventory:
			x.inventories = append(x.inventories, assess.InventoryRef{Site: l.next(), Name: l.next(), Revision: l.next(), ObservedAt: l.instant()})
		case linePassed:
			x.passed = append(x.passed, assess.Passed{Subject: l.next(), Pass: l.next(), NotApplicable: l.next()})
		case lineCluster:
			c := Cluster{brief: true, Line: Line{ID: l.next(), Site: l.next(), Cluster: l.next(), Recognised: l.next(), Recommended: l.next()}}
			if match := l.next(); match != "" {
				c.Regions.Match = new(match == "true")
			}
			c.Regions.ThingWorx, c.text = l.list(), l.raw()
			x.clusters = append(x.clusters, c)
		case lineFinding:
			f := Finding{decides: deciding{
				rule: l.next(), verdict: rules.Verdict(l.next()), severity: rules.Severity(l.next()), site: l.next(), cluster: l.next(), infrastructure: l.next(),
			}}
			if waiver, expires := l.next(), l.next(); expires != "" {
				f.decides.waiver = &rules.Waiver{ID: waiver, Expires: l.parse(expires)}
			}
			f.text = l.raw()
			x.findings = append(x.findings, f)
		case lineShared:
			x.shared = append(x.shared, Shared{Infrastructure: l.next(), Kind: l.next(), Aliases: l.list(), Tenants: l.list(), Regions: l.list()})
		case lineAssumption:
			x.assumptions = append(x.assumptions, Assumption{Text: l.next(), Clusters: l.number()})
		default:
			return fmt.Errorf("line %d of an extract is of the unknown kind %q", n, kind)
		}
		if l.err != nil {
			return fmt.Errorf("line %d of an extract: %w", n, l.err)
		}
	}
	if x.at.IsZero() {
		return errors.New("an extract is empty")
	}
	return nil
}

// fields are what is left of a line. The first thing that is not as it should be is kept.
type fields struct {
	rest string
	done bool
	err  error
}

func (l *fields) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

func (l *fields) next() string {
	if l.done {
		l.fail(errors.New("it ends too early"))
		return ""
	}
	field := l.rest
	if end := strings.IndexByte(field, '\t'); end < 0 {
		l.rest, l.done = "", true
	} else {
		field, l.rest = field[:end], field[end+1:]
	}
	if strings.IndexByte(field, '\\') < 0 {
		return field
	}
	return strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n").Replace(field)
}

// raw is the JSON that ends the line.
func (l *fields) raw() string {
	if len(l.rest) < 2 || l.rest[0] != '{' || l.rest[len(l.rest)-1] != '}' {
		l.fail(errors.New("it does not end with a JSON object"))
		return "{}"
	}
	text := l.rest
	l.rest, l.done = "", true
	return text
}

func (l *fields) number() int {
	n, err := strconv.Atoi(l.next())
	if err != nil || n < 0 {
		l.fail(errors.New("a number is none"))
		return 0
	}
	return n
}

func (l *fields) list() []string {
	n := l.number()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, min(n, 1000))
	for range n {
		if l.err != nil {
			return nil
		}
		out = append(out, l.next())
	}
	return out
}

func (l *fields) instant() time.Time { return l.parse(l.next()) }

func (l *fields) parse(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		l.fail(fmt.Errorf("an instant is none: %w", err))
	}
	return t.UTC()
}

// words are what a finding says of its rule.
func (f *Finding) words() (title string, confidence rules.Confidence, reference string) {
	if f.Finding != nil {
		return f.Title, f.Confidence, f.Reference
	}
	var said struct {
		Title      string
		Confidence rules.Confidence
		Reference  string
	}
	_ = json.Unmarshal([]byte(f.text), &said) // What is no JSON says nothing; full tells it.
	return said.Title, said.Confidence, said.Reference
}

// full reads the rest of the clusters and findings out of their texts, for formats other than JSON.
func (r *Report) full() error {
	for i := range r.Clusters {
		c := &r.Clusters[i]
		if c.brief {
			if err := json.Unmarshal([]byte(c.text), &c.Line); err != nil {
				return fmt.Errorf("read cluster %s: %w", c.ID, err)
			}
			c.brief = false
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Finding == nil {
			f.Finding = new(rules.Finding)
			if err := json.Unmarshal([]byte(f.text), f.Finding); err != nil {
				return fmt.Errorf("read a finding of rule %s: %w", f.decides.rule, err)
			}
		}
	}
	return nil
}
