//go:build linux

package probe

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/probetest"
)

func TestInfluxDB(t *testing.T) {
	t.Parallel()
	influxd := probetest.Need(t, "influxd")
	host, dir := probetest.Loopback(), probetest.Folder(t)
	web := probetest.FreePort(t, host)
	cfg := probetest.Write(t, dir+"/influxdb.conf", fmt.Sprintf("reporting-disabled = true\nbind-address = %q\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\n[http]\nbind-address = %q\n",
		probetest.At(host, probetest.FreePort(t, host)), dir+"/meta", dir+"/data", dir+"/wal", probetest.At(host, web)))
	server := probetest.Start(t, syscall.SIGKILL, false, dir, influxd, "-config", cfg)
	site := &inventory.Site{
		Site: inventory.Identity{ID: "s"}, ObservedAt: time.Now(),
		Infrastructure: []inventory.Infrastructure{{ID: "influx", Kind: inventory.KindInfluxDB, Edition: inventory.EditionEnterprise, Identity: inventory.ResourceIdentity{Endpoint: "http://" + probetest.At(host, web)}}},
	}
	p := prober(t, Config{All: true, Samples: 3})
	r := eventually(t, p, site, []*probetest.Process{server}, func(r *Results) string {
		if c := r.Components[0]; c.Status != inventory.SourceOK {
			return c.Detail
		}
		return ""
	})
	applied := Apply(site, r)
	if x := applied.Infra("influx"); x.Version == "" || x.Edition != inventory.EditionOSS {
		t.Errorf("%+v", x)
	}
	wantProof(t, applied, "/infrastructure/0/edition", "enterprise")
	if d := r.Components[0].Detail; !strings.Contains(d, "tcp-connect") {
		t.Errorf("no connects in %q", d)
	}
	server.Stop(syscall.SIGTERM)
	r = eventually(t, p, site, nil, func(r *Results) string {
		if c := r.Components[0]; c.Status != inventory.SourceFailed || !strings.Contains(c.Detail, "refused the connection") {
			return c.Detail
		}
		return ""
	})
	if x := Apply(site, r).Infra("influx"); x.Edition != inventory.EditionEnterprise {
		t.Error("a failed probe changed a fact")
	}
}
