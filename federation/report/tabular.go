package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/rules"
)

// writeCSV writes one row a finding, and one for each site without an assessment, as RFC 4180 has it. Cells a spreadsheet
// would take for a formula begin with an apostrophe.
func writeCSV(w io.Writer, r *Report) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	for _, row := range append([][]string{findingHeader()}, findingRows(r)...) {
		for i := range row {
			row[i] = guard(row[i])
		}
		if err := c.Write(row); err != nil {
			return fmt.Errorf("write CSV report: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write CSV report: %w", err)
	}
	return nil
}

// guard keeps spreadsheets from running a cell's text as a formula. They look past leading spaces.
func guard(cell string) string {
	if trimmed := strings.TrimLeft(cell, " \u00a0"); trimmed != "" && strings.ContainsRune("=+-@\t\r\n|＝＋－＠", []rune(trimmed)[0]) {
		return "'" + cell
	}
	return cell
}

func findingHeader() []string {
	return []string{
		"reportAt", "site", "siteName", "country", "cluster", "environment", "clusterStatus", "infrastructure", "node", "rule", "title", "verdict",
		"severity", "waived", "confidence", "message", "evidence", "missing", "remedy", "reference", "firstSeen", "failingSince", "observedAt",
		"freshness", "waiver", "waiverReason", "waiverExpires", "rulePack", "reportHash",
	}
}

// findingRows are the rows below findingHeader, in the order of the report; sites without data come where their findings would.
func findingRows(r *Report) [][]string {
	clusters := map[string]*Cluster{}
	for i := range r.Clusters {
		clusters[r.Clusters[i].ID] = &r.Clusters[i]
	}
	findings := siteFindings(r)
	at := r.At.Format(time.RFC3339Nano)
	rows := [][]string{}
	for i := range r.Sites {
		s := &r.Sites[i]
		if s.Freshness == NoData {
			rows = append(rows, []string{
				at, s.ID, s.Name, s.Country, "", "", "", "", "", "", "No assessment", string(rules.Unknown), "", "false", "",
				"There is no assessment of the site at or before the instant of the report.", "", "inventory", "", "", "", "", "", s.Freshness, "", "", "", "", r.Hash,
			})
		}
		for _, f := range findings(s.ID) {
			environment, status := "", ""
			if c := clusters[s.ID+"/"+f.Subject.Cluster]; c != nil {
				environment, status = c.Environment, string(c.Status)
			}
			waiver, reason, expires := "", "", ""
			if f.Waiver != nil {
				waiver, reason, expires = f.Waiver.ID, f.Waiver.Reason, optionalInstant(&f.Waiver.Expires)
			}
			rows = append(rows, []string{
				at, s.ID, s.Name, s.Country, f.Subject.Cluster, environment, status, f.Subject.Infrastructure, f.Subject.Node, f.Rule, f.Title,
				string(f.Verdict), string(f.Severity), fmt.Sprint(f.Waived), string(f.Confidence), f.Message, strings.Join(evidence(f.Evidence), "; "),
				strings.Join(f.Missing, "; "), f.Remedy, f.Reference, optionalInstant(f.FirstSeen), optionalInstant(f.FailingSince),
				optionalInstant(f.ObservedAt), s.Freshness, waiver, reason, expires, s.RulePack, r.Hash,
			})
		}
	}
	return rows
}

// Formats are the names Write knows, sorted.
func Formats() []string { return []string{"csv", "html", "json", "md", "pdf", "xlsx"} }

// MediaType is the media type of a format, "" for one that Write does not know.
func MediaType(format string) string {
	switch format {
	case "csv":
		return "text/csv; charset=utf-8; header=present"
	case "html":
		return "text/html; charset=utf-8"
	case "json":
		return "application/json"
	case "md":
		return "text/markdown; charset=utf-8"
	case "pdf":
		return "application/pdf"
	case "xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return ""
}

// Write writes the report in one of Formats.
func Write(w io.Writer, format string, r *Report) error {
	if format != "json" {
		if err := r.full(); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		if err := r.encode(bufio.NewWriter(io.Discard)); err != nil { // They tell of the hash.
			return fmt.Errorf("write report: %w", err)
		}
	}
	switch format {
	case "csv":
		return writeCSV(w, r)
	case "html":
		return writeHTML(w, r)
	case "json":
		return writeJSON(w, r)
	case "md":
		return writeMarkdown(w, r)
	case "pdf":
		return writePDF(w, r)
	case "xlsx":
		return writeXLSX(w, r)
	}
	formats := Formats()
	slices.Sort(formats)
	return fmt.Errorf("write report: there is no format %q; use one of %s", format, strings.Join(formats, ", "))
}
