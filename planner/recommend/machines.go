package recommend

import (
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// Sizes of what PTC's hardware table does not list. ZooKeeper's is PTC's (2 vCPU and 2 GiB, cluster sizing considerations);
// the others are assumptions, told with every option that contains them.
func assumedMachine(k catalog.Kind) catalog.Machine {
	switch k {
	case catalog.KindZooKeeper:
		return catalog.Machine{CPU: 2, MemoryGiB: 2}
	case catalog.KindConnectionServer:
		return catalog.Machine{CPU: 4, MemoryGiB: 8}
	case catalog.KindIgnite:
		return catalog.Machine{CPU: 4, MemoryGiB: 16}
	case catalog.KindPgPool, catalog.KindInfluxMeta:
		return catalog.Machine{CPU: 2, MemoryGiB: 4}
	}
	return catalog.Machine{}
}

// foundationMinimum is PTC's least machine for Foundation (System Requirements 9.0 to 9.4), for clusters without a workload.
func foundationMinimum() catalog.Machine { return catalog.Machine{CPU: 4, MemoryGiB: 16} }

// machines sets the size of every part. With keep, present machines that are large enough stay as they are; the nodes of
// one part are of one size.
func (w *world) machines(p *catalog.Plan, size *sized, keep bool) {
	for _, k := range catalog.Kinds() {
		if p.Counts.Of(k) == 0 {
			continue
		}
		p.Machines.Set(k, w.machine(k, p.Engine, size, keep))
	}
}

func (w *world) machine(k catalog.Kind, e inventory.Engine, size *sized, keep bool) catalog.Machine {
	var need catalog.Machine
	switch k {
	case catalog.KindFoundation:
		need = machineOf(size.Foundation)
		if !size.Known {
			need = foundationMinimum()
		}
	case catalog.KindDatabase:
		need = machineOf(size.Database)
		if !size.Known {
			need = foundationMinimum()
		}
	case catalog.KindInflux, catalog.KindInfluxData:
		// PTC's table gives InfluxDB half of Foundation's machine in every size.
		need = catalog.Machine{CPU: size.Foundation.CPU / 2, MemoryGiB: size.Foundation.MemoryGiB / 2}
		if size.Timeseries != nil {
			need = machineOf(*size.Timeseries)
		}
		if !size.Known {
			need = foundationMinimum()
		}
	default:
		need = assumedMachine(k)
	}
	have := w.presentMachine(k, e)
	switch {
	case have == (catalog.Machine{}):
	case have.CPU == need.CPU && have.MemoryGiB == need.MemoryGiB, !size.Known && have.CPU > 0:
		if have.SKU == "" {
			have.SKU = need.SKU
		}
		return have
	case keep && have.Covers(need):
		return have
	}
	return need
}

func machineOf(h sizing.Hardware) catalog.Machine {
	return catalog.Machine{CPU: h.CPU, MemoryGiB: h.MemoryGiB, StorageGiB: h.StorageGiB, SKU: h.SKU}
}

// presentMachine is the size of the part now: that of its largest node, or of the managed server. Zero when not known.
func (w *world) presentMachine(k catalog.Kind, e inventory.Engine) catalog.Machine {
	part := w.shape.Parts.Of(k)
	var have catalog.Machine
	for _, n := range part.Nodes {
		if n.CPU > have.CPU || n.CPU == have.CPU && n.MemoryGiB > have.MemoryGiB {
			have = catalog.Machine{CPU: n.CPU, MemoryGiB: n.MemoryGiB, SKU: n.SKU}
		}
	}
	if k != catalog.KindDatabase || len(part.Nodes) > 0 || len(part.Infra) == 0 || w.shape.Engine != e {
		return have
	}
	inf := part.Infra[0]
	if inventory.FlexibleTier(inf.Tier, inf.SKU) == inventory.TierBurstable {
		return have // no option is burstable: PTC's sizes are of the other tiers
	}
	have = catalog.Machine{CPU: inf.CPU, MemoryGiB: inf.MemoryGiB, SKU: inf.SKU, StorageGiB: inf.StorageGiB}
	if have.CPU == 0 {
		have.CPU, have.MemoryGiB, _ = inventory.FlexibleCapacity(inf.SKU)
	}
	return have
}
