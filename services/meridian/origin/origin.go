// Package origin tells where the facts of a site come from: who said each, how old it is, what it overruled, and what rules
// lack with the source that could tell. It reads nothing; "meridian sources" gives it what was merged and prints it.
package origin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sources/merge"
	"github.com/meridian-federation/meridian/planner/sources/probe"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

// siteFile is the source that can declare everything.
const siteFile = "site-file"

// Answer tells where the facts of one site come from.
type Answer struct {
	Site     string             `json:"site"`
	Facts    []Fact             `json:"facts"`
	Total    int                `json:"total"` // facts, before any were left out
	Conflict int                `json:"conflicts"`
	Sources  []inventory.Source `json:"sources"`
	Missing  []Missing          `json:"missing"`
	Notes    []document.Problem `json:"notes"`
}

// Fact is a fact with its age.
type Fact struct {
	merge.Fact
	Age inventory.Duration `json:"age,omitzero"`
}

// Missing is what rules lack for a verdict.
type Missing struct {
	Fact     string   `json:"fact"`
	Rules    []string `json:"rules"`
	Subjects []string `json:"subjects"`
	From     []string `json:"from"` // sources that could tell
}

// observe puts what the probes learned over the merged inventory, as the planner does, and lists it among the facts.
func observe(r *merge.Result, probed *probe.Results) error {
	if probed == nil {
		return nil
	}
	r.Site = probe.Apply(r.Site, probed)
	body, err := inventory.Canonical(r.Site)
	if err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return err
	}
	var learned []merge.Fact
	for _, p := range r.Site.Provenance {
		if p.Source != probe.Source {
			continue
		}
		v := valueAt(tree, p.Path)
		switch list := v.(type) {
		case []any:
			v = strconv.Itoa(len(list))
		case map[string]any:
			v = "measured"
		}
		learned = append(learned, merge.Fact{Path: p.Path, Value: v, Source: p.Source, Standing: merge.Observed, ObservedAt: p.ObservedAt, InForce: true})
		for i := range r.Facts {
			if f := &r.Facts[i]; f.Path == p.Path && f.InForce && fmt.Sprint(f.Value) != fmt.Sprint(v) {
				f.InForce, f.Why = false, fmt.Sprintf("overruled: probe observed %v", v)
			}
		}
	}
	r.Facts = append(r.Facts, learned...)
	merge.Sort(r.Facts)
	return nil
}

// valueAt is the value at a JSON pointer, nil when there is none.
func valueAt(tree any, pointer string) any {
	for _, token := range strings.Split(pointer, "/")[1:] {
		switch v := tree.(type) {
		case map[string]any:
			tree = v[strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			tree = v[i]
		default:
			return nil
		}
	}
	return tree
}

// Of tells where the facts of a merged inventory come from. probed is what probes learned besides, nil for nothing; outcomes
// tell how the sources fared.
func Of(engine *assess.Engine, r *merge.Result, probed *probe.Results, outcomes []inventory.Source, now time.Time) (*Answer, error) {
	if err := observe(r, probed); err != nil {
		return nil, err
	}
	r.Site.Sources = outcomes
	a := &Answer{Site: r.Site.Site.ID, Facts: make([]Fact, 0, len(r.Facts)), Total: len(r.Facts), Sources: outcomes, Missing: missing(engine, r.Site, now), Notes: append([]document.Problem{}, r.Notes...)}
	for _, f := range r.Facts {
		s := Fact{Fact: f}
		if age := now.Sub(f.ObservedAt); !f.ObservedAt.IsZero() && age > 0 {
			s.Age = inventory.Duration(age.Truncate(time.Second))
		}
		a.Facts = append(a.Facts, s)
	}
	a.Conflict = len(a.disputed())
	return a, nil
}

func (a *Answer) disputed() map[string]bool {
	out := map[string]bool{}
	for i := range a.Facts {
		if a.Facts[i].Conflicts() {
			out[a.Facts[i].Path] = true
		}
	}
	return out
}

// Keep leaves only the facts at and below a JSON pointer, "" for all, and with conflicts only those on which sources disagree.
func (a *Answer) Keep(under string, conflicts bool) {
	disputed := a.disputed()
	under = strings.TrimRight(under, "/")
	a.Facts = slices.DeleteFunc(a.Facts, func(f Fact) bool {
		return under != "" && f.Path != under && !strings.HasPrefix(f.Path, under+"/") || conflicts && !disputed[f.Path]
	})
}

// Document is the answer for the terminal and for files.
func (a *Answer) Document() output.Document {
	facts := output.Sheet{
		Title: "Facts", Empty: "No facts.",
		Columns: []output.Column{{Name: "path"}, {Name: "value"}, {Name: "source"}, {Name: "standing"}, {Name: "age"}, {Name: "observedAt", Wide: true}, {Name: "inForce"}, {Name: "why"}},
	}
	for _, x := range a.Facts {
		at, age, force := "", "", "yes"
		if !x.ObservedAt.IsZero() {
			at, age = x.ObservedAt.Format(time.RFC3339), x.Age.String()
		}
		if !x.InForce {
			force = "no"
		}
		facts.Rows = append(facts.Rows, []string{x.Path, fmt.Sprint(x.Value), x.Source, x.Standing.String(), age, at, force, x.Why})
	}
	sources := output.Sheet{Title: "Sources", Empty: "No sources.", Columns: []output.Column{{Name: "source"}, {Name: "status"}, {Name: "at"}, {Name: "detail"}}}
	for _, s := range a.Sources {
		at := ""
		if !s.At.IsZero() {
			at = s.At.Format(time.RFC3339)
		}
		sources.Rows = append(sources.Rows, []string{s.Name, string(s.Status), at, s.Detail})
	}
	lacking := output.Sheet{Title: "Missing", Empty: "No rule lacks a fact.", Columns: []output.Column{{Name: "missing"}, {Name: "rules"}, {Name: "subjects", Wide: true}, {Name: "from"}}}
	for _, m := range a.Missing {
		lacking.Rows = append(lacking.Rows, []string{m.Fact, strings.Join(m.Rules, " "), strings.Join(m.Subjects, ", "), strings.Join(m.From, ", ")})
	}
	return output.Document{Value: a, Sheets: []output.Sheet{facts, sources, lacking}}
}

// tellers are the sources that can tell a fact, by the words with which rules name it. The site's file can declare all.
func tellers(fact string) []string {
	what, _, _ := strings.Cut(fact, " of ")
	for _, t := range []struct {
		words string
		from  []string
	}{
		{"cpu memoryGiB region placement.region placement.zone placement.physicalZone tier sku highAvailability redundancy redundant geoRedundantBackup storageGiB", []string{"azure", "terraform"}},
		{"maxConnections", []string{"probes", "azure"}},
		{"role version roundTrip round probe database-round-trip edition", []string{"probes"}},
		{"poolMax platformId connectionServerBasePath igniteBasePath basePath haCompatibilityImportLevel clusteredMode namespace database schema storage thingworxPlatformShared", []string{"hostconfig", "kubernetes", "compose"}},
		{"thingworxVersion foundation connection-server ignite zookeeper nodes", []string{"hostconfig", "kubernetes", "compose"}},
		{"healthPath stickySessions load-balancer", []string{"hostconfig", "azure"}},
		{"infrastructure", []string{"azure", "terraform", "hostconfig"}},
	} {
		first, _, _ := strings.Cut(what, " ")
		if slices.Contains(strings.Fields(t.words), first) {
			return append(t.from, siteFile)
		}
	}
	return []string{siteFile}
}

// missing are the facts that rules reported as unknown, each with the sources that could tell.
func missing(engine *assess.Engine, site *inventory.Site, now time.Time) []Missing {
	judged := engine.Site(assess.View{Site: site, At: now})
	byFact := map[string]*Missing{}
	for _, f := range judged.Findings {
		if f.Verdict != rules.Unknown {
			continue
		}
		for _, fact := range f.Missing {
			m := byFact[fact]
			if m == nil {
				m = &Missing{Fact: fact, From: tellers(fact)}
				byFact[fact] = m
			}
			subject := cmp.Or(f.Subject.Cluster, f.Subject.Infrastructure, f.Subject.Site)
			if !slices.Contains(m.Rules, f.Rule) {
				m.Rules = append(m.Rules, f.Rule)
			}
			if !slices.Contains(m.Subjects, subject) {
				m.Subjects = append(m.Subjects, subject)
			}
		}
	}
	out := make([]Missing, 0, len(byFact))
	for _, m := range byFact {
		slices.Sort(m.Rules)
		slices.Sort(m.Subjects)
		out = append(out, *m)
	}
	slices.SortFunc(out, func(x, y Missing) int {
		return cmp.Or(-cmp.Compare(len(x.Rules), len(y.Rules)), cmp.Compare(x.Fact, y.Fact))
	})
	return out
}
