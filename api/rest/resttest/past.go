package resttest

import (
	"context"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
)

// Past is the history of the sample: until a day before Now it had two sites, whose findings all opened at that instant.
// Err, when set, is every answer.
type Past struct {
	Records []*fleet.Record
	Err     error
	Made    int // views
}

// NewPast returns the history of a sample.
func NewPast(v *View) *Past { return &Past{Records: v.Records} }

func changedAt() time.Time { return Now().Add(-24 * time.Hour) }

// View implements rest.Past.
func (p *Past) View(_ context.Context, at time.Time, _ bool) (fleet.View, error) {
	p.Made++
	v := Sample(len(p.Records))
	if at.Before(changedAt()) {
		v = Sample(min(len(p.Records), 2))
	}
	for _, r := range v.Records {
		r.Planner = fleet.Planner{}
		r.Assessment.Passed = []assess.Passed{{Subject: r.ID + "/prod", Pass: "HA-001 HA-001", NotApplicable: "FED-001"}}
		fleet.Past(r, changedAt().Add(-time.Hour), at)
	}
	return v, p.Err
}

func asked(sites []string, site string) bool { return sites == nil || slices.Contains(sites, site) }

// Changes implements rest.Past.
func (p *Past) Changes(_ context.Context, from, to time.Time, sites []string, each func(*gen.FindingChange) error) error {
	if changedAt().Before(from) || !changedAt().Before(to) {
		return p.Err
	}
	for _, r := range p.Records {
		for i := range r.Assessment.Findings {
			f := &r.Assessment.Findings[i]
			if !asked(sites, r.ID) {
				continue
			}
			err := each(&gen.FindingChange{
				At: changedAt(), Change: "opened", Site: r.ID, Cluster: f.Subject.Cluster, Infrastructure: f.Subject.Infrastructure, Finding: f.ID, Rule: f.Rule,
				Verdict: string(f.Verdict), Severity: string(f.Severity), Message: f.Message, Revision: r.Revision, RulePackHash: "abc",
			})
			if err != nil {
				return err
			}
		}
	}
	return p.Err
}

// Differences implements rest.Past.
func (p *Past) Differences(_ context.Context, from, to time.Time, sites []string, each func(*gen.Difference) error) error {
	if !from.Before(changedAt()) || to.Before(changedAt()) {
		return p.Err
	}
	for i, r := range p.Records {
		if i < 2 || !asked(sites, r.ID) {
			continue
		}
		for _, d := range []gen.Difference{
			{Kind: "cluster", Change: "opened", Site: r.ID, Cluster: "prod", What: "architecture", After: "ha-cluster"},
			{Kind: "fact", Change: "changed", Site: r.ID, What: "/site/country", Before: `"FR"`, After: `"DE"`},
			{Kind: "site", Change: "joined", Site: r.ID, After: r.Revision},
		} {
			if err := each(&d); err != nil {
				return err
			}
		}
	}
	return p.Err
}

// Trends implements rest.Past.
func (p *Past) Trends(_ context.Context, q rest.TrendQuery) ([]gen.TrendSeries, error) {
	s := gen.TrendSeries{Group: q.By, Points: []gen.TrendPoint{}}
	for i := range q.Points {
		at, n := q.From.Add(time.Duration(i)*q.Every), 0
		for k, r := range p.Records {
			if asked(q.Sites, r.ID) && (k < 2 || !at.Before(changedAt())) {
				n++
			}
		}
		if n > 0 {
			s.Points = append(s.Points, gen.TrendPoint{At: at, Sites: n, Fail: n})
		}
	}
	return []gen.TrendSeries{s}, p.Err
}
