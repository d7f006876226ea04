package history

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// AssessmentRow is one assessment of one site.
type AssessmentRow struct {
	Site        string
	At          time.Time // the instant of the judgement
	Revision    string    // of the inventory that was judged
	Sequence    uint64    // position in the assessment stream, 0 when not known; decides between equal instants
	PackVersion string
	PackHash    string
	Removed     bool // the site left the federation at At: nothing of it is in force from then on
	Clusters    int
	Counts      Verdicts
	Findings    []Finding // those that fail or are unknown
	Document    []byte    // the Assessment as JSON
	Extract     string    // what a report takes of it, in a form that the history does not look into; empty when nobody made one
	// Recommendations are what the assessment says of each cluster. Reads of assessments leave them out.
	Recommendations []Recommendation
}

// Verdicts counts findings by verdict. Waived ones count as failing too.
type Verdicts struct {
	Pass, Fail, Unknown, NotApplicable, Waived int
}

// Finding is what the history keeps of a failing or unknown finding beside the document.
type Finding struct {
	ID, Rule, Verdict, Severity string
	Cluster                     string // id within the site
	Infrastructure              string // site/id
	Node                        string
	Message                     string
	FirstSeen, FailingSince     time.Time // zero when not known
	Waiver                      string    // its id
}

// NewAssessmentRow makes the row of a site's assessment. revision and sequence are those of the message it came in.
func NewAssessmentRow(site, revision string, sequence uint64, a *assess.Assessment) (AssessmentRow, error) {
	document, err := json.Marshal(a)
	if err != nil {
		return AssessmentRow{}, fmt.Errorf("write assessment of %s as JSON: %w", site, err)
	}
	row := AssessmentRow{
		Site: site, At: a.At, Revision: revision, Sequence: sequence, PackVersion: a.RulePack.Version, PackHash: a.RulePack.Hash,
		Clusters: len(a.Clusters), Document: document, Recommendations: recommendationsOf(a),
		Counts: Verdicts{Pass: a.Verdicts.Pass, Fail: a.Verdicts.Fail, Unknown: a.Verdicts.Unknown, NotApplicable: a.Verdicts.NotApplicable},
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		if f.Verdict == rules.Pass || f.Verdict == rules.NotApplicable {
			continue
		}
		kept := Finding{
			ID: f.ID, Rule: f.Rule, Verdict: string(f.Verdict), Severity: string(f.Severity), Message: f.Message,
			Cluster: f.Subject.Cluster, Infrastructure: f.Subject.Infrastructure, Node: f.Subject.Node,
			FirstSeen: value(f.FirstSeen), FailingSince: value(f.FailingSince),
		}
		if f.Waiver != nil {
			row.Counts.Waived++
			kept.Waiver = f.Waiver.ID
		}
		row.Findings = append(row.Findings, kept)
	}
	return row, nil
}

const (
	insertAssessments = `INSERT INTO assessments (site, at, revision, sequence, pack_version, pack_hash, removed, clusters,
    pass, fail, unknown, not_applicable, waived, finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver, document, extract)`

	findingArrays = `finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver`

	assessmentColumns = `site, at, revision, sequence, pack_version, pack_hash, removed, clusters, pass, fail, unknown, not_applicable, waived,
    ` + findingArrays + `, document`

	// The last assessment of every site at or before t. Rows come in the order of the sorting key and so need no sort;
	// when a site has several of one instant, the reader decides between them.
	selectAssessmentsAsOf = `SELECT ` + assessmentColumns + `
FROM assessments
WHERE (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
    GROUP BY site)
ORDER BY site, at, revision, pack_hash`
)

// AsOf calls each with the assessment in force at t of every site, in order of site: the latest at or before t. No sites
// means all. Sites removed by then are left out. It stops at the first error of each and returns it.
func (s *Store) AsOf(ctx context.Context, t time.Time, sites []string, each func(AssessmentRow) error) error {
	query, arguments := asOfQuery(selectAssessmentsAsOf, t, sites)
	var last *AssessmentRow
	flush := func() error {
		if last == nil || last.Removed {
			return nil
		}
		return each(*last)
	}
	err := s.each(ctx, query, arguments, func(scan func(...any) error) error {
		r, err := scanAssessment(scan)
		if err != nil {
			return err
		}
		if last != nil && last.Site == r.Site {
			if !overrides(&r, last) {
				return nil
			}
		} else if err := flush(); err != nil {
			return err
		}
		last = &r
		return nil
	})
	if err == nil {
		err = flush()
	}
	return wrap("read assessments as of", err)
}

// overrides decides between two assessments of a site at one instant; rows come in order of revision.
func overrides(r, other *AssessmentRow) bool { return r.Sequence >= other.Sequence }

func scanAssessment(scan func(...any) error) (AssessmentRow, error) {
	var r AssessmentRow
	var counts [6]uint32
	var a findingColumns
	err := scan(&r.Site, &r.At, &r.Revision, &r.Sequence, &r.PackVersion, &r.PackHash, &r.Removed,
		&counts[0], &counts[1], &counts[2], &counts[3], &counts[4], &counts[5],
		&a.id, &a.rule, &a.verdict, &a.severity, &a.cluster, &a.infrastructure, &a.node, &a.message, &a.firstSeen, &a.failingSince, &a.waiver,
		&r.Document)
	r.Clusters = int(counts[0])
	r.Counts = Verdicts{Pass: int(counts[1]), Fail: int(counts[2]), Unknown: int(counts[3]), NotApplicable: int(counts[4]), Waived: int(counts[5])}
	r.Findings = a.findings()
	return r, err
}

// findingColumns are the finding_ arrays of one assessment.
type findingColumns struct {
	id, rule, verdict, severity, cluster, infrastructure, node, message, waiver []string
	firstSeen, failingSince                                                     []*time.Time
}

func (a *findingColumns) findings() []Finding {
	var out []Finding
	for i := range a.id {
		out = append(out, Finding{
			ID: a.id[i], Rule: a.rule[i], Verdict: a.verdict[i], Severity: a.severity[i], Cluster: a.cluster[i],
			Infrastructure: a.infrastructure[i], Node: a.node[i], Message: a.message[i],
			FirstSeen: value(a.firstSeen[i]), FailingSince: value(a.failingSince[i]), Waiver: a.waiver[i],
		})
	}
	return out
}

func (s *Store) insertAssessments(ctx context.Context, rows []AssessmentRow) error {
	n := len(rows)
	texts := func() []string { return make([]string, n) }
	site, revision, version, hash, document, extract := texts(), texts(), texts(), texts(), texts(), texts()
	at, sequence, removed := make([]time.Time, n), make([]uint64, n), make([]bool, n)
	var counts [6][]uint32
	for k := range counts {
		counts[k] = make([]uint32, n)
	}
	var findings [9][][]string
	for k := range findings {
		findings[k] = make([][]string, n)
	}
	firstSeen, failingSince := make([][]*time.Time, n), make([][]*time.Time, n)
	for i := range rows {
		r := &rows[i]
		site[i], revision[i], version[i], hash[i] = r.Site, r.Revision, r.PackVersion, r.PackHash
		at[i], sequence[i], removed[i] = instant(r.At), r.Sequence, r.Removed
		document[i], extract[i] = string(r.Document), r.Extract
		for k, count := range [6]int{r.Clusters, r.Counts.Pass, r.Counts.Fail, r.Counts.Unknown, r.Counts.NotApplicable, r.Counts.Waived} {
			counts[k][i] = uint32(count)
		}
		cells := make([]string, 9*len(r.Findings))
		times := make([]*time.Time, 2*len(r.Findings))
		for k := range findings {
			findings[k][i] = cells[k*len(r.Findings) : (k+1)*len(r.Findings)]
		}
		firstSeen[i], failingSince[i] = times[:len(r.Findings)], times[len(r.Findings):]
		for j := range r.Findings {
			f := &r.Findings[j]
			for k, text := range [9]string{f.ID, f.Rule, f.Verdict, f.Severity, f.Cluster, f.Infrastructure, f.Node, f.Message, f.Waiver} {
				findings[k][i][j] = text
			}
			firstSeen[i][j], failingSince[i][j] = optional(f.FirstSeen), optional(f.FailingSince)
		}
	}
	return s.insert(ctx, insertAssessments, []any{
		site, at, revision, sequence, version, hash, removed, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5],
		findings[0], findings[1], findings[2], findings[3], findings[4], findings[5], findings[6], findings[7], firstSeen, failingSince, findings[8],
		document, extract,
	})
}

const selectNeighbours = `SELECT site, at, revision, sequence, pack_hash, removed, %s
FROM assessments FINAL
WHERE (site, at) IN (
    SELECT site, max(at) FROM assessments
    WHERE site IN {sites:Array(String)} AND at < fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {lows:Array(Int64)}, toInt64(0)), 'UTC')
    GROUP BY site
    UNION ALL
    SELECT site, at FROM assessments
    WHERE site IN {sites:Array(String)} AND at >= fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {lows:Array(Int64)}, toInt64(0)), 'UTC')
        AND at <= fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {highs:Array(Int64)}, toInt64(0)), 'UTC')
    UNION ALL
    SELECT site, min(at) FROM assessments
    WHERE site IN {sites:Array(String)} AND at > fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {highs:Array(Int64)}, toInt64(0)), 'UTC')
    GROUP BY site)`

// neighbours reads the stored assessments around the given ones of each site: the last before the first, those between,
// and the first after the last. Only light leaves out the findings.
func (s *Store) neighbours(ctx context.Context, bounds map[string]bound, light bool) ([]AssessmentRow, error) {
	sites, lows, highs := make([]string, 0, len(bounds)), make([]int64, 0, len(bounds)), make([]int64, 0, len(bounds))
	for site, b := range bounds {
		sites, lows, highs = append(sites, site), append(lows, b.low.UnixNano()), append(highs, b.high.UnixNano())
	}
	columns := findingArrays
	if light {
		columns = `0`
	}
	var out []AssessmentRow
	err := s.each(ctx, fmt.Sprintf(selectNeighbours, columns),
		[]any{clickhouse.Named("sites", sites), clickhouse.Named("lows", lows), clickhouse.Named("highs", highs)},
		func(scan func(...any) error) error {
			var r AssessmentRow
			var a findingColumns
			targets := []any{&r.Site, &r.At, &r.Revision, &r.Sequence, &r.PackHash, &r.Removed}
			if light {
				var zero uint8
				targets = append(targets, &zero)
			} else {
				targets = append(targets, &a.id, &a.rule, &a.verdict, &a.severity, &a.cluster, &a.infrastructure, &a.node, &a.message,
					&a.firstSeen, &a.failingSince, &a.waiver)
			}
			err := scan(targets...)
			r.Findings = a.findings()
			out = append(out, r)
			return err
		})
	return out, err
}
