package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Names of the entries among an inventory's sources; a source of another name has that one before the slash.
const (
	partSubscriptions = "azure/subscriptions"
	partDatabases     = "azure/databases"
	partMachines      = "azure/machines"
	partBalancers     = "azure/load-balancers"
	partStorage       = "azure/storage"
	partZones         = "azure/zones"
	partMetadata      = "azure/metadata"
	partAssignment    = "azure/assignment"
	partInventory     = "azure/inventory" // only while an earlier inventory stays in force
)

// API versions of the plain requests.
const (
	versionResources = "2022-12-01" // subscriptions and their locations
	versionCompute   = "2024-03-01"
	versionNetwork   = "2023-11-01"
	versionStorage   = "2023-01-01"
	versionNetApp    = "2023-11-01"
	versionDatabase  = "2022-12-01"
)

// query is one question to Resource Graph.
type query struct {
	part  string
	types []string
	// checked are the types that are asked for with a plain request where Resource Graph shows none in a subscription: it leaves
	// out silently what the credential may not read.
	checked []checkedType
}

type checkedType struct{ name, version string }

func queries() []query {
	return []query{
		{partDatabases, []string{
			"microsoft.dbforpostgresql/flexibleservers", "microsoft.sql/servers", "microsoft.sql/servers/databases",
			"microsoft.sql/servers/failovergroups", "microsoft.sql/managedinstances",
		}, []checkedType{{"Microsoft.DBforPostgreSQL/flexibleServers", versionDatabase}}},
		{partMachines, []string{
			"microsoft.compute/virtualmachines", "microsoft.compute/virtualmachinescalesets", "microsoft.network/networkinterfaces",
		}, []checkedType{
			{"Microsoft.Compute/virtualMachines", versionCompute},
			{"Microsoft.Compute/virtualMachineScaleSets", versionCompute},
			{"Microsoft.Network/networkInterfaces", versionNetwork},
		}},
		{partBalancers, []string{
			"microsoft.network/loadbalancers", "microsoft.network/applicationgateways", "microsoft.network/publicipaddresses",
		}, []checkedType{
			{"Microsoft.Network/loadBalancers", versionNetwork},
			{"Microsoft.Network/applicationGateways", versionNetwork},
			{"Microsoft.Network/publicIPAddresses", versionNetwork},
		}},
		{partStorage, []string{
			"microsoft.storage/storageaccounts", "microsoft.netapp/netappaccounts", "microsoft.netapp/netappaccounts/capacitypools/volumes",
		}, []checkedType{{"Microsoft.Storage/storageAccounts", versionStorage}, {"Microsoft.NetApp/netAppAccounts", versionNetApp}}},
	}
}

// text is the query itself, for all resource groups or for those named. Pages are only stable in an order.
func (q query) text(groups []string) string {
	where := "resources | where type in~ ('" + strings.Join(q.types, "', '") + "')"
	if len(groups) > 0 {
		where += " | where resourceGroup in~ ('" + strings.Join(groups, "', '") + "')"
	}
	return where +
		" | project id, name, type, location, zones, kind, sku, tags, extendedLocation, properties | order by id asc"
}

// part collects how one part of the source fares.
type part struct {
	name     string
	told     string
	failed   bool // nothing was learned
	problems []string
}

// maxProblems bounds the problems that a detail names, maxDetail its bytes.
const (
	maxProblems = 6
	maxDetail   = 900
)

func (p *part) problem(text string) {
	if !slices.Contains(p.problems, text) {
		p.problems = append(p.problems, text)
	}
}

func (p *part) source(of string, at time.Time) inventory.Source {
	s := inventory.Source{Name: of + strings.TrimPrefix(p.name, Name), Status: inventory.SourceOK, At: at}
	texts := p.problems
	if len(texts) > maxProblems {
		texts = append(slices.Clone(texts[:maxProblems]), fmt.Sprintf("and %d more", len(p.problems)-maxProblems))
	}
	switch {
	case p.failed:
		s.Status = inventory.SourceFailed
	case len(p.problems) > 0:
		s.Status = inventory.SourcePartial
	}
	if p.told != "" {
		texts = append([]string{p.told}, texts...)
	}
	s.Detail = strings.Join(texts, "; ")
	if len(s.Detail) > maxDetail {
		s.Detail = strings.ToValidUTF8(s.Detail[:maxDetail], "") + " …"
	}
	return s
}

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
