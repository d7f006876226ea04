package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/meridian-federation/meridian/planner/rules"
)

//go:embed report.html.tmpl
var htmlTemplate string

// writeHTML writes one self-contained page: no script, no font and no image from elsewhere.
func writeHTML(w io.Writer, r *Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"instant": instantText, "orUnknown": orUnknown, "percent": percent, "share": share, "evidence": evidence,
		"match": matchText, "roundTrip": roundTripText, "distance": distanceText, "subject": subjectText, "verdict": verdictText,
		"statusBar": statusBar, "severityChart": severityChart, "siteFindings": siteFindings(r), "siteClusters": siteClusters(r),
		"mismatches": mismatches, "group": func(what string, rows []GroupCount) groupTable { return groupTable{what, rows} }, "waivers": waivers, "add": func(a, b int) int { return a + b },
	}).Parse(htmlTemplate)
	if err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}

func siteFindings(r *Report) func(string) []*Finding {
	bySite := map[string][]*Finding{}
	for i := range r.Findings {
		bySite[r.Findings[i].Subject.Site] = append(bySite[r.Findings[i].Subject.Site], &r.Findings[i])
	}
	return func(site string) []*Finding { return bySite[site] }
}

func siteClusters(r *Report) func(string) []*Cluster {
	bySite := map[string][]*Cluster{}
	for i := range r.Clusters {
		bySite[r.Clusters[i].Site] = append(bySite[r.Clusters[i].Site], &r.Clusters[i])
	}
	return func(site string) []*Cluster { return bySite[site] }
}

// mismatches are the clusters whose regions differ or are not known, those not known last.
func mismatches(r *Report) []*Cluster {
	var differ, unknown []*Cluster
	for i := range r.Clusters {
		switch c := &r.Clusters[i]; {
		case c.Regions.Match == nil:
			unknown = append(unknown, c)
		case !*c.Regions.Match:
			differ = append(differ, c)
		}
	}
	return append(differ, unknown...)
}

// waivers are the findings with a waiver, in force or expired.
func waivers(r *Report) []*Finding {
	var out []*Finding
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Waiver != nil && f.Verdict == rules.Fail {
			out = append(out, f)
		}
	}
	return out
}

// groupTable is a table of GroupCount with the name of its first column.
type groupTable struct {
	What string
	Rows []GroupCount
}

// bar is one part of a chart.
type bar struct {
	Class, Label string
	Value        int
	X, Y, Width  float64
}

const chartWidth = 1000.0

// statusBar lays a tally out as one stacked bar. Parts are in the order worst first and have at least a visible sliver.
func statusBar(t Tally) []bar {
	parts := []bar{
		{Class: "bad", Label: "non-compliant", Value: t.NonCompliant},
		{Class: "unknown", Label: "unknown", Value: t.Unknown},
		{Class: "waived", Label: "waived", Value: t.Waived},
		{Class: "good", Label: "compliant", Value: t.Compliant},
	}
	const least = 6.0
	room, shown := chartWidth, 0
	for _, p := range parts {
		if p.Value > 0 {
			room -= least
			shown++
		}
	}
	if shown == 0 {
		return nil
	}
	var out []bar
	x := 0.0
	for _, p := range parts {
		if p.Value == 0 {
			continue
		}
		p.X, p.Width = x, least+room*float64(p.Value)/float64(t.Total)
		x += p.Width
		out = append(out, p)
	}
	return out
}

// severityRow is one severity's line of the chart.
type severityRow struct {
	Severity                  rules.Severity
	Y                         int
	Fail, Unknown, Waived     int
	FailW, UnknownW, WaivedW  float64
	UnknownX, WaivedX, LabelX float64
}

// severityChart lays out what fails, is unknown and is waived per severity.
func severityChart(counts []SeverityCount) []severityRow {
	most := 1
	for _, c := range counts {
		most = max(most, c.Fail+c.Unknown+c.Waived)
	}
	var out []severityRow
	for i, c := range counts {
		scale := func(n int) float64 { return 620 * float64(n) / float64(most) }
		row := severityRow{
			Severity: c.Severity, Y: 34 * i, Fail: c.Fail, Unknown: c.Unknown, Waived: c.Waived,
			FailW: scale(c.Fail), UnknownW: scale(c.Unknown), WaivedW: scale(c.Waived),
		}
		row.UnknownX = 100 + row.FailW
		row.WaivedX = row.UnknownX + row.UnknownW
		row.LabelX = row.WaivedX + row.WaivedW + 8
		out = append(out, row)
	}
	return out
}
