package report

import (
	"archive/zip"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sheet is one worksheet: a header row and rows of text; cells that are plain numbers become numbers.
type sheet struct {
	name   string
	header []string
	rows   [][]string
	widths []int // of the columns, in characters; the last counts for the rest
}

// writeXLSX writes a workbook: summary, sites, clusters, findings, rules, countries, regions, method. It holds values only,
// no formulas, and is byte for byte the same for the same report.
func writeXLSX(w io.Writer, r *Report) error {
	if err := writeWorkbook(w, workbook(r)); err != nil {
		return fmt.Errorf("write XLSX report: %w", err)
	}
	return nil
}

func workbook(r *Report) []sheet {
	t, s := r.Summary.Clusters, r.Summary.Sites
	about := [][]string{
		{"Title", r.Title},
		{"As of", r.At.Format("2006-01-02T15:04:05Z07:00")},
		{"Rules of", r.Rules},
		{"Policy", r.Policy},
		{"Filter", r.Filter},
		{"Decides from severity", string(r.Threshold)},
		{"Content hash", r.Hash},
		{"Clusters", strconv.Itoa(t.Total)},
		{"Clusters compliant", strconv.Itoa(t.Compliant)},
		{"Clusters waived", strconv.Itoa(t.Waived)},
		{"Clusters unknown", strconv.Itoa(t.Unknown)},
		{"Clusters non-compliant", strconv.Itoa(t.NonCompliant)},
		{"Sites", strconv.Itoa(s.Total)},
		{"Sites with fresh data", strconv.Itoa(r.Coverage.Fresh)},
		{"Sites with stale data", strconv.Itoa(r.Coverage.Stale)},
		{"Sites without data", strconv.Itoa(r.Coverage.NoData)},
		{"Facts known", strconv.Itoa(r.Coverage.FactsKnown)},
		{"Facts needed", strconv.Itoa(r.Coverage.FactsNeeded)},
		{"Findings", strconv.Itoa(r.Summary.Findings.Total())},
		{"Findings listed", strconv.Itoa(len(r.Findings))},
	}
	for _, p := range r.RulePacks {
		about = append(about, []string{"Rule pack " + p.Version, p.Hash})
	}
	var severities, method [][]string
	for _, c := range r.Summary.BySeverity {
		severities = append(severities, append([]string{string(c.Severity)}, verdictCells(c.Verdicts)...))
	}
	for _, p := range r.Methodology {
		method = append(method, []string{p.Heading, p.Text})
	}
	for _, a := range r.Assumptions {
		method = append(method, []string{fmt.Sprintf("Assumption (%d clusters)", a.Clusters), a.Text})
	}
	return []sheet{
		{"Summary", []string{"What", "Value"}, about, []int{26, 80}},
		{"Severities", append([]string{"Severity"}, verdictHeader()...), severities, []int{14}},
		{"Sites", siteHeader(), siteRows(r), []int{18, 22, 12, 16, 10, 20, 14, 30}},
		{"Clusters", clusterHeader(), clusterRows(r), []int{24, 14, 16, 40, 20, 10, 20, 18}},
		{"Findings", findingHeader(), findingRows(r), []int{22, 16, 20, 9, 14, 14, 16, 18, 14, 11, 30, 12, 10, 8, 11, 60, 40, 24, 60, 40, 22}},
		{"Rules", ruleHeader(), ruleRows(r), []int{11, 60, 10, 12, 10}},
		{"Countries", groupHeader("Country"), groupRows(r.Summary.ByCountry), []int{16, 10}},
		{"Regions", groupHeader("Region"), groupRows(r.Summary.ByRegion), []int{22, 10}},
		{"Method", []string{"Point", "Text"}, method, []int{26, 120}},
	}
}

func writeWorkbook(w io.Writer, sheets []sheet) error {
	z := zip.NewWriter(w)
	part := func(name, text string) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate}) // No time of writing, so that the bytes repeat.
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, xml.Header+text)
		return err
	}
	var types, list, relations strings.Builder
	for i, s := range sheets {
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`, i+1)
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, xmlText(s.name), i+1, i+1)
		fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, i+1)
	}
	fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>`, len(sheets)+1)
	parts := []struct{ name, text string }{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` + types.String() + `</Types>`},
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>` + list.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + relations.String() + `</Relationships>`},
		{"xl/styles.xml", `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font><sz val="10"/><name val="Calibri"/></font><font><b/><sz val="10"/><color rgb="FFFFFFFF"/><name val="Calibri"/></font></fonts><fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FF123A5E"/></patternFill></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf xfId="0" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf><xf xfId="0" fontId="1" fillId="2" applyFont="1" applyFill="1"/></cellXfs></styleSheet>`},
	}
	for i := range sheets {
		parts = append(parts, struct{ name, text string }{fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1), sheets[i].xml()})
	}
	for _, p := range parts {
		if err := part(p.name, p.text); err != nil {
			return err
		}
	}
	return z.Close()
}

// Limits of the format: rows of a sheet and characters of a cell.
const (
	maxRows = 1_048_576
	maxCell = 32_767
)

func (s *sheet) xml() string {
	var b strings.Builder
	b.WriteString(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`)
	for i := range s.header {
		fmt.Fprintf(&b, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, s.widths[min(i, len(s.widths)-1)])
	}
	b.WriteString(`</cols><sheetData>`)
	row := func(n int, cells []string, header bool) {
		fmt.Fprintf(&b, `<row r="%d">`, n)
		for i, text := range cells {
			at := columnName(i) + strconv.Itoa(n)
			switch {
			case header:
				fmt.Fprintf(&b, `<c r="%s" s="1" t="inlineStr"><is><t>%s</t></is></c>`, at, xmlText(text))
			case text == "":
			case isCount(text):
				fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, at, text)
			default:
				fmt.Fprintf(&b, `<c r="%s" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, at, xmlText(text))
			}
		}
		b.WriteString(`</row>`)
	}
	row(1, s.header, true)
	last := min(len(s.rows), maxRows-2)
	for i, cells := range s.rows[:last] {
		row(i+2, cells, false)
	}
	if left := len(s.rows) - last; left > 0 {
		row(last+2, []string{fmt.Sprintf("%d more rows do not fit a sheet; the CSV and JSON formats hold all", left)}, false)
	}
	fmt.Fprintf(&b, `</sheetData><autoFilter ref="A1:%s%d"/></worksheet>`, columnName(len(s.header)-1), min(len(s.rows), maxRows-1)+1)
	return b.String()
}

// isCount reports whether a cell is a whole number as this package writes them.
func isCount(s string) bool {
	if s == "" || len(s) > 15 || s[0] == '0' && len(s) > 1 {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// xmlText escapes text, leaves out what XML cannot hold, and marks a cell that had to be cut.
func xmlText(s string) string {
	if utf8.RuneCountInString(s) > maxCell {
		s = string([]rune(s)[:maxCell-20]) + " … (cut, see JSON)"
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, s))) // A strings.Builder takes everything.
	return b.String()
}

// columnName is A for 0, Z for 25, AA for 26.
func columnName(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return columnName(i/26-1) + string(rune('A'+i%26))
}
