package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/internal/conf"
)

func TestConfiguration(t *testing.T) {
	t.Setenv("MERIDIAN_SITE", "muc-01")
	t.Setenv("MERIDIAN_INVENTORY", "/etc/meridian/muc-01.yaml")
	t.Setenv("MERIDIAN_INTERVAL", "5m")
	t.Setenv("MERIDIAN_NATS_PASSWORD_FILE", "secret")
	c := defaults()
	if err := conf.Load("", "MERIDIAN", &c); err != nil {
		t.Fatal(err)
	}
	if err := c.check(false); err != nil {
		t.Fatal(err)
	}
	if c.Interval != inventory.Duration(5*time.Minute) || c.NATS.PasswordFile != "secret" {
		t.Errorf("configuration: %+v", c)
	}
	c.Site, c.Inventory, c.State, c.Interval = "Not An Id", "", "", 1
	c.NATS.URL, c.Join.TokenFile = "nats://192.0.2.1:4222", "token"
	err := c.check(false)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"Not An Id", "inventory", "state", "interval", "tls://192.0.2.1:4222", "join.server"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %s", err, want)
		}
	}
}

func TestConfigurationOfDeployments(t *testing.T) {
	c := defaults()
	if err := conf.Load("../../deployments/nats/planner.yaml", "MERIDIAN", &c); err != nil {
		t.Fatal(err)
	}
	if err := c.check(false); err != nil {
		t.Fatal(err)
	}
}

func TestStatusText(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	s := agent.Status{
		Site: "muc-01", At: at, Collected: &agent.Mark{Revision: "r2", At: at}, Applied: &agent.Mark{Revision: "r1", At: at},
		Sources:     []inventory.Source{{Name: "site-file", Status: inventory.SourceFailed, At: at, Detail: "line 3"}},
		Verdicts:    map[rules.Verdict]int{rules.Pass: 3, rules.Fail: 1},
		Differences: []agent.Difference{{Rule: "TEN-001", Here: "absent", Hub: "fail"}}, DifferenceCount: 1,
		Rejected: &agent.Rejected{Revision: "r0", At: at, Reason: []byte(`{"reason":"schema"}`)}, LastError: &agent.Problem{Op: "publish", What: "no route"},
	}
	var b strings.Builder
	if err := printStatus(&b, &s, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"muc-01", "r2 at 2026-11-20T08:00:00Z", "acknowledged", "never", "failed at 2026-11-20T08:00:00Z: line 3", "TEN-001", "absent here, fail at the hub", "schema", "publish: no route"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("status does not say %q:\n%s", want, b.String())
		}
	}
	s.Hub = &bus.Status{LastError: "nats: authorization violation", LastErrorAt: at, Denied: true}
	b.Reset()
	if err := printStatus(&b, &s, false); err != nil || !strings.Contains(b.String(), "not connected: nats: authorization violation at 2026-11-20T08:00:00Z") || !strings.Contains(b.String(), "join --again") {
		t.Errorf("a planner that is refused: %v\n%s", err, b.String())
	}
	b.Reset()
	if err := printStatus(&b, &s, true); err != nil || !strings.HasPrefix(b.String(), "{") {
		t.Errorf("as JSON: %v %.40s", err, b.String())
	}
}

func TestOnlyOneAtWorkStandsWell(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	well := func() agent.Status {
		return agent.Status{At: now.Add(-time.Minute), InSync: true, Hub: &bus.Status{Connected: true}, HeartbeatInterval: inventory.Duration(time.Minute)}
	}
	for name, c := range map[string]struct {
		change func(*agent.Status)
		want   error
	}{
		"at work":                     {func(*agent.Status) {}, nil},
		"behind":                      {func(s *agent.Status) { s.InSync = false }, errBehind},
		"cut off":                     {func(s *agent.Status) { s.Hub.Connected = false }, errAway},
		"dead":                        {func(s *agent.Status) { s.At = now.Add(-3*time.Minute - time.Second) }, errSilent},
		"with a long interval":        {func(s *agent.Status) { s.At, s.HeartbeatInterval = now.Add(-time.Hour), inventory.Duration(time.Hour) }, nil},
		"without a hub, long at rest": {func(s *agent.Status) { s.Hub, s.At = nil, now.Add(-24*time.Hour) }, nil},
	} {
		s := well()
		c.change(&s)
		if got := standing(&s, now); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
