package live

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// result turns the last assembly into what the source tells.
func (d *discovery) result(r *importer.Result) *Result {
	out := &Result{Site: r.Site, Notes: r.Notes, At: d.options.At, passing: d.passing}
	if out.Site == nil { // No row at all: there is nothing of ThingWorx.
		out.Site = &inventory.Site{APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: d.options.At}
		out.Site.Site.ID = d.options.Site
	}
	out.Site.Sources = nil
	d.notUnderstood(r)
	d.counts(r)
	d.assignment(r, out)
	d.place(r, out)
	for _, p := range d.parts {
		out.Sources = append(out.Sources, p.source(d.name, d.options.At))
	}
	slices.SortFunc(out.Sources, func(a, b inventory.Source) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// notUnderstood gives the problems of reading to the parts, those about resources of ThingWorx only: a subscription may hold
// anything else.
func (d *discovery) notUnderstood(r *importer.Result) {
	for i := range r.Files {
		of := d.of[i]
		for _, problem := range r.Files[i].Problems {
			row, _, _ := strings.Cut(strings.TrimPrefix(problem.Path, "/"), "/")
			n, err := strconv.Atoi(row)
			if err != nil || n < 0 || n >= len(of.keys) {
				continue
			}
			if key := of.keys[n]; of.about != "" || key != "" && (r.Used[key] || r.Tied[key]) {
				d.part(of.part).problem(problem.What)
			}
		}
	}
}

// counts tells of each part how many resources of ThingWorx it brought, and how many of them were deleted meanwhile.
func (d *discovery) counts(r *importer.Result) {
	for _, q := range queries() {
		used := map[string]bool{}
		gone := 0
		for i := range d.of {
			if d.of[i].part != q.part {
				continue
			}
			for _, key := range d.of[i].keys {
				if r.Used[key] {
					used[key] = true
				}
			}
		}
		for key := range d.gone {
			if slices.ContainsFunc(q.types, func(t string) bool { return strings.Contains(key, "/providers/"+t+"/") }) {
				gone++
			}
		}
		p := d.part(q.part)
		if p.told = count(len(used), "resource", "resources") + " of ThingWorx"; gone > 0 {
			p.told += ", " + strconv.Itoa(gone) + " deleted while they were collected"
		}
	}
}

// assignment lists what is ambiguous. Resources that nothing ties to ThingWorx are listed after those that something does.
func (d *discovery) assignment(r *importer.Result, out *Result) {
	p := d.part(partAssignment)
	var related, unrelated []importer.Unassigned
	for _, key := range sortedKeys(d.clashes) {
		related = append(related, importer.Unassigned{Key: key, Type: kindOf(key), Name: strings.Trim(importer.Name(d.clashes[key]), `"`), Reason: "its name matches patterns that say different things", Remedy: "tag it meridian:component and meridian:cluster, or make the patterns under names exclude each other"})
	}
	for _, u := range r.Unassigned {
		if u.Reason == importer.Unrelated && !r.Tied[u.Key] {
			unrelated = append(unrelated, u)
		} else {
			related = append(related, u)
		}
	}
	out.Unrelated = len(unrelated)
	out.Unassigned = append(related, unrelated...)
	if len(out.Unassigned) > maxListed {
		out.Unassigned = out.Unassigned[:maxListed]
	}
	for _, n := range r.Notes {
		p.problem(n.What)
	}
	var held []string
	for _, u := range related {
		text := importer.Name(u.Name) + ": " + u.Reason
		if r.Used[u.Key] {
			held = append(held, text)
			continue
		}
		if u.Remedy != "" {
			text += " (" + u.Remedy + ")"
		}
		p.problem(text)
	}
	p.told = count(len(out.Site.Clusters), "cluster", "clusters") + " found by tags and names"
	if len(held) > 0 {
		p.told += "; without a cluster: " + importer.List(held, 3)
	}
}

func kindOf(key string) string {
	_, kind, ok := strings.Cut(key, "/providers/")
	if parts := strings.Split(kind, "/"); ok && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return ""
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// place tells where the planner itself runs.
func (d *discovery) place(r *importer.Result, out *Result) {
	p := d.part(partMetadata)
	switch {
	case d.self == nil && len(p.problems) > 0:
		p.failed = true
		return
	case d.self == nil:
		p.told = "the planner does not run on Azure, or the instance metadata service is not asked"
		return
	}
	self := *d.self
	self.PhysicalZone = d.zones[strings.ToLower(self.Subscription)+" "+self.Region][self.Zone]
	if r.Used[self.key] {
		self.Node = nodeOf(out.Site, self.Machine)
	}
	out.Self = &self
	p.told = "the planner runs on " + orElse(self.Machine, "a machine without a name") + " in " + orElse(self.Region, "a region that is not in the table")
	if self.Zone != "" {
		p.told += fmt.Sprintf(", zone %s (%s)", self.Zone, orElse(self.PhysicalZone, "physical zone not known"))
	}
	p.told += ", subscription " + self.Subscription
	if self.Node != "" {
		p.told += ", which is node " + self.Node
	}
}

// nodeOf finds the only node of a machine, as cluster/node, "" when there is none or several.
func nodeOf(s *inventory.Site, machine string) string {
	found := ""
	for i := range s.Clusters {
		for j := range s.Clusters[i].Components {
			for _, n := range s.Clusters[i].Components[j].Nodes {
				if !strings.EqualFold(n.Machine, machine) {
					continue
				}
				if name := s.Clusters[i].ID + "/" + n.Name; found == "" || found == name {
					found = name
				} else {
					return ""
				}
			}
		}
	}
	return found
}
