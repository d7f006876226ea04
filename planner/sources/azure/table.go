package azure

import (
	"strings"
	"unicode/utf8"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// looksLikeTable reports whether a text is the -o table output of az: a line of dashes under a header.
func looksLikeTable(text []byte) bool {
	lines := strings.SplitN(string(text[:min(len(text), 4096)]), "\n", 8)
	for i, line := range lines {
		if i > 0 && dashes(line) {
			return true
		}
	}
	return false
}

func dashes(line string) bool {
	line = strings.TrimRight(line, " \r\t")
	return strings.HasPrefix(line, "---") && strings.Trim(line, "- ") == ""
}

// cell is one text of a line, in characters from its beginning.
type cell struct {
	at   int
	text string
}

// cells splits a line at two or more spaces, which az puts between columns.
func cells(line string) []cell {
	var out []cell
	at := 0
	for line != "" {
		blank := len(line) - len(strings.TrimLeft(line, " "))
		at, line = at+blank, line[blank:]
		if line == "" {
			break
		}
		end := strings.Index(line, "  ")
		if end < 0 {
			end = len(line)
		}
		out = append(out, cell{at, strings.TrimSpace(line[:end])})
		at, line = at+utf8.RuneCountInString(line[:end]), line[end:]
	}
	return out
}

// columns are the header's names at the positions of the dashes below it.
func columns(header, under string) []cell {
	names := cells(header)
	var out []cell
	for _, c := range cells(under) {
		name := ""
		for _, n := range names {
			if n.at == c.at {
				name = n.text
			}
		}
		out = append(out, cell{c.at, name})
	}
	return out
}

// table reads -o table output of az vm list and az resource list. A row is read by the columns' positions; a cell
// that stands at none belongs to the nearest column still free, and a note tells so.
func (r *reader) table(text string) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	under := 0
	for i := 1; i < len(lines); i++ {
		if dashes(lines[i]) {
			under = i
			break
		}
	}
	cols := columns(lines[under-1], strings.TrimRight(lines[under], " \r"))
	kind, typeColumn := tableType(cols)
	if kind == "" && typeColumn < 0 {
		r.refuse("az table output", document.Problem{Line: under, What: "a table without the columns Name and Location; it has " + columnNames(cols), Remedy: exportRemedy})
		return
	}
	r.kind("az table output")
	for i := under + 1; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \r\t")
		if line == "" {
			continue
		}
		row, moved, ok := assign(cols, cells(line))
		place := document.Problem{Line: i + 1, Column: 1}
		if !ok {
			place.What, place.Remedy = "the row has more cells than the header has columns", exportRemedy
			r.report.Problem(place)
			r.report.Count("unknown", importer.ClassUnknown)
			continue
		}
		if moved != "" {
			place.What = "the row is not aligned with the header; " + importer.Quote(moved) + " was read by its nearest column"
			r.report.Note(place)
		}
		res := tableResource(cols, row, kind, typeColumn, i+1)
		if res.Class == importer.ClassUnknown {
			place.What, place.Remedy = "a table tells only name and place of "+importer.Name(res.Name), "export with -o json"
			r.report.Problem(place)
		}
		if res.Machine == nil {
			r.report.Count(res.Type, res.Class)
			continue
		}
		r.resources = append(r.resources, res)
	}
}

// tableType tells from the columns what the rows are: machines by PowerState, anything by a column Type.
func tableType(cols []cell) (kind string, typeColumn int) {
	has := map[string]int{}
	for i, c := range cols {
		has[strings.ToLower(c.text)] = i
	}
	_, name := has["name"]
	_, location := has["location"]
	_, power := has["powerstate"]
	column, typed := has["type"]
	switch {
	case name && location && power:
		return typeMachine, -1
	case name && location && typed:
		return "", column
	}
	return "", -1
}

func columnNames(cols []cell) string {
	var names []string
	for _, c := range cols {
		if importer.Token(c.text) != "" {
			names = append(names, c.text)
		}
	}
	return importer.List(names, 12)
}

// assign puts the cells of a row into columns; moved names the column of the first cell that was off its position.
func assign(cols, row []cell) (out []string, moved string, ok bool) {
	out = make([]string, len(cols))
	next := 0
	for i, c := range row {
		best := -1
		// Columns must be left for the cells still to come.
		for j := next; j <= len(cols)-(len(row)-i); j++ {
			if best < 0 || distance(cols[j].at, c.at) < distance(cols[best].at, c.at) {
				best = j
			}
		}
		if best < 0 {
			return nil, "", false
		}
		if cols[best].at != c.at && moved == "" {
			moved = cols[best].text
		}
		out[best] = c.text
		next = best + 1
	}
	return out, moved, true
}

func distance(a, b int) int {
	if a > b {
		return a - b
	}
	return b - a
}

func tableResource(cols []cell, row []string, kind string, typeColumn, line int) importer.Resource {
	res := importer.Resource{Line: line, Column: 1, Source: Source, Provider: provider, Type: kind}
	for i, c := range cols {
		switch strings.ToLower(c.text) {
		case "name":
			res.Name = row[i]
		case "resourcegroup":
			res.Group = row[i]
		case "location":
			res.Location = row[i]
		case "zones":
			res.Zones = strings.FieldsFunc(row[i], func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	if typeColumn >= 0 {
		if res.Type = strings.ToLower(row[typeColumn]); !typeName(res.Type) {
			res.Type = "unknown"
		}
	}
	if res.Type == typeMachine {
		res.Machine = &importer.Machine{}
	} else {
		// A table has no properties, so that nothing but the name and place of a resource is known; without an id it
		// cannot be joined to other files either.
		res.Class = classOf(res.Type)
		if res.Class == "" {
			res.Class = importer.ClassUnknown
		}
	}
	return res
}
