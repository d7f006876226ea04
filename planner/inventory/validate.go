package inventory

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
)

// Validate returns everything wrong with a site's values, without places in a file. Parse does the same with places.
// With regions nil, or a table that does not know a provider, the regions of that provider are not checked.
func Validate(s *Site, regions *geo.Table) []document.Problem {
	var problems document.Collector
	validate(s, regions, nil, &problems)
	return problems.Problems()
}

// validate adds to problems, and leaves out paths under which one is known: a value that could not be read is not missing too.
func validate(s *Site, regions *geo.Table, places *document.Places, problems *document.Collector) {
	if regions == nil {
		regions = &geo.Table{}
	}
	v := newValidator(s, regions, places, problems)
	v.head()
	v.clusters()
	v.infrastructures()
	v.probes()
	v.evidence()
}

func newValidator(s *Site, regions *geo.Table, places *document.Places, problems *document.Collector) *validator {
	v := &validator{site: s, regions: regions, places: places, problems: problems, byID: make(map[string]int, len(s.Infrastructure))}
	for i := len(s.Infrastructure) - 1; i >= 0; i-- {
		v.byID[s.Infrastructure[i].ID] = i
	}
	return v
}

type validator struct {
	site     *Site
	regions  *geo.Table
	places   *document.Places
	problems *document.Collector
	byID     map[string]int             // infrastructure
	origins  map[string]map[string]bool // node names by cluster, when there are probes
	at       []step                     // where the checks are; written out as a pointer only for a problem
}

// step is a member of an object, and where index is not negative an item of the list in it.
type step struct {
	key   string
	index int
}

func (v *validator) enter(key string)       { v.at = append(v.at, step{key, -1}) }
func (v *validator) item(key string, i int) { v.at = append(v.at, step{key, i}) }
func (v *validator) leave()                 { v.at = v.at[:len(v.at)-1] }
func (v *validator) pointer(key string) string {
	var b strings.Builder
	for _, s := range v.at {
		b.WriteString("/" + s.key)
		if s.index >= 0 {
			b.WriteString("/" + strconv.Itoa(s.index))
		}
	}
	return b.String() + "/" + key
}

// fail notes a problem of the member key, which may be a pointer's end like sharing/zookeeper.
func (v *validator) fail(key, what, remedy string) {
	if v.problems.Full() {
		v.problems.Add(document.Problem{})
		return
	}
	if path := v.pointer(key); !v.problems.Under(path) {
		v.problems.Add(v.places.Problem(path, what, remedy))
	}
}

const idRemedy = "use 1 to 63 lower-case letters, digits and dashes, and begin with a letter or digit"

// ValidID reports whether s may be the id of a site, cluster or infrastructure: ^[a-z0-9][a-z0-9-]{0,62}$.
func ValidID(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func (v *validator) id(key, s string) {
	switch {
	case s == "":
		v.fail(key, "the id is missing", idRemedy)
	case !ValidID(s):
		v.fail(key, cite("id", s)+" is not a valid id", idRemedy)
	}
}

// cite quotes a value unless it may hold a secret.
func cite(key, value string) string {
	if shown, ok := document.Cite(key, value); ok {
		return shown
	}
	return "the value"
}

// word checks a value against the words allowed. An empty value is not known, which is not wrong.
func word[T ~string](v *validator, key, what string, value T, required bool, allowed ...T) {
	if value == "" {
		if required {
			v.fail(key, what+" is missing", "give one of "+list(allowed))
		}
		return
	}
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	remedy := "give one of " + list(allowed)
	if near := document.Nearest(string(value), names); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	}
	v.fail(key, cite(what, string(value))+" is not a known "+what, remedy)
}

func list[T ~string](words []T) string {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return strings.Join(names, ", ")
}

func (v *validator) head() {
	s := v.site
	switch s.APIVersion {
	case APIVersion:
	case "":
		v.fail("apiVersion", "apiVersion is missing", "write apiVersion: "+APIVersion)
	default:
		v.fail("apiVersion", cite("apiVersion", s.APIVersion)+" is not a version read here", "write apiVersion: "+APIVersion)
	}
	switch s.Kind {
	case Kind:
	case "":
		v.fail("kind", "kind is missing", "write kind: "+Kind)
	default:
		v.fail("kind", cite("kind", s.Kind)+" is not "+Kind, "give this command an inventory, or write kind: "+Kind)
	}
	if s.ObservedAt.IsZero() {
		v.fail("observedAt", "observedAt is missing", "write the instant at which the facts were last seen to hold, like 2026-11-20T08:00:00Z")
	} else if y := s.ObservedAt.UTC().Year(); y < 2000 || y > 9999 {
		v.fail("observedAt", fmt.Sprintf("observedAt lies in the year %d", y), "write the instant at which the facts were last seen to hold")
	}
	v.id("site/id", s.Site.ID)
	if c := s.Site.Country; c != "" {
		if _, ok := v.regions.CountryName(c); !ok && (len(v.regions.Geographies()) > 0 || len(c) != 2) {
			v.fail("site/country", cite("country", c)+" is not the code of a country", "write the two letters of ISO 3166-1, like DE")
		}
	}
	word(v, "site/role", "role", s.Site.Role, false, RoleHub, RoleSpoke)
	switch {
	case s.Site.Hub == "":
	case !ValidID(s.Site.Hub):
		v.fail("site/hub", cite("hub", s.Site.Hub)+" is not a valid site id", idRemedy)
	case s.Site.Hub == s.Site.ID:
		v.fail("site/hub", "the site names itself as its hub", "name the hub's site id, or leave hub out and write role: hub")
	}
}

// unique notes the second use of an id. seen tells which item of the list gave it first.
func (v *validator) unique(seen map[string]int, i int, key, id, what string) {
	if id == "" {
		return
	}
	first, twice := seen[id]
	if !twice {
		seen[id] = i
		return
	}
	remedy := "rename one of them"
	last := &v.at[len(v.at)-1]
	last.index, i = first, last.index
	if line, _ := v.places.At(v.pointer(key)); line > 0 {
		remedy = fmt.Sprintf("rename one of them; the other is in line %d", line)
	}
	last.index = i
	v.fail(key, fmt.Sprintf("%s %s is given twice", what, cite(what, id)), remedy)
}

func (v *validator) clusters() {
	seen := make(map[string]int, len(v.site.Clusters))
	for i := range v.site.Clusters {
		c := &v.site.Clusters[i]
		v.item("clusters", i)
		v.id("id", c.ID)
		v.unique(seen, i, "id", c.ID, "cluster")
		word(v, "environment", "environment", c.Environment, false, Development, Test, Production)
		word(v, "hosting", "hosting", c.Hosting, false, hostings()...)
		word(v, "operatedBy", "operatedBy", c.OperatedBy, false, OperatorSelf, OperatorPTCCloudServices, OperatorPTCProfessionalServices, OperatorPartner)
		v.settings(&c.Settings)
		v.workload(c.Workload)
		v.objectives(c.Objectives)
		v.components(c.Components)
		v.uses(c.Uses)
		v.leave()
	}
}

func hostings() []Hosting {
	return []Hosting{HostingPTCCloud, HostingOnPremise, HostingAzure, HostingAWS, HostingGCP}
}

func (v *validator) atLeastZero(key string, n float64) {
	if n < 0 {
		v.fail(key, fmt.Sprintf("%s is negative (%v)", key, n), "give a number of at least 0, or leave it out when it is not known")
	}
}

func (v *validator) notNegative(key string, d Duration) {
	if d < 0 {
		v.fail(key, fmt.Sprintf("%s is negative (%s)", key, d), "give a duration of at least 0s")
	}
}

func (v *validator) positive(key string, d Duration, example string) {
	switch {
	case d == 0:
		v.fail(key, key+" is missing or zero", "give a duration, like "+example)
	case d < 0:
		v.fail(key, fmt.Sprintf("%s is negative (%s)", key, d), "give a duration, like "+example)
	}
}

func (v *validator) probability(key string, p float64) {
	if p < 0 || p > 1 {
		remedy := "give a share between 0 and 1"
		if p > 1 && p <= 100 {
			remedy = fmt.Sprintf("give a share between 0 and 1: %v %% is %.10g", p, p/100)
		}
		v.fail(key, fmt.Sprintf("%s is %v, outside 0 to 1", key, p), remedy)
	}
}

func (v *validator) settings(s *ClusterSettings) {
	v.enter("settings")
	defer v.leave()
	v.notNegative("modelSyncPollInterval", s.ModelSyncPollInterval)
	v.notNegative("modelSyncWaitPeriod", s.ModelSyncWaitPeriod)
	v.notNegative("modelSyncTimeout", s.ModelSyncTimeout)
	v.notNegative("coordinatorSessionTimeout", s.CoordinatorSessionTimeout)
	v.notNegative("coordinatorConnectionTimeout", s.CoordinatorConnectionTimeout)
	v.notNegative("coordinatorRetryTimeout", s.CoordinatorRetryTimeout)
	for _, n := range [...]struct {
		key   string
		value *int
	}{
		{"modelSyncMaxDBUnavailableErrors", s.ModelSyncMaxDBUnavailableErrors},
		{"modelSyncMaxCacheUnavailableErrors", s.ModelSyncMaxCacheUnavailableError},
		{"coordinatorMaxRetries", s.CoordinatorMaxRetries},
	} {
		if n.value != nil {
			v.atLeastZero(n.key, float64(*n.value))
		}
	}
	word(v, "haCompatibilityImportLevel", "haCompatibilityImportLevel", s.HACompatibilityImportLevel, false, "WARN", "DENY")
}

func (v *validator) workload(w *Workload) {
	if w == nil {
		return
	}
	v.enter("workload")
	defer v.leave()
	for i, g := range w.Things {
		v.item("things", i)
		v.atLeastZero("count", float64(g.Count))
		for j, p := range g.Properties {
			v.item("properties", j)
			v.atLeastZero("count", float64(p.Count))
			v.positive("every", p.Every, "5m")
			v.leave()
		}
		v.leave()
	}
	for i, m := range w.Mashups {
		v.item("mashups", i)
		v.atLeastZero("services", float64(m.Services))
		v.atLeastZero("users", float64(m.Users))
		v.atLeastZero("loadsPerUser", m.LoadsPerUser)
		v.positive("window", m.Window, "1h")
		v.leave()
	}
	if w.GrowthPerYear <= -1 {
		v.fail("growthPerYear", fmt.Sprintf("growthPerYear is %v; nothing would be left", w.GrowthPerYear), "write 0.2 for 20 % more in a year")
	}
}

func (v *validator) objectives(o *Objectives) {
	if o == nil {
		return
	}
	v.enter("objectives")
	defer v.leave()
	word(v, "highAvailability", "highAvailability", o.HighAvailability, false, Required, Preferred, NotNeeded)
	v.probability("availability", o.Availability)
	if o.RTO != nil {
		v.notNegative("rto", *o.RTO)
	}
	if o.RPO != nil {
		v.notNegative("rpo", *o.RPO)
	}
	if len(v.regions.Geographies()) > 0 {
		for i, g := range o.Geographies {
			if v.regions.KnowsGeography(g) {
				continue
			}
			remedy := "give one of " + strings.Join(v.regions.Geographies(), ", ") + ", or a country"
			if near := v.regions.NearestGeography(g); near != "" {
				remedy = fmt.Sprintf("did you mean %q?", near)
			}
			v.fail(fmt.Sprintf("geographies/%d", i), cite("geography", g)+" is not a known geography", remedy)
		}
	}
	for i, h := range o.Hosting {
		word(v, "hosting/"+strconv.Itoa(i), "hosting", h, true, hostings()...)
	}
	for _, p := range [...]struct {
		key   string
		value Permission
	}{
		{"zookeeper", o.Sharing.ZooKeeper},
		{"database", o.Sharing.Database},
		{"storage", o.Sharing.Storage},
		{"loadBalancer", o.Sharing.LoadBalancer},
		{"timeseries", o.Sharing.Timeseries},
	} {
		word(v, "sharing/"+p.key, "permission", p.value, false, Allowed, Forbidden)
	}
}

func (v *validator) components(list []Component) {
	names := make(map[nodeName]bool, 8)
	for i := range list {
		c := &list[i]
		v.item("components", i)
		word(v, "kind", "kind", c.Kind, true, Foundation, ConnectionServer, Ignite, LoadBalancerNode)
		word(v, "mode", "mode", c.Mode, false, IgniteEmbedded, IgniteSeparate)
		if c.Mode != "" && c.Kind != Ignite {
			v.fail("mode", "only ignite has a mode", "leave mode out")
		}
		v.nodes("nodes", c.Nodes, string(c.Kind), names)
		v.leave()
	}
}

// nodeName is what must be unique in a cluster: two components of one kind are one group of nodes.
type nodeName struct{ kind, name string }

func (v *validator) nodes(key string, nodes []Node, kind string, names map[nodeName]bool) {
	for i := range nodes {
		n := &nodes[i]
		v.item(key, i)
		name := nodeName{kind, n.Name}
		switch {
		case n.Name == "":
			v.fail("name", "the node has no name", "give it one, unique among the nodes of its kind")
		case strings.Contains(n.Name, "/"):
			v.fail("name", "the node's name holds a slash", "a slash separates site, cluster and node; leave it out")
		case names[name]:
			v.fail("name", "node "+cite("node", n.Name)+" is given twice", "rename one of them, or remove what is the same node")
		}
		names[name] = true
		v.placement(n.Placement)
		v.atLeastZero("cpu", n.CPU)
		v.atLeastZero("memoryGiB", n.MemoryGiB)
		word(v, "role", "role", n.Role, false, "primary", "standby", "replica", "meta", "data", "leader", "follower")
		if n.Availability != nil {
			v.probability("availability", *n.Availability)
		}
		v.settings(&n.Settings.ClusterSettings)
		v.leave()
	}
}

func (v *validator) placement(p Placement) {
	word(v, "placement/provider", "provider", p.Provider, false, "azure", "aws", "gcp", "on-premise", "ptc-cloud")
	v.region("placement/region", p.Provider, p.Region)
}

func (v *validator) region(key, provider, name string) {
	if name == "" || !v.regions.Knows(provider) {
		return
	}
	if _, ok := v.regions.Find(provider, name); ok {
		return
	}
	remedy := "give the region's code or display name, like westeurope or West Europe"
	if near := v.regions.Nearest(provider, name); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	} else if strings.EqualFold(strings.TrimSpace(name), "global") {
		remedy = "leave the region out: what is global has none"
	}
	v.fail(key, fmt.Sprintf("%s is not a region of %s", cite("region", name), provider), remedy)
}

func (v *validator) suggest(word string, have []string, otherwise string) string {
	if v.problems.Full() {
		return otherwise
	}
	if near := document.Nearest(word, have); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}

func (v *validator) nearInfrastructure(id string) string {
	if v.problems.Full() {
		return ""
	}
	have := make([]string, len(v.site.Infrastructure))
	for i := range v.site.Infrastructure {
		have[i] = v.site.Infrastructure[i].ID
	}
	return v.suggest(id, have, "list it under infrastructure, or name one that is listed")
}

func (v *validator) infra(id string) *Infrastructure {
	if i, ok := v.byID[id]; ok {
		return &v.site.Infrastructure[i]
	}
	return nil
}
