package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/services/internal/conf"
)

func TestConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "federation.yaml")
	text := "listen: 127.0.0.1:1\nclickhouse: {dsn: from-file}\nnats: {replicas: 3, streams: {inventoryPerSite: 200, rejectedMaxAge: 240h}}\nplanners: {oldest: \"1.2\", burst: 50}\ntokens: [{name: portal, role: viewer, sha256: " + rest.HashToken("secret") + "}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MERIDIAN_NATS_URL", "tls://elsewhere:4222")
	t.Setenv("MERIDIAN_CLICKHOUSE_DSN", "from-environment")
	t.Setenv("MERIDIAN_LOG_LEVEL", "debug")
	t.Setenv("MERIDIAN_NATS_STREAMS_ASSESSMENT_PER_SITE", "7")
	c := defaults()
	if err := conf.Load(path, "MERIDIAN", &c); err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	if s := c.NATS.streams(); s.Replicas != 3 || s.InventoryPerSite != 200 || s.RejectedMaxAge != 240*time.Hour || s.AssessmentPerSite != 7 {
		t.Errorf("streams: %+v", s)
	}
	if c.Listen != "127.0.0.1:1" || c.NATS.URL != "tls://elsewhere:4222" || c.ClickHouse.DSN != "from-environment" || c.Log.Level != "debug" || len(c.Tokens) != 1 {
		t.Errorf("configuration: %+v", c)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	c := defaults()
	c.NATS.Replicas, c.NATS.Streams.InventoryMaxAge, c.Planners.Oldest = 4, inventory.Duration(time.Second), "new"
	c.Listen, c.NATS.URL, c.TLS.Cert = "", "", "server.crt"
	c.Tokens = []token{{Name: "x", Role: "king", SHA256: "00"}}
	err := c.check()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"listen", "nats.url", "tls", `"x"`, "replicas", "inventoryMaxAge", "planners.oldest"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %s", err, want)
		}
	}
	if err := (&config{Listen: "a", NATS: natsConfig{URL: "b"}}).check(); err == nil || !strings.Contains(err.Error(), "tokens") {
		t.Errorf("without tokens: %v", err)
	}
}

func TestPlainTextIsRefused(t *testing.T) {
	c := defaults()
	c.Tokens = []token{{Name: "x", Role: rest.Viewer, SHA256: rest.HashToken("x")}}
	c.Listen, c.NATS.URL, c.TLS.ClientCA = "0.0.0.0:8420", "nats://nats.example.com:4222", "ca.pem"
	err := c.check()
	for _, want := range []string{"listen 0.0.0.0:8420", "tls.plainText", "tls://nats.example.com:4222", "tls.clientCA"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %s", err, want)
		}
	}
	c.TLS = tlsFiles{PlainText: true}
	c.NATS.PlainText = true
	if err := c.check(); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

func TestConfigurationOfDeployments(t *testing.T) {
	c := defaults()
	if err := conf.Load("../../deployments/nats/federation.yaml", "MERIDIAN", &c); err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	if !c.Enrolment.Approval || c.Enrolment.Keys == "" || len(c.natsForPlanners()) != 3 {
		t.Errorf("%+v", c.Enrolment)
	}
}
