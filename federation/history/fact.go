package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Fact is the value one leaf of a site's inventory took at an instant.
type Fact struct {
	ObservedAt time.Time `ch:"observed_at"`
	Revision   string    `ch:"revision"`
	Value      string    `ch:"value"`  // JSON text
	Source     string    `ch:"source"` // where it was learned, empty when the inventory does not say
}

// FactHistory returns the values one fact of a site took, newest first, without repetitions. path is a JSON pointer.
func (s *Store) FactHistory(ctx context.Context, site, path string, limit int) ([]Fact, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var facts []Fact
	err := s.conn.Select(ctx, &facts, selectFactHistory,
		clickhouse.Named("site", site), clickhouse.Named("path", path), clickhouse.Named("limit", uint64(max(limit, 0))))
	return facts, wrap("read fact history", err)
}

// factColumns are the rows of the table facts, column by column.
type factColumns struct {
	site, revision, path, value, source []string
	observed                            []time.Time
	probes                              probeColumns
	identity                            string // what the last document says under "site"; empty without

	paths map[string]string // each path once: sites list the same things
}

// room makes place for what documents of so many bytes hold at most.
func (f *factColumns) room(bytes int) {
	const perFact = 24 // bytes of a short key with its value
	n := bytes / perFact
	f.site, f.revision, f.path, f.value = slices.Grow(f.site, n), slices.Grow(f.revision, n), slices.Grow(f.path, n), slices.Grow(f.value, n)
	f.source, f.observed = slices.Grow(f.source, n), slices.Grow(f.observed, n)
}

// pathOf is a path as a string that all facts of it share.
func (f *factColumns) pathOf(path []byte) string {
	if known, ok := f.paths[string(path)]; ok {
		return known
	}
	if f.paths == nil {
		f.paths = map[string]string{}
	}
	text := string(path)
	f.paths[text] = text
	return text
}

func (f *factColumns) columns() []any {
	return []any{f.site, f.revision, f.observed, f.path, f.value, f.source}
}

// add flattens the document of a row. After an error nothing of the row was added.
func (f *factColumns) add(r *InventoryRow) error {
	text := bytes.Trim(r.Document, " \t\r\n")
	if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return errors.New("the document is not a JSON object")
	}
	w := walker{text: text, whole: string(text), columns: f, row: r, at: instant(r.ObservedAt)}
	first := len(f.path)
	w.value()
	for i := first; i < len(f.path); i++ {
		f.source = append(f.source, w.sourceOf(f.path[i]))
	}
	return nil
}

// sourceOf is where a leaf was learned: one entry of the provenance stands for everything beneath its path, the closest counts.
func (w *walker) sourceOf(path string) string {
	for len(w.sources) > 0 {
		if source, ok := w.sources[path]; ok {
			return source
		}
		cut := strings.LastIndexByte(path, '/')
		if cut <= 0 {
			break
		}
		path = path[:cut]
	}
	return ""
}

// walker emits every leaf of one JSON text that is known to be valid. Empty objects and lists are leaves. Values keep
// their spelling; decoding them would cost ten times as much as the rest of the write.
type walker struct {
	text    []byte
	whole   string // the same, whose parts are the values
	next    int    // index of the byte to be read
	path    []byte
	columns *factColumns
	row     *InventoryRow
	at      time.Time
	sources map[string]string // by path, from the document's provenance
}

func (w *walker) space() {
	for w.next < len(w.text) && (w.text[w.next] == ' ' || w.text[w.next] == '\n' || w.text[w.next] == '\t' || w.text[w.next] == '\r') {
		w.next++
	}
}

func (w *walker) value() {
	w.space()
	switch w.text[w.next] {
	case '{':
		w.container('}', func(int) {
			key := w.string()
			w.space()
			w.next++ // The colon.
			w.path = appendPointer(append(w.path, '/'), key)
		})
	case '[':
		w.container(']', func(i int) { w.path = strconv.AppendInt(append(w.path, '/'), int64(i), 10) })
	case '"':
		from := w.next
		w.string()
		w.emit(w.whole[from:w.next])
	default:
		from := w.next
		for w.next < len(w.text) && !ends(w.text[w.next]) {
			w.next++
		}
		w.emit(w.whole[from:w.next])
	}
}

// container walks an object or a list; enter reads what comes before the i-th value and extends the path by it.
func (w *walker) container(end byte, enter func(i int)) {
	opening := w.text[w.next]
	w.next++
	depth := len(w.path)
	for i := 0; ; i++ {
		w.space()
		switch {
		case w.text[w.next] == end:
			w.next++
			if i == 0 {
				w.emit(string([]byte{opening, end}))
			}
			return
		case i > 0:
			w.next++ // The comma.
			w.space()
		}
		enter(i)
		switch string(w.path) {
		case "/provenance":
			w.provenance()
		case "/site":
			w.space()
			from := w.next
			w.value()
			w.columns.identity = w.whole[from:w.next]
		case "/probes":
			w.space()
			from := w.next
			w.value()
			w.columns.probes.add(w.row, w.text[from:w.next])
		default:
			w.value()
		}
		w.path = w.path[:depth]
	}
}

// ends reports whether a byte follows a number, true, false or null.
func ends(c byte) bool {
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

// string reads a string and returns it with its quotes.
func (w *walker) string() []byte {
	from := w.next
	for w.next++; w.text[w.next] != '"'; w.next++ {
		if w.text[w.next] == '\\' {
			w.next++
		}
	}
	w.next++
	return w.text[from:w.next]
}

// provenance reads the document's own list of sources, whose entries are no facts.
func (w *walker) provenance() {
	decoder := json.NewDecoder(bytes.NewReader(w.text[w.next:]))
	var raw json.RawMessage
	_ = decoder.Decode(&raw) // The text is valid.
	w.next += int(decoder.InputOffset())
	var entries []struct{ Path, Source string }
	_ = json.Unmarshal(raw, &entries) // A list of another form names no sources.
	w.sources = make(map[string]string, len(entries))
	for _, e := range entries {
		w.sources[e.Path] = e.Source
	}
}

func (w *walker) emit(value string) {
	f := w.columns
	f.site = append(f.site, w.row.Site)
	f.revision = append(f.revision, w.row.Revision)
	f.observed = append(f.observed, w.at)
	f.path = append(f.path, f.pathOf(w.path))
	f.value = append(f.value, value)
}

// appendPointer appends a quoted key as a part of a JSON pointer (RFC 6901).
func appendPointer(path, quoted []byte) []byte {
	key := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		var text string
		_ = json.Unmarshal(quoted, &text) // The text is valid.
		key = []byte(text)
	}
	for _, c := range key {
		switch c {
		case '~':
			path = append(path, "~0"...)
		case '/':
			path = append(path, "~1"...)
		default:
			path = append(path, c)
		}
	}
	return path
}
