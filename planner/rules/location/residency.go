package location

import (
	"fmt"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func residencyRules() []rule.Rule {
	return []rule.Rule{
		{Site: unusedResidency, Cluster: dataResidency, Entry: rule.Entry{
			ID: "RES-001", Topic: "residency", Title: "Data lie outside the allowed geographies", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.ByPolicy,
			Basis:     "The policy's geographies for the site and the cluster's objectives. Where several apply, all of them have to allow a geography.",
			Why:       "The owner allows this site's data in certain geographies only. Foundation and Ignite nodes count as well: they hold current property values.",
			Remedy:    "Move the component to an allowed geography, or have the policy changed by those who answer for it.",
			Reference: rule.RefPolicy,
		}},
		{Cluster: copyResidency, Entry: rule.Entry{
			ID: "RES-002", Topic: "residency", Title: "A copy of the data lies outside the allowed geographies", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.ByPolicy,
			Basis:     "The policy's geographies for the site and the cluster's objectives. Geo-redundant backups and storage go to the region that Microsoft pairs with the primary one.",
			Why:       "Replicas, geo-redundant backups and failover targets hold the same data as the original, and pairs of regions cross borders.",
			Remedy:    "Take a replica or recovery region within an allowed geography. A Flexible Server's geo-redundant backup can only be chosen at creation: create the server anew without it and restore.",
			Reference: rule.RefPolicy + "; " + rule.RefFlexible,
		}},
	}
}

// allowance is what may be used: a place has to lie in a word of every list.
type allowance struct {
	lists [][]string
	words []string // what all lists allow
}

// allowed joins the geographies that the policy allows the site with those of a cluster's objectives. named is false when
// neither names any.
func allowed(j *rule.Judge, objectives *inventory.Objectives) (a allowance, named bool) {
	a.lists = j.Policy.GeographyLists(j.View.Site.Site)
	if objectives != nil && len(objectives.Geographies) > 0 {
		a.lists = append(a.lists, objectives.Geographies)
	}
	if a.words, named = policy.Common(a.lists); a.words == nil {
		a.words = []string{}
	}
	return a, named
}

// verdict tells whether a region is outside what is allowed, or what is missing to tell. Both are false and "" when it is
// inside.
func (a *allowance) verdict(j *rule.Judge, r facts.Region) (outside bool, missing string) {
	for _, list := range a.lists {
		in, unclear := j.View.Lies(r, list)
		if in {
			continue
		}
		if len(unclear) == 0 {
			return true, ""
		}
		if _, known := j.View.Geography(r); !known {
			missing = "geography of " + regionName(j, r)
		} else if j.Regions == nil || !j.Regions.KnowsGeography(unclear[0]) {
			missing = "meaning of the geography " + unclear[0]
		} else {
			missing = "country of " + regionName(j, r)
		}
	}
	return false, missing
}

// regionName names a region in a missing fact. That of a data centre of one's own hangs on the country of its site.
func regionName(j *rule.Judge, r facts.Region) string {
	if r.Provider == "on-premise" {
		return r.Code + " (country of the site " + j.View.Site.Site.ID + ")"
	}
	return r.Code
}

// located names a region with its geography.
func located(j *rule.Judge, r facts.Region) string {
	g, known := j.View.Geography(r)
	if !known {
		return r.Code
	}
	return r.Code + " (" + g + ")"
}

func (a *allowance) String() string {
	if len(a.words) == 0 {
		return "no geography, for what allows any excludes each other"
	}
	return rule.Joined(a.words)
}

// holdsData reports whether an infrastructure holds data at rest.
func holdsData(k inventory.InfrastructureKind) bool {
	return k == inventory.KindDatabase || k == inventory.KindInfluxDB || k == inventory.KindStorage
}

// dataResidency is RES-001 for a cluster: its Foundation and Ignite nodes, and everything it uses that holds data.
func dataResidency(j *rule.Judge, c *facts.Cluster) {
	a, named := allowed(j, c.Objectives)
	if !named {
		j.Skip(j.OfCluster(c), "Neither policy nor objectives restrict the geographies.")
		return
	}
	nodes := c.Foundation
	if len(c.Ignite) > 0 {
		nodes = slices.Concat(c.Foundation, c.Ignite)
	}
	if len(nodes) == 0 {
		j.Unknown(j.OfCluster(c), "Where the nodes run is not known.", "foundation nodes of "+c.Key)
	} else {
		resident(j, j.OfCluster(c), "Foundation and Ignite nodes of "+c.Key+" run", nodes, &a)
	}
	for i := range c.Uses {
		switch u := &c.Uses[i]; {
		case u.Infra == nil:
			j.Unknown(j.Of(c, u), "The inventory does not list what the cluster uses.", "infrastructure "+u.Name)
		case u.Infra.Engine == inventory.EngineH2:
			j.Skip(j.Of(c, u), "H2 runs inside Foundation.")
		case holdsData(u.Infra.Kind):
			resident(j, j.Of(c, u), u.Name+", used by "+c.Key+", runs", u.Places, &a)
		}
	}
}

// unusedResidency is RES-001 for what no cluster of the site uses: it may hold data all the same.
func unusedResidency(j *rule.Judge) {
	a, named := allowed(j, nil)
	for i := range j.View.Listed {
		if l := &j.View.Listed[i]; named && holdsData(l.Infra.Kind) && !used(j, l.Infra.ID) {
			resident(j, j.OfListed(l), l.Name+" runs", l.Places, &a)
		}
	}
}

func used(j *rule.Judge, id string) bool {
	for i := range j.View.Clusters {
		for k := range j.View.Clusters[i].Uses {
			if j.View.Clusters[i].Uses[k].Infrastructure == id {
				return true
			}
		}
	}
	return false
}

// resident judges where places lie. what is the beginning of the sentence, with its verb.
func resident(j *rule.Judge, s rule.Subject, what string, places []facts.Place, a *allowance) {
	regions, without := facts.RegionsOf(places)
	var outside, lacking []string
	for _, r := range regions {
		switch out, missing := a.verdict(j, r); {
		case out:
			outside = append(outside, located(j, r))
		case missing != "":
			lacking = append(lacking, missing)
		}
	}
	if len(outside) > 0 {
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"outside": outside, "allowed": a.words},
			Message:  fmt.Sprintf("%s in %s; allowed is %s.", what, rule.Joined(outside), a),
		})
		return
	}
	if lacking = append(lacking, rule.Missing("placement.region", without)...); len(lacking) > 0 {
		j.Unknown(s, "Whether the data lie in an allowed geography is not known.", rule.Compact(lacking)...)
		return
	}
	j.Pass(s, "It lies in an allowed geography.")
}

// copyResidency is RES-002.
func copyResidency(j *rule.Judge, c *facts.Cluster) {
	a, named := allowed(j, c.Objectives)
	if !named {
		j.Skip(j.OfCluster(c), "Neither policy nor objectives restrict the geographies.")
		return
	}
	judged := false
	for i := range c.Uses {
		if u := &c.Uses[i]; u.Infra != nil && holdsData(u.Infra.Kind) && u.Infra.Engine != inventory.EngineH2 {
			judged = true
			copies(j, j.Of(c, u), u, &a)
		}
	}
	if !judged {
		j.Unknown(j.OfCluster(c), "The inventory does not list where the cluster keeps its data.", "database of "+c.Key)
	}
}

func copies(j *rule.Judge, s rule.Subject, u *facts.Use, a *allowance) {
	var outside, lacking []string
	check := func(what string, r facts.Region) {
		if r.Code == "" {
			lacking = append(lacking, "region of "+what+" of "+u.Name)
			return
		}
		switch out, missing := a.verdict(j, r); {
		case out:
			outside = append(outside, what+" in "+located(j, r))
		case missing != "":
			lacking = append(lacking, missing)
		}
	}
	provider := u.Infra.Placement.Provider
	if provider == "" && len(u.Places) > 0 {
		provider = u.Places[0].Provider
	}
	for _, r := range u.Infra.Replicas {
		what := "replica"
		switch r.Role {
		case "geo-backup":
			what = "backup"
		case "failover":
			what = "failover target"
		}
		check(what, facts.Region{Provider: provider, Code: r.Region})
	}
	regions, without := u.Regions, u.Unplaced
	if len(u.Places) != len(u.Serving) {
		regions, without = facts.RegionsOf(u.Places)
	}
	backup, known := paired(u.Infra)
	for _, r := range regions {
		pair, has := j.View.Pair(r)
		out, missing := a.verdict(j, pair)
		switch {
		case known && !backup:
		case known && has:
			check("geo-redundant copy", pair)
		case known:
			lacking = append(lacking, "region of the geo-redundant copy of "+u.Name)
		case has && (out || missing != ""):
			lacking = append(lacking, pairedFact(u.Infra)+" of "+u.Name)
		}
	}
	if backup || !known {
		lacking = append(lacking, rule.Missing("placement.region", without)...)
	}
	switch {
	case len(outside) > 0:
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"outside": outside, "allowed": a.words},
			Message:  fmt.Sprintf("%s has a %s; allowed is %s.", u.Name, rule.Joined(outside), a),
		})
	case len(lacking) > 0:
		j.Unknown(s, "Whether a copy of the data lies outside the allowed geographies is not known.", rule.Compact(lacking)...)
	default:
		j.Pass(s, "No copy lies outside the allowed geographies.")
	}
}

// paired reports whether an infrastructure keeps a copy in the paired region. Only Azure's Flexible Server and storage do,
// so for anything else the answer is known.
func paired(i *inventory.Infrastructure) (yes, known bool) {
	switch {
	case i.GeoRedundantBackup != nil:
		return *i.GeoRedundantBackup, true
	case i.Engine == inventory.EngineAzurePostgreSQLFlexible || i.Engine == inventory.EngineAzureSQL:
		return false, false
	case i.Kind == inventory.KindStorage && i.Placement.Provider == "azure":
		return i.Redundancy == inventory.RedundancyGeo, i.Redundancy != ""
	}
	return i.Redundancy == inventory.RedundancyGeo, true
}

func pairedFact(i *inventory.Infrastructure) string {
	if i.Kind == inventory.KindStorage {
		return "redundancy"
	}
	return "geoRedundantBackup"
}
