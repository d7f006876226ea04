//go:build linux

package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/planner/agent/outbox"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sources/probe"
	"github.com/meridian-federation/meridian/planner/sources/probe/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const siteFile = `apiVersion: meridian/v1
kind: SiteInventory
observedAt: 2026-11-20T08:00:00Z
site: {id: muc-01, name: Munich, country: DE}
clusters:
  - id: prod
    environment: production
    clusteredMode: true
    components:
      - kind: foundation
        nodes: [{name: twx-1, machine: twx-1, placement: &here {provider: azure, region: westeurope, zone: "1"}}]
    uses:
      - {infrastructure: zk-1, as: zookeeper, namespace: /prod}
      - {infrastructure: pg-1, as: database, database: thingworx, schema: twadmin}
infrastructure:
  - {id: zk-1, kind: zookeeper, nodes: [{name: zk1}, {name: zk2}, {name: zk3}]}
  - id: pg-1
    kind: database
    engine: postgresql
    placement: *here
    nodes: [{name: pg1, role: standby, placement: *here}, {name: pg2, role: primary, placement: *here}]
    pgpool: [{name: pool1}]
  - {id: nas-1, kind: storage, protocol: smb, identity: {endpoint: "//` + planted + `-nas:` + planted + `@nas.plant.example/share"}}
`

// planted are secrets in what the planner reads; none may be in anything it writes.
const planted = "S3CR3T-planted"

const settings = `{
  "PlatformSettingsConfig": {
    "BasicSettings": {"EnableClusteredMode": true, "Storage": "/ThingworxStorage"},
    "AdministratorUserSettings": {"InitialPassword": "` + planted + `-admin"},
    "ClusteredModeSettings": {"PlatformId": "twx1", "CoordinatorHosts": "zk1.plant.example:2181,zk2.plant.example:2181,zk3.plant.example:2181", "ZKNamespace": "/prod"}
  },
  "PersistenceProviderPackageConfigs": {"PostgresPersistenceProviderPackage": {"ConnectionInformation": {
    "jdbcUrl": "jdbc:postgresql://` + planted + `-u:` + planted + `-p@pool.plant.example:9999/thingworx?currentSchema=twadmin&password=` + planted + `-o",
    "username": "` + planted + `-user", "password": "` + planted + `-pw", "maxPoolSize": "80"}}},
  "LicensingConnectionSettings": {"username": "` + planted + `-lic", "password": "` + planted + `-licpw"}
}`

// plant is one planner over real servers.
type plant struct {
	t   *testing.T
	dir string // of the planner
	log *log
}

type log struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (p *plant) run(sources []SourceConfig) (d *Daemon, stop func()) {
	p.t.Helper()
	engine, err := assess.Builtin()
	if err != nil {
		p.t.Fatal(err)
	}
	d, err = New(Options{
		Site: "muc-01", Sources: sources, Dir: p.dir, Engine: engine, Interval: time.Minute, Version: "test",
		Logger: slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				p.t.Error(err)
			}
			if err := d.Close(); err != nil {
				p.t.Error(err)
			}
		})
	}
	p.t.Cleanup(stop)
	return d, stop
}

// inventory is the last one that the planner queued, from its outbox as it lies on the disk.
func (p *plant) inventory() (*inventory.Site, error) {
	dir := filepath.Join(p.t.TempDir(), "outbox")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(p.dir, "outbox"))); err != nil {
		return nil, err
	}
	box, err := outbox.Open(outbox.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	last, ok := box.Last()
	if !ok {
		return nil, fmt.Errorf("nothing is queued yet")
	}
	s := &inventory.Site{}
	return s, json.Unmarshal(last.Body, s)
}

// eventually waits for an inventory as wanted; missing tells what is not so yet.
func (p *plant) eventually(what string, missing func(s *inventory.Site) string) *inventory.Site {
	p.t.Helper()
	var site *inventory.Site
	probetest.Until(p.t, what, func() error {
		s, err := p.inventory()
		if err != nil {
			return err
		}
		if m := missing(s); m != "" {
			return fmt.Errorf("%s\nsources %+v", m, s.Sources)
		}
		site = s
		return nil
	})
	return site
}

// verdict is that of a rule in the planner's own assessment.
func (p *plant) verdict(rule string) (rules.Verdict, string) {
	body, err := os.ReadFile(filepath.Join(p.dir, "assessment.json"))
	if err != nil {
		p.t.Fatal(err)
	}
	var a assess.Assessment
	if err := json.Unmarshal(body, &a); err != nil {
		p.t.Fatal(err)
	}
	for _, f := range a.Findings {
		if f.Rule == rule {
			return f.Verdict, f.Message
		}
	}
	return "", ""
}

// noSecret looks for secrets in everything the planner has written.
func (p *plant) noSecret(also ...string) {
	p.t.Helper()
	secrets := append([]string{planted, probetest.ProbeSecret, probetest.OwnerSecret}, also...)
	look := func(where, text string) {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				p.t.Errorf("a secret is in %s", where)
			}
		}
	}
	files := 0
	err := filepath.WalkDir(p.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		files++
		look(path, string(body))
		return err
	})
	if err != nil || files < 4 {
		p.t.Errorf("%d files, %v", files, err)
	}
	look("the log", p.log.String())
}

func roles(s *inventory.Site, id, role string) string {
	var names []string
	for _, n := range s.Infra(id).Nodes {
		if n.Role == role {
			names = append(names, n.Name)
		}
	}
	return strings.Join(names, " ")
}

func source(s *inventory.Site, name string) inventory.Source {
	for _, x := range s.Sources {
		if x.Name == name {
			return x
		}
	}
	return inventory.Source{}
}

func proof(s *inventory.Site, path string) inventory.Provenance {
	for _, x := range s.Provenance {
		if x.Path == path {
			return x
		}
	}
	return inventory.Provenance{}
}

// TestPlannerOverRealServers runs a planner with a site file, host configuration and probes against a ZooKeeper ensemble and
// a PostgreSQL primary with its standby behind pgpool-II, 5 ms away: the leader is killed, the standby stopped, the
// settings broken, and each time the next inventory says so.
func TestPlannerOverRealServers(t *testing.T) {
	zk := probetest.StartEnsemble(t)
	pg := probetest.StartPostgres(t, true)
	pool, poolAddress := probetest.StartPgpool(t, pg)
	// ThingWorx goes through pgpool-II, and so do the samples; which of the servers answers behind it is up to chance.
	slow := probetest.StartDelay(t, poolAddress, 5*time.Millisecond)
	in := t.TempDir()
	site := probetest.Write(t, in+"/site.yaml", siteFile)
	hosts := in + "/hosts"
	own := probetest.Write(t, hosts+"/twx-1/ThingworxPlatform/platform-settings.json", settings)
	p := &plant{t: t, dir: t.TempDir(), log: &log{}}
	sources := []SourceConfig{
		{SiteFile: &SiteFileConfig{Path: site}},
		{Hostconfig: &HostconfigConfig{FilesConfig: FilesConfig{Paths: []string{hosts}}, InPlace: true}},
		{Probes: &ProbesConfig{Config: probe.Config{
			From: "prod/twx-1", Interval: inventory.Duration(10 * time.Second), Timeout: inventory.Duration(10 * time.Second), Samples: 10,
			Targets: []probe.Target{
				{Infrastructure: "zk-1", Nodes: zk.Address},
				{
					Infrastructure: "pg-1", User: "probe", PasswordFile: pg.Secret, PgPool: map[string]string{"pool1": slow},
					Addresses: []string{pg.Addresses["pg2"]}, Nodes: map[string]string{"pg1": pg.Addresses["pg1"], "pg2": pg.Addresses["pg2"]},
				},
			},
		}}},
	}
	d, stop := p.run(sources)
	first := p.eventually("the servers are up", func(s *inventory.Site) string {
		if x := source(s, "probe/zk-1"); !strings.Contains(x.Detail, "3 of 3 members serve; leader zk") {
			return "zk-1: " + x.Detail
		}
		if x := source(s, "probe/pg-1"); !strings.Contains(x.Detail, "1 of 1 standbys stream") || !strings.Contains(x.Detail, "2 of 2 backends up") {
			return "pg-1: " + x.Detail
		}
		return ""
	})
	if len(first.Clusters) != 1 || len(first.Infrastructure) != 3+1 { // and the storage that only the host knows
		t.Fatalf("not merged: %d clusters, %+v", len(first.Clusters), first.Infrastructure)
	}
	if got := roles(first, "pg-1", "primary"); got != "pg1" {
		t.Errorf("the primary is %q", got)
	}
	if x := proof(first, "/infrastructure/1/nodes/0/role"); x.Source != probe.Source || x.Declared != "standby" {
		t.Errorf("provenance of the role: %+v", x)
	}
	use := first.Clusters[0].Used(inventory.AsDatabase)
	if len(use) != 1 || use[0].PoolMax != 80 || first.Infra("pg-1").Identity.Endpoint != "pool.plant.example:9999" || first.Clusters[0].Components[0].Nodes[0].Settings.PlatformID != "twx1" {
		t.Errorf("what the host's files say is missing: %+v %+v", use, first.Infra("pg-1").Identity)
	}
	if source(first, "hostconfig").Status != inventory.SourceOK || source(first, SourceName).Status != inventory.SourceOK {
		t.Errorf("%+v", first.Sources)
	}
	probetest.Until(t, "COL-007", func() error {
		if v, why := p.verdict("COL-007"); v != rules.Fail {
			return fmt.Errorf("a round trip of 5 ms within a region: %s %s", v, why)
		}
		return nil
	})
	p.noSecret()

	leader := roles(first, "zk-1", "leader")
	if len(leader) != 3 {
		t.Fatalf("the leader is %q", leader)
	}
	zk.Nodes[leader[2]-'1'].Stop(syscall.SIGKILL)
	pg.Standby.Stop(syscall.SIGINT)
	next := p.eventually("the leader is gone and the standby too", func(s *inventory.Site) string {
		if now := roles(s, "zk-1", "leader"); now == leader || len(now) != 3 {
			return "the leader was " + leader + " and is " + now
		}
		if x := source(s, "probe/pg-1"); x.Status != inventory.SourcePartial || !strings.Contains(x.Detail, "1 of 1 standbys do not stream") || !strings.Contains(x.Detail, "down") {
			return "pg-1: " + x.Detail
		}
		return ""
	})
	if x := source(next, "probe/zk-1"); x.Status != inventory.SourcePartial {
		t.Errorf("a member that is down is told as %+v", x)
	}

	probetest.Write(t, own, `{"PlatformSettingsConfig": {"AdministratorUserSettings": {"InitialPassword": "`+planted+`-admin"`)
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	broken := p.eventually("the host's files are gone", func(s *inventory.Site) string {
		if x := source(s, "hostconfig"); x.Status != inventory.SourceFailed || !strings.Contains(x.Detail, "are kept") {
			return fmt.Sprintf("%+v", x)
		}
		return ""
	})
	if use := broken.Clusters[0].Used(inventory.AsDatabase); use[0].PoolMax != 80 {
		t.Error("the last good facts are gone")
	}
	status := d.Status()
	if len(status.Sources) != 4 || status.Verdicts[rules.Fail] == 0 {
		t.Errorf("status %+v", status)
	}
	stop()

	// After a restart nothing answers, and nothing is forgotten.
	pg.Primary.Stop(syscall.SIGINT)
	pool.Stop(syscall.SIGINT)
	for _, n := range zk.Nodes {
		n.Stop(syscall.SIGKILL)
	}
	p.run(sources)
	after := p.eventually("nothing answers after a restart", func(s *inventory.Site) string {
		if x := source(s, "probe/pg-1"); x.Status != inventory.SourceFailed {
			return fmt.Sprintf("%+v", x)
		}
		return ""
	})
	if roles(after, "pg-1", "primary") != "pg1" || after.Clusters[0].Used(inventory.AsDatabase)[0].PoolMax != 80 {
		t.Errorf("facts are forgotten: %+v", after.Infra("pg-1"))
	}
	if at := proof(after, "/infrastructure/1/nodes/0/role").ObservedAt; at.IsZero() || !at.Before(source(after, "probe/pg-1").At) {
		t.Errorf("what is remembered is shown fresh: %s", at)
	}
	p.noSecret()
}
