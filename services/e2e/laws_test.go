// Package e2e holds the tests of the whole: the laws of the layout, the programs run together, and the browser.
package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/meridian-federation/meridian/"

const bench = "deployments/bench"

// pure are the packages that do no I/O, read no clock, start no goroutine and log nothing.
var pure = []string{
	"planner/document", "planner/inventory", "planner/geo", "planner/policy", "planner/catalog", "planner/sizing",
	"planner/availability", "planner/recognise", "planner/rules", "planner/recommend", "planner/migrate",
	"planner/simulate", "planner/tenancy", "planner/assess", "federation/tenancy", "federation/report", "federation/waiver", "federation/refuse", "federation/act",
	"federation/diagram", "federation/whatif", "federation/advice",
	"planner/rules/rule", "planner/rules/facts", "planner/rules/location", "planner/rules/resilience", "planner/rules/sharing",
	"planner/rules/operation", "planner/rules/custom", "planner/sources/tree", "planner/sources/merge", "planner/plan",
}

// impure are the standard packages and third parties a pure package has no use for.
var impure = []string{
	"os", "os/exec", "net", "net/http", "log", "log/slog", "io/ioutil", "math/rand", "math/rand/v2", "crypto/rand",
	"github.com/nats-io", "github.com/ClickHouse", "github.com/hashicorp/go-memdb", "github.com/labstack/echo", "go.opentelemetry.io",
	"github.com/prometheus",
}

// apart are packages that do not import each other; services joins them.
var apart = []string{"federation/state", "federation/history", "federation/ingest", "federation/notify", "api/rest"}

// hidden are modules whose types stay inside the packages listed for them.
var hidden = map[string][]string{
	"github.com/hashicorp/go-memdb":          {"federation/state"},
	"github.com/ClickHouse/clickhouse-go/v2": {"federation/history"},
	"github.com/nats-io":                     {"api/bus"},
	"github.com/labstack/echo/v4":            {"api/rest"},
	"github.com/Azure":                       {"planner/sources/azure/live"},
}

type source struct {
	path, pkg string
	test      bool
	lines     int
	file      *ast.File
	fset      *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var out []source
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case "node_modules", ".git", "testdata", "tools", "dist", "bin":
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, data, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		out = append(out, source{
			path: filepath.ToSlash(rel), pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(path, "_test.go"),
			lines: strings.Count(string(data), "\n"), file: file, fset: fset,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("found only %d Go files under %s: the laws are not being checked", len(out), root)
	}
	return out
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			out = append(out, p)
		}
	}
	return out
}

func generated(s source) bool { return ast.IsGenerated(s.file) }

func within(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }

func TestPurePackagesStayPure(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(pure, s.pkg) {
			continue
		}
		for _, p := range s.imports() {
			for _, bad := range impure {
				if p == bad || strings.HasPrefix(p, bad+"/") && strings.Contains(bad, ".") {
					t.Errorf("%s imports %s: a pure package does no I/O, logs nothing and starts nothing", s.path, p)
				}
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", s.fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker"}, n.Sel.Name) {
					t.Errorf("%s reads the clock: take the instant as an argument", s.fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

func TestImportDirections(t *testing.T) {
	for _, s := range sources(t) {
		for _, p := range s.imports() {
			to, ours := strings.CutPrefix(p, module)
			if !ours || s.test && within(s.pkg, "services/e2e") {
				continue
			}
			if within(s.pkg, "planner") && within(to, "federation") {
				t.Errorf("%s imports %s: planner never imports federation", s.path, to)
			}
			if within(s.pkg, "federation") && (within(to, "planner/sources") || within(to, "planner/agent")) {
				t.Errorf("%s imports %s: the federation uses the planner's pure packages only", s.path, to)
			}
			// The bench is a module of its own that measures the programs from above; in turn nothing may import it.
			if !within(s.pkg, "services") && !within(s.pkg, bench) && within(to, "services") {
				t.Errorf("%s imports %s: nothing calls back up into services", s.path, to)
			}
			if !within(s.pkg, bench) && within(to, bench) {
				t.Errorf("%s imports %s: the product does not depend on its benchmarks", s.path, to)
			}
			if s.test {
				continue
			}
			for _, a := range apart {
				for _, b := range apart {
					if a != b && within(s.pkg, a) && within(to, b) {
						t.Errorf("%s imports %s: services joins the two", s.path, to)
					}
				}
			}
		}
	}
}

func TestThirdPartyTypesStayInside(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || generated(s) || within(s.pkg, "services") {
			continue
		}
		for _, p := range s.imports() {
			for third, homes := range hidden {
				if p != third && !strings.HasPrefix(p, third+"/") {
					continue
				}
				if !slices.ContainsFunc(homes, func(h string) bool { return within(s.pkg, h) }) {
					t.Errorf("%s imports %s: its types belong in %s", s.path, p, strings.Join(homes, ", "))
				}
			}
		}
	}
}

func TestNoDrawersNoInitNoGlobals(t *testing.T) {
	for _, s := range sources(t) {
		for _, part := range strings.Split(s.pkg, "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "misc"}, part) {
				t.Errorf("%s: %q is a drawer, not a package", s.path, part)
			}
		}
		if s.test || generated(s) {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init() registers behind the reader's back", s.fset.Position(f.Pos()))
			}
		}
	}
}

func TestSizes(t *testing.T) {
	pkgs := map[string]int{}
	for _, s := range sources(t) {
		if s.test || generated(s) {
			continue
		}
		pkgs[s.pkg] += s.lines
		if s.lines > 500 {
			t.Errorf("%s has %d lines; past 500 a file has two jobs", s.path, s.lines)
		}
	}
	for p, n := range pkgs {
		if n > 3000 {
			t.Errorf("%s has %d lines; past 3000 a package has two jobs", p, n)
		}
	}
}
