package read

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// shortestWord bounds what is taken for a word of a site's own: shorter ones, such as the zone "1", stand in any text.
const shortestWord = 3

// foreignWords lists what people named in the documents of others and not in the site's own, the longest first. Words of the contract,
// such as kinds and engines, are nobody's.
func foreignWords(own *inventory.Site, others []*inventory.Site) []string {
	mine := map[string]bool{}
	collectWords(own, func(w string) { mine[strings.ToLower(w)] = true })
	seen := map[string]bool{}
	var out []string
	for _, s := range others {
		collectWords(s, func(w string) {
			if low := strings.ToLower(w); len(w) >= shortestWord && !mine[low] && !seen[low] {
				seen[low] = true
				out = append(out, w)
			}
		})
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return out
}

func collectWords(s *inventory.Site, word func(string)) {
	words := func(list ...string) {
		for _, w := range list {
			word(w)
			if bare := strings.Trim(w, "/"); bare != w {
				word(bare)
			}
		}
	}
	words(s.Site.Name)
	for _, v := range s.Site.Tags {
		words(v)
	}
	nodes := func(list []inventory.Node) {
		for i := range list {
			n := &list[i]
			words(n.Name, n.Machine, n.SKU, n.Placement.Region, n.Placement.PhysicalZone, n.Settings.PlatformID, n.Settings.ThingworxVersion)
		}
	}
	for i := range s.Clusters {
		c := &s.Clusters[i]
		words(c.ThingworxVersion)
		for k := range c.Components {
			words(c.Components[k].BasePath)
			nodes(c.Components[k].Nodes)
		}
		for _, u := range c.Uses {
			words(u.Namespace, u.IgniteBasePath, u.ConnectionServerBasePath, u.Database, u.Schema, u.Path, u.HealthPath)
		}
	}
	for i := range s.Infrastructure {
		x := &s.Infrastructure[i]
		words(x.Name, x.Version, x.SKU, x.Identity.Endpoint, x.Identity.ARMID, x.FailoverEndpoint, x.Placement.Region, x.Placement.PhysicalZone)
		words(x.Identity.Addresses...)
		nodes(x.Nodes)
		nodes(x.PgPool)
		for _, r := range x.Replicas {
			words(r.Region)
		}
	}
}

// without leaves words out of a text where they stand by themselves.
func without(t string, words []string) string {
	low := strings.ToLower(t)
	for _, w := range words {
		lw := strings.ToLower(w)
		for from := 0; ; {
			at := strings.Index(low[from:], lw)
			if at < 0 {
				break
			}
			at += from
			end := at + len(lw)
			if from = end; at > 0 && wordByte(low[at-1]) && wordByte(lw[0]) || end < len(low) && wordByte(low[end]) && wordByte(lw[len(lw)-1]) || len(low) != len(t) {
				continue
			}
			t = t[:at] + notShown + t[end:]
			low = strings.ToLower(t)
			from = at + len(notShown)
		}
	}
	return t
}

func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '_' || b == '-' || b >= 0x80
}
