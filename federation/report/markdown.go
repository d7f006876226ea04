package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// writeMarkdown writes the report for wikis, tickets and reviews.
func writeMarkdown(w io.Writer, r *Report) error {
	m := markdown{}
	m.head(r)
	m.clusters(r)
	m.rules(r)
	m.sites(r)
	m.method(r)
	if _, err := m.WriteTo(w); err != nil {
		return fmt.Errorf("write Markdown report: %w", err)
	}
	return nil
}

type markdown struct{ bytes.Buffer }

// mdEscape keeps text from being read as markup.
func mdEscape(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "#", `\#`).Replace(s)
}

func (m *markdown) line(format string, arguments ...any) { fmt.Fprintf(m, format+"\n", arguments...) }

func (m *markdown) table(header []string, rows [][]string) {
	m.line("| %s |", strings.Join(header, " | "))
	m.line("|%s", strings.Repeat(" --- |", len(header)))
	for _, row := range rows {
		for i := range row {
			row[i] = mdEscape(row[i])
		}
		m.line("| %s |", strings.Join(row, " | "))
	}
	m.line("")
}

func (m *markdown) head(r *Report) {
	m.line("# %s\n", mdEscape(r.Title))
	policy := r.Policy
	if policy == "" {
		policy = "built-in defaults"
	}
	m.line("As of %s, rules of %s, policy %s, decided from severity %s.", instantText(r.At), r.Rules, mdEscape(policy), r.Threshold)
	if r.Filter != "" {
		m.line("Restricted to %s.", mdEscape(r.Filter))
	}
	m.line("Content hash `%s`.\n", r.Hash)
	m.line("## Summary\n")
	t := r.Summary.Clusters
	m.line("Of %d clusters at %d sites, %d comply, %d stand under waivers, %d do not comply, and %d cannot be judged.\n",
		t.Total, r.Coverage.Sites, t.Compliant, t.Waived, t.NonCompliant, t.Unknown)
	var rows [][]string
	for _, s := range r.Summary.BySeverity {
		rows = append(rows, append([]string{string(s.Severity)}, verdictCells(s.Verdicts)...))
	}
	m.table(append([]string{"Severity"}, verdictHeader()...), append(rows, append([]string{"total"}, verdictCells(r.Summary.Findings)...)))
	m.line("## Coverage and freshness\n")
	m.line("%d of %d sites have fresh data, %d data older than %s, %d none. %d of %d facts the rules need are known.\n",
		r.Coverage.Fresh, r.Coverage.Sites, r.Coverage.Stale, r.FreshFor, r.Coverage.NoData, r.Coverage.FactsKnown, r.Coverage.FactsNeeded)
	m.table(siteHeader(), siteRows(r))
}

func (m *markdown) clusters(r *Report) {
	m.line("## Clusters\n")
	m.table(clusterHeader(), clusterRows(r))
}

func (m *markdown) rules(r *Report) {
	m.line("## Rules\n")
	m.table(ruleHeader(), ruleRows(r))
}

func (m *markdown) sites(r *Report) {
	m.line("## Findings\n")
	m.line("%d of %d findings are listed.\n", len(r.Findings), r.Summary.Findings.Total())
	for i := range r.Findings {
		f := &r.Findings[i]
		m.line("### %s, %s: %s %s (%s, %s)\n", mdEscape(f.Subject.Site), mdEscape(subjectText(f)), f.Rule, mdEscape(f.Title), verdictText(f), f.Severity)
		m.line("%s\n", mdEscape(f.Message))
		item := func(name string, values ...string) {
			if text := strings.Join(values, "; "); text != "" {
				m.line("- %s: %s", name, mdEscape(text))
			}
		}
		item("Evidence", evidence(f.Evidence)...)
		item("Missing", f.Missing...)
		item("Remedy", f.Remedy)
		item("Failing since", optionalInstant(f.FailingSince))
		item("First seen", optionalInstant(f.FirstSeen))
		if f.Waiver != nil {
			item("Waiver", f.Waiver.ID, f.Waiver.Reason, "expires "+optionalInstant(&f.Waiver.Expires))
		}
		item("Rests on", string(f.Confidence), f.Reference)
		m.line("")
	}
}

func (m *markdown) method(r *Report) {
	m.line("## Method\n")
	var rows [][]string
	for _, p := range r.RulePacks {
		rows = append(rows, []string{orUnknown(p.Version), orUnknown(p.Hash), fmt.Sprint(p.Sites)})
	}
	m.table([]string{"Rule pack", "Hash", "Sites"}, rows)
	for _, p := range r.Methodology {
		m.line("**%s.** %s\n", p.Heading, mdEscape(p.Text))
	}
	if len(r.Assumptions) > 0 {
		m.line("**Assumptions.**\n")
		for _, a := range r.Assumptions {
			m.line("- %s (clusters: %d)", mdEscape(a.Text), a.Clusters)
		}
	}
}
