package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// instant refuses what cannot be written again in UTC. The zero instant is not known, which is not wrong.
func (v *validator) instant(key string, at time.Time) {
	if y := at.UTC().Year(); !at.IsZero() && (y < 2000 || y > 9999) {
		v.fail(key, fmt.Sprintf("%s lies in the year %d", key, y), "write it like 2026-11-20T08:00:00Z")
	}
}

func (v *validator) evidence() {
	for i, p := range v.site.Provenance {
		v.item("provenance", i)
		if !strings.HasPrefix(p.Path, "/") {
			v.fail("path", "the path is not a JSON pointer", "begin it with a slash, like /infrastructure/0/placement/region")
		}
		v.instant("observedAt", p.ObservedAt)
		v.instant("attestedUntil", p.AttestedUntil)
		if p.Source == "" {
			v.fail("source", "the source is missing", "name where the fact was learned, like azure or site-file")
		}
		for k, o := range p.Overruled {
			v.item("overruled", k)
			v.instant("observedAt", o.ObservedAt)
			if o.Source == "" {
				v.fail("source", "the source is missing", "name whose value was overruled")
			}
			v.leave()
		}
		v.leave()
	}
	for i, s := range v.site.Sources {
		v.item("sources", i)
		v.instant("at", s.At)
		if s.Name == "" {
			v.fail("name", "the source has no name", "name it, like azure or site-file")
		}
		word(v, "status", "status", s.Status, true, SourceOK, SourcePartial, SourceFailed)
		v.leave()
	}
}

func (v *validator) probes() {
	for i := range v.site.Probes {
		p := &v.site.Probes[i]
		v.item("probes", i)
		v.probeFrom("from", p.From)
		if v.infra(p.To) == nil {
			v.fail("to", cite("infrastructure", p.To)+" names no infrastructure of this document", v.nearInfrastructure(p.To))
		}
		word(v, "kind", "kind", p.Kind, true, ProbeDatabaseRoundTrip, ProbeTCPConnect)
		v.notNegative("p50", p.P50)
		v.notNegative("p95", p.P95)
		if p.P50 > 0 && p.P95 > 0 && p.P50 > p.P95 {
			v.fail("p50", fmt.Sprintf("p50 (%s) is above p95 (%s)", p.P50, p.P95), "exchange them if they were mixed up")
		}
		v.atLeastZero("samples", float64(p.Samples))
		v.instant("at", p.At)
		if ahead := p.At.Sub(v.site.ObservedAt); !p.At.IsZero() && !v.site.ObservedAt.IsZero() && ahead > MaxAhead {
			v.fail("at", "the probe lies "+ahead.Round(time.Second).String()+" after observedAt", "observedAt is the time of the newest fact")
		}
		v.leave()
	}
}

func (v *validator) probeFrom(key, from string) {
	const remedy = "write site/cluster/node, like muc-01/prod/twx-1"
	parts := strings.Split(from, "/")
	if len(parts) != 3 {
		v.fail(key, cite("probe", from)+" does not name a node", remedy)
		return
	}
	if parts[0] != v.site.Site.ID {
		v.fail(key, fmt.Sprintf("%s is not this site's id", cite("site", parts[0])), "a probe starts in its own site; "+remedy)
		return
	}
	if v.origins == nil {
		v.origins = map[string]map[string]bool{}
		for i := range v.site.Clusters {
			c := &v.site.Clusters[i]
			v.origins[c.ID] = map[string]bool{}
			for j := range c.Components {
				for k := range c.Components[j].Nodes {
					v.origins[c.ID][c.Components[j].Nodes[k].Name] = true
				}
			}
		}
	}
	nodes, ok := v.origins[parts[1]]
	switch {
	case !ok:
		v.fail(key, fmt.Sprintf("the site has no cluster %s", cite("cluster", parts[1])), v.suggest(parts[1], slices.Sorted(maps.Keys(v.origins)), "name one of its clusters"))
	case !nodes[parts[2]]:
		v.fail(key, fmt.Sprintf("cluster %s has no node %s", cite("cluster", parts[1]), cite("node", parts[2])), v.suggest(parts[2], slices.Sorted(maps.Keys(nodes)), "name one of its nodes"))
	}
}
