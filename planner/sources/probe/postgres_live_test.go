//go:build linux

package probe

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sources/probe/probetest"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

func TestPostgreSQLWithStandbyBehindPgpool(t *testing.T) {
	t.Parallel()
	p := probetest.StartPostgres(t, true)
	pool, poolAddress := probetest.StartPgpool(t, p)
	alive := []*probetest.Process{p.Primary, p.Standby, pool}
	site := &inventory.Site{
		Site: inventory.Identity{ID: "s"}, ObservedAt: time.Now(),
		Infrastructure: []inventory.Infrastructure{{
			ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Version: "14", MaxConnections: 500,
			Nodes: []inventory.Node{{Name: "pg1", Role: "standby"}, {Name: "pg2", Role: "primary"}}, PgPool: []inventory.Node{{Name: "pool1"}},
		}},
	}
	prober := prober(t, Config{
		Targets: []Target{{Infrastructure: "pg", Nodes: p.Addresses, PgPool: map[string]string{"pool1": poolAddress}, User: "probe", PasswordFile: p.Secret}},
		Samples: 5, Timeout: inventory.Duration(10 * time.Second),
	})
	r := eventually(t, prober, site, alive, func(r *Results) string {
		if c := r.Components[0]; c.Status != inventory.SourceOK {
			return c.Detail
		}
		return ""
	})
	c := r.Component("probe/pg")
	for _, want := range []string{"primary pg1 (" + p.Addresses["pg1"] + ")", "standby pg2 (" + p.Addresses["pg2"] + ")", "of 40 connections in use", "1 of 1 standbys stream", "2 of 2 backends up", "database-round-trip"} {
		if !strings.Contains(c.Detail, want) {
			t.Errorf("%q is not in %q", want, c.Detail)
		}
	}
	applied := Apply(site, r)
	pg := applied.Infra("pg")
	if pg.Nodes[0].Role != "primary" || pg.Nodes[1].Role != "standby" || pg.MaxConnections != 40 || pg.Version == "14" {
		t.Errorf("%+v", pg)
	}
	wantProof(t, applied, "/infrastructure/0/nodes/0/role", "standby")
	wantProof(t, applied, "/infrastructure/0/nodes/1/role", "primary")
	wantProof(t, applied, "/infrastructure/0/maxConnections", "500")
	wantProof(t, applied, "/infrastructure/0/version", "14")
	noSecret(t, r, applied)

	// Host configuration knows the address in the JDBC URL, which is pgpool-II's, and takes it for the database.
	guess := &inventory.Site{
		Site: inventory.Identity{ID: "s"},
		Infrastructure: []inventory.Infrastructure{{
			ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Identity: inventory.ResourceIdentity{Endpoint: poolAddress},
			Nodes: []inventory.Node{{Name: "twx-1", Machine: "twx-1"}},
		}},
	}
	mended := Apply(guess, prober.Run(t.Context(), guess)).Infra("pg")
	want := []inventory.Node{{Name: "pg1", Machine: "twx-1", Role: "primary"}, {Name: "pg2", Machine: "twx-1", Role: "standby"}}
	if d := cmp.Diff(want, mended.Nodes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]inventory.Node{{Name: "pool1", Machine: "twx-1"}}, mended.PgPool); d != "" {
		t.Error(d)
	}
	// Without names for the servers pgpool-II's account of them is what there is.
	unnamed, err := New(Config{Targets: []Target{{Infrastructure: "pg", PgPool: map[string]string{"pool1": poolAddress}, User: "probe", PasswordFile: p.Secret}}, Samples: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	mended = Apply(guess, unnamed.Run(t.Context(), guess)).Infra("pg")
	want = []inventory.Node{{Name: p.Addresses["pg1"], Machine: "twx-1", Role: "primary"}, {Name: p.Addresses["pg2"], Machine: "twx-1", Role: "standby"}}
	if d := cmp.Diff(want, mended.Nodes); d != "" {
		t.Error(d)
	}

	p.Standby.Stop(syscall.SIGINT)
	r = eventually(t, prober, applied, []*probetest.Process{p.Primary, pool}, func(r *Results) string {
		c := r.Components[0]
		for _, want := range []string{"pg2 (" + p.Addresses["pg2"] + ") refused the connection", "1 of 1 standbys do not stream", "has pg2 (" + p.Addresses["pg2"] + ") down"} {
			if c.Status != inventory.SourcePartial || !strings.Contains(c.Detail, want) {
				return want + " is not in " + c.Detail
			}
		}
		return ""
	})
	noSecret(t, r, Apply(applied, r))
}

// noSecret looks for every password in use, as the result stands and as the inventory leaves the daemon.
func noSecret(t *testing.T, r *Results, s *inventory.Site) {
	t.Helper()
	body, err := inventory.Canonical(inventory.Normalise(s, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%+v", r), string(body)} {
		for _, secret := range []string{probetest.OwnerSecret, probetest.ProbeSecret, probetest.PlainSecret} {
			if strings.Contains(text, secret) {
				t.Errorf("a secret is in %s", text)
			}
		}
	}
}

func TestPostgreSQLUsersAndRefusals(t *testing.T) {
	t.Parallel()
	p := probetest.StartPostgres(t, false)
	site := &inventory.Site{
		Site:           inventory.Identity{ID: "s"},
		Infrastructure: []inventory.Infrastructure{{ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Identity: inventory.ResourceIdentity{Endpoint: "jdbc:postgresql://" + p.Addresses["pg1"] + "/thingworx?user=x&password=" + probetest.PlainSecret}}},
	}
	plain := probetest.Write(t, p.Dir+"/plain.secret", probetest.PlainSecret)
	wrong := probetest.Write(t, p.Dir+"/wrong.secret", probetest.PlainSecret+"x")
	p.SQL(t, "pg1", "SELECT 1")
	for name, c := range map[string]struct {
		target Target
		status inventory.SourceStatus
		want   string
	}{
		"a user without rights": {Target{User: "plain", PasswordFile: plain}, inventory.SourceOK, "primary"},
		"a wrong password":      {Target{User: "plain", PasswordFile: wrong}, inventory.SourceFailed, "refused the user or the password"},
		"no such database":      {Target{User: "plain", PasswordFile: plain, Database: "nowhere"}, inventory.SourceFailed, "does not have the database"},
		"no password file":      {Target{User: "plain", PasswordFile: p.Dir + "/none"}, inventory.SourceFailed, "the password file cannot be read"},
		"no user":               {Target{}, inventory.SourceOK, "takes connections, no user is configured"},
		"TLS required": {
			Target{User: "plain", PasswordFile: plain, TLS: wire.TLS{Mode: wire.Require}}, inventory.SourceFailed, "refuses TLS",
		},
		"TLS verified": {
			Target{User: "plain", PasswordFile: plain, TLS: wire.TLS{Mode: wire.VerifyFull}}, inventory.SourceFailed, "refuses TLS",
		},
		"pgpool asked of PostgreSQL": {
			Target{User: "plain", PasswordFile: plain, PgPool: map[string]string{"x": p.Addresses["pg1"]}}, inventory.SourceFailed, "another product or version",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.target.Infrastructure = "pg"
			r := eventually(t, prober(t, Config{Targets: []Target{c.target}, Samples: 2, Timeout: inventory.Duration(10 * time.Second)}), site, []*probetest.Process{p.Primary}, func(r *Results) string {
				if x := r.Components[0]; x.Status != c.status || !strings.Contains(x.Detail, c.want) {
					return fmt.Sprintf("%s %q, wanted %s %q", x.Status, x.Detail, c.status, c.want)
				}
				return ""
			})
			noSecret(t, r, Apply(site, r))
		})
	}
	t.Run("TLS", func(t *testing.T) {
		ca := serverCertificate(t, p)
		p.SQL(t, "pg1", "ALTER SYSTEM SET ssl = on")
		p.SQL(t, "pg1", "SELECT pg_reload_conf()")
		for mode, ok := range map[wire.Mode]bool{wire.Disable: true, wire.Prefer: true, wire.Require: true, wire.VerifyCA: true, wire.VerifyFull: false} {
			tls := wire.TLS{Mode: mode}
			if mode.Verified() {
				tls.CA = ca
			}
			eventually(t, prober(t, Config{Targets: []Target{{Infrastructure: "pg", User: "plain", PasswordFile: plain, TLS: tls}}, Samples: -1}), site, []*probetest.Process{p.Primary}, func(r *Results) string {
				if x := r.Components[0]; ok != (x.Status == inventory.SourceOK) || !ok && !strings.Contains(x.Detail, "certificate for another name") {
					return string(mode) + ": " + x.Detail
				}
				return ""
			})
		}
		name := wire.TLS{Mode: wire.VerifyFull, CA: ca, ServerName: "pg.example"}
		r := prober(t, Config{Targets: []Target{{Infrastructure: "pg", User: "plain", PasswordFile: plain, TLS: name}}, Samples: -1}).Run(context.Background(), site)
		if r.Components[0].Status != inventory.SourceOK {
			t.Error(r.Components[0].Detail)
		}
	})
	t.Run("replication hidden from the user", func(t *testing.T) {
		receiver := p.Bin + "/pg_receivewal"
		_, port, _ := net.SplitHostPort(p.Addresses["pg1"])
		if err := os.MkdirAll(p.Dir+"/wal", 0o700); err != nil {
			t.Fatal(err)
		}
		probetest.Own(t, p.Dir+"/wal")
		passfile := probetest.Write(t, p.Dir+"/pass", "*:*:*:owner:"+probetest.OwnerSecret+"\n")
		probetest.Own(t, passfile)
		probetest.Start(t, syscall.SIGINT, true, p.Dir, receiver, "-d", fmt.Sprintf("host=%s port=%s user=owner passfile=%s", p.Host, port, passfile), "-D", p.Dir+"/wal")
		eventually(t, prober(t, Config{Targets: []Target{{Infrastructure: "pg", User: "plain", PasswordFile: plain}}, Samples: -1}), site, []*probetest.Process{p.Primary}, func(r *Results) string {
			if x := r.Components[0]; x.Status != inventory.SourcePartial || !strings.Contains(x.Detail, "grant pg_monitor") {
				return string(x.Status) + " " + x.Detail
			}
			return ""
		})
	})
}

// TestMeasuredDelayIsJudged sees COL-007 fire on a real round trip of 5 ms and stay silent on loopback.
func TestMeasuredDelayIsJudged(t *testing.T) {
	t.Parallel()
	p := probetest.StartPostgres(t, false)
	p.SQL(t, "pg1", "SELECT 1")
	place := inventory.Placement{Provider: "azure", Region: "westeurope", Zone: "1"}
	site := &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, Site: inventory.Identity{ID: "muc-01", Country: "DE"}, ObservedAt: time.Now().UTC(),
		Clusters: []inventory.Cluster{{
			ID: "prod", Environment: inventory.Production, ThingworxVersion: "9.6.2",
			Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{{Name: "twx-1", Placement: place}}}},
			Uses:       []inventory.Use{{Infrastructure: "pg", As: inventory.AsDatabase, Database: "thingworx", Schema: "twadmin"}},
		}},
		Infrastructure: []inventory.Infrastructure{{ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Placement: place, Nodes: []inventory.Node{{Name: "pg1", Placement: place}}}},
	}
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	verdict := func(r *Results) (rules.Verdict, string) {
		applied := Apply(site, r)
		if problems := inventory.Validate(applied, engine.Regions); len(problems) > 0 {
			t.Fatalf("the applied inventory is invalid: %+v", problems)
		}
		judged := engine.Site(assess.View{Site: inventory.Normalise(applied, engine.Regions), At: r.At, All: true, WithoutRecommendation: true})
		for _, f := range judged.Findings {
			if f.Rule == "COL-007" {
				return f.Verdict, f.Message
			}
		}
		t.Fatal("COL-007 gave no verdict")
		return "", ""
	}
	ask := func(address string) *Prober {
		return prober(t, Config{
			From:    "prod/twx-1",
			Targets: []Target{{Infrastructure: "pg", Nodes: map[string]string{"pg1": address}, User: "probe", PasswordFile: p.Secret}},
			Samples: 40, Pause: inventory.Duration(time.Millisecond),
		})
	}
	if v, _ := verdict(&Results{Site: "muc-01"}); v != rules.Unknown {
		t.Errorf("without a probe the verdict is %s", v)
	}
	// A busy machine may be slow for a while even on loopback; the rule must fall silent once it is not.
	eventually(t, ask(p.Addresses["pg1"]), site, []*probetest.Process{p.Primary}, func(r *Results) string {
		if v, why := verdict(r); v != rules.Pass {
			return fmt.Sprintf("on loopback: %s %s (%s)", v, why, r.Components[0].Detail)
		}
		return ""
	})
	far := eventually(t, ask(probetest.StartDelay(t, p.Addresses["pg1"], 5*time.Millisecond)), site, []*probetest.Process{p.Primary}, func(r *Results) string {
		if v, why := verdict(r); v != rules.Fail {
			return fmt.Sprintf("with a delay of 5 ms: %s %s (%s)", v, why, r.Components[0].Detail)
		}
		return ""
	})
	trip := func(r *Results) (out inventory.Probe) {
		for _, x := range Apply(site, r).Probes {
			if x.Kind == inventory.ProbeDatabaseRoundTrip {
				out = x
			}
		}
		return out
	}
	if x := trip(far); x.P50 < inventory.Duration(5*time.Millisecond) || x.Samples != 40 || x.From != "muc-01/prod/twx-1" {
		t.Errorf("%+v", x)
	}
	// One answer in ten comes late: half of the round trips are as before, and the slow ones show in p95.
	lossy := eventually(t, ask((&probetest.Fault{Lost: 10, Again: probetest.Retransmission}).Start(t, p.Addresses["pg1"])), site, []*probetest.Process{p.Primary}, func(r *Results) string {
		if x := trip(r); x.Samples != 40 || x.P50 > inventory.Duration(5*time.Millisecond) {
			return fmt.Sprintf("with loss: %+v (%s)", x, r.Components[0].Detail)
		}
		return ""
	})
	if x := trip(lossy); x.P95 < inventory.Duration(probetest.Retransmission) {
		t.Errorf("with one answer in ten sent again: %+v", x)
	}
	// A path on which nothing comes back any more is no measurement, and none is no pass.
	dead := ask((&probetest.Fault{Lost: 1}).Start(t, p.Addresses["pg1"])).Run(t.Context(), site)
	if x := dead.Components[0]; x.Status == inventory.SourceOK || len(x.Problems) == 0 {
		t.Errorf("with everything lost: %s %q", x.Status, x.Detail)
	}
	if v, why := verdict(dead); v != rules.Unknown {
		t.Errorf("with everything lost: %s %s", v, why)
	}
}
