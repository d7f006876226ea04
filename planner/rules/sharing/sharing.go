package sharing

import (
	"fmt"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func sharingRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: tenantRegions, Entry: rule.Entry{
			ID: "TEN-005", Topic: "tenancy", Title: "Clusters of different regions share infrastructure", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "Inferred from PTC's request to have ThingWorx and its database at one location.",
			Why:       "The infrastructure can be in one of the regions only, so at least one cluster works over a wide area network and is stopped by its failure.",
			Remedy:    "Give the clusters of each region infrastructure of their own there.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: undeclaredSharing, Entry: rule.Entry{
			ID: "TEN-006", Topic: "tenancy", Title: "Infrastructure is shared without being declared so", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "A comparison of what several clusters use, by its normalised identity, with what each declares as shared.",
			Why:       "Who does not know that others depend on an infrastructure restarts, resizes or removes it as if it were alone on it.",
			Remedy:    "Declare it as shared in the inventory of this cluster once its owner agrees, or give the cluster one of its own.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: mixedEnvironments, Entry: rule.Entry{
			ID: "TEN-007", Topic: "tenancy", Title: "Production shares infrastructure with non-production", Scope: rule.OfInfrastructure,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "Inferred from the common cause: what a test can overload or break, it breaks for production too.",
			Why:       "A load test, an upgrade or a mistake in a test cluster takes production with it.",
			Remedy:    "Move the test and development clusters to infrastructure of their own.",
			Reference: rule.RefMeridian,
		}},
		{Site: blastRadius, Entry: rule.Entry{
			ID: "TEN-008", Topic: "tenancy", Title: "One infrastructure takes down many clusters", Scope: rule.OfInfrastructure,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "A count of the clusters that cannot serve without the infrastructure.",
			Why:       "However well each cluster is built, all of these are down together when it fails.",
			Remedy:    "Spread the clusters over several infrastructures, or accept the common cause and make the infrastructure redundant.",
			Reference: rule.RefMeridian,
			Parameters: []rule.Parameter{{
				Name: "maximumClusters", Kind: rule.NumberParameter, Default: "3", Unit: "clusters",
				Meaning: "Clusters that one infrastructure may take down. Assumption.",
			}},
		}},
		{Cluster: allowedSharing, Entry: rule.Entry{
			ID: "TEN-009", Topic: "tenancy", Title: "Infrastructure is shared although the objectives forbid it", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.ByPolicy,
			Basis:     "The sharing that the cluster's objectives allow or forbid.",
			Why:       "The owner of the cluster does not want to depend on what others do with this infrastructure.",
			Remedy:    "Give the cluster infrastructure of its own, or have the owner allow the sharing.",
			Reference: rule.RefPolicy,
		}},
	}
}

// infrastructures judges every infrastructure that a cluster uses, each once whatever it is used for.
func infrastructures(j *rule.Judge, c *facts.Cluster, judgement func(rule.Subject, *facts.Use)) {
	for i := range c.Uses {
		u := &c.Uses[i]
		switch {
		case i > 0 && c.Uses[i-1].Infrastructure == u.Infrastructure:
		case u.Infra == nil:
			j.Unknown(j.Of(c, u), "The inventory does not list what the cluster uses.", "infrastructure "+u.Name)
		default:
			judgement(j.Of(c, u), u)
		}
	}
	if len(c.Uses) == 0 {
		j.Skip(j.OfCluster(c), "The cluster uses no infrastructure that could be shared.")
	}
}

const alone = "No other cluster in view uses it."

// tenantRegions is TEN-005.
func tenantRegions(j *rule.Judge, c *facts.Cluster) {
	infrastructures(j, c, func(s rule.Subject, u *facts.Use) {
		if !u.SharedBeyond(c.Key) {
			j.Skip(s, alone)
			return
		}
		var regions []facts.Region
		var lacking []string
		for i := range u.Tenants {
			nodes := 0
			for _, comp := range u.Tenants[i].Cluster.Components {
				if comp.Kind != inventory.Foundation {
					continue
				}
				for k := range comp.Nodes {
					p := &comp.Nodes[k].Placement
					nodes++
					r := facts.Region{Provider: p.Provider, Code: p.Region}
					if r.Code == "" {
						lacking = append(lacking, "placement.region of "+u.Tenants[i].Key)
					} else if !slices.ContainsFunc(regions, r.Same) {
						regions = append(regions, r)
					}
				}
			}
			if nodes == 0 {
				lacking = append(lacking, "placement.region of "+u.Tenants[i].Key)
			}
		}
		lacking = rule.Compact(append(lacking, rule.Missing("placement.region", u.Unseen)...))
		switch {
		case len(regions) > 1:
			codes := facts.Codes(regions)
			slices.Sort(codes)
			j.Fail(s, rule.Failure{
				Since: u.Observed(), Evidence: map[string]any{"regions": codes, "otherClusters": u.Others(c.Key)},
				Message: fmt.Sprintf("%s shares %s with %s, but their Foundation nodes run in %s.", c.Key, u.Name, rule.Joined(u.Others(c.Key)), rule.Joined(codes)),
			})
		case len(lacking) > 0:
			j.Unknown(s, "Whether all clusters that share it run in one region is not known.", lacking...)
		default:
			j.Pass(s, "All clusters that share it run in one region.")
		}
	})
}

// declared reports whether a cluster declares that it shares what it uses: by its use, or else by the infrastructure.
func declared(u *inventory.Use, i *inventory.Infrastructure) bool {
	if u.Shared != nil {
		return *u.Shared
	}
	return i.Shared != nil && *i.Shared
}

// undeclaredSharing is TEN-006.
func undeclaredSharing(j *rule.Judge, c *facts.Cluster) {
	infrastructures(j, c, func(s rule.Subject, u *facts.Use) {
		switch {
		case !u.SharedBeyond(c.Key):
			j.Skip(s, alone)
		case declared(u.Use, u.Infra):
			j.Pass(s, "The cluster declares the sharing.")
		default:
			others := u.Others(c.Key)
			j.Fail(s, rule.Failure{
				Since: u.Observed(), Evidence: map[string]any{"otherClusters": others},
				Message: fmt.Sprintf("%s uses %s together with %s and does not declare it as shared.", c.Key, u.Name, rule.Joined(others)),
			})
		}
	})
}

// mixedEnvironments is TEN-007. Both sides hear of it, for either can end it.
func mixedEnvironments(j *rule.Judge, c *facts.Cluster) {
	infrastructures(j, c, func(s rule.Subject, u *facts.Use) {
		if !u.SharedBeyond(c.Key) {
			j.Skip(s, alone)
			return
		}
		var other, lacking []string
		production := c.Environment == inventory.Production
		if c.Environment == "" {
			lacking = append(lacking, "environment of "+c.Key)
		}
		for i := range u.Tenants {
			t := &u.Tenants[i]
			switch {
			case t.Key == c.Key:
			case t.Cluster.Environment == "":
				lacking = append(lacking, "environment of "+t.Key)
			case c.Environment != "" && production != (t.Cluster.Environment == inventory.Production):
				other = append(other, t.Key)
			}
		}
		lacking = rule.Compact(append(lacking, rule.Missing("environment", u.Unseen)...))
		other = rule.Compact(other)
		switch {
		case len(other) > 0:
			message := fmt.Sprintf("The production cluster %s shares %s with %s, which is not for production.", c.Key, u.Name, rule.Joined(other))
			if !production {
				message = fmt.Sprintf("%s is a %s cluster and shares %s with production: %s.", c.Key, c.Environment, u.Name, rule.Joined(other))
			}
			j.Fail(s, rule.Failure{Since: u.Observed(), Message: message, Evidence: map[string]any{"environment": string(c.Environment), "otherClusters": other}})
		case len(lacking) > 0:
			j.Unknown(s, "Whether production shares it with non-production is not known.", lacking...)
		default:
			j.Pass(s, "Production does not share it with non-production.")
		}
	})
}

// blastRadius is TEN-008. Its subject is the infrastructure under this site's spelling; sites that use the same one each
// have the finding.
func blastRadius(j *rule.Judge) {
	for i := range j.View.Listed {
		l := &j.View.Listed[i]
		s := j.OfListed(l)
		if l.Infra.Kind == inventory.KindInfluxDB {
			j.Skip(s, "Without InfluxDB the clusters still serve.")
			continue
		}
		limit := int(j.Number(0))
		if len(l.Tenants)+len(l.Unseen) <= limit {
			j.Pass(s, "Few enough clusters depend on it.")
			continue
		}
		stopped := append([]string(nil), l.Unseen...)
		for k := range l.Tenants {
			if depends(&l.Tenants[k]) {
				stopped = append(stopped, l.Tenants[k].Key)
			}
		}
		slices.Sort(stopped)
		stopped = slices.Compact(stopped)
		if len(stopped) > limit {
			j.Fail(s, rule.Failure{
				Since: l.Observed(), Evidence: map[string]any{"clusters": stopped, "count": len(stopped), "limit": limit},
				Message: fmt.Sprintf("The loss of %s takes down %d clusters (%s); at most %d should depend on one.", l.Name, len(stopped), rule.Joined(stopped), limit),
			})
			continue
		}
		j.Pass(s, "Few enough clusters depend on it.")
	}
}

// depends reports whether a tenant cannot serve without the infrastructure.
func depends(t *facts.Tenant) bool {
	switch t.Use.As {
	case inventory.AsTimeseries:
		return false
	case inventory.AsZooKeeper:
		return t.Cluster.ClusteredMode == nil || *t.Cluster.ClusteredMode
	case inventory.AsLoadBalancer:
		n := 0
		for i := range t.Cluster.Uses {
			if t.Cluster.Uses[i].As == inventory.AsLoadBalancer {
				n++
			}
		}
		for i := range t.Cluster.Components {
			if t.Cluster.Components[i].Kind == inventory.LoadBalancerNode {
				n += len(t.Cluster.Components[i].Nodes)
			}
		}
		return n == 1
	}
	return true
}

// allowedSharing is TEN-009. What is declared as shared counts as shared even when the other cluster is not in view.
func allowedSharing(j *rule.Judge, c *facts.Cluster) {
	infrastructures(j, c, func(s rule.Subject, u *facts.Use) {
		as, allowed := u.As, permission(c.Objectives, u.As)
		for i := range c.Uses {
			// One infrastructure may serve in several roles: what one of them forbids is forbidden.
			if o := &c.Uses[i]; o.Infrastructure == u.Infrastructure && allowed != inventory.Forbidden {
				if p := permission(c.Objectives, o.As); p != "" {
					as, allowed = o.As, p
				}
			}
		}
		switch allowed {
		case "":
			j.Skip(s, "The objectives do not say whether it may be shared.")
		case inventory.Forbidden:
			others := u.Others(c.Key)
			switch {
			case len(others) > 0:
				j.Fail(s, rule.Failure{
					Since: u.Observed(), Evidence: map[string]any{"otherClusters": others},
					Message: fmt.Sprintf("The objectives of %s forbid sharing its %s, but %s is used by %s as well.", c.Key, as, u.Name, rule.Joined(others)),
				})
			case declared(u.Use, u.Infra):
				j.Fail(s, rule.Failure{
					Evidence: map[string]any{"declared": true},
					Message:  fmt.Sprintf("The objectives of %s forbid sharing its %s, but %s is declared as shared.", c.Key, as, u.Name),
				})
			default:
				j.Pass(s, "It is not shared.")
			}
		default:
			j.Pass(s, "The objectives allow sharing it.")
		}
	})
}

func permission(o *inventory.Objectives, as inventory.UseAs) inventory.Permission {
	if o == nil {
		return ""
	}
	switch as {
	case inventory.AsZooKeeper:
		return o.Sharing.ZooKeeper
	case inventory.AsDatabase:
		return o.Sharing.Database
	case inventory.AsStorage:
		return o.Sharing.Storage
	case inventory.AsLoadBalancer:
		return o.Sharing.LoadBalancer
	case inventory.AsTimeseries:
		return o.Sharing.Timeseries
	}
	return ""
}
