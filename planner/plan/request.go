// Package plan answers a PlanRequest: a workload, objectives and constraints in, up to three ways to build the cluster out.
// It is pure: it reads no file and no clock, and leaves the recommending to package recommend. The CLI and the REST API
// call it.
package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recommend"
)

// Kind heads every PlanRequest document.
const Kind = "PlanRequest"

// MaxDocument is the largest PlanRequest read, in bytes.
const MaxDocument = 1 << 20

// Request asks for one new cluster.
type Request struct {
	APIVersion  string                `json:"apiVersion"`
	Kind        string                `json:"kind"`
	Name        string                `json:"name,omitempty"` // of the cluster, for people
	Site        Site                  `json:"site,omitzero"`
	Cluster     string                `json:"cluster,omitempty"` // id of the cluster in the plan; "prod" when absent
	Workload    *inventory.Workload   `json:"workload,omitempty"`
	Objectives  *inventory.Objectives `json:"objectives,omitempty"`
	Constraints Constraints           `json:"constraints,omitzero"`
}

// Site is where the cluster is for. The country decides about geographies of a data centre of one's own and about the
// nearest region; id, country and tags are what a policy matches.
type Site struct {
	ID      string            `json:"id,omitempty"` // "site" when absent
	Name    string            `json:"name,omitempty"`
	Country string            `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Tags    map[string]string `json:"tags,omitempty"`
}

// Constraints are what is decided already. Absent ones leave the choice to the planner.
type Constraints struct {
	Environment      inventory.Environment `json:"environment,omitempty"` // production when absent
	ThingworxVersion string                `json:"thingworxVersion,omitempty"`
	Hosting          []inventory.Hosting   `json:"hosting,omitempty"`
	Provider         string                `json:"provider,omitempty"` // azure | aws | gcp | on-premise
	Region           string                `json:"region,omitempty"`   // of the provider; on the premises the name of the data centre
	Database         inventory.Engine      `json:"database,omitempty"`
	OperatedBy       inventory.Operator    `json:"operatedBy,omitempty"`
	// Sharing says more about what may be shared than the objectives do; where both speak they must agree.
	Sharing inventory.Sharing `json:"sharing,omitzero"`
}

// Parse reads one PlanRequest (YAML or JSON) and refuses unknown keys, invalid values and constraints that contradict each
// other. name is used in messages. The error is a *document.Error with the place and remedy of every problem.
func Parse(name string, data []byte, regions *geo.Table) (*Request, error) {
	if len(data) > MaxDocument {
		return nil, document.NewError([]document.Problem{{
			File: name, What: fmt.Sprintf("the document has %d bytes, the limit is %d", len(data), MaxDocument),
			Remedy: "describe things and mashups in groups",
		}})
	}
	var r Request
	places, err := document.DecodeAt(name, data, &r)
	if places == nil {
		return nil, err
	}
	c := checker{request: &r, places: places, regions: regions}
	c.problems.AddError(err)
	c.head()
	c.values()
	c.constraints()
	if err := c.problems.Err(); err != nil {
		return nil, err
	}
	r.complete(regions)
	return &r, nil
}

type checker struct {
	request  *Request
	places   *document.Places
	regions  *geo.Table
	problems document.Collector
}

// fail notes a problem unless one is known of the same value.
func (c *checker) fail(pointer, what, remedy string) {
	if !c.problems.Under(pointer) {
		c.problems.Add(c.places.Problem(pointer, what, remedy))
	}
}

func (c *checker) head() {
	r := c.request
	if r.APIVersion != inventory.APIVersion {
		c.fail("/apiVersion", "the document does not say that it is of version "+inventory.APIVersion, "write apiVersion: "+inventory.APIVersion)
	}
	if r.Kind != Kind {
		c.fail("/kind", "the document does not say that it is a "+Kind, "write kind: "+Kind+"; an inventory is judged by assess")
	}
	if r.Workload == nil && r.Objectives == nil {
		c.fail("/workload", "there is neither a workload nor an objective", "say what the cluster has to carry under workload, or what is asked of it under objectives")
	}
}

// values has the inventory's own validation check what a request and an inventory have in common.
func (c *checker) values() {
	r := c.request
	s := inventory.Site{APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: someInstant(), Site: r.identity()}
	s.Clusters = []inventory.Cluster{{
		ID: r.clusterID(), Environment: r.Constraints.Environment, ThingworxVersion: r.Constraints.ThingworxVersion,
		OperatedBy: r.Constraints.OperatedBy, Workload: r.Workload, Objectives: r.Objectives,
	}, {
		ID: "constraints", Objectives: &inventory.Objectives{Hosting: r.Constraints.Hosting, Sharing: r.Constraints.Sharing},
		Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{
			{Name: "node", Placement: inventory.Placement{Provider: r.Constraints.Provider, Region: r.Constraints.Region}},
		}}},
	}}
	s.Infrastructure = []inventory.Infrastructure{{ID: "db", Kind: inventory.KindDatabase, Engine: r.Constraints.Database}}
	if r.clusterID() == "constraints" {
		s.Clusters[1].ID = "others"
	}
	for _, p := range inventory.Validate(&s, c.regions) {
		if pointer, ok := pointerOf(p.Path); ok {
			c.fail(pointer, p.What, p.Remedy)
		}
	}
}

// pointerOf translates the path of a problem of the inventory made up by values into one of the request.
func pointerOf(path string) (string, bool) {
	for _, m := range [...][2]string{
		{"/site", "/site"},
		{"/clusters/0/id", "/cluster"},
		{"/clusters/0/workload", "/workload"},
		{"/clusters/0/objectives", "/objectives"},
		{"/clusters/0", "/constraints"},
		{"/clusters/1/objectives", "/constraints"},
		{"/clusters/1/components/0/nodes/0/placement", "/constraints"},
		{"/infrastructure/0/engine", "/constraints/database"},
	} {
		if rest, ok := strings.CutPrefix(path, m[0]); ok && (rest == "" || rest[0] == '/') {
			return m[1] + rest, true
		}
	}
	return "", false
}

// constraints refuses what contradicts itself: no plan could meet it.
func (c *checker) constraints() {
	r := c.request
	k := &r.Constraints
	if k.Provider == string(inventory.HostingPTCCloud) {
		c.fail("/constraints/provider", "ptc-cloud is a hosting, not a provider", "write hosting: [ptc-cloud]")
		return
	}
	if k.Region != "" && k.Provider == "" && len(c.providers()) != 1 {
		c.fail("/constraints/region", "the region says nothing without a provider", "add provider, for example provider: azure")
	}
	if k.Region != "" && k.Provider == string(inventory.HostingOnPremise) && !inventory.ValidID(k.Region) {
		c.fail("/constraints/region", "the data centre's name is not a valid id", "use 1 to 63 lower-case letters, digits and dashes, and begin with a letter or digit")
	}
	if k.OperatedBy == inventory.OperatorPTCCloudServices && len(k.Hosting) > 0 && !slices.Contains(k.Hosting, inventory.HostingPTCCloud) {
		c.fail("/constraints/operatedBy", "PTC Cloud Services operates what it hosts, and the hosting excludes it", "add ptc-cloud to hosting, or let somebody else operate the cluster")
	}
	if o := r.Objectives; o != nil {
		if len(o.Hosting) > 0 && len(k.Hosting) > 0 && !slices.ContainsFunc(k.Hosting, func(h inventory.Hosting) bool { return slices.Contains(o.Hosting, h) }) {
			c.fail("/constraints/hosting", "no hosting is in both the constraints and the objectives", "give hosting in one of them, or one that both allow")
			return
		}
		c.sharing(&o.Sharing, &k.Sharing)
	}
	if len(r.hostings()) == 0 {
		what := "hosting, provider and operatedBy leave no hosting to choose"
		if k.Database.Managed() {
			what = "hosting, provider and operatedBy leave no hosting for " + string(k.Database) + ", which runs on Azure only"
		}
		c.fail("/constraints", what, "change one of them so that they fit together")
		return
	}
	c.residency()
}

// residency refuses a region outside the geographies the objectives allow.
func (c *checker) residency() {
	k, o := &c.request.Constraints, c.request.Objectives
	if o == nil || len(o.Geographies) == 0 || c.regions == nil {
		return
	}
	r, ok := c.regions.Find(c.request.provider(), k.Region)
	if !ok {
		return
	}
	for _, g := range o.Geographies {
		if within, known := c.regions.Within(r, g); within || !known {
			return
		}
	}
	c.fail("/constraints/region", fmt.Sprintf("%s lies in %s, which the objectives do not allow", r.Code, r.Geography), "choose a region in "+strings.Join(o.Geographies, ", ")+", or allow "+r.Geography)
}

func (c *checker) sharing(objectives, constraints *inventory.Sharing) {
	theirs := permissions(objectives)
	for i, p := range permissions(constraints) {
		if o := theirs[i].value; *o != "" && *p.value != "" && *o != *p.value {
			c.fail("/constraints/sharing/"+p.key, "the objectives say "+string(*o)+", the constraints "+string(*p.value), "say it in one of them")
		}
	}
}

// providers lists where the accepted hostings run.
func (c *checker) providers() []string {
	var out []string
	for _, h := range c.request.hostings() {
		if p := recommend.ProviderOf(h); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

type permission struct {
	key   string
	value *inventory.Permission
}

func permissions(s *inventory.Sharing) [5]permission {
	return [5]permission{
		{"zookeeper", &s.ZooKeeper},
		{"database", &s.Database},
		{"storage", &s.Storage},
		{"loadBalancer", &s.LoadBalancer},
		{"timeseries", &s.Timeseries},
	}
}
