package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/plan"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recommend"
)

const head = "apiVersion: meridian/v1\nkind: PlanRequest\n"

const pumps = `workload: {things: [{name: pump, count: 30000, properties: [{count: 10, every: 5m}]}], mashups: [{services: 6, users: 100, loadsPerUser: 2, window: 1h}]}
`

func at() time.Time { return time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) }

func engine(t testing.TB) *assess.Engine {
	t.Helper()
	e, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func request(t testing.TB, e *assess.Engine, text string) *plan.Request {
	t.Helper()
	r, err := plan.Parse("request.yaml", []byte(head+text), e.Regions)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

func made(t testing.TB, e *assess.Engine, text string, v plan.View) *plan.Plan {
	t.Helper()
	v.At = at()
	p, err := plan.Make(e, request(t, e, text), v)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(p.Options) > 3 || len(p.Options) != len(p.Inventories) {
		t.Fatalf("%d options, %d inventories", len(p.Options), len(p.Inventories))
	}
	return p
}

// items are those components of all options of a plan that have a place.
func items(p *plan.Plan) []recommend.BillItem {
	var out []recommend.BillItem
	for _, o := range p.Options {
		for _, c := range o.Components {
			if c.Provider != "" {
				out = append(out, c)
			}
		}
	}
	return out
}

func TestConstraintsHold(t *testing.T) {
	e := engine(t)
	for name, c := range map[string]struct {
		constraints string
		check       func(recommend.BillItem) bool
	}{
		"provider":      {"provider: azure", func(i recommend.BillItem) bool { return i.Provider == "azure" }},
		"hosting":       {"hosting: [on-premise]", func(i recommend.BillItem) bool { return i.Provider == "on-premise" }},
		"region":        {"provider: azure, region: West US 3", func(i recommend.BillItem) bool { return i.Region == "westus3" }},
		"region alone":  {"hosting: [azure], region: westeurope", func(i recommend.BillItem) bool { return i.Region == "westeurope" }},
		"region of aws": {"provider: aws, region: eu-central-1", func(i recommend.BillItem) bool { return i.Region == "eu-central-1" && i.Provider == "aws" }},
		"data centre":   {"provider: on-premise, region: hall-3", func(i recommend.BillItem) bool { return i.Region == "hall-3" }},
		"database":      {"database: sqlserver", func(i recommend.BillItem) bool { return i.Engine == "" || i.Engine == "sqlserver" }},
		"managed database": {"database: azure-sql", func(i recommend.BillItem) bool {
			return i.Provider == "azure" && (i.Engine == "" || i.Engine == "azure-sql")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := made(t, e, "site: {country: US}\n"+pumps+"constraints: {"+c.constraints+"}\n", plan.View{})
			if len(p.Options) == 0 {
				t.Fatalf("no option: %v", p.Rejected)
			}
			for _, i := range items(p) {
				if !c.check(i) {
					t.Errorf("%+v", i)
				}
			}
		})
	}
}

func TestOperatorDecidesHosting(t *testing.T) {
	e := engine(t)
	p := made(t, e, pumps+"constraints: {operatedBy: ptc-cloud-services}\n", plan.View{})
	for _, s := range p.Inventories {
		if c := s.Clusters[0]; c.Hosting != inventory.HostingPTCCloud || c.OperatedBy != inventory.OperatorPTCCloudServices {
			t.Errorf("%s operated by %s", c.Hosting, c.OperatedBy)
		}
	}
	p = made(t, e, "objectives: {hosting: [ptc-cloud, azure]}\nconstraints: {operatedBy: partner}\n", plan.View{})
	for _, s := range p.Inventories {
		if c := s.Clusters[0]; c.Hosting != inventory.HostingAzure || c.OperatedBy != inventory.OperatorPartner {
			t.Errorf("%s operated by %s", c.Hosting, c.OperatedBy)
		}
	}
}

// Objectives and constraints both narrow the hostings, and PTC Cloud Services is taken to run on Azure.
func TestHostingOfBoth(t *testing.T) {
	e := engine(t)
	p := made(t, e, pumps+"objectives: {hosting: [ptc-cloud, on-premise]}\nconstraints: {hosting: [azure, ptc-cloud], provider: azure, region: westeurope}\n", plan.View{})
	for _, s := range p.Inventories {
		if c := s.Clusters[0]; c.Hosting != inventory.HostingPTCCloud {
			t.Errorf("hosting %s", c.Hosting)
		}
	}
	r := request(t, e, "objectives: {hosting: [ptc-cloud, azure]}\nconstraints: {region: North Europe}\n")
	if r.Constraints.Provider != "azure" || r.Constraints.Region != "northeurope" {
		t.Errorf("%+v", r.Constraints)
	}
	cat, err := e.Catalog.Override(map[string][]byte{"own.yaml": []byte("id: one-box\norder: 15\ntitle: One box\nsummary: One machine.\nproduction: true\noperatedBy: [partner]\n" +
		"databases: [{engine: postgresql}]\ntimeseries: [relational]\nparts: [{kind: foundation, min: 1, max: n, multipleOf: 1, confidence: inferred}]\nsources: [{title: t, where: w, confidence: inferred}]\n")})
	if err != nil {
		t.Fatal(err)
	}
	own := *e
	own.Catalog = cat
	p = made(t, &own, pumps+"constraints: {operatedBy: self}\n", plan.View{})
	if i := slices.IndexFunc(p.Rejected, func(r recommend.Rejected) bool { return r.Architecture == "one-box" }); i < 0 || p.Rejected[i].Because != "it is not operated by self" {
		t.Errorf("%v", p.Rejected)
	}
}

func TestEnvironmentAndSharing(t *testing.T) {
	e := engine(t)
	p := made(t, e, pumps+"objectives: {highAvailability: required, sharing: {zookeeper: allowed}}\nconstraints: {sharing: {storage: allowed, zookeeper: allowed}}\n", plan.View{})
	shared := map[string]bool{}
	for _, i := range items(p) {
		if i.Shared {
			shared[i.Kind] = true
		}
	}
	if len(shared) == 0 || shared["database"] {
		t.Errorf("shared: %v", shared)
	}
	p = made(t, e, "site: {id: lab}\ncluster: bench\nworkload: {things: [{count: 10, properties: [{count: 5, every: 1m}]}]}\nconstraints: {environment: development}\n", plan.View{})
	if p.Architecture != "development" || p.Cluster != "lab/bench" || p.Site != "lab" {
		t.Errorf("%s for %s", p.Architecture, p.Cluster)
	}
}

// Every architecture is an option or rejected with a reason, whatever a constraint leaves of the catalogue.
func TestEveryArchitectureIsAnswered(t *testing.T) {
	e := engine(t)
	for _, constraints := range []string{"{}", "{database: h2}", "{database: azure-sql}", "{operatedBy: ptc-cloud-services}", "{database: postgresql, environment: development}"} {
		p := made(t, e, pumps+"constraints: "+constraints+"\n", plan.View{})
		for _, a := range e.Catalog.Architectures() {
			option := slices.ContainsFunc(p.Options, func(o recommend.Option) bool { return o.Architecture == a.ID })
			rejected := slices.ContainsFunc(p.Rejected, func(r recommend.Rejected) bool { return r.Architecture == a.ID && r.Because != "" })
			if option == rejected {
				t.Errorf("%s: %s: option %t, rejected %t", constraints, a.ID, option, rejected)
			}
		}
	}
}

// An option's inventory is a valid one and is as available as the option says, wherever it was moved to.
func TestInventoriesAreTheOptions(t *testing.T) {
	e := engine(t)
	for _, constraints := range []string{"{}", "{provider: azure, region: eastus2}", "{provider: on-premise, region: hall-3}"} {
		p := made(t, e, "site: {id: gary, country: US}\n"+pumps+"objectives: {highAvailability: required, disasterRecovery: true}\nconstraints: "+constraints+"\n", plan.View{})
		for i, s := range p.Inventories {
			if problems := inventory.Validate(s, e.Regions); len(problems) > 0 {
				t.Fatalf("%s: %v", constraints, problems)
			}
			s = inventory.Normalise(s, e.Regions)
			got := availability.Cluster(s, &s.Clusters[0], max(1, p.Sizing.FoundationNodes), policy.Defaults())
			if d := got.Serving - p.Options[i].Availability.Serving; s.Site.ID != "gary" || d > 1e-12 || d < -1e-12 {
				t.Errorf("%s: site %s serves %v, the option says %v", constraints, s.Site.ID, got.Serving, p.Options[i].Availability.Serving)
			}
		}
	}
}

// A recovery region is never the one the cluster itself was moved to, and no text keeps the region it was moved from.
func TestPinnedRegionAndItsRecovery(t *testing.T) {
	e := engine(t)
	const dr = "site: {country: US}\nobjectives: {hosting: [azure], disasterRecovery: true, geographies: [US]}\n"
	free := made(t, e, dr+pumps, plan.View{})
	recovery := ""
	for _, i := range items(free) {
		if i.Mode == "recovery" {
			recovery = i.Region
		}
	}
	if recovery == "" {
		t.Fatal("no recovery region")
	}
	pinned := made(t, e, dr+pumps+"constraints: {region: "+recovery+"}\n", plan.View{})
	for _, i := range items(pinned) {
		if (i.Mode == "recovery") == (i.Region == recovery) {
			t.Errorf("%+v", i)
		}
	}
	for _, o := range pinned.Options {
		for _, s := range o.Migration {
			if strings.Contains(s.Do, "Provision") && !strings.Contains(s.Do, recovery) {
				t.Errorf("%s", s.Do)
			}
		}
		for _, a := range o.Assumptions {
			if strings.Contains(a, "is taken: allowed") {
				t.Errorf("the region was given, yet: %s", a)
			}
		}
	}
}

func TestPolicyAndPrices(t *testing.T) {
	e := engine(t)
	pol, err := policy.Parse("policy.yaml", []byte("apiVersion: meridian/v1\nkind: Policy\ngeographies: [{match: {site: gary}, allow: [Europe]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, e, "site: {id: gary, country: US}\n"+pumps+"constraints: {provider: azure, region: eastus}\n")
	_, err = plan.Make(e, r, plan.View{Policy: pol, At: at()})
	var bad *document.Error
	if !errors.As(err, &bad) || bad.Problems[0].Path != "/constraints/region" || !strings.Contains(err.Error(), "policy") {
		t.Errorf("%v", err)
	}
	p := made(t, e, "site: {id: gary, country: US}\n"+pumps+"constraints: {provider: azure, region: westeurope}\n", plan.View{Policy: pol})
	if len(p.Options) == 0 || items(p)[0].Region != "westeurope" {
		t.Errorf("a region that the policy allows: %v", p.Rejected)
	}
	p = made(t, e, "site: {id: gary, country: US}\n"+pumps+"constraints: {provider: azure}\n", plan.View{Policy: pol})
	for _, i := range items(p) {
		if r, ok := e.Regions.Find("azure", i.Region); !ok || r.Geography != "Europe" {
			t.Errorf("%+v", i)
		}
	}
	p = made(t, e, "site: {id: gary, country: US}\n"+pumps+"constraints: {provider: on-premise, region: hall-3}\n", plan.View{Policy: pol})
	if len(p.Options) != 0 {
		t.Errorf("a data centre in the US for a site that may use Europe only: %v", p.Options[0])
	}
	if p = made(t, e, pumps, plan.View{Prices: recommend.DefaultPrices()}); p.Options[0].Cost <= 0 {
		t.Errorf("cost %v", p.Options[0].Cost)
	}
}

// A region without availability zones has options, and none of them speaks of zones.
func TestRegionWithoutZones(t *testing.T) {
	e := engine(t)
	for _, need := range []string{"required", "not-needed"} {
		p := made(t, e, "site: {country: US}\n"+pumps+"objectives: {highAvailability: "+need+"}\nconstraints: {provider: azure, region: West US}\n", plan.View{})
		if len(p.Options) == 0 {
			t.Fatalf("high availability %s: no option: %v", need, p.Rejected)
		}
		for _, i := range items(p) {
			if i.Region != "westus" || i.Zone != "" || i.Mode == string(inventory.HAZoneRedundant) || i.Redundancy == string(inventory.RedundancyZone) {
				t.Errorf("high availability %s: %+v", need, i)
			}
		}
		for _, s := range p.Inventories {
			for i := range s.Infrastructure {
				if ha := s.Infrastructure[i].HighAvailability; ha != nil && ha.StandbyZone != "" {
					t.Errorf("%s has a standby zone", s.Infrastructure[i].ID)
				}
			}
		}
	}
}

func TestSameRequestSamePlan(t *testing.T) {
	e := engine(t)
	text := "site: {country: US}\n" + pumps + "constraints: {database: sqlserver, region: eastus2, provider: azure}\n"
	first, err := json.Marshal(made(t, e, text, plan.View{}))
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(made(t, e, text, plan.View{}))
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("%v\n%s\n%s", err, first, again)
	}
}

func TestParseRefuses(t *testing.T) {
	e := engine(t)
	for _, c := range []struct{ text, want string }{
		{"", "r.yaml"},
		{"apiVersion: meridian/v1\nkind: SiteInventory\n" + pumps, "r.yaml:2:7: /kind: "},
		{"apiVersion: meridian/v2\nkind: PlanRequest\n" + pumps, "r.yaml:1:13: /apiVersion: "},
		{head, "neither a workload nor an objective"},
		{head + pumps + "objctives: {}\n", `r.yaml:4:1: /objctives: unknown key "objctives"; did you mean "objectives"?`},
		{head + pumps + "constraints: {regoin: x}\n", `did you mean "region"?`},
		{head + "workload: {things: [{count: -1}]}\n", "r.yaml:3:29: /workload/things/0/count: "},
		{head + "objectives: {availability: 99.9}\n", "/objectives/availability: "},
		{head + pumps + "site: {country: Deutschland}\n", "/site/country: "},
		{head + pumps + "cluster: Prod!\n", "/cluster: "},
		{head + pumps + "cluster: constraints\nconstraints: {environment: prod}\n", "/constraints/environment: "},
		{head + pumps + "constraints: {operatedBy: ptc}\n", "/constraints/operatedBy: "},
		{head + pumps + "constraints: {hosting: [cloud]}\n", "/constraints/hosting/0: "},
		{head + pumps + "constraints: {database: postgres}\n", `/constraints/database: `},
		{head + pumps + "constraints: {provider: ptc-cloud}\n", "/constraints/provider: ptc-cloud is a hosting"},
		{head + pumps + "constraints: {provider: azure, region: westeurop}\n", `did you mean "westeurope"?`},
		{head + pumps + "constraints: {region: westeurope}\n", "says nothing without a provider"},
		{head + pumps + "constraints: {provider: on-premise, region: Hall 3}\n", "not a valid id"},
		{head + pumps + "constraints: {operatedBy: ptc-cloud-services, hosting: [azure]}\n", "/constraints/operatedBy: "},
		{head + "objectives: {hosting: [aws]}\nconstraints: {hosting: [azure]}\n", "in both the constraints and the objectives"},
		{head + "objectives: {hosting: [aws]}\nconstraints: {provider: azure}\n", "/constraints: hosting, provider and operatedBy leave no hosting to choose"},
		{head + "objectives: {hosting: [aws]}\nconstraints: {database: azure-sql}\n", "leave no hosting for azure-sql, which runs on Azure only"},
		{head + "objectives: {geographies: [Europe]}\nconstraints: {provider: azure, region: eastus}\n", "eastus lies in US"},
		{head + "objectives: {sharing: {database: forbidden}}\nconstraints: {sharing: {database: allowed}}\n", "/constraints/sharing/database: "},
		{head + "objectives: {sharing: {database: yes}}\n", "/objectives/sharing/database"},
		{head + strings.Repeat("#", plan.MaxDocument), "the limit is"},
	} {
		_, err := plan.Parse("r.yaml", []byte(c.text), e.Regions)
		var bad *document.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.120s\n got %v\nwant %s", c.text, err, c.want)
			continue
		}
		for _, p := range bad.Problems {
			if p.File != "r.yaml" {
				t.Errorf("problem without a file: %+v", p)
			}
		}
	}
}

func TestSchemaAgreesWithParse(t *testing.T) {
	e := engine(t)
	text, err := plan.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{
		`{"apiVersion":"meridian/v1","kind":"PlanRequest","workload":{"things":[{"count":5}]}}`:                                                                   true,
		`{"apiVersion":"meridian/v1","kind":"PlanRequest","name":"n","site":{"id":"a","country":"DE","tags":{"x":"y"}},"cluster":"c","objectives":{"rto":"1m"}}`:  true,
		`{"apiVersion":"meridian/v1","kind":"PlanRequest","objectives":{},"constraints":{"hosting":["azure"],"database":"h2","sharing":{"zookeeper":"allowed"}}}`: true,
		`{"apiVersion":"meridian/v1","kind":"PlanRequest"}`:                                                                                                       false,
		`{"apiVersion":"meridian/v1","kind":"Plan","objectives":{}}`:                                                                                              false,
		`{"apiVersion":"meridian/v1","kind":"PlanRequest","objectives":{},"constraint":{}}`:                                                                       false,
		`{"apiVersion":"meridian/v1","kind":"PlanRequest","objectives":{},"constraints":{"provider":"ptc-cloud"}}`:                                                false,
		`{"apiVersion":"meridian/v1","kind":"PlanRequest","objectives":{},"constraints":{"sharing":{"x":"allowed"}}}`:                                             false,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		_, parseErr := plan.Parse("r.json", []byte(text), e.Regions)
		if schemaErr := schema.Validate(v); (schemaErr == nil) != ok || (parseErr == nil) != ok {
			t.Errorf("%s\nwant valid %t; schema: %v; Parse: %v", text, ok, schemaErr, parseErr)
		}
	}
}

func FuzzParse(f *testing.F) {
	e := engine(f)
	f.Add([]byte(head + pumps + "constraints: {provider: azure, region: westeurope, database: sqlserver}\n"))
	f.Add([]byte(head + "objectives: {highAvailability: required}\nconstraints: {operatedBy: ptc-cloud-services}\n"))
	f.Add([]byte(`{"apiVersion":"meridian/v1","kind":"PlanRequest","site":{"country":"DE"},"workload":{"things":[{"count":1}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := plan.Parse("r", data, e.Regions)
		if err != nil {
			var bad *document.Error
			if !errors.As(err, &bad) || len(bad.Problems) == 0 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		p, err := plan.Make(e, r, plan.View{At: at()})
		if err != nil {
			var bad *document.Error
			if !errors.As(err, &bad) {
				t.Fatalf("%v", err)
			}
			return
		}
		if _, err := json.Marshal(p); err != nil {
			t.Fatal(err)
		}
	})
}
