package resilience

import (
	"fmt"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func haServiceRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: balancerRedundancy, Entry: rule.Entry{
			ID: "HA-006", Topic: "availability", Title: "Load balancer without redundancy", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC: for a complete high-availability deployment the load balancers have to be redundant.",
			Why:       "All devices and users come through the load balancer. A single one is a single point of failure in front of all redundancy behind it.",
			Remedy:    "Run the load balancer as a redundant pair, or take a redundant one of the provider.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: storageRedundancy, Entry: rule.Entry{
			ID: "HA-007", Topic: "availability", Title: "Shared storage without redundancy", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC: for a complete high-availability deployment the shared ThingworxStorage has to be redundant.",
			Why:       "All Foundation nodes use one ThingworxStorage. When it fails, all of them do.",
			Remedy:    "Put ThingworxStorage on redundant storage.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: balancerProbe, Entry: rule.Entry{
			ID: "HA-016", Topic: "availability", Title: "Load balancer does not probe readiness or has no sticky sessions", Scope: rule.OfInfrastructure,
			Severity: rule.Medium, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: use /Thingworx/ready for the load balancer; sessions have to be sticky.",
			Why:       "A node that is up but offline answers true on /Thingworx/health and goes on receiving requests that it cannot serve. Without sticky sessions users are thrown from node to node.",
			Remedy:    "Probe /Thingworx/ready and enable sticky sessions, by cookie rather than by IP address where clients come through gateways.",
			Reference: rule.RefBalancers,
		}},
		{Cluster: availabilityObjective, Entry: rule.Entry{
			ID: "HA-018", Topic: "availability", Title: "The computed availability is below the objective", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "The exact probability that the cluster serves, from its parts, their common machines, zones and regions, and the policy's chances of failure.",
			Why:       "With the parts it has, the cluster cannot be expected to keep its objective.",
			Remedy:    "Begin with the part that contributes most to the unavailability; the recommendation of the cluster shows what each option would reach.",
			Reference: rule.RefMeridian,
		}},
	}
}

// balancerRedundancy is HA-006.
func balancerRedundancy(j *rule.Judge, c *facts.Cluster) {
	own := j.OfCluster(c)
	if len(c.LoadBalancers) >= 2 {
		if j.HARequired(c, own) {
			j.Pass(own, "The cluster has two or more load balancers.")
		}
		return
	}
	if j.Each(c, inventory.AsLoadBalancer, func(s rule.Subject, u *facts.Use) {
		if !j.HARequired(c, s) {
			return
		}
		switch declared := u.Infra.Redundant; {
		case declared != nil && *declared || len(u.Infra.Nodes) >= 2:
			j.Pass(s, "The load balancer is redundant.")
		case declared == nil && len(u.Infra.Nodes) == 0:
			j.Unknown(s, "Whether the load balancer is redundant is not known.", "redundant of "+u.Name)
		default:
			j.Fail(s, rule.Failure{Evidence: map[string]any{"nodes": len(u.Infra.Nodes)}, Message: fmt.Sprintf("High availability is required of %s, but its load balancer %s is not redundant.", c.Key, u.Name)})
		}
	}) || !j.HARequired(c, own) {
		return
	}
	if c.Lists(inventory.LoadBalancerNode) && len(c.LoadBalancers) == 0 {
		j.Unknown(own, "The inventory lists a load balancer without its nodes.", "load-balancer nodes of "+c.Key)
		return
	}
	j.Fail(own, rule.Failure{
		Evidence: map[string]any{"nodes": len(c.LoadBalancers)},
		Message:  fmt.Sprintf("High availability is required of %s, but it has %s; a redundant one is needed.", c.Key, rule.Count(len(c.LoadBalancers), "load balancer", "load balancers")),
	})
}

// storageRedundancy is HA-007.
func storageRedundancy(j *rule.Judge, c *facts.Cluster) {
	if j.Each(c, inventory.AsStorage, func(s rule.Subject, u *facts.Use) {
		if !j.HARequired(c, s) {
			return
		}
		switch u.Infra.Redundancy {
		case inventory.RedundancyNone:
			j.Fail(s, rule.Failure{Evidence: map[string]any{"redundancy": "none"}, Message: fmt.Sprintf("High availability is required of %s, but its shared storage %s has no redundancy.", c.Key, u.Name)})
		case "":
			j.Unknown(s, "The redundancy of the storage is not known.", "redundancy of "+u.Name)
		default:
			j.Pass(s, "The storage is redundant.")
		}
	}) {
		return
	}
	if s := j.OfCluster(c); j.HARequired(c, s) {
		j.Fail(s, rule.Failure{Message: fmt.Sprintf("High availability is required of %s, but it has no shared storage.", c.Key)})
	}
}

// balancerProbe is HA-016. Where there is one Foundation node only, neither the probe nor stickiness chooses anything.
func balancerProbe(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if c.ClusteredMode != nil && !*c.ClusteredMode && len(c.Foundation) < 2 {
		j.Skip(s, "There is only one Foundation node to route to.")
		return
	}
	if j.Each(c, inventory.AsLoadBalancer, func(s rule.Subject, u *facts.Use) {
		if c.ClusteredMode == nil && len(c.Foundation) < 2 {
			j.Clustered(c, s)
			return
		}
		var wrong, lacking []string
		if u.HealthPath == "" {
			lacking = append(lacking, "healthPath of "+u.Name)
		} else if !strings.EqualFold(probed(u.HealthPath), "/Thingworx/ready") {
			wrong = append(wrong, "probes "+u.HealthPath+" instead of /Thingworx/ready")
		}
		if u.StickySessions == nil {
			lacking = append(lacking, "stickySessions of "+u.Name)
		} else if !*u.StickySessions {
			wrong = append(wrong, "has no sticky sessions")
		}
		switch {
		case len(wrong) > 0:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"healthPath": u.HealthPath, "stickySessions": u.StickySessions != nil && *u.StickySessions},
				Message:  fmt.Sprintf("The load balancer %s of %s %s.", u.Name, c.Key, rule.Joined(wrong)),
			})
		case len(lacking) > 0:
			j.Unknown(s, "How the load balancer probes and routes is not known.", lacking...)
		default:
			j.Pass(s, "The load balancer probes readiness and keeps sessions sticky.")
		}
	}) {
		return
	}
	j.Unknown(s, "The inventory does not say which load balancer routes to the Foundation nodes, and how.", "load balancer of "+c.Key)
}

// probed returns the path of a health check that may be written as a path, a URL or a request line.
func probed(check string) string {
	for _, word := range strings.Fields(check) {
		if _, rest, ok := strings.Cut(word, "://"); ok {
			_, word, _ = strings.Cut(rest, "/")
			word = "/" + word
		}
		if strings.HasPrefix(word, "/") {
			word, _, _ = strings.Cut(word, "?")
			return strings.TrimRight(word, "/")
		}
	}
	return check
}

// availabilityObjective is HA-018.
func availabilityObjective(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if c.Objectives == nil || c.Objectives.Availability == 0 {
		j.Skip(s, "The objectives state no availability.")
		return
	}
	var lacking []string
	if len(c.Foundation) == 0 {
		lacking = append(lacking, "foundation nodes of "+c.Key)
	}
	if !c.Has(inventory.AsDatabase) {
		lacking = append(lacking, "database of "+c.Key)
	}
	f, objective := j.Facts(c), c.Objectives.Availability
	if f != nil {
		lacking = append(lacking, f.Availability.Favoured()...)
	}
	switch {
	case f == nil || f.Availability.Serving == 0 && len(f.Availability.Contributions) == 0:
		j.Unknown(s, "The availability has not been computed.", append(lacking, "availability of "+c.Key)...)
	case f.Availability.Serving < objective && len(c.Foundation) > 0:
		// A part that is not listed could only lower the availability further.
		evidence := map[string]any{"serving": f.Availability.Serving, "objective": objective}
		message := fmt.Sprintf("%s is expected to serve %s of the time, below its objective of %s", c.Key, rule.Share(f.Availability.Serving), rule.Share(objective))
		most := -1
		for i := range f.Availability.Contributions {
			if s := f.Availability.Contributions[i].Share; s > 0 && (most < 0 || s > f.Availability.Contributions[most].Share) {
				most = i
			}
		}
		if most >= 0 {
			evidence["largestContribution"] = f.Availability.Contributions[most].Part
			message += "; the part that contributes most is " + f.Availability.Contributions[most].Part
		}
		j.Fail(s, rule.Failure{Evidence: evidence, Message: message + "."})
	case len(lacking) > 0:
		j.Unknown(s, "The availability meets the objective only if what the inventory does not tell is well.", rule.Compact(lacking)...)
	default:
		j.Pass(s, "The computed availability meets the objective.")
	}
}
