package importer

import (
	"strconv"
	"strings"
)

// hosts finds the resources that Options.Hosts name. A host that several resources answer to is none of them: addresses
// repeat in separate networks.
func (a *assembly) hosts() {
	a.named = map[*Resource]NamedHost{}
	if len(a.opts.Hosts) == 0 {
		return
	}
	answers := map[string][]*Resource{}
	add := func(name string, r *Resource) {
		if name = hostName(name); name != "" && r != nil {
			for _, other := range answers[name] {
				if other == r {
					return
				}
			}
			answers[name] = append(answers[name], r)
		}
	}
	for _, i := range a.merged {
		r := &a.all[i]
		switch {
		case r.Database != nil:
			add(r.Database.Endpoint, r)
		case r.Part != nil:
			add(r.Part.FailoverEndpoint, a.find(r.Part.Server, "database"))
		case r.Balancer != nil:
			for _, address := range r.Balancer.Addresses {
				add(address, r)
			}
		case r.Storage != nil:
			host, _, _ := strings.Cut(r.Storage.Endpoint, ":/")
			add(host, r)
			for _, address := range r.Storage.Addresses {
				add(address, r)
			}
		case r.Interface != nil:
			for _, address := range r.Interface.Addresses {
				add(address, a.find(r.Interface.Machine, "machine"))
			}
		}
	}
	seen := map[NamedHost]bool{}
	for _, h := range a.opts.Hosts {
		name := hostName(h.Name)
		this := NamedHost{Name: name, Cluster: h.Cluster}
		if name == "" || seen[this] {
			continue
		}
		seen[this] = true
		switch found := answers[name]; len(found) {
		case 0:
			if h.Elsewhere {
				continue
			}
			a.remark("host "+Name(name)+" of ThingWorx's configuration is none of the resources", "export the resource it is, or look for a name server that gives it another name")
		case 1:
			if other, twice := a.named[found[0]]; twice && other.Cluster != h.Cluster {
				h.Cluster = "" // Two clusters connect to it; the merge of the sources knows which.
			}
			a.named[found[0]] = NamedHost{Name: name, Cluster: h.Cluster}
		default:
			for _, r := range found {
				a.unassigned(r, "host "+Name(name)+" of ThingWorx's configuration is this or "+plural(len(found)-1, "other resource", "other resources"), tagRemedy)
			}
		}
	}
}

// hostName is a host as it is compared: lower case, without a port, and without the label that a private endpoint adds to
// the name of an Azure service.
func hostName(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if bare := Address(strings.Trim(s, "[]")); bare != "" {
		return bare
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if _, err := strconv.ParseUint(s[i+1:], 10, 16); err != nil {
			return ""
		}
		s = strings.Trim(s[:i], "[]")
	}
	if bare := Address(s); bare != "" {
		return bare
	}
	return strings.Replace(Host(s), ".privatelink.", ".", 1)
}

// belongs reports whether a tag or a host says that the resource is ThingWorx's.
func (a *assembly) belongs(r *Resource) bool {
	_, named := a.named[r]
	return named || readName(r.Tag("application")).product
}

func (a *assembly) useByHost(r *Resource, n int) {
	h, ok := a.named[r]
	if !ok || h.Cluster == "" {
		return
	}
	for _, g := range a.order {
		if g.cluster.ID == h.Cluster {
			a.join(g, r, n, r.Source+"-host")
		}
	}
}

// leftOut tells which infrastructure nothing ties to ThingWorx: no cluster uses it, and neither its own tags, name, group
// and hosts nor those of a replica, database or share that belongs to it say anything.
func (a *assembly) leftOut() map[int]bool {
	out := map[int]bool{}
	if !a.opts.Selective {
		return out
	}
	for r, n := range a.infraOf {
		if !a.used(n) && !a.tied(r) {
			out[n] = true
		}
	}
	for _, i := range a.merged {
		r := &a.all[i]
		if home := a.home(r); home != nil && a.tied(r) {
			delete(out, a.infraOf[home])
		}
	}
	return out
}

// tied reports whether anything but a cluster's use ties the resource to ThingWorx on this site.
func (a *assembly) tied(r *Resource) bool {
	if site := r.Tag("site"); site != "" && Slug(site) != a.site.Site.ID {
		return false
	}
	return readName(r.Name).product || readName(r.Group).product || r.Tag("cluster") != "" || a.belongs(r)
}

// home is the resource under which a replica, a part or a share stands in the inventory, nil for any other one.
func (a *assembly) home(r *Resource) *Resource {
	var home *Resource
	switch {
	case r.Database != nil && r.Database.Engine != "" && a.follows(r):
		home = a.origin(r)
	case r.Part != nil:
		home = a.find(r.Part.Server, "database")
	case r.Share != nil:
		home = a.find(r.Share.Account, "storage")
	}
	if home == nil || !a.has(home) {
		return nil
	}
	return home
}

// remove takes infrastructure out of the document and keeps the paths of the rest right.
func (a *assembly) remove(out map[int]bool) {
	if len(out) == 0 {
		return
	}
	for _, i := range a.merged {
		r := &a.all[i]
		if home := a.home(r); home != nil && out[a.infraOf[home]] {
			r.final = ClassUnassigned
		}
	}
	for r, n := range a.infraOf {
		if out[n] {
			r.final = ClassUnassigned
		}
	}
	now := make([]int, len(a.site.Infrastructure))
	kept := a.site.Infrastructure[:0]
	for n, in := range a.site.Infrastructure {
		if now[n] = len(kept); !out[n] {
			kept = append(kept, in)
		}
	}
	a.site.Infrastructure = kept
	proofs := a.proofs[:0]
	for _, p := range a.proofs {
		if rest, ok := strings.CutPrefix(p.rest, "/infrastructure/"); ok && p.group == nil {
			at, path, _ := strings.Cut(rest, "/")
			n, err := strconv.Atoi(at)
			if err != nil || out[n] {
				continue
			}
			if p.rest = "/infrastructure/" + strconv.Itoa(now[n]); path != "" {
				p.rest += "/" + path
			}
		}
		proofs = append(proofs, p)
	}
	a.proofs = proofs
}
