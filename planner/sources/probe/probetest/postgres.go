//go:build linux

package probetest

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Passwords planted in the tests; none may be found in a result.
const (
	OwnerSecret = "0wner-s3cret-Xq"
	ProbeSecret = "pr0be-s3cret-Yz"
	PlainSecret = "pla1n-s3cret-Wv"
)

// Postgres is a primary and perhaps its standby.
type Postgres struct {
	Dir, Host        string
	Bin              string // folder of the programs
	Primary, Standby *Process
	Addresses        map[string]string // pg1, pg2
	Secret           string            // file with the password of the user probe
}

// StartPostgres starts a primary pg1 with TLS off, and with standby a streaming pg2.
func StartPostgres(t *testing.T, standby bool) *Postgres {
	t.Helper()
	initdb := Need(t, "/usr/lib/postgresql/*/bin/initdb")
	p := &Postgres{Dir: Folder(t), Host: Loopback(), Bin: filepath.Dir(initdb), Addresses: map[string]string{}}
	Own(t, p.Dir)
	p.Secret = Write(t, p.Dir+"/probe.secret", ProbeSecret+"\n")
	pwfile := Write(t, p.Dir+"/owner.secret", OwnerSecret)
	Own(t, pwfile)
	data := p.Dir + "/pg1"
	finish(t, p.Dir, nil, initdb, "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", pwfile, "--no-sync", "-E", "UTF8", "--locale=C", "--no-instructions")
	hba := Write(t, data+"/pg_hba.conf", "host all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n")
	Own(t, hba)
	p.Addresses["pg1"] = At(p.Host, FreePort(t, p.Host))
	p.Primary = p.start(t, "pg1")
	p.SQL(t, "pg1", "CREATE ROLE probe LOGIN PASSWORD '"+ProbeSecret+"' IN ROLE pg_monitor; CREATE ROLE plain LOGIN PASSWORD '"+PlainSecret+"'")
	if standby {
		_, port, _ := net.SplitHostPort(p.Addresses["pg1"])
		finish(t, p.Dir, []string{"PGPASSWORD=" + OwnerSecret}, p.Bin+"/pg_basebackup", "-h", p.Host, "-p", port, "-U", "owner", "-D", p.Dir+"/pg2", "-R", "-X", "stream", "-c", "fast", "--no-sync")
		p.Addresses["pg2"] = At(p.Host, FreePort(t, p.Host))
		p.Standby = p.start(t, "pg2")
	}
	return p
}

func (p *Postgres) start(t *testing.T, name string) *Process {
	t.Helper()
	_, port, _ := net.SplitHostPort(p.Addresses[name])
	return Start(t, syscall.SIGQUIT, true, p.Dir, p.Bin+"/postgres", "-D", p.Dir+"/"+name, "-c", "listen_addresses="+p.Host, "-c", "port="+port,
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=40", "-c", "wal_receiver_timeout=5s", "-c", "wal_retrieve_retry_interval=200ms")
}

// SQL runs statements as the owner once the server takes connections.
func (p *Postgres) SQL(t *testing.T, name, text string) {
	t.Helper()
	Until(t, "log in to "+name, func() error {
		host, port, _ := net.SplitHostPort(p.Addresses[name])
		c, err := pgconn.Connect(context.Background(), fmt.Sprintf("host=%s port=%s user=owner password=%s dbname=postgres sslmode=disable connect_timeout=5", host, port, OwnerSecret))
		if err != nil {
			return err
		}
		defer c.Close(context.Background())
		_, err = c.Exec(context.Background(), text).ReadAll()
		return err
	})
}

// StartPgpool starts pgpool-II in front of both servers and returns its address.
func StartPgpool(t *testing.T, p *Postgres) (*Process, string) {
	t.Helper()
	pgpool := Need(t, "pgpool", "/usr/sbin/pgpool")
	port := FreePort(t, p.Host)
	var conf strings.Builder
	fmt.Fprintf(&conf, "listen_addresses='%s'\nport=%d\npcp_listen_addresses='%s'\npcp_port=%d\nunix_socket_directories='%s'\npcp_socket_dir='%s'\n", p.Host, port, p.Host, FreePort(t, p.Host), p.Dir, p.Dir)
	fmt.Fprintf(&conf, "backend_clustering_mode='streaming_replication'\nenable_pool_hba=on\npool_passwd='%s/pool_passwd'\npid_file_name='%s/pgpool.pid'\nlogdir='%s'\nwork_dir='%s'\n", p.Dir, p.Dir, p.Dir, p.Dir)
	fmt.Fprintf(&conf, "num_init_children=4\nmax_pool=1\nsr_check_period=1\nsr_check_user='probe'\nsr_check_password='%s'\nsr_check_database='postgres'\nhealth_check_period=1\nhealth_check_timeout=2\nhealth_check_user='probe'\nhealth_check_password='%s'\nhealth_check_database='postgres'\nfailover_command=''\nmemory_cache_enabled=off\n", ProbeSecret, ProbeSecret)
	for i, name := range []string{"pg1", "pg2"} {
		_, backend, _ := net.SplitHostPort(p.Addresses[name])
		fmt.Fprintf(&conf, "backend_hostname%d='%s'\nbackend_port%d=%s\nbackend_weight%d=1\nbackend_flag%d='ALLOW_TO_FAILOVER'\nbackend_application_name%d='walreceiver'\n", i, p.Host, i, backend, i, i, i)
	}
	files := []string{
		Write(t, p.Dir+"/pgpool.conf", conf.String()), Write(t, p.Dir+"/pcp.conf", ""),
		Write(t, p.Dir+"/pool_hba.conf", "host all all 127.0.0.0/8 scram-sha-256\n"), Write(t, p.Dir+"/pool_passwd", "probe:TEXT"+ProbeSecret+"\n"),
	}
	Own(t, files...)
	return Start(t, syscall.SIGINT, true, p.Dir, pgpool, "-n", "-f", files[0], "-F", files[1], "-a", files[2]), At(p.Host, port)
}
