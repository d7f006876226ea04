package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/rules"
)

type config struct {
	Listen string `json:"listen"`
	NATS   struct {
		URL string `json:"url"`
	} `json:"nats" envPrefix:"NATS_"`
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnvironmentOverridesFileOverridesDefault(t *testing.T) {
	path := file(t, "c.yaml", "nats: {url: from-file}\n")
	c := config{Listen: "default"}
	if err := Load(path, "MERIDIAN", &c); err != nil {
		t.Fatal(err)
	}
	if c.Listen != "default" || c.NATS.URL != "from-file" {
		t.Errorf("without environment: %+v", c)
	}
	t.Setenv("MERIDIAN_NATS_URL", "from-environment")
	t.Setenv("MERIDIAN_LISTEN", "from-environment")
	if err := Load(path, "MERIDIAN", &c); err != nil {
		t.Fatal(err)
	}
	if c.Listen != "from-environment" || c.NATS.URL != "from-environment" {
		t.Errorf("with environment: %+v", c)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ path, want string }{
		"unknown key":  {file(t, "c.yaml", "listen: a\nnats: {ulr: x}\n"), `c.yaml:2:8: /nats/ulr: unknown key "ulr"; did you mean "url"?`},
		"no file":      {filepath.Join(t.TempDir(), "none.yaml"), "none.yaml"},
		"a large file": {file(t, "large.yaml", strings.Repeat("# padding\n", maxFile/10+1)), "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			var got config
			if err := Load(c.path, "MERIDIAN", &got); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	if got, err := Secret(file(t, "secret", "s3cret\r\n")); err != nil || got != "s3cret" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Secret(file(t, "empty", "\n")); err == nil {
		t.Error("an empty secret is accepted")
	}
}

func TestPolicy(t *testing.T) {
	pack := rules.Builtin()
	if p, err := Policy("", pack); err != nil || p == nil {
		t.Fatalf("default: %v", err)
	}
	good := file(t, "p.yaml", "apiVersion: meridian/v1\nkind: Policy\nrules: {COL-001: {parameters: {criticalRoundTrip: 30ms}}}\n")
	if p, err := Policy(good, pack); err != nil || p.Rules["COL-001"].Parameters["criticalRoundTrip"] != "30ms" {
		t.Errorf("%+v, %v", p, err)
	}
	bad := file(t, "bad.yaml", "apiVersion: meridian/v1\nkind: Policy\nrules: {COL-001: {parameters: {criticalRoundTripp: 30ms}}}\n")
	if _, err := Policy(bad, pack); err == nil || !strings.Contains(err.Error(), "bad.yaml") || !strings.Contains(err.Error(), "criticalRoundTrip") {
		t.Errorf("a parameter that no rule has: %v", err)
	}
}
