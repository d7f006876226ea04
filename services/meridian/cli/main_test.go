package cli_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/resttest"
	"github.com/meridian-federation/meridian/deployments/demo"
	clickhouse "github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/services/meridian/cli"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

// now is the instant of every script, a quarter of an hour after the sample federation was observed.
func now() time.Time { return time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) }

type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) {
	clickhouse.Main() // Returns at once unless this process was started as the embedded ClickHouse.
	// Tests run in their own folder; the engine that task chdb fetches lies under the root.
	if os.Getenv("MERIDIAN_CHDB") == "" {
		found, err := filepath.Glob("../../../deployments/embedded-clickhouse/node_modules/@chdb/*/libchdb.so")
		if err == nil && len(found) > 0 {
			if library, err := filepath.Abs(found[0]); err == nil {
				_ = os.Setenv("MERIDIAN_CHDB", library)
			}
		}
	}
	testscript.Main(leakChecked{m}, map[string]func(){
		"meridian": func() {
			os.Exit(cli.Run(context.Background(), cli.Environment{
				Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Version: "v1.2.3", Now: now,
			}))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			files, err := demo.Inventories(now())
			if err != nil {
				return err
			}
			dir := filepath.Join(e.WorkDir, "demo")
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			for name, data := range files {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "json": isJSON, "yaml": isYAML, "csv": isCSV, "sarif": isSARIF, "junit": isJUnit, "quiet": quiet, "server": serve, "broken-server": brokenServer,
		},
	})
}

// exits runs meridian and demands an exit code: exits 3 assess FILE.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("meridian", args[1:]...); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if neg || got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// quiet demands that nothing was told on stderr.
func quiet(ts *testscript.TestScript, _ bool, _ []string) {
	if text := ts.ReadFile("stderr"); text != "" {
		ts.Fatalf("stderr: %s", text)
	}
}

// isJSON demands that stdout is one JSON value; an argument is the name of a member it has.
func isJSON(ts *testscript.TestScript, _ bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var v any
	ts.Check(dec.Decode(&v))
	if dec.More() {
		ts.Fatalf("stdout holds more than one value")
	}
	members(ts, v, args)
}

func isYAML(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	members(ts, v, args)
}

func members(ts *testscript.TestScript, v any, names []string) {
	for _, name := range names {
		m, _ := v.(map[string]any)
		if _, ok := m[name]; !ok {
			ts.Fatalf("stdout has no %s", name)
		}
	}
}

// isCSV demands a rectangular table; arguments are columns it has.
func isCSV(ts *testscript.TestScript, _ bool, args []string) {
	records, err := csv.NewReader(strings.NewReader(ts.ReadFile("stdout"))).ReadAll()
	ts.Check(err)
	if len(records) == 0 {
		ts.Fatalf("no header")
	}
	for _, column := range args {
		found := false
		for _, name := range records[0] {
			found = found || name == column
		}
		if !found {
			ts.Fatalf("no column %s in %q", column, records[0])
		}
	}
}

// isSARIF checks stdout by the parts of SARIF 2.1.0 that the command fills, and what a schema cannot say.
func isSARIF(ts *testscript.TestScript, _ bool, _ []string) {
	text := ts.ReadFile("stdout")
	ts.Check(checkSARIF([]byte(text)))
}

func checkSARIF(text []byte) error {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(testdata(), "sarif.schema.json"))
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := schema.Validate(v); err != nil {
		return err
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
			}
		}
	}
	if err := json.Unmarshal(text, &log); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		if seen[r.ID] {
			return fmt.Errorf("rule %s is listed twice", r.ID)
		}
		seen[r.ID] = true
	}
	for _, r := range log.Runs[0].Results {
		if rules := log.Runs[0].Tool.Driver.Rules; r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
			return fmt.Errorf("result of %s has the index %d", r.RuleID, r.RuleIndex)
		}
	}
	return nil
}

// testdata is absolute: the scripts run elsewhere.
func testdata() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err) // a test without a folder to be in cannot go on
	}
	return filepath.Join(dir, "testdata")
}

// isJUnit checks that the totals of a JUnit report are those of its cases.
func isJUnit(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(checkJUnit(ts.ReadFile("stdout")))
}

func checkJUnit(text string) error {
	if err := checkJenkins(text); err != nil {
		return err
	}
	type totals struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	var report struct {
		XMLName xml.Name `xml:"testsuites"`
		totals
		Suites []struct {
			totals
			Name  string `xml:"name,attr"`
			Time  string `xml:"time,attr"`
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Class   string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(text), &report); err != nil {
		return err
	}
	var whole totals
	for _, s := range report.Suites {
		var got totals
		for _, c := range s.Cases {
			got.Tests++
			outcomes := 0
			for n, present := range map[*int]bool{&got.Failures: c.Failure != nil, &got.Errors: c.Error != nil, &got.Skipped: c.Skipped != nil} {
				if present {
					*n++
					outcomes++
				}
			}
			if outcomes > 1 || c.Name == "" || c.Class == "" {
				return fmt.Errorf("case %+v", c)
			}
		}
		if got != s.totals || s.Name == "" || s.Time == "" {
			return fmt.Errorf("suite %q says %+v and holds %+v", s.Name, s.totals, got)
		}
		whole.Tests += got.Tests
		whole.Failures += got.Failures
		whole.Errors += got.Errors
	}
	if whole != report.totals {
		return fmt.Errorf("the report says %+v and holds %+v", report.totals, whole)
	}
	return nil
}

// serve starts a server over a small fleet and puts its address into $SERVER, and the tokens of its roles into $ADMIN and
// $VIEWER. What it is asked is written to $WORK/asked.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	n := 6
	if len(args) > 0 {
		var err error
		n, err = strconv.Atoi(args[0])
		ts.Check(err)
	}
	handler := resttest.Handler(resttest.Options(resttest.NewHolder(resttest.Sample(n)), nil))
	asked, err := os.Create(ts.MkAbs("asked"))
	ts.Check(err)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(asked, "%s %s %s\n", r.Method, r.URL.RequestURI(), r.UserAgent())
		handler.ServeHTTP(w, r)
	}))
	ts.Defer(func() {
		srv.Close()
		_ = asked.Close()
	})
	ts.Setenv("SERVER", srv.URL)
	ts.Setenv("ADMIN", resttest.Token(rest.Admin))
	ts.Setenv("VIEWER", resttest.Token(rest.Viewer))
}

// brokenServer starts a server that is none of ours, or is not well: brokenServer STATUS CONTENT-TYPE BODY.
func brokenServer(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", args[1])
		w.WriteHeader(status)
		_, _ = w.Write([]byte(args[2]))
	}))
	ts.Defer(srv.Close)
	ts.Setenv("SERVER", srv.URL)
}

// junit10 is what Jenkins' junit-10.xsd allows of each element we write: children, attributes, and which of those must be there.
var junit10 = map[string]struct{ children, required, optional []string }{
	"testsuites": {[]string{"testsuite"}, nil, []string{"name", "time", "tests", "failures", "errors"}},
	"testsuite": {
		[]string{"testsuite", "properties", "testcase", "system-out", "system-err"},
		[]string{"name", "tests", "failures", "errors"},
		[]string{"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
	},
	"testcase": {[]string{"skipped", "error", "failure", "system-out", "system-err"}, []string{"name"}, []string{"time", "classname", "group"}},
	"failure":  {nil, nil, []string{"type", "message"}},
	"error":    {nil, nil, []string{"type", "message"}},
	"skipped":  {nil, nil, []string{"type", "message"}},
}

// checkJenkins holds a report against junit10, and its times against the schema's pattern.
func checkJenkins(text string) error {
	var open []string
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.StartElement:
			name := e.Name.Local
			allowed, known := junit10[name]
			switch {
			case !known, len(open) == 0 && name != "testsuites", len(open) > 0 && !slices.Contains(junit10[open[len(open)-1]].children, name):
				return fmt.Errorf("element %s in %v", name, open)
			}
			var seen []string
			for _, a := range e.Attr {
				seen = append(seen, a.Name.Local)
				if !slices.Contains(allowed.required, a.Name.Local) && !slices.Contains(allowed.optional, a.Name.Local) {
					return fmt.Errorf("%s has the attribute %s", name, a.Name.Local)
				}
				if a.Name.Local == "time" && !seconds.MatchString(a.Value) {
					return fmt.Errorf("%s takes %q", name, a.Value)
				}
			}
			for _, a := range allowed.required {
				if !slices.Contains(seen, a) {
					return fmt.Errorf("%s has no attribute %s", name, a)
				}
			}
			open = append(open, name)
		}
	}
}

var seconds = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

// The checks of both formats refuse what the formats forbid: a check that takes everything holds nothing.
func TestFormatChecksRefuse(t *testing.T) {
	const report = `<testsuites name="m" tests="1" failures="0" errors="0" time="0"><testsuite name="s" tests="1" failures="0" errors="0" skipped="0" time="0"><testcase name="c" classname="k" time="0"></testcase></testsuite></testsuites>`
	if err := checkJUnit(report); err != nil {
		t.Fatal(err)
	}
	for old, now := range map[string]string{
		`<testcase name="c"`:  `<testcase name="c" file="f"`,
		`<testsuite name="s"`: `<testsuite`,
		`time="0"`:            `time="soon"`,
		`errors="0" time="0"`: `errors="0" skipped="0" time="0"`,
		`</testcase>`:         `<why></why></testcase>`,
		`classname="k"`:       ``,
		`tests="1"`:           `tests="2"`,
	} {
		if err := checkJUnit(strings.Replace(report, old, now, 1)); err == nil {
			t.Errorf("JUnit with %s is taken", now)
		}
	}
	const log = `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":{"driver":{"name":"meridian","informationUri":"https://example.com","rules":[{"id":"A-001","shortDescription":{"text":"a"},"defaultConfiguration":{"level":"error"}}]}},` +
		`"invocations":[{"executionSuccessful":true}],"columnKind":"unicodeCodePoints","results":[{"ruleId":"A-001","ruleIndex":0,"kind":"fail","level":"error","message":{"text":"m"},"locations":[{"logicalLocations":[{"fullyQualifiedName":"s","kind":"resource"}]}],"partialFingerprints":{"findingId/v1":"x"},"properties":{}}]}]}`
	if err := checkSARIF([]byte(log)); err != nil {
		t.Fatal(err)
	}
	for old, now := range map[string]string{
		`"version":"2.1.0"`:               `"version":"2.0.0"`,
		`"name":"meridian",`:              ``,
		`"executionSuccessful":true`:      ``,
		`"message":{"text":"m"},`:         ``,
		`"ruleIndex":0`:                   `"ruleIndex":1`,
		`"level":"error","message"`:       `"level":"high","message"`,
		`"kind":"fail"`:                   `"kind":"failed"`,
		`"shortDescription":{"text":"a"}`: `"shortDescription":"a"`,
	} {
		if err := checkSARIF([]byte(strings.Replace(log, old, now, 1))); err == nil {
			t.Errorf("SARIF with %s is taken", now)
		}
	}
}
