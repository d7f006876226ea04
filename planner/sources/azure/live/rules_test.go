package live

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// bare is a subscription whose names say nothing.
func bare(t *testing.T, rows ...map[string]any) *sky {
	t.Helper()
	c := newSky(t)
	c.rows = rows
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/configurations/max_connections") {
			return false
		}
		_, _ = fmt.Fprintf(w, `{"id":%q,"name":"max_connections","properties":{"value":"859"}}`, r.URL.Path)
		return true
	}
	return c
}

func machine(group, name string, tags map[string]any) map[string]any {
	return map[string]any{
		"id":   "/subscriptions/" + subA + "/resourceGroups/" + group + "/providers/Microsoft.Compute/virtualMachines/" + name,
		"name": name, "type": "microsoft.compute/virtualmachines", "location": "westeurope", "zones": []any{"1"}, "tags": tags,
		"properties": map[string]any{"hardwareProfile": map[string]any{"vmSize": "Standard_D4s_v5"}},
	}
}

func server(group, name string, tags map[string]any) map[string]any {
	return map[string]any{
		"id":   "/subscriptions/" + subA + "/resourceGroups/" + group + "/providers/Microsoft.DBforPostgreSQL/flexibleServers/" + name,
		"name": name, "type": "microsoft.dbforpostgresql/flexibleservers", "location": "westeurope", "tags": tags,
		"properties": map[string]any{"fullyQualifiedDomainName": name + ".postgres.database.azure.com", "highAvailability": map[string]any{"mode": "Disabled"}},
	}
}

func nic(group, name, vm, address string) map[string]any {
	return map[string]any{
		"id":   "/subscriptions/" + subA + "/resourceGroups/" + group + "/providers/Microsoft.Network/networkInterfaces/" + name,
		"name": name, "type": "microsoft.network/networkinterfaces", "location": "westeurope",
		"properties": map[string]any{
			"virtualMachine":   map[string]any{"id": "/subscriptions/" + subA + "/resourceGroups/" + group + "/providers/Microsoft.Compute/virtualMachines/" + vm},
			"ipConfigurations": []any{map[string]any{"properties": map[string]any{"privateIPAddress": address}}},
		},
	}
}

// found writes what the inventory holds and what is listed, in words.
func found(r *Result) []string {
	var out []string
	for _, c := range r.Site.Clusters {
		for _, comp := range c.Components {
			for _, n := range comp.Nodes {
				out = append(out, c.ID+" "+string(comp.Kind)+" "+n.Name)
			}
		}
		for _, u := range c.Uses {
			out = append(out, c.ID+" uses "+u.Infrastructure)
		}
	}
	for _, in := range r.Site.Infrastructure {
		out = append(out, string(in.Kind)+" "+in.ID)
	}
	for _, u := range r.Unassigned {
		out = append(out, u.Name+": "+u.Reason)
	}
	for _, n := range r.Notes {
		out = append(out, n.What)
	}
	slices.Sort(out)
	return out
}

func TestRules(t *testing.T) {
	tags := func(pairs ...string) map[string]any {
		m := map[string]any{"owner": secret + "owner"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for name, test := range map[string]struct {
		config Config
		hosts  []importer.NamedHost
		rows   []map[string]any
		want   []string
	}{
		"nothing tells": {
			rows: []map[string]any{machine("rg", "app01", tags()), server("rg", "db01", tags())},
			want: []string{"app01: nothing ties it to ThingWorx", "db01: nothing ties it to ThingWorx"},
		},
		"tags of other names": {
			config: Config{Tags: map[string]string{"cluster": "App-Cluster", "component": "app-role"}},
			rows:   []map[string]any{machine("rg", "app01", tags("app-cluster", "Plant 7", "APP-ROLE", "foundation")), server("rg", "db01", tags("app-cluster", "plant-7"))},
			want:   []string{"database db01", "plant-7 foundation app01", "plant-7 uses db01"},
		},
		"Meridian's tags win": {
			config: Config{Tags: map[string]string{"cluster": "app"}, Names: []NameRule{{Pattern: "^app", Component: "foundation", Cluster: "wrong"}}},
			rows:   []map[string]any{machine("rg", "app01", tags("app", "wrong-too", "meridian:cluster", "right", "meridian:component", "zookeeper"))},
			want:   []string{"right uses right-zookeeper", "zookeeper right-zookeeper"},
		},
		"patterns": {
			config: Config{Names: []NameRule{{Pattern: `^APP\d+$`, Component: "foundation", Environment: "production"}, {Pattern: "^db01$"}}},
			rows:   []map[string]any{machine("rg", "app01", tags()), machine("rg", "app02", tags()), machine("rg", "other", tags()), server("rg", "db01", tags()), server("rg", "db02", tags())},
			want: []string{
				"database db01", "db02: nothing ties it to ThingWorx", "other: nothing ties it to ThingWorx", "production foundation app01",
				"production foundation app02", "production uses db01",
			},
		},
		"patterns that contradict each other": {
			config: Config{Names: []NameRule{{Pattern: "^app", Component: "foundation"}, {Pattern: "01$", Component: "zookeeper"}}},
			rows:   []map[string]any{machine("rg", "app01", tags())},
			want:   []string{"app01: its name matches patterns that say different things", "app01: its name tells no component"},
		},
		"a tag that says only that it belongs": {
			config: Config{Belongs: []TagRule{{Tag: "Application", Value: "thingworx"}}},
			rows: []map[string]any{
				machine("rg", "app01", tags("application", "ThingWorx")), machine("rg", "zk1", tags("application", "SAP")), server("rg", "db01", tags("application", "thingworx")),
			},
			want: []string{
				"app01: its name tells no component", "database db01", "db01: in the inventory, but no cluster is known to use it",
				"zk1: nothing ties it to ThingWorx",
			},
		},
		"the host of the JDBC URL": {
			config: Config{Names: []NameRule{{Pattern: "^app", Component: "foundation", Cluster: "c1"}}},
			hosts:  []importer.NamedHost{{Name: "DB01.privatelink.postgres.database.azure.com:5432", Cluster: "c1"}, {Name: "db02.postgres.database.azure.com", Cluster: "c9"}},
			rows:   []map[string]any{machine("rg", "app01", tags()), server("other", "db01", tags()), server("other", "db02", tags()), server("other", "db03", tags())},
			want: []string{
				"c1 foundation app01", "c1 uses db01", "database db01", "database db02", "db02: in the inventory, but no cluster is known to use it",
				"db03: nothing ties it to ThingWorx",
			},
		},
		"a host that is a machine": {
			hosts: []importer.NamedHost{{Name: "10.0.0.4:5432"}},
			rows:  []map[string]any{machine("rg", "srv9", tags()), nic("rg", "srv9-nic", "srv9", "10.0.0.4")},
			want:  []string{"srv9: its name tells no component"},
		},
		"a host that two machines are": {
			hosts: []importer.NamedHost{{Name: "10.0.0.4"}},
			rows: []map[string]any{
				machine("rg", "srv8", tags()), nic("rg", "srv8-nic", "srv8", "10.0.0.4"), machine("rg", "srv9", tags()), nic("rg", "srv9-nic", "srv9", "10.0.0.4"),
			},
			want: []string{
				`srv8: host "10.0.0.4" of ThingWorx's configuration is this or 1 other resource`, "srv8: nothing ties it to ThingWorx",
				`srv9: host "10.0.0.4" of ThingWorx's configuration is this or 1 other resource`, "srv9: nothing ties it to ThingWorx",
			},
		},
		"a host that nothing is": {
			config: Config{Hosts: []HostRule{{Host: "db.plant.example"}}},
			rows:   []map[string]any{machine("rg", "srv9", tags())},
			want:   []string{`host "db.plant.example" of ThingWorx's configuration is none of the resources`, "srv9: nothing ties it to ThingWorx"},
		},
		"another site's": {
			rows: []map[string]any{machine("rg", "twx-prod-1", tags("meridian:site", "plant-b")), server("rg-twx", "db01", tags("meridian:site", "plant-b"))},
			want: []string{"db01: nothing ties it to ThingWorx", `twx-prod-1: tagged for site "plant-b"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := bare(t, test.rows...)
			s, _ := c.source(t, test.config, Options{Hosts: func() []importer.NamedHost { return test.hosts }})
			if diff := cmp.Diff(test.want, found(result(t, s))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a rule of the configuration told is not passed off as a tag of the resource.
func TestProvenanceOfRules(t *testing.T) {
	c := bare(t, machine("rg", "app01", nil))
	s, _ := c.source(t, Config{Names: []NameRule{{Pattern: "^app", Component: "foundation", Cluster: "c1"}}}, Options{})
	for _, p := range result(t, s).Site.Provenance {
		if p.Path == "/clusters/0" && p.Source != sourceRule {
			t.Errorf("the cluster is said to come from %s", p.Source)
		}
	}
}

func TestAssignmentTellsWhatToDo(t *testing.T) {
	c := bare(t, machine("rg-twx", "srv9", nil))
	s, _ := c.source(t, Config{}, Options{})
	got := status(t, result(t, s), partAssignment)
	if want := `0 clusters found by tags and names; "srv9": its name tells no component (tag it meridian:cluster and meridian:component)`; got.Status != inventory.SourcePartial || got.Detail != want {
		t.Errorf("%+v", got)
	}
}

func TestConfig(t *testing.T) {
	good := []Config{
		{},
		{Credential: "managed-identity", ClientID: subA, Cloud: "china", Subscriptions: []string{subA}},
		{Credential: "cli", Tenant: "example.org", Metadata: "off", Interval: inventory.Duration(minInterval)},
	}
	for _, c := range good {
		if err := c.Check(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for want, c := range map[string]Config{
		`credential: "password" is none of auto, managed-identity, workload-identity, cli, environment`: {Credential: "password"},
		"clientId: it names a user-assigned managed identity":                                           {ClientID: subA},
		"clientId: it is no GUID":             {Credential: "managed-identity", ClientID: "x"},
		"tenant: it is for credential cli":    {Credential: "environment", Tenant: "x"},
		`cloud: "mars"`:                       {Cloud: "mars"},
		"subscriptions[1]: it is no":          {Subscriptions: []string{subA, "plant"}},
		"resourceGroups[0]: it is no name":    {ResourceGroups: []string{"x') | take 1 //"}},
		"interval: 1ns lies outside 1m0s":     {Interval: 1},
		"budget: 10s lies outside 30s to 30m": {Budget: inventory.Duration(1e10)},
		`tags: "group" is none of`:            {Tags: map[string]string{"group": "x"}},
		"tags.cluster: the name of a tag":     {Tags: map[string]string{"cluster": ""}},
		"belongs[0].tag":                      {Belongs: []TagRule{{Value: "x"}}},
		"names[0].pattern":                    {Names: []NameRule{{Pattern: "("}}},
		`names[0].component: "server"`:        {Names: []NameRule{{Pattern: "x", Component: "server"}}},
		`names[0].cluster: "A B"`:             {Names: []NameRule{{Pattern: "x", Cluster: "A B"}}},
		`names[0].environment: "moon"`:        {Names: []NameRule{{Pattern: "x", Environment: "moon"}}},
		"hosts[0].host: it is empty":          {Hosts: []HostRule{{}}},
		`hosts[0].cluster: "A B"`:             {Hosts: []HostRule{{Host: "x", Cluster: "A B"}}},
		"201 entries in one of them":          {Hosts: slices.Repeat([]HostRule{{Host: "x"}}, maxRules+1)},
	} {
		err := c.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want it to say %q", c, err, want)
		}
		if _, err := New(c, Options{}); err == nil {
			t.Errorf("%+v makes a source", c)
		}
	}
}

func TestCredentials(t *testing.T) {
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_TOKEN_CREDENTIALS"} {
		t.Setenv(name, "") // which has it restored
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AZURE_CLIENT_SECRET", secret+"client")
	for kind, want := range map[string]string{
		"auto": "", "managed-identity": "", "cli": "",
		"environment":       "credential environment cannot be used: set AZURE_TENANT_ID",
		"workload-identity": "credential workload-identity cannot be used: the workload identity webhook must set",
	} {
		_, err := New(Config{Credential: kind}, Options{Site: "plant-a"})
		if want == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	t.Setenv("AZURE_TENANT_ID", "plant.example")
	t.Setenv("AZURE_CLIENT_ID", subA)
	if _, err := New(Config{Credential: "environment"}, Options{Site: "plant-a"}); err != nil {
		t.Error(err)
	}
}
