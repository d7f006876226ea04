// Package live asks Azure itself what package azure reads from exports: it finds the resources of the subscriptions it may
// see, with Resource Graph and with plain GET requests where that lacks something, and hands the answers to package azure, so
// that the mapping to an inventory is the same. It only reads, keeps within a budget of time and size, reports for each part
// what it could not learn and why, and lets no text of a server into a result. The planner's daemon calls it.
package live

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Defaults and bounds of Config. They are choices of this program.
const (
	DefaultInterval = 15 * time.Minute
	DefaultTimeout  = 30 * time.Second
	DefaultBudget   = 3 * time.Minute

	minInterval = time.Minute
	maxTimeout  = 5 * time.Minute
	maxBudget   = 30 * time.Minute
	maxRules    = 200
)

// Config says what is asked and how it is told what belongs to ThingWorx. Nothing in it is a secret: a credential is named,
// never given.
type Config struct {
	// Credential is one of auto, managed-identity, workload-identity, cli and environment; "" is auto, which tries them in the
	// order of the Azure SDK's DefaultAzureCredential: environment, workload identity, managed identity, command line tools.
	Credential string `json:"credential,omitempty"`
	ClientID   string `json:"clientId,omitempty"` // of a user-assigned managed identity
	Tenant     string `json:"tenant,omitempty"`   // for cli and auto, where the account sees several
	Cloud      string `json:"cloud,omitempty"`    // public, government or china; "" is public

	Subscriptions []string `json:"subscriptions,omitempty"` // ids; empty asks all that the credential sees

	// ResourceGroups, if given, are the only ones that are looked at, in each of the subscriptions. What lies in another one,
	// like a database that several sites share, is not found then.
	ResourceGroups []string `json:"resourceGroups,omitempty"`

	// Tags gives the names of your own tags that are to be read as Meridian's: {cluster: twx-cluster} reads twx-cluster as
	// meridian:cluster.
	Tags map[string]string `json:"tags,omitempty"`
	// Belongs are tags that say that a resource belongs to ThingWorx, without saying to which cluster.
	Belongs []TagRule `json:"belongs,omitempty"`
	// Names are patterns of resource names; see NameRule.
	Names []NameRule `json:"names,omitempty"`
	// Hosts are what ThingWorx connects to, like the host of its JDBC URL; see Options.Hosts for those that another source finds.
	Hosts []HostRule `json:"hosts,omitempty"`

	// Metadata is auto or off: whether the instance metadata service is asked where the planner itself runs.
	Metadata string `json:"metadata,omitempty"`

	Interval inventory.Duration `json:"interval,omitzero"` // between two collections, which the caller keeps; see Every
	Timeout  inventory.Duration `json:"timeout,omitzero"`  // for one request
	Budget   inventory.Duration `json:"budget,omitzero"`   // for a whole collection
}

// TagRule is met by a resource with the tag, and the value unless it is empty. Case does not matter.
type TagRule struct {
	Tag   string `json:"tag"`
	Value string `json:"value,omitempty"`
}

// NameRule says what resources are whose name matches: that they belong to ThingWorx, and where given which component of
// which cluster. Meridian's tags on the resource win. A name that matches patterns which say different things is listed as
// ambiguous and says only that it belongs.
type NameRule struct {
	Pattern     string `json:"pattern"` // RE2, found anywhere in the name, without regard to case
	Component   string `json:"component,omitempty"`
	Cluster     string `json:"cluster,omitempty"`
	Environment string `json:"environment,omitempty"`
}

// HostRule is a host name or address, with or without a port, that ThingWorx connects to.
type HostRule struct {
	Host    string `json:"host"`
	Cluster string `json:"cluster,omitempty"` // whose configuration it is
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// filled returns the configuration with the defaults in place of what is not given.
func (c Config) filled() Config {
	c.Credential = orElse(c.Credential, credentialAuto)
	c.Cloud = orElse(c.Cloud, "public")
	c.Metadata = orElse(c.Metadata, "auto")
	c.Interval = orElse(c.Interval, inventory.Duration(DefaultInterval))
	c.Timeout = orElse(c.Timeout, inventory.Duration(DefaultTimeout))
	c.Budget = orElse(c.Budget, inventory.Duration(DefaultBudget))
	return c
}

// Every is the time between two collections.
func (c *Config) Every() time.Duration { return time.Duration(c.filled().Interval) }

// tagNames are Meridian's tags that a tag of another name can stand for.
func tagNames() []string {
	return []string{"site", "cluster", "component", "infrastructure", "environment", "application"}
}

// Check returns all problems of the configuration as one error; each names the place and the remedy.
func (c *Config) Check() error {
	f := c.filled()
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	oneOf := func(key, v string, allowed ...string) {
		if !slices.Contains(allowed, v) {
			add("%s: %.40q is none of %s", key, v, importer.List(allowed, len(allowed)))
		}
	}
	between := func(key string, v inventory.Duration, lowest, highest time.Duration) {
		if time.Duration(v) < lowest || time.Duration(v) > highest {
			add("%s: %s lies outside %s to %s", key, time.Duration(v), lowest, highest)
		}
	}
	oneOf("credential", f.Credential, credentialAuto, credentialManaged, credentialWorkload, credentialCLI, credentialEnvironment)
	oneOf("cloud", f.Cloud, "public", "government", "china")
	oneOf("metadata", f.Metadata, "auto", "off")
	if c.ClientID != "" && f.Credential != credentialManaged {
		add("clientId: it names a user-assigned managed identity; set credential: %s, or remove it", credentialManaged)
	}
	if c.ClientID != "" && !guid(c.ClientID) {
		add("clientId: it is no GUID")
	}
	if c.Tenant != "" && f.Credential != credentialCLI && f.Credential != credentialAuto {
		add("tenant: it is for credential %s and %s; remove it", credentialCLI, credentialAuto)
	}
	for i, s := range c.Subscriptions {
		if !guid(s) {
			add("subscriptions[%d]: it is no subscription id, like 00000000-0000-0000-0000-000000000000", i)
		}
	}
	for i, g := range c.ResourceGroups {
		if !groupPattern.MatchString(g) {
			add("resourceGroups[%d]: it is no name of a resource group", i)
		}
	}
	between("interval", f.Interval, minInterval, 24*time.Hour)
	between("timeout", f.Timeout, time.Second, maxTimeout)
	between("budget", f.Budget, time.Duration(f.Timeout), maxBudget)
	problems = append(problems, c.checkRules()...)
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("configuration of the azure source: %w", errors.Join(problems...))
}

func (c *Config) checkRules() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for name, key := range c.Tags {
		if !slices.Contains(tagNames(), name) {
			add("tags: %.40q is none of %s", name, importer.List(tagNames(), len(tagNames())))
		}
		if key == "" || len(key) > maxTag {
			add("tags.%.40s: the name of a tag has 1 to %d characters", name, maxTag)
		}
	}
	for i, r := range c.Belongs {
		if r.Tag == "" || len(r.Tag) > maxTag {
			add("belongs[%d].tag: the name of a tag has 1 to %d characters", i, maxTag)
		}
	}
	for i, r := range c.Names {
		if _, err := regexp.Compile(r.Pattern); err != nil || r.Pattern == "" {
			add("names[%d].pattern: it is no regular expression (RE2)", i)
		}
		if r.Component != "" && !importer.IsComponent(r.Component) {
			add("names[%d].component: %.40q is no component; use foundation, connection-server, load-balancer, ignite, zookeeper, database, pgpool, influxdb, influxdb-meta, influxdb-data or storage", i, r.Component)
		}
		if r.Cluster != "" && !inventory.ValidID(r.Cluster) {
			add("names[%d].cluster: %.70q is no id: lower-case letters, digits and dashes, at most 63", i, r.Cluster)
		}
		if r.Environment != "" && !importer.IsEnvironment(r.Environment) {
			add("names[%d].environment: %.40q is none of production, test, development", i, r.Environment)
		}
	}
	for i, h := range c.Hosts {
		if h.Host == "" {
			add("hosts[%d].host: it is empty", i)
		}
		if h.Cluster != "" && !inventory.ValidID(h.Cluster) {
			add("hosts[%d].cluster: %.70q is no id: lower-case letters, digits and dashes, at most 63", i, h.Cluster)
		}
	}
	if n := max(len(c.Belongs), len(c.Names), len(c.Hosts), len(c.ResourceGroups)); n > maxRules {
		add("resourceGroups, belongs, names, hosts: %d entries in one of them, at most %d", n, maxRules)
	}
	return problems
}

// maxTag is the length of Azure's longest tag names.
const maxTag = 512

var guidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// groupPattern is narrower than Azure's own rule, which admits letters of every script, because a name stands in a query.
var groupPattern = regexp.MustCompile(`^[A-Za-z0-9_.()-]{1,90}$`)

func guid(s string) bool { return guidPattern.MatchString(s) }
