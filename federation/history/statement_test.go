package history

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/federation/history/migrations"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), run with -update if it is meant:\n%s", path, diff)
	}
}

// Every statement as ClickHouse gets it.
func TestStatements(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	full := EventFilter{
		Sites: []string{"a"}, Rules: []string{"b"}, Severities: []string{"c"}, Clusters: []string{"d"}, Changes: []Change{Opened}, From: at, To: at,
	}
	conditions, _ := full.conditions()
	none, _ := (&EventFilter{}).conditions()
	asOf := func(template string, sites ...string) string {
		query, _ := asOfQuery(template, at, sites)
		return query
	}
	var b strings.Builder
	for _, s := range []struct{ name, text string }{
		{"insert inventories", insertInventories},
		{"insert acceptances", insertAcceptances},
		{"insert facts", insertFacts},
		{"insert assessments", insertAssessments},
		{"insert finding events", insertEvents},
		{"insert rejections", insertRejections},
		{"insert recommendations", insertRecommendations},
		{"insert probe samples", insertProbes},
		{"insert audit entries", insertAudit},
		{"revisions", selectRevisions},
		{"count revisions", countRevisions},
		{"inventory", selectInventory},
		{"inventories as of", asOf(selectInventoriesAsOf)},
		{"inventories as of, some sites", asOf(selectInventoriesAsOf, "a")},
		{"fact history", selectFactHistory},
		{"assessments as of", asOf(selectAssessmentsAsOf)},
		{"assessments as of, some sites", asOf(selectAssessmentsAsOf, "a")},
		{"trend", asOf(selectTrend)},
		{"accepted as of", asOf(selectAcceptedAsOf)},
		{"findings as of", asOf(selectFindingsAsOf)},
		{"last accepted", asOf(selectLastAccepted)},
		{"removed", asOf(selectRemoved)},
		{"identities as of", asOf(selectIdentitiesAsOf)},
		{"extracts as of", asOf(selectExtractsAsOf)},
		{"months without identity", selectUnidentified},
		{"fill in identities", fillIdentities},
		{"assessments without extract", selectUnextracted},
		{"assessments at instants", selectAssessmentsAt},
		{"facts as of", asOf(selectFactsAsOf)},
		{"neighbours", fmt.Sprintf(selectNeighbours, findingArrays)},
		{"events of assessments", selectEventsOf},
		{"events", fmt.Sprintf(selectEvents, none)},
		{"events, all filters", fmt.Sprintf(selectEvents, conditions+"\n    AND "+afterCursor)},
		{"count events", fmt.Sprintf(countEvents, none)},
		{"events between", fmt.Sprintf(selectEventsBetween, none)},
		{"recommendations as of", asOf(selectRecommendationsAsOf)},
		{"recommendations as of, some sites", asOf(selectRecommendationsAsOf, "a")},
		{"probe samples", selectProbes},
		{"audit", fmt.Sprintf(selectAudit, "1 AND "+beforeEntry)},
		{"count audit", fmt.Sprintf(countAudit, "1")},
		{"rejections", selectRejections},
		{"count rejections", countRejections},
		{"counts", selectCounts},
	} {
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", s.name, s.text)
	}
	for _, k := range (&Retention{Inventories: 24 * time.Hour, Facts: 48 * time.Hour}).tables() {
		if k.Duration > 0 {
			fmt.Fprintf(&b, "-- retention of %s\n%s;\n%s;\n\n", k.table, k.alteration(0, ""), k.alteration(7, "main"))
		}
	}
	fmt.Fprintf(&b, "-- no retention\n%s;\n", (&kept{table: "facts"}).alteration(7, "main"))
	golden(t, "statements.sql", b.String())
}

func TestMigrationsRendered(t *testing.T) {
	for name, c := range map[string]struct {
		replicated bool
		cluster    string
	}{"schema-single.sql": {}, "schema-replicated.sql": {true, "main`shard"}} {
		files, err := render(migrations.Files, c.replicated, c.cluster)
		if err != nil {
			t.Fatal(err)
		}
		names, err := fs.Glob(files, "*")
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, n := range names {
			if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(n, want) {
				t.Errorf("migration %s is not numbered %s", n, want)
			}
			text, err := fs.ReadFile(files, n)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(text), "-- +goose NO TRANSACTION\n") {
				t.Errorf("%s has to begin with NO TRANSACTION", n)
			}
			for statement := range strings.SplitSeq(string(text), ";") {
				if s := strings.ToUpper(statement); strings.Contains(s, "CREATE ") && !strings.Contains(s, "IF NOT EXISTS") || strings.Contains(s, "DROP ") {
					t.Errorf("%s: a statement cannot be repeated, or drops: %s", n, statement)
				}
			}
			fmt.Fprintf(&b, "-- %s\n%s\n", n, text)
		}
		golden(t, name, b.String())
	}
	for _, bad := range []string{"{{", "{{.Engine}}", `{{engine "x"}}`} {
		if _, err := render(fstest.MapFS{"0001_x.sql": {Data: []byte(bad)}}, false, ""); err == nil {
			t.Errorf("template %q gives no error", bad)
		}
	}
}

func TestFlatten(t *testing.T) {
	for _, c := range []struct{ document, want string }{
		{`{}`, " = {} from "},
		{` {"a" : 1.50 , "b" : [ ] } `, "/a = 1.50 from \n/b = [] from "},
		{
			`{"b":{"x/y~z":[1e5,"<a,]}>",true,null,{}]},"a":[[],[0]]}`,
			"/b/x~1y~0z/0 = 1e5 from \n/b/x~1y~0z/1 = \"<a,]}>\" from \n/b/x~1y~0z/2 = true from \n/b/x~1y~0z/3 = null from \n/b/x~1y~0z/4 = {} from \n" +
				"/a/0 = [] from \n/a/1/0 = 0 from ",
		},
		{`{"a\"\u00e4\\":"\\\""}`, `/a"ä\ = "\\\"" from `},
		{`{"c":[8],"provenance":[{"path":"/c/0","source":"azure"},{"source":"lost"}],"d":false}`, "/c/0 = 8 from azure\n/d = false from "},
		{`{"c":[{"d":1,"e":2}],"provenance":[{"path":"/c/0","source":"azure"},{"path":"/c/0/e","source":"probe"}]}`, "/c/0/d = 1 from azure\n/c/0/e = 2 from probe"},
		{`{"c":1,"provenance":7}`, "/c = 1 from "},
		{`{"c":{"provenance":7}}`, "/c/provenance = 7 from "},
	} {
		var f factColumns
		if err := f.add(&InventoryRow{Site: "s", Revision: "r", Document: []byte(c.document)}); err != nil {
			t.Errorf("%s: %v", c.document, err)
		}
		if got := lines(&f); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.document, got, c.want)
		}
	}
	for _, bad := range []string{``, ` `, `[]`, `"a"`, `{`, `{} {}`, `{"a":1}x`, "{\"a\":\"\x00\"}"} {
		var f factColumns
		if err := f.add(&InventoryRow{Document: []byte(bad)}); err == nil || len(f.path) != 0 {
			t.Errorf("document %q: error %v, %d rows added", bad, err, len(f.path))
		}
	}
}

func lines(f *factColumns) string {
	var out []string
	for i := range f.path {
		out = append(out, f.path[i]+" = "+f.value[i]+" from "+f.source[i])
	}
	return strings.Join(out, "\n")
}

// Every document that encoding/json takes is flattened without a panic, each leaf where a pointer finds it.
func FuzzFlatten(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":"\u0041"}],"":{"~":[]}}`, `{"provenance":[{"path":"/a"}]}`, `{"a":[`, `{"a":-1.5e-7 }`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var columns factColumns
		err := columns.add(&InventoryRow{Document: data})
		var document map[string]any
		if (json.Unmarshal(data, &document) == nil && document != nil) != (err == nil) {
			t.Fatalf("%q: %v", data, err)
		}
		if !utf8.Valid(data) {
			return // encoding/json replaces what is no text, the history keeps it.
		}
		for i, path := range columns.path {
			if path == "" {
				continue
			}
			var v any = document
			for _, part := range strings.Split(path, "/")[1:] {
				part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
				switch c := v.(type) {
				case map[string]any:
					next, ok := c[part]
					if !ok {
						t.Fatalf("%q: nothing at %q", data, path)
					}
					v = next
				case []any:
					n, err := strconv.Atoi(part)
					if err != nil || n >= len(c) {
						t.Fatalf("%q: nothing at %q", data, path)
					}
					v = c[n]
				}
			}
			var value any
			if err := json.Unmarshal([]byte(columns.value[i]), &value); err != nil {
				t.Fatalf("%q: value at %s: %v", data, path, err)
			}
		}
	})
}

func TestWrap(t *testing.T) {
	if wrap("x", nil) != nil {
		t.Error("nil becomes an error")
	}
	for _, c := range []struct {
		err         error
		unavailable bool
	}{
		{errors.New("connection refused"), true},
		{&clickhouse.Exception{Code: 241}, true},
		{fmt.Errorf("deep: %w", &clickhouse.Exception{Code: 252}), true},
		{&clickhouse.Exception{Code: 62}, false},
		{fmt.Errorf("%w: x", ErrInvalid), false},
		{fmt.Errorf("%w: x", ErrNotFound), false},
	} {
		got := wrap("read", c.err)
		if errors.Is(got, ErrUnavailable) != c.unavailable || !errors.Is(got, c.err) || !strings.HasPrefix(got.Error(), "read: ") {
			t.Errorf("wrap(%v) = %v", c.err, got)
		}
	}
}

func BenchmarkFlatten(b *testing.B) {
	row := InventoryRow{Site: "s", Document: []byte(`{"clusters":[` + strings.Repeat(`{"name":"node-1","machine":"vm-1","placement":{"provider":"azure","region":"westeurope","zone":"1"},"cpu":8,"memoryGiB":32},`, 48) + `0]}`)}
	b.SetBytes(int64(len(row.Document)))
	for b.Loop() {
		var f factColumns
		if err := f.add(&row); err != nil {
			b.Fatal(err)
		}
	}
}
