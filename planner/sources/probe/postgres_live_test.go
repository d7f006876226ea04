//go:build linux

package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// Passwords planted in the tests; none may be found in a result.
const (
	ownerSecret = "0wner-s3cret-Xq"
	probeSecret = "pr0be-s3cret-Yz"
	plainSecret = "pla1n-s3cret-Wv"
)

type postgres struct {
	dir, host        string
	bin              string
	primary, standby *process
	addresses        map[string]string // pg1, pg2
	secret           string            // file with the password of the user probe
}

// startPostgres starts a primary pg1 with TLS off, and with standby a streaming pg2.
func startPostgres(t *testing.T, standby bool) *postgres {
	t.Helper()
	initdb := need(t, "/usr/lib/postgresql/*/bin/initdb")
	p := &postgres{dir: folder(t), host: loopback(), bin: filepath.Dir(initdb), addresses: map[string]string{}}
	own(t, p.dir)
	p.secret = write(t, p.dir+"/probe.secret", probeSecret+"\n")
	pwfile := write(t, p.dir+"/owner.secret", ownerSecret)
	own(t, pwfile)
	data := p.dir + "/pg1"
	finish(t, p.dir, nil, initdb, "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", pwfile, "--no-sync", "-E", "UTF8", "--locale=C", "--no-instructions")
	hba := write(t, data+"/pg_hba.conf", "host all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n")
	own(t, hba)
	p.addresses["pg1"] = at(p.host, freePort(t, p.host))
	p.primary = p.start(t, "pg1")
	p.sql(t, "pg1", "CREATE ROLE probe LOGIN PASSWORD '"+probeSecret+"' IN ROLE pg_monitor; CREATE ROLE plain LOGIN PASSWORD '"+plainSecret+"'")
	if standby {
		_, port, _ := net.SplitHostPort(p.addresses["pg1"])
		finish(t, p.dir, []string{"PGPASSWORD=" + ownerSecret}, p.bin+"/pg_basebackup", "-h", p.host, "-p", port, "-U", "owner", "-D", p.dir+"/pg2", "-R", "-X", "stream", "-c", "fast", "--no-sync")
		p.addresses["pg2"] = at(p.host, freePort(t, p.host))
		p.standby = p.start(t, "pg2")
	}
	return p
}

func (p *postgres) start(t *testing.T, name string) *process {
	t.Helper()
	_, port, _ := net.SplitHostPort(p.addresses[name])
	return start(t, syscall.SIGQUIT, true, p.dir, p.bin+"/postgres", "-D", p.dir+"/"+name, "-c", "listen_addresses="+p.host, "-c", "port="+port,
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=40", "-c", "wal_receiver_timeout=5s", "-c", "wal_retrieve_retry_interval=200ms")
}

// sql runs statements as the owner once the server takes connections.
func (p *postgres) sql(t *testing.T, name, text string) {
	t.Helper()
	until(t, "log in to "+name, func() error {
		host, port, _ := net.SplitHostPort(p.addresses[name])
		c, err := pgconn.Connect(context.Background(), fmt.Sprintf("host=%s port=%s user=owner password=%s dbname=postgres sslmode=disable connect_timeout=5", host, port, ownerSecret))
		if err != nil {
			return err
		}
		defer c.Close(context.Background())
		_, err = c.Exec(context.Background(), text).ReadAll()
		return err
	})
}

func startPgpool(t *testing.T, p *postgres) (*process, string) {
	t.Helper()
	pgpool := need(t, "pgpool", "/usr/sbin/pgpool")
	port := freePort(t, p.host)
	var conf strings.Builder
	fmt.Fprintf(&conf, "listen_addresses='%s'\nport=%d\npcp_listen_addresses='%s'\npcp_port=%d\nunix_socket_directories='%s'\npcp_socket_dir='%s'\n", p.host, port, p.host, freePort(t, p.host), p.dir, p.dir)
	fmt.Fprintf(&conf, "backend_clustering_mode='streaming_replication'\nenable_pool_hba=on\npool_passwd='%s/pool_passwd'\npid_file_name='%s/pgpool.pid'\nlogdir='%s'\nwork_dir='%s'\n", p.dir, p.dir, p.dir, p.dir)
	fmt.Fprintf(&conf, "num_init_children=4\nmax_pool=1\nsr_check_period=1\nsr_check_user='probe'\nsr_check_password='%s'\nsr_check_database='postgres'\nhealth_check_period=1\nhealth_check_timeout=2\nhealth_check_user='probe'\nhealth_check_password='%s'\nhealth_check_database='postgres'\nfailover_command=''\nmemory_cache_enabled=off\n", probeSecret, probeSecret)
	for i, name := range []string{"pg1", "pg2"} {
		_, backend, _ := net.SplitHostPort(p.addresses[name])
		fmt.Fprintf(&conf, "backend_hostname%d='%s'\nbackend_port%d=%s\nbackend_weight%d=1\nbackend_flag%d='ALLOW_TO_FAILOVER'\nbackend_application_name%d='walreceiver'\n", i, p.host, i, backend, i, i, i)
	}
	files := []string{
		write(t, p.dir+"/pgpool.conf", conf.String()), write(t, p.dir+"/pcp.conf", ""),
		write(t, p.dir+"/pool_hba.conf", "host all all 127.0.0.0/8 scram-sha-256\n"), write(t, p.dir+"/pool_passwd", "probe:TEXT"+probeSecret+"\n"),
	}
	own(t, files...)
	return start(t, syscall.SIGINT, true, p.dir, pgpool, "-n", "-f", files[0], "-F", files[1], "-a", files[2]), at(p.host, port)
}

func TestPostgreSQLWithStandbyBehindPgpool(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, true)
	pool, poolAddress := startPgpool(t, p)
	alive := []*process{p.primary, p.standby, pool}
	site := &inventory.Site{
		Site: inventory.Identity{ID: "s"}, ObservedAt: time.Now(),
		Infrastructure: []inventory.Infrastructure{{
			ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Version: "14", MaxConnections: 500,
			Nodes: []inventory.Node{{Name: "pg1", Role: "standby"}, {Name: "pg2", Role: "primary"}}, PgPool: []inventory.Node{{Name: "pool1"}},
		}},
	}
	prober := prober(t, Config{
		Targets: []Target{{Infrastructure: "pg", Nodes: p.addresses, PgPool: map[string]string{"pool1": poolAddress}, User: "probe", PasswordFile: p.secret}},
		Samples: 5, Timeout: inventory.Duration(10 * time.Second),
	})
	r := eventually(t, prober, site, alive, func(r *Results) string {
		if c := r.Components[0]; c.Status != inventory.SourceOK {
			return c.Detail
		}
		return ""
	})
	c := r.Component("probe/pg")
	for _, want := range []string{"primary pg1 (" + p.addresses["pg1"] + ")", "standby pg2 (" + p.addresses["pg2"] + ")", "of 40 connections in use", "1 of 1 standbys stream", "2 of 2 backends up", "database-round-trip"} {
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

	p.standby.stop(syscall.SIGINT)
	r = eventually(t, prober, applied, []*process{p.primary, pool}, func(r *Results) string {
		c := r.Components[0]
		for _, want := range []string{"pg2 (" + p.addresses["pg2"] + ") refused the connection", "1 of 1 standbys do not stream", "has pg2 (" + p.addresses["pg2"] + ") down"} {
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
		for _, secret := range []string{ownerSecret, probeSecret, plainSecret} {
			if strings.Contains(text, secret) {
				t.Errorf("a secret is in %s", text)
			}
		}
	}
}

func TestPostgreSQLUsersAndRefusals(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, false)
	site := &inventory.Site{
		Site:           inventory.Identity{ID: "s"},
		Infrastructure: []inventory.Infrastructure{{ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Identity: inventory.ResourceIdentity{Endpoint: "jdbc:postgresql://" + p.addresses["pg1"] + "/thingworx?user=x&password=" + plainSecret}}},
	}
	plain := write(t, p.dir+"/plain.secret", plainSecret)
	wrong := write(t, p.dir+"/wrong.secret", plainSecret+"x")
	p.sql(t, "pg1", "SELECT 1")
	for name, c := range map[string]struct {
		target Target
		status inventory.SourceStatus
		want   string
	}{
		"a user without rights": {Target{User: "plain", PasswordFile: plain}, inventory.SourceOK, "primary"},
		"a wrong password":      {Target{User: "plain", PasswordFile: wrong}, inventory.SourceFailed, "refused the user or the password"},
		"no such database":      {Target{User: "plain", PasswordFile: plain, Database: "nowhere"}, inventory.SourceFailed, "does not have the database"},
		"no password file":      {Target{User: "plain", PasswordFile: p.dir + "/none"}, inventory.SourceFailed, "the password file cannot be read"},
		"no user":               {Target{}, inventory.SourceOK, "takes connections, no user is configured"},
		"TLS required": {
			Target{User: "plain", PasswordFile: plain, TLS: wire.TLS{Mode: wire.Require}}, inventory.SourceFailed, "refuses TLS",
		},
		"TLS verified": {
			Target{User: "plain", PasswordFile: plain, TLS: wire.TLS{Mode: wire.VerifyFull}}, inventory.SourceFailed, "refuses TLS",
		},
		"pgpool asked of PostgreSQL": {
			Target{User: "plain", PasswordFile: plain, PgPool: map[string]string{"x": p.addresses["pg1"]}}, inventory.SourceFailed, "another product or version",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.target.Infrastructure = "pg"
			r := eventually(t, prober(t, Config{Targets: []Target{c.target}, Samples: 2, Timeout: inventory.Duration(10 * time.Second)}), site, []*process{p.primary}, func(r *Results) string {
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
		p.sql(t, "pg1", "ALTER SYSTEM SET ssl = on")
		p.sql(t, "pg1", "SELECT pg_reload_conf()")
		for mode, ok := range map[wire.Mode]bool{wire.Disable: true, wire.Prefer: true, wire.Require: true, wire.VerifyCA: true, wire.VerifyFull: false} {
			tls := wire.TLS{Mode: mode}
			if mode.Verified() {
				tls.CA = ca
			}
			eventually(t, prober(t, Config{Targets: []Target{{Infrastructure: "pg", User: "plain", PasswordFile: plain, TLS: tls}}, Samples: -1}), site, []*process{p.primary}, func(r *Results) string {
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
		receiver := p.bin + "/pg_receivewal"
		_, port, _ := net.SplitHostPort(p.addresses["pg1"])
		if err := os.MkdirAll(p.dir+"/wal", 0o700); err != nil {
			t.Fatal(err)
		}
		own(t, p.dir+"/wal")
		passfile := write(t, p.dir+"/pass", "*:*:*:owner:"+ownerSecret+"\n")
		own(t, passfile)
		start(t, syscall.SIGINT, true, p.dir, receiver, "-d", fmt.Sprintf("host=%s port=%s user=owner passfile=%s", p.host, port, passfile), "-D", p.dir+"/wal")
		eventually(t, prober(t, Config{Targets: []Target{{Infrastructure: "pg", User: "plain", PasswordFile: plain}}, Samples: -1}), site, []*process{p.primary}, func(r *Results) string {
			if x := r.Components[0]; x.Status != inventory.SourcePartial || !strings.Contains(x.Detail, "grant pg_monitor") {
				return string(x.Status) + " " + x.Detail
			}
			return ""
		})
	})
}

// delay is a proxy that hands on every piece a while after it came; half of the round trip's delay in each direction.
type delay struct {
	listener net.Listener
	wait     sync.WaitGroup
}

func startDelay(t *testing.T, to string, roundTrip time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &delay{listener: l}
	d.wait.Add(1)
	go func() {
		defer d.wait.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			d.wait.Add(2)
			go d.pipe(server, c, roundTrip/2)
			go d.pipe(c, server, roundTrip/2)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		d.wait.Wait()
	})
	return l.Addr().String()
}

// pipe keeps the order: a piece waits until its time, those behind it have waited meanwhile.
func (d *delay) pipe(to, from net.Conn, after time.Duration) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 64)
	go func() {
		defer close(pieces)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if n > 0 {
				pieces <- piece{buf[:n], time.Now().Add(after)}
			}
			if err != nil {
				return
			}
		}
	}()
	defer d.wait.Done()
	for p := range pieces {
		<-time.After(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	_, _ = io.Copy(io.Discard, from)
	for range pieces {
		continue
	}
}

// TestMeasuredDelayIsJudged sees COL-007 fire on a real round trip of 5 ms and stay silent on loopback.
func TestMeasuredDelayIsJudged(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, false)
	p.sql(t, "pg1", "SELECT 1")
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
			Targets: []Target{{Infrastructure: "pg", Nodes: map[string]string{"pg1": address}, User: "probe", PasswordFile: p.secret}},
			Samples: 40, Pause: inventory.Duration(time.Millisecond),
		})
	}
	if v, _ := verdict(&Results{Site: "muc-01"}); v != rules.Unknown {
		t.Errorf("without a probe the verdict is %s", v)
	}
	// A busy machine may be slow for a while even on loopback; the rule must fall silent once it is not.
	eventually(t, ask(p.addresses["pg1"]), site, []*process{p.primary}, func(r *Results) string {
		if v, why := verdict(r); v != rules.Pass {
			return fmt.Sprintf("on loopback: %s %s (%s)", v, why, r.Components[0].Detail)
		}
		return ""
	})
	far := eventually(t, ask(startDelay(t, p.addresses["pg1"], 5*time.Millisecond)), site, []*process{p.primary}, func(r *Results) string {
		if v, why := verdict(r); v != rules.Fail {
			return fmt.Sprintf("with a delay of 5 ms: %s %s (%s)", v, why, r.Components[0].Detail)
		}
		return ""
	})
	for _, x := range Apply(site, far).Probes {
		if x.Kind == inventory.ProbeDatabaseRoundTrip && (x.P50 < inventory.Duration(5*time.Millisecond) || x.Samples != 40 || x.From != "muc-01/prod/twx-1") {
			t.Errorf("%+v", x)
		}
	}
}
