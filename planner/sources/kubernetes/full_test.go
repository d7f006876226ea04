package kubernetes

import "testing"

func TestFull(t *testing.T) {
	for _, c := range []struct{ host, namespace, want string }{
		{"pg", "n", "pg.n.svc.cluster.local"},
		{"pg", "", "pg"},
		{"pg.n", "n", "pg.n.svc.cluster.local"},
		{"pg.other", "n", "pg.other"},
		{"pg.x.example", "n", "pg.x.example"},
		{"pg-0.pg", "n", "pg-0.pg.n.svc.cluster.local"},
		{"pg-0.pg.n", "n", "pg-0.pg.n.svc.cluster.local"},
		{"pg.other.svc", "n", "pg.other.svc.cluster.local"},
		{"pg.other.svc.cluster.local", "n", "pg.other.svc.cluster.local"},
		{"10.0.0.1", "n", "10.0.0.1"},
		{"fd00::1", "n", "fd00::1"},
		{"localhost", "n", "localhost"},
	} {
		if got := full(c.host, c.namespace); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.host, c.namespace, got, c.want)
		}
	}
	for s, want := range map[string]float64{"500m": 0.5, "2": 2, "1Gi": 1 << 30, "1k": 1000, "x": 0, "-1": 0, "": 0, "NaN": 0} {
		if got := quantity(s); got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}
