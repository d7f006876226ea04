package embedded_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/federation/history/embedded"
)

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv(embedded.LibraryEnv, "")
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	packaged := filepath.Join("deployments", "embedded-clickhouse", "node_modules", "@chdb", "lib-linux-"+arch+"-gnu", "libchdb.so")

	_, err := embedded.FindLibrary("")
	if !errors.Is(err, embedded.ErrNoLibrary) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"npm ci --ignore-scripts", "MERIDIAN_CHDB", "--clickhouse", filepath.Join(dir, packaged)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q: %v", want, err)
		}
	}

	local := write(t, filepath.Join(dir, packaged), 0o755)
	data := t.TempDir()
	inData := write(t, filepath.Join(data, "libchdb.so"), 0o755)
	named := write(t, filepath.Join(t.TempDir(), "named.so"), 0o777)
	check := func(want, given string, dirs ...string) {
		t.Helper()
		got, err := embedded.FindLibrary(given, dirs...)
		if err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	check(local, "", data)
	check(named, named, data)
	t.Setenv(embedded.LibraryEnv, inData)
	check(inData, "")
	check(named, named)
	t.Setenv(embedded.LibraryEnv, filepath.Join(dir, "none.so"))
	if _, err := embedded.FindLibrary(""); !errors.Is(err, embedded.ErrNoLibrary) || !strings.Contains(err.Error(), "none.so") {
		t.Errorf("a named library that is missing: %v", err)
	}
	t.Setenv(embedded.LibraryEnv, dir)
	if _, err := embedded.FindLibrary(""); !errors.Is(err, embedded.ErrNoLibrary) || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a folder instead of a file: %v", err)
	}
	t.Setenv(embedded.LibraryEnv, "")
	if err := os.Chmod(local, 0o777); err != nil {
		t.Fatal(err)
	}
	check(inData, "", data) // A library in the working directory that others can change is passed over.
}

func write(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("not a library\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// The library is pinned by its hash, and the lock names no server, so that any registry can serve it.
func TestLibraryIsPinned(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "deployments", "embedded-clickhouse")
	var manifest struct {
		OptionalDependencies map[string]string `json:"optionalDependencies"`
	}
	var lock struct {
		Packages map[string]struct {
			Version, Integrity, Resolved string
		} `json:"packages"`
	}
	for name, into := range map[string]any{"package.json": &manifest, "package-lock.json": &lock} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(manifest.OptionalDependencies) == 0 {
		t.Error("no package is named")
	}
	for name, version := range manifest.OptionalDependencies {
		p := lock.Packages["node_modules/"+name]
		if p.Version != version || !strings.HasPrefix(p.Integrity, "sha512-") || p.Resolved != "" {
			t.Errorf("%s %s is locked as %+v", name, version, p)
		}
	}
}
