// Package output writes what a command found in the format the user chose. Data go to the writer given, always in one
// piece that parses; talk belongs on stderr and is not this package's business.
package output

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Format is a value of -o.
type Format string

// Formats every command offers.
const (
	Table    Format = "table"
	Wide     Format = "wide"
	JSON     Format = "json"
	YAML     Format = "yaml"
	CSV      Format = "csv"
	Markdown Format = "md"
)

// ForPeople reports whether the format is read by people at a terminal, who want totals and hints beside the data.
func (f Format) ForPeople() bool { return f == Table || f == Wide }

// Column is one column of the tabular formats. The name is also the key in CSV. Long texts belong last, where a terminal
// may break them without harm to the columns.
type Column struct {
	Name   string
	Wide   bool // left out of table, present in every other format
	Narrow bool // in table only, where it sums up wide columns
}

// Sheet is a table with the value it was made of, which JSON and YAML print instead.
type Sheet struct {
	Title   string // heads the sheet in Markdown where a document has several
	Columns []Column
	Rows    [][]string // as long as Columns each
	Value   any
	// Empty is said instead of an empty table, so that nothing found is never mistaken for nothing done.
	Empty string
	// Width is the most characters of a line of Table: the last column is broken into lines that fit. 0 breaks nothing.
	Width int
}

// leastRoom is what a broken column has at least, however wide the others are.
const leastRoom = 12

// Write prints the sheet.
func (s Sheet) Write(w io.Writer, f Format) error {
	return Document{Value: s.Value, Sheets: []Sheet{s}}.Write(w, f)
}

// Document is one value that takes several tables to show. JSON and YAML print the value, Table, Wide and Markdown all
// sheets, and CSV, which holds one table only, the first.
type Document struct {
	Value  any
	Sheets []Sheet
}

// Write prints the document.
func (d Document) Write(w io.Writer, f Format) error {
	switch f {
	case JSON:
		return WriteJSON(w, d.Value)
	case YAML:
		return WriteYAML(w, d.Value)
	case Table, Wide, Markdown, CSV:
	default:
		return fmt.Errorf("output format %q: use table, wide, json, yaml, csv or md", f)
	}
	var b bytes.Buffer
	for i, s := range d.Sheets {
		if f == CSV {
			if i == 0 {
				if err := s.csv(&b); err != nil {
					return err
				}
			}
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		if f == Markdown {
			if len(d.Sheets) > 1 && s.Title != "" {
				b.WriteString("## " + s.Title + "\n\n")
			}
			s.markdown(&b)
			continue
		}
		s.table(&b, f == Wide)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// WriteJSON prints a value as indented JSON.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func (s Sheet) table(b *bytes.Buffer, wide bool) {
	if len(s.Rows) == 0 && s.Empty != "" {
		b.WriteString(s.Empty + "\n")
		return
	}
	lines := make([][]string, 0, 1+len(s.Rows))
	line := func(cell func(int) string) {
		var cells []string
		for i, c := range s.Columns {
			if wide && !c.Narrow || !wide && !c.Wide {
				cells = append(cells, oneLine(cell(i)))
			}
		}
		lines = append(lines, cells)
	}
	line(func(i int) string { return strings.ToUpper(s.Columns[i].Name) })
	for _, row := range s.Rows {
		line(func(i int) string { return row[i] })
	}
	if s.Width > 0 && !wide {
		lines = broken(lines, s.Width)
	}
	tw := tabwriter.NewWriter(b, 0, 0, gap, ' ', 0)
	for _, cells := range lines {
		_, _ = io.WriteString(tw, strings.Join(cells, "\t")+"\n") // A buffer takes everything.
	}
	_ = tw.Flush()
}

// gap is the number of spaces between two columns.
const gap = 2

// broken breaks the last cell of every line so that the line has at most width characters. What goes on stands below it.
func broken(lines [][]string, width int) [][]string {
	last := len(lines[0]) - 1
	room := width
	for i := range last {
		most := 0
		for _, cells := range lines {
			most = max(most, utf8.RuneCountInString(cells[i]))
		}
		room -= most + gap
	}
	var out [][]string
	for _, cells := range lines {
		before := cells[:last]
		for part := range strings.Lines(Paragraph(cells[last], "", max(room, leastRoom))) {
			out = append(out, append(slices.Clone(before), strings.TrimSuffix(part, "\n")))
			before = make([]string, last)
		}
	}
	return out
}

// without leaves out the columns that only a table has.
func (s Sheet) without(row []string) []string {
	out := make([]string, 0, len(row))
	for i, cell := range row {
		if !s.Columns[i].Narrow {
			out = append(out, cell)
		}
	}
	return out
}

func (s Sheet) csv(b *bytes.Buffer) error {
	cw := csv.NewWriter(b)
	cw.UseCRLF = true
	header := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		header[i] = c.Name
	}
	rows := slices.Concat([][]string{header}, s.Rows)
	for _, row := range rows {
		row = s.without(row)
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = inert(cell)
		}
		if err := cw.Write(safe); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	cw.Flush()
	return cw.Error()
}

func (s Sheet) markdown(b *bytes.Buffer) {
	if len(s.Rows) == 0 && s.Empty != "" {
		b.WriteString(s.Empty + "\n")
		return
	}
	columns := 0
	for _, c := range s.Columns {
		if !c.Narrow {
			b.WriteString("| " + c.Name + " ")
			columns++
		}
	}
	b.WriteString("|\n" + strings.Repeat("|---", columns) + "|\n")
	escape := strings.NewReplacer(`\`, `\\`, "|", `\|`, "\r", "", "\n", " ", "<", "&lt;", "&", "&amp;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`)
	for _, row := range s.Rows {
		for _, cell := range s.without(row) {
			b.WriteString("| " + escape.Replace(cell) + " ")
		}
		b.WriteString("|\n")
	}
}

// Paragraph breaks a text into lines of at most width characters, each behind the indent. A word that is longer has a
// line of its own.
func Paragraph(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			b.WriteString(indent)
			column = utf8.RuneCountInString(indent)
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
	return b.String()
}

// oneLine keeps a cell on its line and shows an absent value as such. Control characters, which could command a terminal,
// are left out.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	if s = strings.Join(strings.Fields(s), " "); s == "" {
		return "-"
	}
	return s
}

// inert keeps a spreadsheet from running a cell as a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
