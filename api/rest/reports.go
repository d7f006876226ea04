package rest

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/rules"
)

// reportPolicy lets an HTML report bring its own styles and pictures and nothing else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"

// ReportRequest is what a caller asks of a compliance report.
type ReportRequest struct {
	Format string    // html, csv, json, md, pdf or xlsx
	AsOf   time.Time // zero means now
	Then   bool      // judge by the rules in force at AsOf, not by those of now
	Filter string    // as written, for the report's head
	Select func(*fleet.Record, *rules.Finding) bool
	Sites  []string // the caller's scope, sorted; nil means all
}

// Report is a finished report.
type Report struct {
	ContentType string
	Name        string // file name for saving
	Size        int    // of what Write writes, in bytes; 0 when it is not known before
	Write       func(io.Writer) error
}

type reportReply struct {
	report *Report
	html   bool
}

func (r reportReply) VisitGetComplianceReportResponse(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", r.report.ContentType)
	if r.report.Size > 0 {
		h.Set("Content-Length", strconv.Itoa(r.report.Size))
	}
	h.Set("Cache-Control", "no-store")
	disposition := "attachment"
	if r.html {
		h.Set("Content-Security-Policy", reportPolicy)
		disposition = "inline"
	}
	if v := mime.FormatMediaType(disposition, map[string]string{"filename": r.report.Name}); v != "" {
		h.Set("Content-Disposition", v)
	}
	w.WriteHeader(http.StatusOK)
	return r.report.Write(w)
}

// GetComplianceReport implements the contract.
func (a *api) GetComplianceReport(ctx context.Context, req gen.GetComplianceReportRequestObject) (gen.GetComplianceReportResponseObject, error) {
	if a.Report == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server makes no reports"}
	}
	p := req.Params
	if p.AsOf.After(a.Clock()) {
		return nil, badParameter("asOf", "the instant lies in the future")
	}
	match, err := read.FindingFilter(p.Filter)
	if err != nil {
		return nil, err
	}
	format := string(p.Format)
	if format == "" {
		format = "html"
	}
	r, err := a.Report(ctx, ReportRequest{
		Format: format, AsOf: p.AsOf, Then: p.Rules == "then", Filter: p.Filter, Select: match, Sites: callOf(ctx).principal.Sites,
	})
	if err != nil {
		return nil, fmt.Errorf("make a compliance report: %w", err)
	}
	return reportReply{&r, format == "html"}, nil
}
