package location

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// clusterPlacements is COL-009 for the nodes of a cluster.
func clusterPlacements(j *rule.Judge, c *facts.Cluster) {
	d := declarations{j: j, prefix: "/clusters/" + strconv.Itoa(c.Index) + "/components/"}
	for i := range c.Components {
		d.nodes(d.prefix+strconv.Itoa(i)+"/nodes/", c.Components[i].Nodes)
	}
	d.judge(j.OfCluster(c), c.Key)
}

// infrastructurePlacements is COL-009 for infrastructures and their nodes.
func infrastructurePlacements(j *rule.Judge) {
	for i := range j.View.Listed {
		l := &j.View.Listed[i]
		d := declarations{j: j, prefix: "/infrastructure/" + strconv.Itoa(l.Index) + "/"}
		d.placement(d.prefix+"placement/", l.Infra.ID, &l.Infra.Placement)
		d.nodes(d.prefix+"nodes/", l.Infra.Nodes)
		d.nodes(d.prefix+"pgpool/", l.Infra.PgPool)
		d.judge(j.OfListed(l), l.Name)
	}
}

// declarations collects what was declared about the placements of one subject and differs from what is there.
type declarations struct {
	j         *rule.Judge
	prefix    string // of the JSON pointers of the subject
	compared  int
	different []string
	evidence  []string
}

func (d *declarations) nodes(prefix string, nodes []inventory.Node) {
	for i := range nodes {
		n := &nodes[i]
		if contradicted, carried := d.j.View.Contradicted(n.Machine); carried > 1 {
			d.compared++
			if contradicted {
				d.different = append(d.different, "the nodes of machine "+n.Machine+" name different places for it")
				d.evidence = append(d.evidence, "machine "+n.Machine)
			}
		}
		if len(d.j.View.Provenance) > 0 {
			d.placement(prefix+strconv.Itoa(i)+"/placement/", n.Name, &n.Placement)
		}
	}
}

func (d *declarations) placement(prefix, name string, p *inventory.Placement) {
	for i := range d.j.View.Provenance {
		fact := &d.j.View.Provenance[i]
		field, ok := strings.CutPrefix(fact.Path, prefix)
		if !ok || fact.Declared == "" && len(fact.Overruled) == 0 {
			continue
		}
		var observed string
		same := strings.EqualFold
		switch field {
		case "provider":
			observed = p.Provider
		case "region":
			observed, same = p.Region, func(a, b string) bool { return sameRegionName(d.j, p.Provider, a, b) }
		case "zone":
			observed = p.Zone
		case "physicalZone":
			observed = p.PhysicalZone
		}
		if observed == "" {
			continue
		}
		d.compared++
		for k := range fact.Overruled {
			if o := &fact.Overruled[k]; !same(strings.TrimSpace(o.Value), observed) {
				d.different = append(d.different, fmt.Sprintf("the %s of %s is %s by %s and %s by %s", field, name, observed, fact.Source, o.Value, o.Source))
				d.evidence = append(d.evidence, field+" of "+name+": "+observed+" by "+fact.Source+", "+o.Value+" by "+o.Source)
			}
		}
		if fact.Declared != "" && !same(strings.TrimSpace(fact.Declared), observed) {
			d.different = append(d.different, fmt.Sprintf("the %s of %s is declared as %s, but %s observed %s", field, name, fact.Declared, fact.Source, observed))
			d.evidence = append(d.evidence, field+" of "+name+": declared "+fact.Declared+", observed "+observed)
		}
	}
}

func sameRegionName(j *rule.Judge, provider, a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	if j.Regions == nil {
		return false
	}
	x, okX := j.Regions.Find(provider, a)
	y, okY := j.Regions.Find(provider, b)
	return okX && okY && x.Code == y.Code
}

func (d *declarations) judge(s rule.Subject, name string) {
	switch {
	case d.compared == 0:
		d.j.Skip(s, "No placement has been declared beside an observed one.")
	case len(d.different) == 0:
		d.j.Pass(s, "The declared placements agree with the observed ones.")
	default:
		d.j.Fail(s, rule.Failure{
			Evidence: map[string]any{"differences": rule.Compact(d.evidence)},
			Message:  "In " + name + " " + strings.Join(rule.Compact(d.different), "; ") + ".",
		})
	}
}
