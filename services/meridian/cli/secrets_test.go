package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/folder"
)

// Nothing that the fixtures of all sources hold as a secret comes out of the commands that read them, in any format, nor does
// a secret in the name of a file.
func TestNoSecretComesOut(t *testing.T) {
	sources := filepath.Join("..", "..", "..", "planner", "sources")
	dir := filepath.Join(t.TempDir(), "password=S3CR3T!")
	fixtures := []string{"hostconfig/testdata/plant", "hostconfig/testdata/quirks", "kubernetes/testdata/plant", "compose/testdata/plant", "azure/testdata/plant", "azure/testdata/template", "azure/testdata/request", "terraform/testdata/plan", "terraform/testdata/state"}
	paths := []string{put(t, filepath.Join(dir, "site.yaml"), sourcesSite)}
	planted := 0
	for _, fixture := range fixtures {
		files, err := folder.Collect([]string{filepath.Join(sources, filepath.FromSlash(fixture))})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			planted += strings.Count(string(f.Data), "S3CR3T")
			name, err := filepath.Rel(sources, f.Name)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, put(t, filepath.Join(dir, name), string(f.Data)))
		}
	}
	if planted < 100 {
		t.Fatalf("only %d secrets are planted", planted)
	}
	inventoryFile := filepath.Join(t.TempDir(), "imported.yaml")
	commands := [][]string{
		{"import", "--report", "-o", "yaml", "--site", "muc-01"},
		{"import", "-o", "json"},
		{"import", "-o", "table"},
		{"import", "-o", "csv"},
		{"sources", "-o", "table"},
		{"sources", "-o", "wide"},
		{"sources", "-o", "json"},
		{"sources", "-o", "yaml"},
		{"sources", "-o", "csv"},
		{"sources", "-o", "md"},
		{"sources", "--conflicts", "-o", "wide"},
	}
	for _, command := range commands {
		args := append(command, dir)
		if command[0] == "import" {
			args = append(command, paths[1:]...)
		}
		_, stdout, stderr := run(t.Context(), args...)
		if stdout == "" {
			t.Errorf("%v says nothing: %s", command, stderr)
		}
		silent(t, command, stdout, stderr)
		if command[len(command)-1] == "muc-01" {
			if err := os.WriteFile(inventoryFile, []byte(stdout), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, format := range []string{"table", "json", "sarif"} {
		_, stdout, stderr := run(t.Context(), "assess", "--all", "-o", format, inventoryFile)
		if len(stdout) < 1000 {
			t.Errorf("assess -o %s: %s", format, stderr)
		}
		silent(t, []string{"assess", format}, stdout, stderr)
	}
}

func silent(t *testing.T, command []string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if at := strings.Index(strings.ToLower(text), "s3cr3t"); at >= 0 {
			t.Errorf("%v: a secret got out: %s", command, text[max(0, at-200):min(len(text), at+60)])
		}
	}
}
