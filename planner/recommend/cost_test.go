package recommend

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

const euros = `apiVersion: meridian/v1
kind: Prices
currency: EUR
perCPU: 30
perGiB: 4
perMachine: 10
loadBalancer: 20
storage: 50
storageRedundant: 90
managedFactor: 1.5
skus: {Standard_F8s_v2: 250}
`

func TestPriceFile(t *testing.T) {
	p, err := ParsePrices("prices.yaml", []byte(euros))
	if err != nil {
		t.Fatal(err)
	}
	e := builtin(t)
	in := e.input(e.read(t, "testdata/far-database.yaml"))
	in.Prices = p
	r := Cluster(in)
	cheap := option(t, r, Cheapest)
	// 2 Standard_F8s_v2 by their price, 2 connection servers and 3 ZooKeeper of which one has its own machine, a D16 twice at 1.5,
	// storage, 2 load balancers.
	want := 2*250.0 + 2*(4*30+8*4) + 3*(2*30+2*4) + 10 + 2*1.5*(16*30+64*4) + 90 + 2*20
	if cheap.Currency != "EUR" || cheap.Cost != want {
		t.Errorf("it costs %v %s, want %v EUR", cheap.Cost, cheap.Currency, want)
	}
	if slices.Contains(cheap.Assumptions, costAssumption) {
		t.Error("costs are called relative although prices are given")
	}
}

// A licence is paid for each vCPU of each server, and one that is not priced is told.
func TestLicences(t *testing.T) {
	e := builtin(t)
	for _, engine := range []inventory.Engine{inventory.EngineSQLServer, inventory.EngineAzureSQL} {
		in := e.input(e.read(t, "testdata/new-plant.yaml"))
		in.Engines, in.Place = []inventory.Engine{engine}, Place{Provider: "azure", Region: "westeurope"}
		var paid [2]Option
		for i, licence := range []string{"", "licences: {sqlserver: 7, azure-sql: 7}\n"} {
			p, err := ParsePrices("prices.yaml", []byte(euros+licence))
			if err != nil {
				t.Fatal(err)
			}
			in.Prices = p
			paid[i] = option(t, Cluster(in), Cheapest)
		}
		vcpu := 0.0
		for _, db := range items(paid[1], "database") {
			vcpu += float64(db.Count) * db.CPU
		}
		if engine == inventory.EngineAzureSQL {
			vcpu = 2 * items(paid[1], "database")[0].CPU // the copy that is built in
			if len(items(paid[1], "database")) > 1 {
				vcpu += items(paid[1], "database")[0].CPU // the one for disaster recovery
			}
		}
		if got := paid[1].Cost - paid[0].Cost; vcpu == 0 || got != 7*vcpu {
			t.Errorf("%s: licences of %v vCPU cost %v, want %v", engine, vcpu, got, 7*vcpu)
		}
		if told := strings.Contains(strings.Join(paid[0].Assumptions, "\n"), "names no licence of "+engine.Title()); !told {
			t.Errorf("%s: that its licence is not priced is not told: %v", engine, paid[0].Assumptions)
		}
		if told := strings.Contains(strings.Join(paid[1].Assumptions, "\n"), "licence"); told {
			t.Errorf("%s: a licence that is priced is called an assumption: %v", engine, paid[1].Assumptions)
		}
	}
}

func TestPriceFileErrors(t *testing.T) {
	for old, tt := range map[string]struct{ now, want string }{
		"apiVersion: meridian/v1": {"apiVersion: v2", "prices.yaml:1"},
		"kind: Prices":            {"kind: Price", "write Prices"},
		"perCPU: 30":              {"perCPU: -1", "-1 is not a price"},
		"Standard_F8s_v2: 250":    {"Standard_F8s_v2: -250", "-250 is not a price"},
		"managedFactor: 1.5":      {"licences: {oracle: 1}", "is no database product"},
		"storage: 50":             {"storage: 50\nlicences: {sqlserver: -3}", "-3 is not a price"},
		"currency: EUR":           {"curency: EUR", "curency"},
		"perCPU: 30\nperGiB: 4":   {"perCPU: 0\nperGiB: 0", "no price is given for machines"},
	} {
		text := strings.Replace(euros, old, tt.now, 1)
		if strings.Contains(tt.want, "no price") {
			text = strings.Replace(text, "skus: {Standard_F8s_v2: 250}\n", "", 1)
		}
		_, err := ParsePrices("prices.yaml", []byte(text))
		var bad *document.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error is %v, want one that says %q", tt.now, err, tt.want)
		}
	}
}
