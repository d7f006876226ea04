package operation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func federationRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: federatedVersion, Entry: rule.Entry{
			ID: "FED-001", Topic: "federation", Title: "Federated servers run different versions of ThingWorx", Scope: rule.OfCluster,
			Severity: rule.Medium, Confidence: rule.Official,
			Basis:     "PTC: the same ThingWorx version on all federated instances (stated in the help of 8.x).",
			Why:       "Federated servers exchange things over ThingWorx's own protocol; PTC supports that between equal versions only.",
			Remedy:    "Upgrade hub and spokes to one version, in the order of the upgrade plan.",
			Reference: rule.RefDistributed,
		}},
		{Site: reachableHub, Entry: rule.Entry{
			ID: "FED-002", Topic: "federation", Title: "A spoke without its hub", Scope: rule.OfSite,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "What the sites say about themselves. A site has one hub; two sites that claim one spoke show as a hub that does not call itself one.",
			Why:       "A spoke whose hub is missing, or is itself a spoke, publishes to nobody: its data do not reach the central server.",
			Remedy:    "Correct site.hub of the spoke, or enrol the hub and give it the role hub.",
			Reference: rule.RefDistributed,
		}},
	}
}

// hubOf returns the inventory of the site's hub, or nil when it is not in view.
func hubOf(j *rule.Judge) *inventory.Site {
	for _, n := range j.Neighbours {
		if n.Site.ID == j.View.Site.Site.Hub {
			return n
		}
	}
	return nil
}

// federatedVersion is FED-001. A spoke's cluster has to have the version of one of the hub's production clusters, or of any
// of its clusters when none is known to be for production. Development and test clusters are not federated.
func federatedVersion(j *rule.Judge, c *facts.Cluster) {
	s, me := j.OfCluster(c), &j.View.Site.Site
	if me.Role == inventory.RoleSpoke && me.Hub == "" {
		j.Skip(s, "The spoke names no hub; FED-002 judges that.")
		return
	}
	if me.Role == inventory.RoleHub || me.Hub == "" {
		j.Skip(s, "The site is not a spoke; its spokes compare themselves with it.")
		return
	}
	if c.Environment == inventory.Development || c.Environment == inventory.Test {
		j.Skip(s, "It is not a production cluster.")
		return
	}
	hub := hubOf(j)
	if hub == nil && j.HubInView {
		j.Skip(s, "There is no such hub; FED-002 judges that.")
		return
	}
	if hub == nil {
		j.Unknown(s, "The version of the hub is not in view.", "inventory of "+me.Hub)
		return
	}
	var versions, lacking []string
	production := slices.ContainsFunc(hub.Clusters, func(h inventory.Cluster) bool { return h.Environment == inventory.Production })
	for i := range hub.Clusters {
		switch h := &hub.Clusters[i]; {
		case production && h.Environment != inventory.Production:
		case h.ThingworxVersion == "":
			lacking = append(lacking, "thingworxVersion of "+hub.Key(h))
		case !slices.Contains(versions, h.ThingworxVersion):
			versions = append(versions, h.ThingworxVersion)
		}
	}
	if len(hub.Clusters) == 0 {
		lacking = append(lacking, "clusters of "+me.Hub)
	}
	if c.ThingworxVersion == "" {
		lacking = append(lacking, "thingworxVersion of "+c.Key)
	}
	slices.Sort(versions)
	switch {
	case slices.Contains(versions, c.ThingworxVersion):
		j.Pass(s, "The cluster has the version of its hub.")
	case len(lacking) > 0:
		j.Unknown(s, "The versions of spoke and hub cannot be compared.", lacking...)
	default:
		j.Fail(s, rule.Failure{
			Since: latest(j.Observed, hub.ObservedAt), Evidence: map[string]any{"version": c.ThingworxVersion, "hub": me.Hub, "hubVersions": versions},
			Message: fmt.Sprintf("%s runs ThingWorx %s, its hub %s runs %s; federated servers need one version.", c.Key, c.ThingworxVersion, me.Hub, rule.Joined(versions)),
		})
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// reachableHub is FED-002.
func reachableHub(j *rule.Judge) {
	s, me := j.OfSite(), &j.View.Site.Site
	if me.Role != inventory.RoleSpoke && (me.Hub == "" || me.Role == inventory.RoleHub) {
		j.Skip(s, "The site is not a spoke.")
		return
	}
	hub := hubOf(j)
	switch {
	case me.Hub == "":
		j.Fail(s, rule.Failure{Message: s.Site + " is a spoke and names no hub."})
	case strings.EqualFold(me.Hub, s.Site):
		j.Fail(s, rule.Failure{Message: s.Site + " names itself as its hub."})
	case hub == nil && j.HubInView:
		j.Fail(s, rule.Failure{Evidence: map[string]any{"hub": me.Hub}, Message: fmt.Sprintf("%s names %s as its hub, but no such site reports to the federation.", s.Site, me.Hub)})
	case hub == nil:
		j.Unknown(s, "Whether the hub exists cannot be seen from this site alone.", "inventory of "+me.Hub)
	case hub.Site.Role == inventory.RoleSpoke:
		j.Fail(s, rule.Failure{
			Since: latest(j.Observed, hub.ObservedAt), Evidence: map[string]any{"hub": me.Hub, "hubOfHub": hub.Site.Hub},
			Message: fmt.Sprintf("%s names %s as its hub, but that is itself a spoke.", s.Site, me.Hub),
		})
	case hub.Site.Role == "":
		j.Unknown(s, "The site that is named as hub does not say that it is one.", "role of "+me.Hub)
	default:
		j.Pass(s, "The hub is known.")
	}
}
