package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/deployments/bench/opa"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// world is a fleet ready to be judged as the hub does it: revisions and the pack's hash are known before.
type world struct {
	engine *assess.Engine
	sites  []*inventory.Site
	views  []assess.View // of the site alone
	among  []assess.View // with its neighbours
}

func newWorld(c config, sites int) (*world, error) {
	engine, err := assess.Builtin()
	if err != nil {
		return nil, fmt.Errorf("make the engine: %w", err)
	}
	w := &world{engine: engine, sites: sitesim.New(sitesim.Options{Seed: c.seed, Sites: sites}).Sites(0)}
	byID, byKey := map[string]*inventory.Site{}, map[tenancy.Key][]string{}
	for _, s := range w.sites {
		byID[s.Site.ID] = s
		for i := range s.Infrastructure {
			for _, k := range tenancy.KeysOf(s.Site.ID, &s.Infrastructure[i]) {
				byKey[k] = append(byKey[k], s.Site.ID)
			}
		}
	}
	pol := policy.Default()
	hash := engine.Hash(pol)
	for _, s := range w.sites {
		v := assess.View{Site: s, Revision: inventory.Revision(s), Policy: pol, PackHash: hash, At: s.ObservedAt.Add(time.Minute), WithoutRecommendation: true}
		w.views = append(w.views, v)
		v.HubInView = true
		v.Neighbours = assess.Neighbours(s,
			func(id string) (*inventory.Site, bool) { n, ok := byID[id]; return n, ok },
			func(k tenancy.Key) []string { return byKey[k] })
		w.among = append(w.among, v)
	}
	return w, nil
}

// assessment is B3.
func assessment(ctx context.Context, c config) ([]Figure, error) {
	w, err := newWorld(c, c.size(1000, 40))
	if err != nil {
		return nil, err
	}
	documents, bytes := make([][]byte, len(w.sites)), 0
	for i, s := range w.sites {
		if documents[i], err = inventory.Canonical(s); err != nil {
			return nil, fmt.Errorf("write a document: %w", err)
		}
		bytes += len(documents[i])
	}
	decode := func() int {
		for i := range documents {
			var s inventory.Site
			if e := json.Unmarshal(documents[i], &s); e != nil {
				err = e
			}
		}
		return len(documents)
	}
	neighbours := 0
	for i := range w.among {
		neighbours += len(w.among[i].Neighbours)
	}
	raw := Side{Does: fmt.Sprintf("encoding/json decodes the same documents into inventory.Site; %d documents of %d bytes on average", len(documents), bytes/len(documents))}
	var out []Figure
	for _, x := range []struct {
		figure, does string
		views        []assess.View
	}{
		{"assessment of a 12-node site", "Engine.Site of the site alone, all rules, recogniser, sizing and availability, without recommendation; revision and pack hash given, as the hub gives them", w.views},
		{"the same among its neighbours", fmt.Sprintf("the same with the site's hub and the sharers of its infrastructure in view, %.1f sites on average", float64(neighbours)/float64(len(w.among))), w.among},
	} {
		r, e := measure(ctx, c, func() int {
			for i := range x.views {
				w.engine.Site(x.views[i])
			}
			return len(x.views)
		}, decode)
		if e != nil {
			return nil, e
		}
		f := compared(Figure{ID: "B3", Figure: x.figure, Ours: Side{Does: x.does}, Raw: raw}, r, false).atMost(1)
		f.Notes = []string{fmt.Sprintf("%s assessments a second of one processor", number(1e9/f.Ours.Nano))}
		out = append(out, f)
	}
	if err != nil {
		return nil, fmt.Errorf("decode a document: %w", err)
	}
	return out, nil
}

// recommendation is B15.
func recommendation(ctx context.Context, c config) ([]Figure, error) {
	w, err := newWorld(c, c.size(200, 20))
	if err != nil {
		return nil, err
	}
	options, clusters := 0, 0
	full := func() int {
		options, clusters = 0, 0
		for _, v := range w.views {
			v.WithoutRecommendation = false
			a := w.engine.Site(v)
			for i := range a.Clusters {
				options += len(a.Clusters[i].Recommendation.Open().Options)
			}
			clusters += len(a.Clusters)
		}
		return len(w.views)
	}
	r, err := measure(ctx, c, full, func() int {
		for _, v := range w.views {
			w.engine.Site(v)
		}
		return len(w.views)
	})
	if err != nil {
		return nil, err
	}
	for i := range r.ours {
		r.ours[i] = max(0, r.ours[i]-r.raw[i])
	}
	f := compared(Figure{
		ID: "B15", Figure: "recommendation of a 12-node site",
		Ours: Side{Does: "Engine.Site with recommendation, options and migration, less the time without"},
		Raw:  Side{Does: "Engine.Site without recommendation, all else equal"},
	}, r, false).atMost(20)
	f.Notes = []string{fmt.Sprintf("%d sites, %d clusters, %.1f options each", len(w.sites), clusters, float64(options)/float64(max(1, clusters)))}
	return []Figure{f}, nil
}

// againstOPA is B4.
func againstOPA(ctx context.Context, c config) ([]Figure, error) {
	w, err := newWorld(c, c.size(1000, 40))
	if err != nil {
		return nil, err
	}
	peer, err := opa.New(ctx, w.engine.Regions)
	if err != nil {
		return nil, err
	}
	inputs := make([]opa.Input, len(w.sites))
	for i, s := range w.sites {
		if inputs[i], err = opa.NewInput(s); err != nil {
			return nil, err
		}
	}
	theirs := func(evaluate func(context.Context, opa.Input) error) side {
		return func() int {
			for i := range inputs {
				if e := evaluate(ctx, inputs[i]); e != nil {
					err = e
				}
			}
			return len(inputs)
		}
	}
	only := twenty(w.engine.Rules)
	room := make([]rules.ClusterFacts, 0, 8)
	verdicts := 0
	ours := func() int {
		verdicts = 0
		for _, s := range w.sites {
			// The number of things is part of what Rego computes; our rules are given it.
			room = room[:0]
			for i := range s.Clusters {
				room = append(room, rules.ClusterFacts{Sizing: sizing.InSite(s, &s.Clusters[i], w.engine.Sizes)})
			}
			_, t := w.engine.Rules.Judge(rules.Input{Site: s, Clusters: room, Policy: only, Regions: w.engine.Regions, At: s.ObservedAt}, false)
			verdicts += t.Pass + t.Fail + t.Unknown + t.NotApplicable
		}
		return len(w.sites)
	}
	var out []Figure
	for _, x := range []struct {
		figure, does string
		evaluate     func(context.Context, opa.Input) error
	}{
		{"twenty rules on a site, OPA given its own form of it", "OPA, prepared query, input prepared as ast.Value, result left in OPA's own form", func(ctx context.Context, in opa.Input) error {
			_, err := peer.Parsed(ctx, in)
			return err
		}},
		{"twenty rules on a site, OPA given decoded JSON", "OPA, prepared query, input decoded from JSON before, result left in OPA's own form", func(ctx context.Context, in opa.Input) error {
			_, err := peer.Decoded(ctx, in)
			return err
		}},
	} {
		r, e := measure(ctx, c, ours, theirs(x.evaluate))
		if e != nil {
			return nil, e
		}
		if err != nil {
			return nil, err
		}
		out = append(out, compared(Figure{
			ID: "B4", Figure: x.figure, Raw: Side{Does: x.does},
			Ours: Side{Does: "Pack.Judge as assess runs it, with sizing before it, under a policy that disables all other rules"},
		}, r, true))
	}
	// The peer is taken at its best, which comes first.
	if out[1].Ratio < out[0].Ratio {
		out[0], out[1] = out[1], out[0]
	}
	out[0] = out[0].atLeast(300)
	out[0].Notes = []string{
		fmt.Sprintf("%d sites, %d verdicts; a test proves them the same on both sides. OPA computes verdicts only, ours counts those that pass and gives severities, messages, evidence and missing facts of the others", len(w.sites), verdicts),
	}
	return out, nil
}

// twenty is a policy under which only the rules are judged that are also written in Rego.
func twenty(pack *rules.Pack) *policy.Policy {
	p, off := policy.Default(), false
	p.Rules = map[string]policy.RuleTune{}
	for _, e := range pack.Entries() {
		if !slices.Contains(opa.Rules(), e.ID) {
			p.Rules[e.ID] = policy.RuleTune{Enabled: &off}
		}
	}
	return p
}
