package report

import (
	"fmt"
	"strconv"
	"strings"
)

// The tables that the Markdown, PDF and spreadsheet writers share.

func verdictHeader() []string {
	return []string{"Failing", "Unknown", "Waived", "Passing", "Not applicable"}
}

func verdictCells(v Verdicts) []string {
	return []string{strconv.Itoa(v.Fail), strconv.Itoa(v.Unknown), strconv.Itoa(v.Waived), strconv.Itoa(v.Pass), strconv.Itoa(v.NotApplicable)}
}

func siteHeader() []string {
	return []string{"Site", "Name", "Country", "Status", "Data", "Observed", "Age", "Inventory revision"}
}

func siteRows(r *Report) [][]string {
	rows := make([][]string, 0, len(r.Sites))
	for i := range r.Sites {
		s := &r.Sites[i]
		observed := "never"
		if s.ObservedAt != nil {
			observed = instantText(*s.ObservedAt)
		}
		rows = append(rows, []string{s.ID, s.Name, orUnknown(s.Country), string(s.Status), s.Freshness, observed, s.Age, s.Revision})
	}
	return rows
}

func clusterHeader() []string {
	return []string{
		"Cluster", "Environment", "Status", "Because", "Recognised", "Distance", "Recommended", "ThingWorx", "Database", "One region", "Round trip",
		"Availability", "Failing", "Unknown", "Waived",
	}
}

func clusterRows(r *Report) [][]string {
	rows := make([][]string, 0, len(r.Clusters))
	for i := range r.Clusters {
		c := &r.Clusters[i]
		rows = append(rows, []string{
			c.ID, c.Environment, string(c.Status), strings.Join(c.Because, "; "), orUnknown(c.Recognised), fmt.Sprintf("%.2f", c.Distance),
			recommendedText(c), orUnknown(strings.Join(c.Regions.ThingWorx, ", ")), orUnknown(c.Regions.Database), matchText(c.Regions),
			roundTripText(c.Regions), percent(c.Serving), strconv.Itoa(c.Findings.Fail), strconv.Itoa(c.Findings.Unknown), strconv.Itoa(c.Findings.Waived),
		})
	}
	return rows
}

func recommendedText(c *Cluster) string {
	if c.Recommended == "" {
		return "none meets the objectives"
	}
	return c.Recommended
}

func ruleHeader() []string {
	return append([]string{"Rule", "Title", "Severity", "Rests on"}, verdictHeader()...)
}

func ruleRows(r *Report) [][]string {
	rows := make([][]string, 0, len(r.Summary.ByRule))
	for i := range r.Summary.ByRule {
		c := &r.Summary.ByRule[i]
		rows = append(rows, append([]string{c.Rule, c.Title, string(c.Severity), string(c.Confidence)}, verdictCells(c.Verdicts)...))
	}
	return rows
}

func groupHeader(what string) []string {
	return []string{what, "Sites", "Sites without data", "Clusters", "Compliant", "Waived", "Unknown", "Non-compliant", "Failing findings"}
}

func groupRows(groups []GroupCount) [][]string {
	rows := make([][]string, 0, len(groups))
	for _, g := range groups {
		rows = append(rows, []string{
			orUnknown(g.Name), strconv.Itoa(g.Sites), strconv.Itoa(g.NoData), strconv.Itoa(g.Clusters.Total), strconv.Itoa(g.Clusters.Compliant), strconv.Itoa(g.Clusters.Waived),
			strconv.Itoa(g.Clusters.Unknown), strconv.Itoa(g.Clusters.NonCompliant), strconv.Itoa(g.Fail),
		})
	}
	return rows
}
