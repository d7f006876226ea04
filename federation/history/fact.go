package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// reset empties the facts and keeps their room and the paths. Probes stay.
func (f *factColumns) reset() {
	f.site, f.revision, f.path, f.value, f.source, f.observed = f.site[:0], f.revision[:0], f.path[:0], f.value[:0], f.source[:0], f.observed[:0]
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
	w := walker{text: text, whole: string(text), columns: f, row: r, at: instant(r.ObservedAt)}
	first, probes := len(f.path), f.probes
	f.identity = ""
	if w.peek() == '{' {
		w.value()
	}
	if w.wrong || w.next < len(text) || len(text) == 0 {
		f.site, f.revision, f.observed, f.path, f.value = f.site[:first], f.revision[:first], f.observed[:first], f.path[:first], f.value[:first]
		f.probes, f.identity = probes, ""
		return errors.New("the document is not a JSON object")
	}
	for i := first; i < len(f.path); i++ {
		f.source = append(f.source, w.sourceOf(f.path[i]))
	}
	return nil
}

// sourceOf is where a leaf was learned: one entry of the provenance stands for everything beneath its path, the closest counts.
func (w *walker) sourceOf(path string) string {
	if len(w.sources) == 0 {
		return ""
	}
	if source, ok := w.sources[path]; ok {
		return source
	}
	parent := path[:max(strings.LastIndexByte(path, '/'), 0)]
	if parent != w.parent { // Leaves come one after the other that have one.
		w.parent, w.inherited = parent, ""
		for at := parent; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
			if source, ok := w.sources[at]; ok {
				w.inherited = source
				break
			}
		}
	}
	return w.inherited
}

// walker emits every leaf of one JSON text. Empty objects and lists are leaves. Values keep their spelling; decoding them would
// cost ten times as much as the rest of the write, and reading the text beforehand to see whether it is JSON a third of it.
type walker struct {
	text    []byte
	whole   string // the same, whose parts are the values
	next    int    // index of the byte to be read
	depth   int
	wrong   bool // the text is no JSON; what was emitted is of no use
	path    []byte
	columns *factColumns
	row     *InventoryRow
	at      time.Time
	sources map[string]string // by path, from the document's provenance

	parent, inherited string // the container that sourceOf was asked about last, and its source
}

// deepest is how many containers may lie in each other, as encoding/json has it.
const deepest = 10000

// fail ends the walk: nothing is left to be read.
func (w *walker) fail() { w.wrong, w.next = true, len(w.text) }

// peek is the byte to be read, 0 at the end, which is no byte of JSON outside of what strings escape.
func (w *walker) peek() byte {
	if w.next < len(w.text) {
		return w.text[w.next]
	}
	return 0
}

// take reads one byte that has to be there.
func (w *walker) take(c byte) {
	if w.peek() != c {
		w.fail()
		return
	}
	w.next++
}

func (w *walker) space() {
	for w.next < len(w.text) && (w.text[w.next] == ' ' || w.text[w.next] == '\n' || w.text[w.next] == '\t' || w.text[w.next] == '\r') {
		w.next++
	}
}

func (w *walker) value() {
	w.space()
	from := w.next
	switch c := w.peek(); {
	case c == '{':
		w.container('}', func(int) {
			key := w.string()
			w.space()
			w.take(':')
			w.path = appendPointer(append(w.path, '/'), key)
		})
		return
	case c == '[':
		w.container(']', func(i int) { w.path = strconv.AppendInt(append(w.path, '/'), int64(i), 10) })
		return
	case c == '"':
		w.string()
	case c == '-' || isDigit(c):
		w.number()
	case c == 't':
		w.word("true")
	case c == 'f':
		w.word("false")
	case c == 'n':
		w.word("null")
	default:
		w.fail()
	}
	if !w.wrong {
		w.emit(w.whole[from:w.next])
	}
}

// container walks an object or a list; enter reads what comes before the i-th value and extends the path by it.
func (w *walker) container(end byte, enter func(i int)) {
	opening := w.text[w.next]
	w.next++
	if w.depth++; w.depth > deepest {
		w.fail()
	}
	length := len(w.path)
	for i := 0; !w.wrong; i++ {
		w.space()
		if w.peek() == end {
			w.next++
			if i == 0 {
				w.emit(string([]byte{opening, end}))
			}
			break
		}
		if i > 0 {
			w.take(',')
			w.space()
		}
		enter(i)
		if w.wrong {
			break
		}
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
			if !w.wrong {
				w.columns.probes.add(w.row, w.text[from:w.next])
			}
		default:
			w.value()
		}
		w.path = w.path[:length]
	}
	w.depth--
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (w *walker) word(text string) {
	if !strings.HasPrefix(w.whole[w.next:], text) {
		w.fail()
		return
	}
	w.next += len(text)
}

// digits reads one at least.
func (w *walker) digits() {
	if !isDigit(w.peek()) {
		w.fail()
	}
	for isDigit(w.peek()) {
		w.next++
	}
}

func (w *walker) number() {
	if w.peek() == '-' {
		w.next++
	}
	if w.peek() == '0' {
		w.next++
	} else {
		w.digits()
	}
	if w.peek() == '.' {
		w.next++
		w.digits()
	}
	if c := w.peek(); c == 'e' || c == 'E' {
		w.next++
		if c := w.peek(); c == '+' || c == '-' {
			w.next++
		}
		w.digits()
	}
}

// string reads a string and returns it with its quotes.
func (w *walker) string() []byte {
	from := w.next
	w.take('"')
	for w.next < len(w.text) {
		switch c := w.text[w.next]; {
		case c == '"':
			w.next++
			return w.text[from:w.next]
		case c < ' ':
			w.fail()
		case c == '\\':
			w.escape()
		default:
			w.next++
		}
	}
	w.fail()
	return []byte(`""`)
}

func (w *walker) escape() {
	w.next++
	switch w.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		w.next++
	case 'u':
		for range 4 {
			w.next++
			if c := w.peek(); !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				w.fail()
				return
			}
		}
		w.next++
	default:
		w.fail()
	}
}

// provenance reads the document's own list of sources, whose entries are no facts.
func (w *walker) provenance() {
	decoder := json.NewDecoder(bytes.NewReader(w.text[w.next:]))
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		w.fail()
		return
	}
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
