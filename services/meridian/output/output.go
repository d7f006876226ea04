// Package output writes what a command found in the format the user chose. Data go to the writer given, always in one
// piece that parses; talk belongs on stderr and is not this package's business.
package output

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml"
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

// Column is one column of the tabular formats.
type Column struct {
	Name string
	Wide bool // left out of table, present in every other format
}

// Sheet is a table with the value it was made of, which JSON and YAML print instead.
type Sheet struct {
	Columns []Column
	Rows    [][]string // as long as Columns each
	Value   any
	// Empty is said under an empty table, so that nothing found is never mistaken for nothing done.
	Empty string
}

// Write prints the sheet.
func (s Sheet) Write(w io.Writer, f Format) error {
	switch f {
	case Table, Wide:
		return s.table(w, f == Wide)
	case JSON:
		return WriteJSON(w, s.Value)
	case YAML:
		return WriteYAML(w, s.Value)
	case CSV:
		return s.csv(w)
	case Markdown:
		return s.markdown(w)
	default:
		return fmt.Errorf("output format %q: use table, wide, json, yaml, csv or md", f)
	}
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

// WriteYAML prints a value as YAML with the keys and their order of its JSON.
func WriteYAML(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := WriteJSON(&b, v); err != nil {
		return err
	}
	text, err := yaml.JSONToYAML(b.Bytes())
	if err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	_, err = w.Write(text)
	return err
}

func (s Sheet) table(w io.Writer, wide bool) error {
	if len(s.Rows) == 0 && s.Empty != "" {
		_, err := fmt.Fprintln(w, s.Empty)
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cell func(int) string) {
		var cells []string
		for i, c := range s.Columns {
			if !c.Wide || wide {
				cells = append(cells, oneLine(cell(i)))
			}
		}
		fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	line(func(i int) string { return strings.ToUpper(s.Columns[i].Name) })
	for _, row := range s.Rows {
		line(func(i int) string { return row[i] })
	}
	return tw.Flush()
}

func (s Sheet) csv(w io.Writer) error {
	cw := csv.NewWriter(w)
	cw.UseCRLF = true
	header := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		header[i] = c.Name
	}
	if err := cw.Write(header); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	for _, row := range s.Rows {
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

func (s Sheet) markdown(w io.Writer) error {
	var b strings.Builder
	for _, c := range s.Columns {
		b.WriteString("| " + c.Name + " ")
	}
	b.WriteString("|\n" + strings.Repeat("|---", len(s.Columns)) + "|\n")
	escape := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;")
	for _, row := range s.Rows {
		for _, cell := range row {
			b.WriteString("| " + escape.Replace(cell) + " ")
		}
		b.WriteString("|\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// oneLine keeps a cell on its line and shows an absent value as such.
func oneLine(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Join(strings.Fields(s), " ")
}

// inert keeps a spreadsheet from running a cell as a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
