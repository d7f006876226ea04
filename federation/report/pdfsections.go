package report

import (
	"fmt"
	"strconv"
	"strings"
)

func (p *pdf) cover() {
	r := p.report
	p.SetFillColor(18, 58, 94)
	p.style(20, "B", color{255, 255, 255})
	title := p.wrap(r.Title, bodyWidth)
	height := 48 + 9*float64(len(title)-1)
	p.Rect(0, 0, pageWidth, height, "F")
	p.SetXY(margin, 10)
	p.style(8, "", color{196, 214, 230})
	p.CellFormat(0, 5, "COMPLIANCE REPORT", "", 1, "L", false, 0, "")
	p.style(20, "B", color{255, 255, 255})
	for _, line := range title {
		p.CellFormat(0, 9, line, "", 1, "L", false, 0, "")
	}
	var packs []string
	for _, x := range r.RulePacks {
		packs = append(packs, orUnknown(x.Version))
	}
	policy := r.Policy
	if policy == "" {
		policy = "built-in defaults"
	}
	p.Ln(1)
	facts := fmt.Sprintf("As of %s  ·  rules of %s %s  ·  policy %s  ·  decides from severity %s", instantText(r.At), r.Rules, strings.Join(packs, ", "), policy, r.Threshold)
	if r.Filter != "" {
		facts += "  ·  restricted to " + r.Filter
	}
	p.style(8.5, "", color{255, 255, 255})
	for i, line := range p.wrap(facts, bodyWidth) {
		if i < 3 {
			p.CellFormat(0, 4.4, line, "", 1, "L", false, 0, "")
		}
	}
	p.style(7.5, "", color{196, 214, 230})
	p.CellFormat(0, 5, "Content hash "+r.Hash, "", 1, "L", false, 0, "")
	p.SetY(height + 2)
}

func (p *pdf) summary() {
	r := p.report
	p.heading("Summary")
	t := r.Summary.Clusters
	p.paragraph(fmt.Sprintf("Of %d clusters at %d sites, %d comply (%s), %d stand under waivers, %d do not comply, and %d cannot be judged. %d of %d sites have fresh data.",
		t.Total, r.Coverage.Sites, t.Compliant, share(t.Compliant, t.Total), t.Waived, t.NonCompliant, t.Unknown, r.Coverage.Fresh, r.Coverage.Sites))
	p.Ln(2)
	tiles := []struct {
		n    int
		what string
		of   Status
	}{
		{t.NonCompliant, "non-compliant", NonCompliant},
		{t.Unknown, "unknown", NotKnown},
		{t.Waived, "waived", Waived},
		{t.Compliant, "compliant", Compliant},
		{r.Summary.Regions.Mismatch, "region mismatches", NonCompliant},
	}
	const gap, high = 3.0, 16.0
	wide := (bodyWidth - gap*float64(len(tiles)-1)) / float64(len(tiles))
	y := p.GetY()
	for i, tile := range tiles {
		x := margin + float64(i)*(wide+gap)
		c := statusColor(string(tile.of))
		p.SetFillColor(c[0], c[1], c[2])
		p.Rect(x, y, 1.3, high, "F")
		p.SetXY(x+2, y+1)
		p.style(16, "B", ink())
		p.CellFormat(wide-2, 8, strconv.Itoa(tile.n), "", 0, "L", false, 0, "")
		p.SetXY(x+2, y+9)
		p.style(8, "", soft())
		p.CellFormat(wide-2, 4, tile.what, "", 0, "L", false, 0, "")
	}
	p.SetY(y + high + 4)
	for _, part := range statusBar(t) {
		c := map[string]color{"bad": statusColor("fail"), "unknown": {201, 138, 27}, "waived": {135, 151, 178}, "good": statusColor("pass")}[part.Class]
		p.SetFillColor(c[0], c[1], c[2])
		p.Rect(margin+part.X*bodyWidth/chartWidth, p.GetY(), part.Width*bodyWidth/chartWidth, 5, "F")
	}
	p.Ln(9)
	p.subheading("Findings by severity")
	var rows [][]string
	for _, s := range r.Summary.BySeverity {
		rows = append(rows, append([]string{string(s.Severity)}, verdictCells(s.Verdicts)...))
	}
	p.table(verdictColumns(column{name: "Severity", width: 2}), append(rows, append([]string{"total"}, verdictCells(r.Summary.Findings)...)))
}

func verdictColumns(first ...column) []column {
	for _, name := range verdictHeader() {
		width := 1.2
		if strings.Contains(name, " ") {
			width = 1.6
		}
		first = append(first, column{name: name, width: width, number: true})
	}
	return first
}

func (p *pdf) coverage() {
	r := p.report
	c := r.Coverage
	p.heading("Coverage and freshness")
	p.paragraph(fmt.Sprintf("%d sites: %d with fresh data, %d with data older than %s, %d without any. %d of %d facts the rules need are known (%s).",
		c.Sites, c.Fresh, c.Stale, r.FreshFor, c.NoData, c.FactsKnown, c.FactsNeeded, share(c.FactsKnown, c.FactsNeeded)))
	p.Ln(2)
	p.table([]column{
		{name: "Site", width: 1.9},
		{name: "Name", width: 2.3},
		{name: "Country", width: 1.3},
		{name: "Status", width: 2.1, status: true},
		{name: "Data", width: 1.3, status: true},
		{name: "Observed", width: 3.1},
		{name: "Age", width: 1.4},
		{name: "Inventory revision", width: 3.6},
	}, siteRows(r))
}

func (p *pdf) clusters() {
	r := p.report
	p.heading("Clusters")
	var rows, places [][]string
	for i := range r.Clusters {
		c := &r.Clusters[i]
		rows = append(rows, []string{
			c.ID, string(c.Status), strings.Join(c.Because, "; "), orUnknown(c.Recognised), fmt.Sprintf("%.2f", c.Distance), recommendedText(c), percent(c.Serving),
			strconv.Itoa(c.Findings.Fail), strconv.Itoa(c.Findings.Unknown), strconv.Itoa(c.Findings.Waived),
		})
		if c.Regions.Match == nil || !*c.Regions.Match {
			advice := ""
			for _, a := range c.Advice {
				if a.Preferred {
					advice = fmt.Sprintf("Move %s to %s: %s", a.Move, a.To, a.Why)
				}
			}
			places = append(places, []string{
				c.ID, orUnknown(strings.Join(c.Regions.ThingWorx, ", ")), orUnknown(c.Regions.Database), orUnknown(roundTripText(c.Regions)), distanceText(c.Regions), advice,
			})
		}
	}
	p.table([]column{
		{name: "Cluster", width: 2.2},
		{name: "Status", width: 2.4, status: true},
		{name: "Because", width: 2.6},
		{name: "Recognised", width: 2.6},
		{name: "Distance", width: 1.45, number: true},
		{name: "Recommended", width: 2.6},
		{name: "Availability", width: 2.3, number: true},
		{name: "Failing", width: 1.3, number: true},
		{name: "Unknown", width: 1.5, number: true},
		{name: "Waived", width: 1.3, number: true},
	}, rows)
	p.heading("ThingWorx and database in one region")
	p.paragraph(fmt.Sprintf("%d clusters have both in one region, %d do not, and of %d it is not known.", r.Summary.Regions.Match, r.Summary.Regions.Mismatch, r.Summary.Regions.Unknown))
	if len(places) > 0 {
		p.Ln(2)
		p.table([]column{
			{name: "Cluster", width: 2.2},
			{name: "ThingWorx", width: 2},
			{name: "Database", width: 2},
			{name: "Round trip, 95 %", width: 2},
			{name: "Distance", width: 1.3, number: true},
			{name: "Preferred advice", width: 4},
		}, places)
	}
}

func (p *pdf) rules() {
	p.heading("Rules")
	p.table(verdictColumns(column{name: "Rule", width: 1.4}, column{name: "Title", width: 5}, column{name: "Severity", width: 1.3}, column{name: "Rests on", width: 1.3}), ruleRows(p.report))
}

func (p *pdf) places() {
	p.heading("Countries and regions")
	for _, g := range []struct {
		what string
		rows []GroupCount
	}{{"Country", p.report.Summary.ByCountry}, {"Region of ThingWorx", p.report.Summary.ByRegion}} {
		var columns []column
		for i, name := range groupHeader(g.what) {
			c := column{name: name, width: 1.2, number: i > 0}
			switch {
			case i == 0:
				c.width = 2.6
			case len(name) > 10:
				c.width = 1.9
			}
			columns = append(columns, c)
		}
		p.table(columns, groupRows(g.rows))
	}
}

func (p *pdf) waivers() {
	p.heading("Waivers")
	var rows [][]string
	for _, f := range waivers(p.report) {
		state := "expired"
		if f.Waived {
			state = "in force"
		}
		rows = append(rows, []string{f.Waiver.ID, f.Rule, f.Subject.Site + ", " + subjectText(f), f.Waiver.Reason, instantText(f.Waiver.Expires), state})
	}
	if len(rows) == 0 {
		p.paragraph("No failing finding has a waiver.")
		return
	}
	p.table([]column{
		{name: "Waiver", width: 1.3},
		{name: "Rule", width: 1.3},
		{name: "Site and subject", width: 3},
		{name: "Reason", width: 4},
		{name: "Expires", width: 2.6},
		{name: "State", width: 1.4, status: true},
	}, rows)
}

func (p *pdf) shared() {
	if len(p.report.Shared) == 0 {
		return
	}
	p.heading("Shared infrastructure")
	var rows [][]string
	for _, s := range p.report.Shared {
		rows = append(rows, []string{strings.Join(append([]string{s.Infrastructure}, s.Aliases...), ", "), s.Kind, strings.Join(s.Tenants, ", "), strings.Join(s.Regions, ", ")})
	}
	p.table([]column{{name: "Infrastructure and its other names", width: 3}, {name: "Kind", width: 1.4}, {name: "Used by", width: 4}, {name: "Regions", width: 2}}, rows)
}

func (p *pdf) findings() {
	r := p.report
	p.heading("Findings")
	p.paragraph(fmt.Sprintf("%d of %d findings are listed; the others pass or do not apply.", len(r.Findings), r.Summary.Findings.Total()))
	of := siteFindings(r)
	for i := range r.Sites {
		s := &r.Sites[i]
		name := s.ID
		if s.Name != "" {
			name += ", " + s.Name
		}
		p.subheading(name + ": " + string(s.Status))
		if len(s.Because) > 0 {
			p.lines(strings.Join(s.Because, "; "), 8, 4, "", soft(), margin, bodyWidth)
		}
		for _, f := range of(s.ID) {
			p.finding(f)
		}
	}
}

func (p *pdf) finding(f *Finding) {
	p.room(22)
	p.Ln(2)
	c := statusColor(verdictText(f))
	p.SetFillColor(c[0], c[1], c[2])
	p.Rect(margin, p.GetY()+0.4, 1.2, 4, "F")
	p.lines(fmt.Sprintf("%s %s (%s, %s)", f.Rule, f.Title, verdictText(f), f.Severity), 9, 4.6, "B", ink(), margin+2, bodyWidth-2)
	p.lines(f.Message, 8.5, 4, "", ink(), margin+2, bodyWidth-2)
	waiver := ""
	if f.Waiver != nil {
		waiver = fmt.Sprintf("%s: %s Expires %s", f.Waiver.ID, f.Waiver.Reason, instantText(f.Waiver.Expires))
	}
	rests := string(f.Confidence)
	if f.Reference != "" {
		rests += ": " + f.Reference
	}
	for _, item := range []struct{ name, text string }{
		{"Subject", subjectText(f)},
		{"Evidence", strings.Join(evidence(f.Evidence), "; ")},
		{"Missing", strings.Join(f.Missing, "; ")},
		{"Remedy", f.Remedy},
		{"Failing since", optionalInstant(f.FailingSince)},
		{"First seen", optionalInstant(f.FirstSeen)},
		{"Waiver", waiver},
		{"Rests on", rests},
	} {
		if item.text == "" {
			continue
		}
		p.room(4)
		p.style(8, "", soft())
		p.SetX(margin + 2)
		p.CellFormat(24, 3.8, item.name, "", 0, "L", false, 0, "")
		p.lines(item.text, 8, 3.8, "", ink(), margin+26, bodyWidth-26)
	}
}

func (p *pdf) method() {
	r := p.report
	p.heading("Method")
	var rows [][]string
	for _, x := range r.RulePacks {
		rows = append(rows, []string{orUnknown(x.Version), orUnknown(x.Hash), strconv.Itoa(x.Sites)})
	}
	p.table([]column{{name: "Rule pack", width: 2}, {name: "Hash of rules, parameters and policy", width: 6}, {name: "Sites", width: 1, number: true}}, rows)
	for _, x := range r.Methodology {
		p.subheading(x.Heading)
		p.paragraph(x.Text)
	}
	if len(r.Assumptions) > 0 {
		p.subheading("Assumptions")
		for _, a := range r.Assumptions {
			p.paragraph(fmt.Sprintf("%s (clusters: %d)", a.Text, a.Clusters))
		}
	}
	p.subheading("Fonts")
	p.paragraph("A character that the fonts of this file lack is printed as □; the other formats hold it.")
}
