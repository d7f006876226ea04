package deployment_test

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
)

// FuzzParseHosts: what is read as a list of addresses reads as itself again.
func FuzzParseHosts(f *testing.F) {
	for _, s := range []string{"a:2181,b:2181/chroot", "[::1]:1,::2", "a..b", "a:0,b:99999", " a , ,b", "u@h:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		hosts, _ := deployment.ParseHosts(list)
		for _, h := range hosts {
			again, ok := deployment.ParseHost(h.String())
			if !ok || again != h || h.Port < 0 || h.Port > 65535 {
				t.Errorf("%+v reads as %+v, %v", h, again, ok)
			}
		}
	})
}
