package recommend

import (
	"errors"
	"fmt"
	"math"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// PricesKind heads a price file.
const PricesKind = "Prices"

// Prices turns a bill of components into a cost for one period, whichever the owner likes: a month, a year.
type Prices struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Currency   string `json:"currency,omitempty"` // shown beside costs; empty: costs are relative only

	PerCPU           float64 `json:"perCPU"`               // one vCPU
	PerGiB           float64 `json:"perGiB"`               // one GiB of memory
	PerMachine       float64 `json:"perMachine,omitempty"` // what each machine costs whatever its size: system, backup, care
	LoadBalancer     float64 `json:"loadBalancer"`         // one instance
	Storage          float64 `json:"storage"`              // with the least redundancy the provider offers: none, on Azure local
	StorageRedundant float64 `json:"storageRedundant"`     // with more
	ManagedFactor    float64 `json:"managedFactor"`        // managed server over a machine of the same size; 0 is 1
	// Licences is what each vCPU of a database product costs besides its machine; a product that is not named costs nothing more.
	Licences map[inventory.Engine]float64 `json:"licences,omitempty"`
	SKUs     map[string]float64           `json:"skus,omitempty"` // whole price of a machine type, instead of the above
}

// DefaultPrices is the relative cost model. Its figures are assumptions, since prices differ by contract: a vCPU counts 1
// and a GiB of memory a quarter (general purpose machines have four GiB to a vCPU and cost about as much for either), a machine
// 1 besides, a load balancer instance 2, storage 4 and twice that with more redundancy than the least; a managed server costs like a machine of its
// size, and a standby as much again, also where it is built in. Each licensed vCPU of SQL Server and Azure SQL costs as much again
// as two without. Parts shared with other clusters are divided by their number.
func DefaultPrices() *Prices {
	return &Prices{
		APIVersion: inventory.APIVersion, Kind: PricesKind, PerCPU: 1, PerGiB: 0.25, PerMachine: 1, LoadBalancer: 2, Storage: 4, StorageRedundant: 8, ManagedFactor: 1,
		Licences: map[inventory.Engine]float64{inventory.EngineSQLServer: 2, inventory.EngineAzureSQL: 2},
	}
}

// costAssumption says what the default cost index rests on.
const costAssumption = "costs are relative, by vCPU, memory and number of machines; give a price file for amounts"

// ParsePrices reads a price file. The error is a *document.Error.
func ParsePrices(name string, data []byte) (*Prices, error) {
	p := new(Prices)
	places, err := document.DecodeAt(name, data, p)
	if err != nil {
		var bad *document.Error
		if errors.As(err, &bad) {
			return nil, err
		}
		return nil, fmt.Errorf("read price file %s: %w", name, err)
	}
	var problems []document.Problem
	fail := func(path, what, remedy string) { problems = append(problems, places.Problem(path, what, remedy)) }
	if p.APIVersion != inventory.APIVersion {
		fail("/apiVersion", fmt.Sprintf("apiVersion is %q", p.APIVersion), "write "+inventory.APIVersion)
	}
	if p.Kind != PricesKind {
		fail("/kind", fmt.Sprintf("kind is %q", p.Kind), "write "+PricesKind)
	}
	for _, f := range []struct {
		path  string
		value float64
	}{
		{"/perCPU", p.PerCPU},
		{"/perGiB", p.PerGiB},
		{"/perMachine", p.PerMachine},
		{"/loadBalancer", p.LoadBalancer},
		{"/storage", p.Storage},
		{"/storageRedundant", p.StorageRedundant},
		{"/managedFactor", p.ManagedFactor},
	} {
		if f.value < 0 || math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			fail(f.path, fmt.Sprintf("%v is not a price", f.value), "write a number of at least 0")
		}
	}
	if p.PerCPU == 0 && p.PerGiB == 0 && len(p.SKUs) == 0 {
		fail("/perCPU", "no price is given for machines", "give perCPU and perGiB, or skus")
	}
	for sku, v := range p.SKUs {
		if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			fail(document.Pointer("/skus", sku), fmt.Sprintf("%v is not a price", v), "write a number of at least 0")
		}
	}
	for engine, v := range p.Licences {
		path := document.Pointer("/licences", string(engine))
		if engine.Title() == string(engine) {
			fail(path, fmt.Sprintf("%q is no database product", engine), "write postgresql, azure-postgresql-flexible, sqlserver or azure-sql")
		}
		if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			fail(path, fmt.Sprintf("%v is not a price", v), "write a number of at least 0")
		}
	}
	if err := document.NewError(problems); err != nil {
		return nil, err
	}
	return p, nil
}

// machine prices one size. extra is the price of a machine as such.
func (p *Prices) machine(m catalog.Machine, factor, extra float64) float64 {
	if v, ok := p.SKUs[m.SKU]; ok && m.SKU != "" {
		return v
	}
	return (m.CPU*p.PerCPU+m.MemoryGiB*p.PerGiB)*factor + extra
}

// cost prices the inventory of a plan. Each machine costs its price once, however many nodes share it.
func (p *Prices) cost(plan *catalog.Plan, site *inventory.Site, tenants *catalog.PerKind[int]) float64 {
	total := 0.0
	var machines [64]string
	seen := machines[:0]
	node := func(k catalog.Kind, n *inventory.Node) float64 {
		extra := p.PerMachine
		if n.Machine != "" {
			for _, m := range seen {
				if m == n.Machine {
					extra = 0
				}
			}
			seen = append(seen, n.Machine)
		}
		return p.machine(catalog.Machine{CPU: n.CPU, MemoryGiB: n.MemoryGiB, SKU: n.SKU}, 1, extra) / share(plan, tenants, k)
	}
	c := &site.Clusters[0]
	for i := range c.Components {
		for j := range c.Components[i].Nodes {
			total += node(catalog.Kind(c.Components[i].Kind), &c.Components[i].Nodes[j])
		}
	}
	for i := range site.Infrastructure {
		inf := &site.Infrastructure[i]
		total += p.infra(plan, inf, tenants)
		for j := range inf.Nodes {
			total += node(kindOf(inf, &inf.Nodes[j]), &inf.Nodes[j])
		}
		for j := range inf.PgPool {
			total += node(catalog.KindPgPool, &inf.PgPool[j])
		}
	}
	return math.Round(total*1e6) / 1e6
}

// database is what cost counts for the model database at most.
func (p *Prices) database(plan *catalog.Plan, site *inventory.Site, tenants *catalog.PerKind[int]) float64 {
	total := 0.0
	for i := range site.Infrastructure {
		inf := &site.Infrastructure[i]
		if inf.Kind != inventory.KindDatabase {
			continue
		}
		total += p.infra(plan, inf, tenants)
		for _, nodes := range [][]inventory.Node{inf.Nodes, inf.PgPool} {
			for j := range nodes {
				n := &nodes[j]
				total += p.machine(catalog.Machine{CPU: n.CPU, MemoryGiB: n.MemoryGiB, SKU: n.SKU}, 1, p.PerMachine) / share(plan, tenants, catalog.KindDatabase)
			}
		}
	}
	return total
}

func (p *Prices) managed() float64 {
	if p.ManagedFactor == 0 {
		return 1
	}
	return p.ManagedFactor
}

// infra prices an infrastructure as such, without its nodes. A self-managed one of which no nodes are listed is priced as
// the plan counts it, so that not knowing the nodes is no saving.
func (p *Prices) infra(plan *catalog.Plan, inf *inventory.Infrastructure, tenants *catalog.PerKind[int]) float64 {
	switch inf.Kind {
	case inventory.KindLoadBalancer:
		return p.LoadBalancer * float64(plan.Counts.Of(catalog.KindLoadBalancer)) / share(plan, tenants, catalog.KindLoadBalancer)
	case inventory.KindStorage:
		if least := catalog.Redundancies(plan.Provider, false)[0]; plan.Storage == least || plan.Storage == inventory.RedundancyNone || plan.Storage == "" {
			return p.Storage / share(plan, tenants, catalog.KindStorage)
		}
		return p.StorageRedundant / share(plan, tenants, catalog.KindStorage)
	case inventory.KindDatabase:
		m := plan.Machines.Of(catalog.KindDatabase)
		one := p.machine(m, p.managed(), 0)
		copies := 1.0
		switch {
		case inf.HighAvailability != nil && inf.HighAvailability.Mode != inventory.HANone, inf.Engine == inventory.EngineAzureSQL && plan.Architecture.HighlyAvailable:
			copies = 2
		}
		if len(inf.Replicas) > 0 {
			copies++
		}
		licence := p.Licences[inf.Engine] * m.CPU
		one += licence
		if !inf.Engine.Managed() {
			if len(inf.Nodes) > 0 {
				return (one*float64(len(inf.Replicas)) + licence*float64(len(inf.Nodes))) / share(plan, tenants, catalog.KindDatabase)
			}
			copies = float64(plan.Counts.Of(catalog.KindDatabase))
			one += p.PerMachine
		}
		return one * copies / share(plan, tenants, catalog.KindDatabase)
	case inventory.KindZooKeeper:
		if len(inf.Nodes) == 0 {
			return p.machine(plan.Machines.Of(catalog.KindZooKeeper), 1, p.PerMachine) * float64(plan.Counts.Of(catalog.KindZooKeeper)) / share(plan, tenants, catalog.KindZooKeeper)
		}
	}
	return 0
}

// share is the number of clusters that pay for a part.
func share(plan *catalog.Plan, tenants *catalog.PerKind[int], k catalog.Kind) float64 {
	owner := k
	switch k {
	case catalog.KindPgPool:
		owner = catalog.KindDatabase
	case catalog.KindInfluxMeta:
		owner = catalog.KindInfluxData
	}
	if !plan.Shared.Of(owner) {
		return 1
	}
	return float64(max(2, tenants.Of(owner)))
}

func kindOf(inf *inventory.Infrastructure, n *inventory.Node) catalog.Kind {
	switch inf.Kind {
	case inventory.KindDatabase:
		return catalog.KindDatabase
	case inventory.KindZooKeeper:
		return catalog.KindZooKeeper
	case inventory.KindLoadBalancer:
		return catalog.KindLoadBalancer
	case inventory.KindStorage:
		return catalog.KindStorage
	}
	switch n.Role {
	case "meta":
		return catalog.KindInfluxMeta
	case "data":
		return catalog.KindInfluxData
	}
	return catalog.KindInflux
}
