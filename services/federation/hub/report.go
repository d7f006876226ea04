package hub

import (
	"bytes"
	"context"
	"fmt"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/report"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// compliance reports on the state in force. Its instant is the present one, or that of the latest assessment when the
// stream's clock is ahead of this one.
func (h *Hub) compliance(_ context.Context, q rest.ReportRequest) (rest.Report, error) {
	if !q.AsOf.IsZero() || q.Then {
		return rest.Report{}, &rest.Error{Code: rest.CodeUnavailable, Detail: "reports of a past instant are not available from this server; leave out asOf and rules=then"}
	}
	if q.Sites != nil {
		// Messages and evidence name the neighbours that a site shares infrastructure with.
		return rest.Report{}, &rest.Error{Code: rest.CodeForbidden, Detail: "a report names sites that share infrastructure; it needs a token that sees all sites"}
	}
	mediaType := report.MediaType(q.Format)
	if mediaType == "" {
		return rest.Report{}, &rest.Error{Code: rest.CodeInvalid, Detail: fmt.Sprintf("there is no report in the format %q", q.Format)}
	}
	in := report.Input{At: h.o.Now().UTC(), Policy: h.o.Policy.Name, RulesOf: "now", Filter: q.Filter}
	for r := range h.View().Sites("") {
		in.Sites = append(in.Sites, report.Site{ID: r.ID, Name: r.Inventory.Site.Name, Country: r.Inventory.Site.Country, Liveness: string(r.Liveness)})
		if r.Assessment != nil {
			in.Assessments = append(in.Assessments, selected(r, q.Select))
			if r.Assessment.At.After(in.At) {
				in.At = r.Assessment.At
			}
		}
	}
	built, err := report.New(in)
	if err != nil {
		return rest.Report{}, err
	}
	var b bytes.Buffer
	if err := report.Write(&b, q.Format, built); err != nil {
		return rest.Report{}, fmt.Errorf("write the report: %w", err)
	}
	return rest.Report{
		ContentType: mediaType, Name: "compliance-" + in.At.Format("20060102T150405Z") + "." + q.Format, Body: b.Bytes(),
	}, nil
}

// selected leaves in an assessment the findings that the caller asked for.
func selected(r *fleet.Record, keep func(*fleet.Record, *rules.Finding) bool) *assess.Assessment {
	if keep == nil {
		return r.Assessment
	}
	out := *r.Assessment
	out.Findings = make([]rules.Finding, 0, len(r.Assessment.Findings))
	for i := range r.Assessment.Findings {
		if keep(r, &r.Assessment.Findings[i]) {
			out.Findings = append(out.Findings, r.Assessment.Findings[i])
		}
	}
	return &out
}
