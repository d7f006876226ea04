package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/report"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Compliance makes the report of the present or of a past instant.
func (h *Hub) Compliance(ctx context.Context, q rest.ReportRequest) (rest.Report, error) {
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
	out := rest.Report{ContentType: mediaType, Name: "compliance-" + in.At.Format("20060102T150405Z") + "." + q.Format}
	if q.Format == "json" {
		out.Write = func(w io.Writer) error { return report.Write(w, q.Format, built) }
		return out, nil
	}
	// What can fail is done before the answer begins.
	var b bytes.Buffer
	if err := report.Write(&b, q.Format, built); err != nil {
		return rest.Report{}, fmt.Errorf("write the report: %w", err)
	}
	out.Size = b.Len()
	out.Write = func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	}
	return out, nil
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
	past := h.past
	if q.Then && q.Select == nil {
		past = h.extracts
	}
	if err := past(ctx, &in, q); err != nil {
		return in, noHistory(err)
	}
	return in, nil
}

func noHistory(err error) error {
	return &rest.Error{Code: rest.CodeUnavailable, Detail: "the history cannot be read at the moment; reports of the present work", Err: err}
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

// extracts fills in what was judged then. The history keeps what a report takes of it, so that nothing is decoded.
func (h *Hub) extracts(ctx context.Context, in *report.Input, _ rest.ReportRequest) error {
	in.Rules = h.entries()
	var rows []history.Reported
	err := h.o.Past.ReportedAsOf(ctx, in.At, nil, func(row history.Reported) error {
		past := fleet.Record{}
		fleet.Past(&past, row.AcceptedAt, in.At)
		in.Sites = append(in.Sites, report.Site{ID: row.Site, Name: row.Name, Country: row.Country, Liveness: string(past.Liveness)})
		if row.Extract != "" || len(row.Document) > 0 {
			rows = append(rows, row)
		}
		return nil
	})
	in.Extracts = func(yield func(*report.Extract, error) bool) {
		var x report.Extract
		for i := range rows {
			err := readExtract(&x, &rows[i])
			if err != nil {
				err = noHistory(fmt.Errorf("site %s: %w", rows[i].Site, err))
			}
			if !yield(&x, err) {
				return
			}
		}
	}
	return err
}

func readExtract(x *report.Extract, row *history.Reported) error {
	text := row.Extract
	if len(row.Document) > 0 {
		var err error
		if text, err = extract(row.Document); err != nil {
			return err
		}
	}
	if err := x.Read(text); err != nil {
		return fmt.Errorf("read the extract of an assessment: %w", err)
	}
	return nil
}

// extract is what a report takes of an assessment, from its JSON.
func extract(document []byte) (string, error) {
	a := new(assess.Assessment)
	if err := json.Unmarshal(document, a); err != nil {
		return "", fmt.Errorf("read an assessment: %w", err)
	}
	x, err := report.Of(a)
	if err != nil {
		return "", err
	}
	return x.Text(), nil
}

// past fills in what the history says of an instant: as it was judged then, or the inventories of then judged anew.
func (h *Hub) past(ctx context.Context, in *report.Input, q rest.ReportRequest) error {
	records, err := h.recordsAsOf(ctx, in.At, q.Then, forReport)
	if err != nil {
		return err
	}
	in.Rules = h.entries()
	for _, r := range records {
		in.Sites = append(in.Sites, report.Site{ID: r.ID, Name: r.Inventory.Site.Name, Country: r.Inventory.Site.Country, Liveness: string(r.Liveness)})
		switch a := r.Assessment; {
		case a == nil:
		case q.Select == nil:
			in.Assessments = append(in.Assessments, a)
		default:
			in.Assessments = append(in.Assessments, selected(r, a.WithPassed(in.Rules), q.Select))
		}
	}
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
