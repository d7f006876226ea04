// Package historytest holds what tests of the history need: a real ClickHouse as a child of the test, and the suite
// that every configuration of the store has to pass. Only tests import it.
package historytest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/meridian-federation/meridian/federation/history/embedded"
)

// Library returns the path of libchdb.so. Without it the test fails in CI and is skipped elsewhere.
func Library(t testing.TB) string {
	t.Helper()
	path, err := embedded.FindLibrary("", moduleRoot(t))
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatalf("this test needs ClickHouse: %v", err)
	default:
		t.Skipf("this test needs ClickHouse: %v", err)
	}
	return ""
}

// moduleRoot is the nearest folder above the working directory with a go.mod.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// Server starts ClickHouse in a temporary folder and stops it after the test.
func Server(t testing.TB) *embedded.Server {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir(), Library: Library(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}
