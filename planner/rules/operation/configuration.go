package operation

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func configurationRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: platformIDs, Entry: rule.Entry{
			ID: "CFG-001", Topic: "configuration", Title: "PlatformId missing, repeated or invalid", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: PlatformId is unique for each node and matches ^[a-zA-Z0-9]{1,32}$.",
			Why:       "Nodes with one PlatformId are one node to ZooKeeper: singletons and discovery go wrong. Without a valid one a node does not join the cluster.",
			Remedy:    "Give each Foundation node a ClusteredModeSettings.PlatformId of its own, of up to 32 letters and digits.",
			Reference: rule.RefHASettings,
		}},
		{Cluster: basePaths, Entry: rule.Entry{
			ID: "CFG-002", Topic: "configuration", Title: "Base paths in ZooKeeper do not fit together", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: the base path of the connection servers begins with ZKNamespace and ends in /services; that of separate Ignite nodes equals Foundation's.",
			Why:       "Connection servers that look in another place do not find the Foundation nodes; separate Ignite nodes that register in another place are not found by them.",
			Remedy:    "Set the connection servers' discovery base path to ZKNamespace followed by /services, and TcpDiscoveryZookeeperIpFinder.basePath to cache.ignite.address-resolver.basePath.",
			Reference: rule.RefCentralZK,
		}},
		{Cluster: importLevel, Entry: rule.Entry{
			ID: "CFG-003", Topic: "configuration", Title: "Extensions that are not HA compatible are only warned about", Scope: rule.OfCluster,
			Severity: rule.Low, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: haCompatibilityImportLevel is WARN by default; DENY refuses extensions that do not declare haCompatible.",
			Why:       "An extension that keeps state in one node's memory works until the load balancer sends the next request to another node.",
			Remedy:    "Set ExtensionPackageImportPolicy.haCompatibilityImportLevel to DENY.",
			Reference: rule.RefHASettings + "; PTC article CS326793",
		}},
		{Cluster: equalSettings, Entry: rule.Entry{
			ID: "CFG-004", Topic: "configuration", Title: "Nodes of one cluster have different settings or versions", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC: platform-settings.json is kept in sync on all nodes, PlatformId apart. Sources or files that contradict each other about a cluster's settings are one that is out of date.",
			Why:       "Which setting holds depends on the node that happens to answer; nodes of different versions do not work on one model.",
			Remedy:    "Bring the settings and versions of all Foundation nodes into line and restart those that differ; correct or leave out the file that is out of date.",
			Reference: rule.RefStorage,
		}},
		{Site: settingsFiles, Entry: rule.Entry{
			ID: "CFG-005", Topic: "configuration", Title: "A settings file cannot be read or has sections in the wrong place", Scope: rule.OfSite,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "What the sources that read ThingWorx host configuration report. Published guides with misplaced sections exist.",
			Why:       "ThingWorx ignores a section in the wrong place without a word and takes its default; the planner cannot judge what it cannot read.",
			Remedy:    "Correct the file named in the message. PlatformSettingsConfig and PersistenceProviderPackageConfigs are both at the top level of platform-settings.json.",
			Reference: "PTC Help Center, platform-settings.json Configuration Details",
		}},
	}
}

func validPlatformID(id string) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// platformIDs is CFG-001. When no node gives a PlatformId nobody has read the settings; when some do, it is missing on the others.
func platformIDs(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if !j.Clustered(c, s) {
		return
	}
	given := 0
	var wrong []string
	for i := range c.Foundation {
		n := c.Foundation[i].Node
		id := n.Settings.PlatformID
		if id != "" {
			given++
			if !validPlatformID(id) {
				wrong = append(wrong, n.Name+" has the invalid PlatformId "+strconv.Quote(id))
			}
		}
		for k := range i {
			if other := c.Foundation[k].Node; id != "" && other.Settings.PlatformID == id {
				wrong = append(wrong, other.Name+" and "+n.Name+" have the same PlatformId "+id)
			}
		}
	}
	if given == 0 {
		lacking := []string{"foundation nodes of " + c.Key}
		if len(c.Foundation) > 0 {
			lacking = lacking[:0]
			for i := range c.Foundation {
				lacking = append(lacking, "platformId of "+c.Foundation[i].Name)
			}
		}
		j.Unknown(s, "The PlatformIds of the nodes are not known.", lacking...)
		return
	}
	for i := range c.Foundation {
		if n := c.Foundation[i].Node; n.Settings.PlatformID == "" {
			wrong = append(wrong, n.Name+" has no PlatformId")
		}
	}
	if len(wrong) > 0 {
		j.Fail(s, rule.Failure{Evidence: map[string]any{"problems": wrong}, Message: fmt.Sprintf("In %s %s.", c.Key, rule.Joined(wrong))})
		return
	}
	j.Pass(s, "Every node has a valid PlatformId of its own.")
}

// basePaths is CFG-002.
func basePaths(j *rule.Judge, c *facts.Cluster) {
	j.ZooKeepers(c, func(s rule.Subject) { j.Skip(s, "The cluster lists no ZooKeeper; HA-001 judges that.") }, func(s rule.Subject, u *facts.Use) {
		var wrong, lacking []string
		evidence := map[string]any{}
		trim := func(p string) string { return strings.Trim(strings.TrimSpace(p), "/") }
		if c.Lists(inventory.ConnectionServer) {
			want := strings.TrimLeft(facts.ZKNamespace(u.Namespace, c.ThingworxVersion)+"/services", "/")
			switch have := trim(u.ConnectionServerBasePath); {
			case have == "":
				lacking = append(lacking, "connectionServerBasePath of "+c.Key+" on "+u.Name)
			case have != want:
				wrong = append(wrong, "its connection servers look in /"+have+" where /"+want+" is needed")
				evidence["connectionServerBasePath"], evidence["expected"] = "/"+have, "/"+want
			}
		}
		if c.IgniteMode() == inventory.IgniteSeparate {
			foundation, separate := trim(u.IgniteBasePath), trim(c.SeparateIgnitePath())
			switch {
			case foundation == "":
				lacking = append(lacking, "igniteBasePath of "+c.Key+" on "+u.Name)
			case separate == "":
				lacking = append(lacking, "basePath of the ignite component of "+c.Key)
			case foundation != separate:
				wrong = append(wrong, "its separate Ignite nodes register in /"+separate+" where Foundation looks in /"+foundation)
				evidence["igniteBasePath"], evidence["separateIgniteBasePath"] = "/"+foundation, "/"+separate
			}
		}
		switch {
		case len(wrong) > 0:
			j.Fail(s, rule.Failure{Evidence: evidence, Message: fmt.Sprintf("In the ZooKeeper %s of %s %s.", u.Name, c.Key, rule.Joined(wrong))})
		case len(lacking) > 0:
			j.Unknown(s, "Whether the base paths in ZooKeeper fit together is not known.", lacking...)
		default:
			j.Pass(s, "The base paths in ZooKeeper fit together.")
		}
	})
}

// importLevel is CFG-003.
func importLevel(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if !j.Clustered(c, s) {
		return
	}
	level, lacking := c.Settings.HACompatibilityImportLevel, []string(nil)
	for i := range c.Foundation {
		n := c.Foundation[i].Node
		switch l := cmp.Or(n.Settings.HACompatibilityImportLevel, c.Settings.HACompatibilityImportLevel); {
		case l == "":
			lacking = append(lacking, "haCompatibilityImportLevel of "+n.Name)
		case i == 0 || !strings.EqualFold(l, "DENY"):
			level = l
		}
	}
	if level == "" {
		lacking = []string{"haCompatibilityImportLevel of " + c.Key}
	}
	switch {
	case level != "" && !strings.EqualFold(level, "DENY"):
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"haCompatibilityImportLevel": level},
			Message:  c.Key + " runs in clustered mode with haCompatibilityImportLevel " + strings.ToUpper(level) + ": extensions that are not HA compatible can be imported.",
		})
	case len(lacking) > 0:
		j.Unknown(s, "Which extensions may be imported is not known. PTC's default is WARN.", lacking...)
	default:
		j.Pass(s, "Extensions that are not HA compatible are refused.")
	}
}

// settingsOf lists what has to be equal on all nodes, as text; "" is not known.
func settingsOf(n *inventory.NodeSettings) [10]string {
	s := &n.ClusterSettings
	text := func(d inventory.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	number := func(i *int) string {
		if i == nil {
			return ""
		}
		return strconv.Itoa(*i)
	}
	return [10]string{
		text(s.ModelSyncPollInterval), text(s.ModelSyncWaitPeriod), text(s.ModelSyncTimeout),
		number(s.ModelSyncMaxDBUnavailableErrors), number(s.ModelSyncMaxCacheUnavailableError), number(s.CoordinatorMaxRetries),
		text(s.CoordinatorSessionTimeout), text(s.CoordinatorConnectionTimeout), text(s.CoordinatorRetryTimeout),
		strings.ToUpper(s.HACompatibilityImportLevel),
	}
}

var settingNames = [10]string{
	"modelSyncPollInterval", "modelSyncWaitPeriod", "modelSyncTimeout", "modelSyncMaxDBUnavailableErrors", "modelSyncMaxCacheUnavailableErrors",
	"coordinatorMaxRetries", "coordinatorSessionTimeout", "coordinatorConnectionTimeout", "coordinatorRetryTimeout", "haCompatibilityImportLevel",
}

// equalSettings is CFG-004. A setting that nodes do not give is the cluster's.
func equalSettings(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	said := contradictions(j, c)
	if len(c.Foundation) == 0 && len(said) == 0 {
		j.Unknown(s, "The Foundation nodes are not known.", "foundation nodes of "+c.Key)
		return
	}
	if len(c.Foundation) == 1 && len(said) == 0 {
		j.Skip(s, "There is only one Foundation node.")
		return
	}
	common := settingsOf(&inventory.NodeSettings{ClusterSettings: c.Settings})
	var differ []string
	var versions []string
	for i := range c.Foundation {
		n := c.Foundation[i].Node
		if v := n.Settings.ThingworxVersion; v != "" && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
		if n.Settings.ClusterSettings == (inventory.ClusterSettings{}) {
			continue
		}
		for k, v := range settingsOf(&n.Settings) {
			switch {
			case v == "":
			case common[k] == "":
				common[k] = v
			case common[k] != v && !slices.Contains(differ, settingNames[k]):
				differ = append(differ, settingNames[k])
			}
		}
	}
	if v := c.ThingworxVersion; v != "" && len(versions) > 0 && !slices.Contains(versions, v) {
		versions = append(versions, v)
	}
	slices.Sort(versions)
	slices.Sort(differ)
	evidence := map[string]any{}
	var wrong []string
	if len(versions) > 1 {
		evidence["versions"] = versions
		wrong = append(wrong, "run the versions "+rule.Joined(versions))
	}
	if len(differ) > 0 {
		evidence["settings"] = differ
		wrong = append(wrong, "have different "+rule.Joined(differ))
	}
	var message []string
	if len(wrong) > 0 {
		message = append(message, fmt.Sprintf("The Foundation nodes of %s %s.", c.Key, rule.Joined(wrong)))
	}
	if len(said) > 0 {
		evidence["contradictions"] = said
		message = append(message, fmt.Sprintf("What is known of %s contradicts itself: %s.", c.Key, strings.Join(said, "; ")))
	}
	switch {
	case len(message) > 0:
		j.Fail(s, rule.Failure{Evidence: evidence, Message: strings.Join(message, " ")})
	case c.ThingworxVersion == "" && len(versions) == 0:
		j.Unknown(s, "The versions and settings of the nodes are not known.", "thingworxVersion of "+c.Key)
	default:
		j.Pass(s, "No node is known to differ from the others.")
	}
}

// readsSettings reports whether a source is about ThingWorx host configuration.
func readsSettings(src *inventory.Source) bool {
	if strings.HasPrefix(src.Name, "hostconfig") {
		return true
	}
	for _, file := range [...]string{"platform-settings", "zoo.cfg", "pgpool.conf", "haproxy.cfg"} {
		if strings.Contains(src.Detail, file) {
			return true
		}
	}
	return false
}

// settingsFiles is CFG-005.
func settingsFiles(j *rule.Judge) {
	s := j.OfSite()
	read := 0
	var wrong []string
	for i := range j.View.Sources {
		src := &j.View.Sources[i]
		if !readsSettings(src) {
			continue
		}
		read++
		if src.Status != inventory.SourceOK {
			detail := src.Detail
			if detail == "" {
				detail = "no detail given"
			}
			wrong = append(wrong, src.Name+": "+detail)
		}
	}
	switch {
	case read == 0:
		j.Skip(s, "The inventory was not made from settings files.")
	case len(wrong) > 0:
		j.Fail(s, rule.Failure{Evidence: map[string]any{"sources": wrong}, Message: "Settings files of " + s.Site + " were not understood in full: " + strings.Join(wrong, "; ") + "."})
	default:
		j.Pass(s, "All settings files were understood.")
	}
}
