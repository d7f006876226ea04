package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/report"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Past answers what was in force at an instant; *history.Store does.
type Past interface {
	AsOf(ctx context.Context, t time.Time, sites []string, each func(history.AssessmentRow) error) error
	InventoriesAsOf(ctx context.Context, t time.Time, sites []string, each func(history.InventoryRow) error) error
}

// compliance makes the report of the present or of a past instant.
func (h *Hub) compliance(ctx context.Context, q rest.ReportRequest) (rest.Report, error) {
	if q.Sites != nil {
		// Messages and evidence name the neighbours that a site shares infrastructure with.
		return rest.Report{}, &rest.Error{Code: rest.CodeForbidden, Detail: "a report names sites that share infrastructure; it needs a token that sees all sites"}
	}
	mediaType := report.MediaType(q.Format)
	if mediaType == "" {
		return rest.Report{}, &rest.Error{Code: rest.CodeInvalid, Detail: fmt.Sprintf("there is no report in the format %q", q.Format)}
	}
	in, err := h.reportInput(ctx, q)
	if err != nil {
		return rest.Report{}, err
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

func (h *Hub) reportInput(ctx context.Context, q rest.ReportRequest) (report.Input, error) {
	now := h.o.Now().UTC()
	pol, _ := h.fleet.Policy(now)
	in := report.Input{At: now, Policy: pol.Name, RulesOf: "now", Filter: q.Filter}
	if q.AsOf.IsZero() {
		h.present(&in, q)
		return in, nil
	}
	in.At = q.AsOf.UTC()
	if in.At.After(now) {
		return in, &rest.Error{Code: rest.CodeInvalid, Detail: "asOf lies in the future"}
	}
	if h.o.Past == nil {
		return in, &rest.Error{Code: rest.CodeUnavailable, Detail: "this server runs without history, so it has no reports of a past instant; leave out asOf"}
	}
	if q.Then {
		in.RulesOf = "then"
		then, _ := h.fleet.Policy(in.At)
		in.Policy = then.Name
	}
	if err := h.past(ctx, &in, q); err != nil {
		return in, &rest.Error{Code: rest.CodeUnavailable, Detail: "the history cannot be read at the moment; reports of the present work", Err: err}
	}
	return in, nil
}

// present fills in what is in force. Each site is judged once more at its own instant, since the record leaves out what
// passes. When the stream's clock is ahead of this one, the report's instant is that of the latest judgement.
func (h *Hub) present(in *report.Input, q rest.ReportRequest) {
	view := h.View()
	for r := range view.Sites("") {
		in.Sites = append(in.Sites, report.Site{ID: r.ID, Name: r.Inventory.Site.Name, Country: r.Inventory.Site.Country, Liveness: string(r.Liveness)})
		if r.Assessment == nil {
			continue
		}
		in.Assessments = append(in.Assessments, selected(r, h.fleet.Explain(r, view), q.Select))
		if r.Assessment.At.After(in.At) {
			in.At = r.Assessment.At
		}
	}
}

// past fills in what the history says of an instant: as it was judged then, or the inventories of then judged anew.
func (h *Hub) past(ctx context.Context, in *report.Input, q rest.ReportRequest) error {
	records := map[string]*fleet.Record{}
	var sites []*inventory.Site
	err := h.o.Past.InventoriesAsOf(ctx, in.At, nil, func(row history.InventoryRow) error {
		s := new(inventory.Site)
		if err := json.Unmarshal(row.Document, s); err != nil {
			return fmt.Errorf("read revision %s of site %s: %w", row.Revision, row.Site, err)
		}
		sites = append(sites, s)
		records[row.Site] = &fleet.Record{ID: row.Site, Revision: row.Revision, Inventory: s, AcceptedAt: row.AcceptedAt}
		in.Sites = append(in.Sites, report.Site{ID: row.Site, Name: s.Site.Name, Country: s.Site.Country})
		return nil
	})
	if err != nil {
		return err
	}
	add := func(site string, a *assess.Assessment) {
		r, ok := records[site]
		if !ok {
			r = &fleet.Record{ID: site, Inventory: &inventory.Site{Site: inventory.Identity{ID: site}}}
		}
		r.Assessment = a
		in.Assessments = append(in.Assessments, selected(r, a, q.Select))
	}
	if q.Then {
		err := h.o.Past.AsOf(ctx, in.At, nil, func(row history.AssessmentRow) error {
			a := new(assess.Assessment)
			if err := json.Unmarshal(row.Document, a); err != nil {
				return fmt.Errorf("read the assessment of site %s at %s: %w", row.Site, row.At.Format(time.RFC3339), err)
			}
			add(row.Site, a)
			return nil
		})
		return err
	}
	pol, ref := h.fleet.Policy(h.o.Now())
	for _, a := range h.o.Engine.Sites(sites, assess.View{Policy: pol, At: in.At, HubInView: true, All: true}) {
		site := records[a.Inventories[0].Site].Inventory.Site
		waiver.Apply(h.fleet.Waivers().Of(site), a, func(string) inventory.Identity { return site })
		a.Policy = ref
		add(site.ID, a)
	}
	slices.SortFunc(in.Sites, func(a, b report.Site) int { return strings.Compare(a.ID, b.ID) })
	return nil
}

// selected leaves in an assessment the findings that the caller asked for.
func selected(r *fleet.Record, a *assess.Assessment, keep func(*fleet.Record, *rules.Finding) bool) *assess.Assessment {
	if keep == nil {
		return a
	}
	out := *a
	out.Findings = make([]rules.Finding, 0, len(a.Findings))
	for i := range a.Findings {
		if keep(r, &a.Findings[i]) {
			out.Findings = append(out.Findings, a.Findings[i])
		}
	}
	return &out
}
