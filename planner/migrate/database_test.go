package migrate

import (
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

func TestDatabaseChanges(t *testing.T) {
	tests := []struct {
		name  string
		from  inventory.HAMode
		edit  func(db *inventory.Infrastructure)
		says  string
		takes time.Duration
	}{
		{"mode", inventory.HANone, func(db *inventory.Infrastructure) { db.HighAvailability.Mode = inventory.HASameZone }, "high availability same-zone", 0},
		{"size with a standby", inventory.HASameZone, func(db *inventory.Infrastructure) { db.CPU, db.MemoryGiB = 32, 128 }, "to 32 vCPU and 128 GiB", flexibleFailover},
		{"size alone", inventory.HANone, func(db *inventory.Infrastructure) { db.CPU, db.MemoryGiB = 32, 128 }, "to 32 vCPU and 128 GiB", restart},
		{"type", inventory.HASameZone, func(db *inventory.Infrastructure) { db.SKU = "E16ds_v5" }, "Change the size", flexibleFailover},
		{"tier", inventory.HASameZone, func(db *inventory.Infrastructure) { db.Tier = "MemoryOptimized" }, "tier MemoryOptimized", 0},
		{"replica", inventory.HASameZone, func(db *inventory.Infrastructure) { db.Replicas = []inventory.Replica{{Region: "northeurope"}} }, "a replica in northeurope", 0},
		{"connections", inventory.HASameZone, func(db *inventory.Infrastructure) { db.MaxConnections = 500 }, "max_connections 500", 0},
		{"product", inventory.HASameZone, func(db *inventory.Infrastructure) { db.Engine, db.ID = inventory.EngineAzureSQL, "sql" }, "export the model and data from Azure Database for PostgreSQL Flexible Server", convertDatabase},
		{"product of the family", inventory.HASameZone, func(db *inventory.Infrastructure) {
			*db = inventory.Infrastructure{
				ID: "own", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Placement: db.Placement, MaxConnections: 400,
				Nodes: []inventory.Node{{Name: "pg", Machine: "pg", Placement: db.Placement}},
			}
		}, "dump the database of Azure Database for PostgreSQL Flexible Server and restore it there", copyDatabase},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from := build(t, catalog.BasicProduction, azure("westeurope", "1", tt.from))
			from.Infra("database").MaxConnections = 400
			to := inventory.Clone(from)
			db := to.Infra("database")
			tt.edit(db)
			to.Clusters[0].Used(inventory.AsDatabase)[0].Infrastructure = db.ID
			steps := Plan(input(from, to))
			order(t, steps, tt.says)
			if got := Downtime(steps); got != tt.takes {
				t.Errorf("takes %v, want %v:\n%s", got, tt.takes, text(steps))
			}
			sound(t, from, to, steps)
		})
	}
}

// A move to another region takes no replica along when the product changes with it.
func TestMovesThatChangeTheProductConvertOnTheWay(t *testing.T) {
	from := build(t, catalog.BasicProduction, azure("westeurope", "1", inventory.HASameZone))
	for engine, want := range map[inventory.Engine]struct {
		says  string
		takes time.Duration
	}{
		inventory.EngineAzurePostgreSQLFlexible: {"promote the database in northeurope", moveRegion},
		inventory.EnginePostgreSQL:              {"dump the database of Azure Database for PostgreSQL Flexible Server and restore it in PostgreSQL", moveRegion + copyDatabase},
		inventory.EngineAzureSQL:                {"export the model and data from Azure Database for PostgreSQL Flexible Server and import them into Azure SQL", moveRegion + convertDatabase},
	} {
		to := build(t, catalog.BasicProduction, func(p *catalog.Plan) {
			azure("northeurope", "1", inventory.HASameZone)(p)
			p.Engine = engine
			p.Recount()
		})
		to.Infra("database").ID = "database-2"
		to.Clusters[0].Used(inventory.AsDatabase)[0].Infrastructure = "database-2"
		steps := Plan(input(from, to))
		order(t, steps, want.says, "Remove what is left in the old place")
		if got := Downtime(steps); got != want.takes {
			t.Errorf("%s: takes %v, want %v:\n%s", engine, got, want.takes, text(steps))
		}
		if replica := strings.Contains(text(steps), "a replica of the database"); replica != (engine == inventory.EngineAzurePostgreSQLFlexible) {
			t.Errorf("%s: a replica is built: %v\n%s", engine, replica, text(steps))
		}
		sound(t, from, to, steps)
	}
}
