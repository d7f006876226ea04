package exchange

import (
	"cmp"
	"os"
	"strconv"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Place is where a file tells about a subject.
type Place struct {
	Path         string
	Line, Column int // 0 when not known
}

// String writes a place as editors follow it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.Path
	}
	return p.Path + ":" + strconv.Itoa(p.Line)
}

// Places finds the subjects of findings in the files they were read from. A file that has changed or gone since costs
// the line, not the finding.
type Places struct {
	paths map[string]string
	sites map[string]*inventory.Site
	found map[string]*document.Places
}

// NewPlaces looks in the files of the sites, named by site id.
func NewPlaces(paths map[string]string) *Places {
	return &Places{paths: paths, sites: map[string]*inventory.Site{}, found: map[string]*document.Places{}}
}

// Of returns where the file of the subject's site tells about it; ok is false when no file does.
func (p *Places) Of(s rules.Subject) (Place, bool) {
	path, ok := p.paths[s.Site]
	if !ok {
		return Place{}, false
	}
	out := Place{Path: path}
	site, seen := p.sites[s.Site]
	if !seen {
		site = &inventory.Site{}
		if data, err := os.ReadFile(path); err == nil {
			if at, err := document.DecodeAt(path, data, site); err == nil {
				p.found[s.Site] = at
			}
		}
		p.sites[s.Site] = site
	}
	if at := p.found[s.Site]; at != nil {
		out.Line, out.Column = at.At(pointer(site, s))
	}
	return out, true
}

// pointer is the JSON pointer of the closest thing to the subject that the site's document lists.
func pointer(site *inventory.Site, s rules.Subject) string {
	for i := range site.Infrastructure {
		f := &site.Infrastructure[i]
		if s.Infrastructure == site.Site.ID+"/"+f.ID {
			base := "/infrastructure/" + strconv.Itoa(i)
			return cmp.Or(node(base+"/nodes/", f.Nodes, s.Node), node(base+"/pgpool/", f.PgPool, s.Node), base)
		}
	}
	for i := range site.Clusters {
		c := &site.Clusters[i]
		if c.ID != s.Cluster {
			continue
		}
		base := "/clusters/" + strconv.Itoa(i)
		for j := range c.Components {
			if at := node(base+"/components/"+strconv.Itoa(j)+"/nodes/", c.Components[j].Nodes, s.Node); at != "" {
				return at
			}
		}
		return base
	}
	return "/site"
}

func node(base string, nodes []inventory.Node, name string) string {
	if name == "" {
		return ""
	}
	for i := range nodes {
		if nodes[i].Name == name {
			return base + strconv.Itoa(i)
		}
	}
	return ""
}
