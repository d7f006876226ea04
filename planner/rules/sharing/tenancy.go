package sharing

import (
	"fmt"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func tenancyRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: namespaceCollision, Entry: rule.Entry{
			ID: "TEN-001", Topic: "tenancy", Title: "Clusters share a ZooKeeper without a namespace of their own", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.Official,
			Basis:     "PTC: to use one central ZooKeeper, the ZooKeeper configuration of each cluster has to carry a namespace. Unset, it is ThingWorx before 9.3.0 and none from 9.3.0 on. A chroot in the connect string counts as part of it.",
			Why:       "Without namespaces of their own the parts of the clusters see each other and may join together: nodes of one cluster become members of another.",
			Remedy:    "Give each cluster its own ClusteredModeSettings.ZKNamespace, with the matching base path of its connection servers, and restart it.",
			Reference: rule.RefCentralZK,
		}},
		{Cluster: igniteCollision, Entry: rule.Entry{
			ID: "TEN-002", Topic: "tenancy", Title: "Clusters share a ZooKeeper without an Ignite base path of their own", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: the Ignite address resolver of each cluster on a central ZooKeeper has to carry a base path. That it is /services when unset is from the source of Apache Ignite.",
			Why:       "The Ignite nodes of both clusters register in one place and form one cache: property values and bindings of one cluster turn up in the other.",
			Remedy:    "Set cache.ignite.address-resolver.basePath of each cluster to a path of its own, the same in the configuration of separate Ignite nodes, and restart it.",
			Reference: rule.RefCentralZK,
		}},
		{Cluster: schemaCollision, Entry: rule.Entry{
			ID: "TEN-003", Topic: "tenancy", Title: "Clusters use the same database and schema", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.Inferred,
			Basis:     "Inferred: PTC describes several clusters on one database server, never on one schema.",
			Why:       "Both clusters take the same tables for their model. Each overwrites what the other writes.",
			Remedy:    "Give each cluster a database or schema of its own with its own user. Do not start both until that is done.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: pathCollision, Entry: rule.Entry{
			ID: "TEN-004", Topic: "tenancy", Title: "Clusters use the same or nested storage paths", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.Inferred,
			Basis:     "Inferred: PTC's ThingworxStorage is shared by the nodes of one cluster.",
			Why:       "Keystores and file repositories of both clusters lie in one place and overwrite each other.",
			Remedy:    "Give each cluster a path or export of its own that does not lie within another's.",
			Reference: rule.RefStorage,
		}},
	}
}

// shares judges every use in a role of an infrastructure that other clusters in view use in that role as well. Alone on it
// there is nothing to collide with, as far as is seen.
func shares(j *rule.Judge, c *facts.Cluster, as inventory.UseAs, judgement func(rule.Subject, *facts.Use, *facts.Tenant, []facts.Tenant)) {
	if !j.Each(c, as, func(s rule.Subject, u *facts.Use) {
		if !u.SharedBeyond(c.Key) {
			j.Skip(s, "No other cluster in view uses it.")
			return
		}
		own := facts.Tenant{Key: c.Key, Site: j.View.Site, Cluster: c.Cluster, Use: u.Use, Infra: u.Infra}
		var others []facts.Tenant
		for i := range u.Tenants {
			if t := &u.Tenants[i]; t.Key != c.Key && t.Use.As == as {
				others = append(others, *t)
			}
		}
		judgement(s, u, &own, others)
	}) {
		j.Skip(j.OfCluster(c), "The cluster lists no such infrastructure.")
	}
}

// coordinated leaves the tenants that are not known to run outside clustered mode: those coordinate nothing in ZooKeeper.
func coordinated(tenants []facts.Tenant) []facts.Tenant {
	out := tenants[:0:0]
	for i := range tenants {
		if m := tenants[i].Cluster.ClusteredMode; m == nil || *m {
			out = append(out, tenants[i])
		}
	}
	return out
}

func keysOf(tenants []facts.Tenant) []string {
	out := make([]string, 0, len(tenants))
	for i := range tenants {
		out = append(out, tenants[i].Key)
	}
	return rule.Compact(out)
}

// collision records the verdict on a path that has to be a cluster's own. bad tells that the path itself is not allowed on
// a shared ZooKeeper.
func collision(j *rule.Judge, c *facts.Cluster, s rule.Subject, u *facts.Use, others []facts.Tenant, what, path string, bad bool, of func(*facts.Tenant) string) {
	others = coordinated(others)
	if len(others) == 0 && len(u.Unseen) == 0 {
		j.Skip(s, "No other cluster in clustered mode uses it.")
		return
	}
	same := others[:0:0]
	for i := range others {
		if of(&others[i]) == path {
			same = append(same, others[i])
		}
	}
	written := "/" + path
	if path == "" {
		written = "none"
	}
	evidence := map[string]any{what: written, "otherClusters": append(keysOf(others), u.Unseen...), "sameAs": keysOf(same)}
	switch {
	case len(same) > 0:
		j.Fail(s, rule.Failure{
			Since: u.Observed(), Evidence: evidence,
			Message: fmt.Sprintf("%s and %s share the ZooKeeper %s with the same %s (%s): their nodes see each other and may join.", c.Key, rule.Joined(keysOf(same)), u.Name, words(what), written),
		})
	case bad:
		j.Fail(s, rule.Failure{
			Since: u.Observed(), Evidence: evidence,
			Message: fmt.Sprintf("%s shares the ZooKeeper %s with %s but has no %s of its own (%s).", c.Key, u.Name, rule.Joined(append(keysOf(others), u.Unseen...)), words(what), written),
		})
	case len(u.Unseen) > 0:
		j.Unknown(s, "Other clusters use it whose configuration is not in view.", rule.Missing(what, u.Unseen)...)
	default:
		j.Pass(s, "The cluster has one of its own.")
	}
}

// words writes a camelCase fact as words.
func words(fact string) string {
	var b strings.Builder
	for _, r := range fact {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(b.String(), "ignite", "Ignite")
}

// namespaceCollision is TEN-001.
func namespaceCollision(j *rule.Judge, c *facts.Cluster) {
	shares(j, c, inventory.AsZooKeeper, func(s rule.Subject, u *facts.Use, own *facts.Tenant, others []facts.Tenant) {
		if c.ClusteredMode != nil && !c.Clustered() {
			j.Skip(s, "The cluster does not run in clustered mode.")
			return
		}
		ns := facts.Namespace(own)
		collision(j, c, s, u, others, "namespace", ns, ns == "", facts.Namespace)
	})
}

// igniteCollision is TEN-002.
func igniteCollision(j *rule.Judge, c *facts.Cluster) {
	shares(j, c, inventory.AsZooKeeper, func(s rule.Subject, u *facts.Use, own *facts.Tenant, others []facts.Tenant) {
		if c.ClusteredMode != nil && !c.Clustered() {
			j.Skip(s, "The cluster does not run in clustered mode.")
			return
		}
		path := facts.IgnitePath(own)
		collision(j, c, s, u, others, "igniteBasePath", path, path == facts.DefaultIgnitePath, facts.IgnitePath)
	})
}

// schemaCollision is TEN-003.
func schemaCollision(j *rule.Judge, c *facts.Cluster) {
	shares(j, c, inventory.AsDatabase, func(s rule.Subject, u *facts.Use, own *facts.Tenant, others []facts.Tenant) {
		var same, lacking []string
		for i := range others {
			t := &others[i]
			database, databaseKnown := equalNames(facts.Database(own), facts.Database(t))
			schema, schemaKnown := equalNames(own.Use.Schema, t.Use.Schema)
			switch {
			case databaseKnown && !database, schemaKnown && !schema:
			case databaseKnown && schemaKnown:
				same = append(same, t.Key)
			default:
				lacking = append(lacking, namesMissing(own, t)...)
			}
		}
		for _, key := range u.Unseen {
			lacking = append(lacking, "database of "+key, "schema of "+key)
		}
		same = rule.Compact(same)
		switch {
		case len(same) > 0:
			j.Fail(s, rule.Failure{
				Since: u.Observed(), Evidence: map[string]any{"database": facts.Database(own), "schema": own.Use.Schema, "otherClusters": same},
				Message: fmt.Sprintf("%s and %s use the same schema %s of database %s on %s.", c.Key, rule.Joined(same), own.Use.Schema, facts.Database(own), u.Name),
			})
		case len(lacking) > 0:
			j.Unknown(s, "Whether another cluster uses the same database and schema is not known.", rule.Compact(lacking)...)
		default:
			j.Pass(s, "The cluster has a schema of its own.")
		}
	})
}

// equalNames compares names of databases or schemas as PostgreSQL and SQL Server do unless quoted: without regard to case.
func equalNames(a, b string) (equal, known bool) {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return strings.EqualFold(a, b), a != "" && b != ""
}

func namesMissing(tenants ...*facts.Tenant) []string {
	var out []string
	for _, t := range tenants {
		if strings.TrimSpace(facts.Database(t)) == "" {
			out = append(out, "database of "+t.Key)
		}
		if strings.TrimSpace(t.Use.Schema) == "" {
			out = append(out, "schema of "+t.Key)
		}
	}
	return out
}

// pathCollision is TEN-004.
func pathCollision(j *rule.Judge, c *facts.Cluster) {
	shares(j, c, inventory.AsStorage, func(s rule.Subject, u *facts.Use, own *facts.Tenant, others []facts.Tenant) {
		path := facts.StoragePath(own)
		var same, lacking []string
		for i := range others {
			t := &others[i]
			switch other := facts.StoragePath(t); {
			case other == "":
				lacking = append(lacking, "storage path of "+t.Key)
			case path != "" && facts.Overlap(path, other):
				same = append(same, t.Key)
			}
		}
		if path == "" {
			lacking = append([]string{"storage path of " + c.Key}, lacking...)
		}
		lacking = append(lacking, rule.Missing("storage path", u.Unseen)...)
		same = rule.Compact(same)
		switch {
		case len(same) > 0:
			j.Fail(s, rule.Failure{
				Since: u.Observed(), Evidence: map[string]any{"path": path, "otherClusters": same},
				Message: fmt.Sprintf("The storage path %s of %s on %s is the same as, within or around that of %s.", path, c.Key, u.Name, rule.Joined(same)),
			})
		case len(lacking) > 0:
			j.Unknown(s, "Whether another cluster uses the same storage path is not known.", rule.Compact(lacking)...)
		default:
			j.Pass(s, "The cluster has a storage path of its own.")
		}
	})
}
