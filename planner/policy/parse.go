package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// MaxDocument is the largest Policy read, in bytes.
const MaxDocument = 1 << 20

// Parse reads one Policy document (YAML or JSON), refuses unknown keys and invalid values, and names geographies by the
// built-in table. The error is a *document.Error that lists every problem with its place and remedy.
func Parse(name string, data []byte) (*Policy, error) {
	if len(data) > MaxDocument {
		return nil, document.NewError([]document.Problem{{
			File: name, What: fmt.Sprintf("the document has %d bytes, the limit is %d", len(data), MaxDocument), Remedy: "split it, or leave comments out",
		}})
	}
	regions, err := builtinRegions()
	if err != nil {
		return nil, fmt.Errorf("load regions: %w", err)
	}
	var p Policy
	places, err := document.DecodeAt(name, data, &p)
	if places == nil {
		return nil, err
	}
	var problems document.Collector
	problems.AddError(err)
	validate(&p, regions, places, &problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &p, nil
}

// Validate returns everything wrong with a policy's values, without places in a file.
// Whether the rules it tunes exist is for the rule pack to say: a policy may be older or newer than the pack.
func Validate(p *Policy, regions *geo.Table) []document.Problem {
	var problems document.Collector
	validate(p, regions, nil, &problems)
	return problems.Problems()
}

type validator struct {
	regions  *geo.Table
	places   *document.Places
	problems *document.Collector
}

func (v validator) fail(path, what, remedy string) {
	if !v.problems.Under(path) {
		v.problems.Add(v.places.Problem(path, what, remedy))
	}
}

// cite quotes a value unless it may hold a secret.
func cite(key, value string) string {
	if shown, ok := document.Cite(key, value); ok {
		return shown
	}
	return "the value"
}

func validate(p *Policy, regions *geo.Table, places *document.Places, problems *document.Collector) {
	v := validator{regions, places, problems}
	if p.APIVersion != inventory.APIVersion {
		v.fail("/apiVersion", "apiVersion is missing or not "+inventory.APIVersion, "write apiVersion: "+inventory.APIVersion)
	}
	if p.Kind != Kind {
		v.fail("/kind", "kind is missing or not "+Kind, "write kind: "+Kind)
	}
	for i, g := range p.Geographies {
		v.geography(fmt.Sprintf("/geographies/%d", i), g)
	}
	for _, id := range slices.Sorted(maps.Keys(p.Rules)) {
		v.rule(document.Pointer("/rules", id), id, p.Rules[id])
	}
	v.availability("/availability", p.Availability)
}

func (v validator) geography(at string, g GeographyRule) {
	if g.Match.Site != "" && !inventory.ValidID(g.Match.Site) {
		v.fail(at+"/match/site", cite("site", g.Match.Site)+" is not a site id", "use lower-case letters, digits and dashes")
	}
	if c := g.Match.Country; c != "" {
		if _, ok := v.regions.CountryName(c); !ok {
			v.fail(at+"/match/country", cite("country", c)+" is not the code of a country", "write the two letters of ISO 3166-1, like DE")
		}
	}
	if len(g.Allow) == 0 {
		v.fail(at+"/allow", "no geography is allowed", "name at least one, or remove the rule to allow any")
	}
	for i, word := range g.Allow {
		if v.regions.KnowsGeography(word) {
			continue
		}
		remedy := "give one of " + strings.Join(v.regions.Geographies(), ", ") + ", or a country"
		if near := v.regions.NearestGeography(word); near != "" {
			remedy = fmt.Sprintf("did you mean %q?", near)
		}
		v.fail(fmt.Sprintf("%s/allow/%d", at, i), cite("geography", word)+" is not a known geography", remedy)
	}
}

// severities are those of the rules package, which imports this one.
func severities() []string { return []string{"critical", "high", "medium", "low", "info"} }

// ruleID is the form of rule ids, built in or the user's own.
func ruleID(id string) bool {
	ok, err := regexp.MatchString(`^[A-Z][A-Z0-9]{1,15}-[0-9]{3,4}$`, id)
	return ok && err == nil
}

func (v validator) rule(at, id string, t RuleTune) {
	if !ruleID(id) {
		v.fail(at, cite("rule", id)+" is not a rule id", "write it like COL-001")
	}
	if t.Severity != "" && !slices.Contains(severities(), t.Severity) {
		remedy := "give one of " + strings.Join(severities(), ", ")
		if near := document.Nearest(t.Severity, severities()); near != "" {
			remedy = fmt.Sprintf("did you mean %q?", near)
		}
		v.fail(at+"/severity", cite("severity", t.Severity)+" is not a severity", remedy)
	}
	if t.Grace < 0 {
		v.fail(at+"/grace", "grace is negative", "give a duration of at least 0s")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		if strings.TrimSpace(t.Parameters[name]) == "" {
			v.fail(document.Pointer(at+"/parameters", name), "the parameter has no value", "give one, or leave it out for its default")
		}
	}
}

func (v validator) availability(at string, a Availability) {
	v.probability(at+"/machine", a.Machine)
	v.probability(at+"/zone", a.Zone)
	v.probability(at+"/region", a.Region)
	v.probability(at+"/redundant", a.Redundant)
	engines := []string{string(inventory.EngineAzurePostgreSQLFlexible), string(inventory.EngineAzureSQL)}
	modes := []string{string(inventory.HANone), string(inventory.HASameZone), string(inventory.HAZoneRedundant)}
	for _, engine := range slices.Sorted(maps.Keys(a.Managed)) {
		eAt := document.Pointer(at+"/managed", string(engine))
		v.known(eAt, "managed engine", string(engine), engines)
		for _, mode := range slices.Sorted(maps.Keys(a.Managed[engine])) {
			mAt := document.Pointer(eAt, string(mode))
			v.known(mAt, "mode", string(mode), modes)
			v.probability(mAt, a.Managed[engine][mode])
		}
	}
}

func (v validator) known(at, what, word string, words []string) {
	if slices.Contains(words, word) {
		return
	}
	remedy := "give one of " + strings.Join(words, ", ")
	if near := document.Nearest(word, words); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	}
	v.fail(at, cite(what, word)+" is not a "+what, remedy)
}

func (v validator) probability(at string, p float64) {
	if p >= 0 && p <= 1 {
		return
	}
	remedy := "give a share between 0 and 1"
	if p > 1 && p <= 100 {
		remedy = fmt.Sprintf("give a share between 0 and 1: %v %% is %.10g", p, p/100)
	}
	v.fail(at, fmt.Sprintf("the probability %v is outside 0 to 1", p), remedy)
}
