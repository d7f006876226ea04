package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Default returns the policy that applies where none is given: every geography is allowed and no rule is tuned.
func Default() *Policy {
	return &Policy{APIVersion: inventory.APIVersion, Kind: Kind, Name: "default", Availability: Defaults()}
}

// Defaults returns the chances used where a policy gives none. Those of Azure Database for PostgreSQL Flexible Server are
// Microsoft's SLA (99.9 % without, 99.95 % same-zone, 99.99 % zone-redundant high availability). All others are assumptions, as
// Assumptions says: replace them by what you measured.
func Defaults() Availability {
	return Availability{
		Machine: 0.999, Zone: 0.9999, Region: 0.99995, Redundant: 0.9999,
		Managed: map[inventory.Engine]map[inventory.HAMode]float64{
			inventory.EngineAzurePostgreSQLFlexible: {inventory.HANone: 0.999, inventory.HASameZone: 0.9995, inventory.HAZoneRedundant: 0.9999},
			inventory.EngineAzureSQL:                {inventory.HANone: 0.999, inventory.HASameZone: 0.9995, inventory.HAZoneRedundant: 0.9999},
		},
	}
}

// WithDefaults fills every chance that is zero from Defaults, mode by mode for managed databases. The receiver is not changed;
// one that lacks nothing is returned as it is.
func (a Availability) WithDefaults() Availability {
	if a.complete() {
		return a
	}
	d := Defaults()
	for _, f := range [...]struct{ have, otherwise *float64 }{
		{&a.Machine, &d.Machine}, {&a.Zone, &d.Zone}, {&a.Region, &d.Region}, {&a.Redundant, &d.Redundant},
	} {
		if *f.have == 0 {
			*f.have = *f.otherwise
		}
	}
	for engine, modes := range a.Managed {
		if d.Managed[engine] == nil {
			d.Managed[engine] = map[inventory.HAMode]float64{}
		}
		for mode, p := range modes {
			if p != 0 {
				d.Managed[engine][mode] = p
			}
		}
	}
	a.Managed = d.Managed
	return a
}

func (a *Availability) complete() bool {
	if a.Machine == 0 || a.Zone == 0 || a.Region == 0 || a.Redundant == 0 {
		return false
	}
	for _, e := range [...]inventory.Engine{inventory.EngineAzurePostgreSQLFlexible, inventory.EngineAzureSQL} {
		for _, m := range [...]inventory.HAMode{inventory.HANone, inventory.HASameZone, inventory.HAZoneRedundant} {
			if a.Managed[e][m] == 0 {
				return false
			}
		}
	}
	return true
}

// Assumptions lists, sorted, which chances of a policy rest on our assumption and on no published figure, because the policy does not give them.
func (a Availability) Assumptions() []string {
	var out []string
	for _, f := range [...]struct {
		name string
		have float64
	}{{"machine", a.Machine}, {"zone", a.Zone}, {"region", a.Region}, {"redundant", a.Redundant}} {
		if f.have == 0 {
			out = append(out, f.name)
		}
	}
	for _, mode := range []inventory.HAMode{inventory.HANone, inventory.HASameZone, inventory.HAZoneRedundant} {
		if a.Managed[inventory.EngineAzureSQL][mode] == 0 {
			out = append(out, "managed/"+string(inventory.EngineAzureSQL)+"/"+string(mode))
		}
	}
	slices.Sort(out)
	return out
}

// builtinRegions tells which geographies lie in which others. It is read once and never changed.
var builtinRegions = sync.OnceValues(geo.Builtin)

// AllowedGeographies returns the geographies a site may use: those that every matching rule allows, sorted. Where one rule
// allows Europe and another Germany, that is Germany. ok is false when no rule matches, and the site may use any then. Rules
// that have nothing in common leave none: the list is empty and ok is true.
func (p *Policy) AllowedGeographies(site inventory.Identity) (allowed []string, ok bool) {
	return Common(p.GeographyLists(site))
}

// GeographyLists returns the words of every rule that matches a site, in the order of the policy: a place is allowed when each
// list has a word that it lies in. The lists are the policy's own.
func (p *Policy) GeographyLists(site inventory.Identity) [][]string {
	if p == nil {
		return nil
	}
	var out [][]string
	for i := range p.Geographies {
		if g := &p.Geographies[i]; g.Match.matches(site) {
			out = append(out, g.Allow)
		}
	}
	return out
}

// Common returns what all lists of geographies allow, sorted: of two words that lie in each other the narrower. ok is false
// without a list.
func Common(lists [][]string) (allowed []string, ok bool) {
	for _, list := range lists {
		if ok {
			allowed = common(allowed, list)
		} else {
			allowed, ok = slices.Clone(list), true
		}
	}
	slices.Sort(allowed)
	return slices.Compact(allowed), ok
}

// common returns what lies in both lists, the narrower word of each pair.
func common(a, b []string) []string {
	regions, err := builtinRegions()
	if err != nil {
		regions = &geo.Table{}
	}
	var out []string
	for _, x := range a {
		for _, y := range b {
			switch {
			case strings.EqualFold(x, y), regions.Covers(y, x):
				out = append(out, x)
			case regions.Covers(x, y):
				out = append(out, y)
			}
		}
	}
	return out
}

func (m Match) matches(site inventory.Identity) bool {
	if m.Site != "" && m.Site != site.ID || m.Country != "" && !strings.EqualFold(m.Country, site.Country) {
		return false
	}
	for k, v := range m.Tags {
		if have, ok := site.Tags[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// Rule returns the tuning of a rule, the zero value where there is none.
func (p *Policy) Rule(id string) RuleTune {
	if p == nil {
		return RuleTune{}
	}
	return p.Rules[id]
}

// Clone returns a copy that shares nothing with the original that could be changed through it.
func (p *Policy) Clone() *Policy {
	c := *p
	c.Geographies = slices.Clone(p.Geographies)
	for i := range c.Geographies {
		c.Geographies[i].Allow = slices.Clone(c.Geographies[i].Allow)
		c.Geographies[i].Match.Tags = maps.Clone(c.Geographies[i].Match.Tags)
	}
	c.Rules = maps.Clone(p.Rules)
	for id, t := range c.Rules {
		t.Parameters = maps.Clone(t.Parameters)
		if t.Enabled != nil {
			on := *t.Enabled
			t.Enabled = &on
		}
		c.Rules[id] = t
	}
	c.Availability.Managed = maps.Clone(p.Availability.Managed)
	for engine, modes := range c.Availability.Managed {
		c.Availability.Managed[engine] = maps.Clone(modes)
	}
	return &c
}

// Hash identifies what a policy decides, in 32 hexadecimal digits of SHA-256 over its canonical bytes.
func (p *Policy) Hash() string {
	text, err := p.Canonical()
	if err != nil {
		// Every value of a Policy is a number, a text, a duration or a map of them.
		panic(fmt.Errorf("hash a policy: %w", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Canonical returns the bytes that identify what a policy decides: two policies with the same bytes judge alike. Defaults are
// filled in, and the name, which decides nothing, is left out. It is the policy's part of a rule pack's hash.
func (p *Policy) Canonical() ([]byte, error) {
	if p == nil {
		p = Default()
	}
	c := *p
	c.APIVersion, c.Kind, c.Name = inventory.APIVersion, Kind, ""
	c.Availability = p.Availability.WithDefaults()
	if len(c.Geographies) == 0 {
		c.Geographies = nil
	}
	if len(c.Rules) == 0 {
		c.Rules = nil
	}
	return json.Marshal(&c)
}
