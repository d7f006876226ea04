//go:build linux

package probe

import (
	"context"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/probetest"
)

// eventually runs the probes until a result is as wanted; why tells what is missing, "" nothing.
func eventually(t *testing.T, p *Prober, site *inventory.Site, alive []*probetest.Process, why func(*Results) string) *Results {
	t.Helper()
	deadline := time.Now().Add(probetest.Patience)
	for {
		r := p.Run(context.Background(), site)
		missing := why(r)
		if missing == "" {
			return r
		}
		for _, x := range alive {
			if x.Ended() {
				t.Fatalf("%s has ended: %s", x.Name, x.Output)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s\nlast result: %+v", missing, r.Components)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func prober(t *testing.T, c Config) *Prober {
	t.Helper()
	p, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
