package sizing

import "github.com/meridian-federation/meridian/planner/inventory"

// Cluster sizes a cluster's workload.
func Cluster(c *inventory.Cluster, p *Pack) Result { panic("stub") }

// Pack holds the size thresholds and hardware table.
type Pack struct{}

// Builtin returns the embedded data pack.
func Builtin() (*Pack, error) { panic("stub") }
