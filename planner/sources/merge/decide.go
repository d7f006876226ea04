package merge

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// alias is why the name that another source gives a thing is not in force.
const alias = "another name for it"

// said is one source's value of a fact in question.
type said struct {
	leaf
	entity *entity
	why    string // not in force
}

// decision settles the facts of one group of things that are one.
type decision struct {
	group  []*entity
	labels map[string]string // paths whose value is given: names and references
	order  []string          // paths
	said   map[string][]said
	done   map[string]*leaf // settled; nil: nobody's value counts
}

func newDecision(group []*entity, labels map[string]string) *decision {
	d := &decision{group: group, labels: labels, said: map[string][]said{}, done: map[string]*leaf{}}
	for _, e := range group {
		for _, l := range e.leaves {
			if _, known := d.said[l.path]; !known {
				d.order = append(d.order, l.path)
			}
			d.said[l.path] = append(d.said[l.path], said{leaf: l, entity: e})
		}
	}
	slices.Sort(d.order)
	if d.decide("/identity/endpoint") != nil && len(d.said[addresses]) > 0 && !slices.Contains(d.order, addresses) {
		d.order = append(d.order, addresses)
		slices.Sort(d.order)
	}
	return d
}

// leads is the fact that another one belongs to: it counts only beside the same value of that one.
func leads(path string) string {
	switch path {
	case "/placement/region":
		return "/placement/provider"
	case "/placement/zone", "/placement/physicalZone":
		return "/placement/region"
	case "/highAvailability/standbyZone":
		return "/highAvailability/mode"
	case "/cpu", "/memoryGiB", "/tier":
		return "/sku"
	case "/p50", "/p95", "/samples":
		return "/at" // of a probe
	}
	return ""
}

// decide returns the fact in force at a path, nil when nobody's counts.
func (d *decision) decide(path string) *leaf {
	if l, ok := d.done[path]; ok {
		return l
	}
	d.done[path] = nil
	list := d.said[path]
	if len(list) == 0 || path == addresses {
		return nil
	}
	if label, ok := d.labels[path]; ok {
		d.done[path] = d.label(list, label)
		return d.done[path]
	}
	lead := leads(path)
	var best *said
	for i := range list {
		c := &list[i]
		if lead != "" {
			if chosen, own := d.decide(lead), c.entity.word(lead); chosen != nil && own != "" && own != text(chosen.value) {
				c.why = "its " + lead[strings.LastIndexByte(lead, '/')+1:] + " is another one (" + own + "), and this belongs to it"
				continue
			}
		}
		if best == nil || better(c, best) {
			best = c
		}
	}
	if best == nil {
		return nil
	}
	for i := range list {
		if c := &list[i]; c.why == "" && exacter(path, c, best) {
			best = c
		}
	}
	d.done[path] = d.settle(path, list, best)
	return d.done[path]
}

// better reports whether a value counts against another.
func better(x, y *said) bool {
	if x.standing != y.standing {
		return x.standing > y.standing
	}
	if !x.ObservedAt.Equal(y.ObservedAt) {
		return x.ObservedAt.After(y.ObservedAt)
	}
	return cmp.Or(cmp.Compare(x.Source, y.Source), cmp.Compare(text(x.value), text(y.value))) < 0
}

// Claim is one value of a fact and who says it, as provenance names him.
type Claim struct{ Source, Value string }

// Verdict is what comes of two claims of one fact.
type Verdict struct {
	Replaces bool // the second claim counts
	Agree    bool // they say the same, one of them in more detail
	Declared bool // what counts was observed and the other one declared, which is more than a difference
}

// Between decides between two claims that one import makes of a text, under the same rules as between sources: the better
// founded counts, then the more exact, else the first. The path is that of the fact beneath its thing.
func Between(path string, first, second Claim) Verdict {
	x, y := standing(first.Source, "", &Input{}), standing(second.Source, "", &Input{})
	v := Verdict{Replaces: y > x, Declared: max(x, y) == Observed && min(x, y) == Declared}
	switch {
	case moreExact(path, second.Value, first.Value):
		v.Replaces, v.Agree = true, true
	case first.Value == second.Value || moreExact(path, first.Value, second.Value):
		v.Replaces, v.Agree = false, true
	}
	return v
}

// moreExact reports whether a version says the same as another and more.
func moreExact(path, a, b string) bool {
	switch path {
	case "/version", "/thingworxVersion", "/settings/thingworxVersion":
		return strings.HasPrefix(a, b+".")
	}
	return false
}

// exacter reports whether a value says the same as another and more: 15.18 than 15, a whole ensemble than some members.
func exacter(path string, x, y *said) bool {
	a, b := text(x.value), text(y.value)
	if path != "/identity/endpoint" {
		return moreExact(path, a, b)
	}
	small, large := endpointKeys(y), endpointKeys(x)
	return a != b && len(small) < len(large) && subset(small, large)
}

func subset(small, large []string) bool {
	return len(small) > 0 && !slices.ContainsFunc(small, func(k string) bool { return !slices.Contains(large, k) })
}

func endpointKeys(c *said) []string {
	if c.entity.kind != infrastructureKind {
		return nil
	}
	i := c.entity.infra()
	return inventory.Keys(c.entity.doc.Site.Site.ID, &inventory.Infrastructure{
		Kind: i.Kind, Engine: i.Engine, Identity: inventory.ResourceIdentity{Endpoint: text(c.value)},
	})
}

func (d *decision) label(list []said, label string) *leaf {
	out := list[0].leaf
	for i := range list {
		// References follow what they name; only names are worth telling.
		if p := list[i].path; text(list[i].value) != label && (p == "/id" || p == "/name") {
			list[i].why = alias
		}
	}
	out.value, out.Declared, out.Overruled = label, "", nil
	return &out
}

// settle marks the values that are not in force and notes them in the provenance of the one that is.
func (d *decision) settle(path string, list []said, best *said) *leaf {
	out := best.leaf
	over := slices.Clone(best.Overruled)
	var declared *said
	for i := range list {
		c := &list[i]
		agrees := equalValue(c.value, best.value) || exacter(path, best, c)
		switch {
		case agrees && c.why == "":
			if c.AttestedUntil.After(out.AttestedUntil) {
				out.AttestedUntil = c.AttestedUntil
			}
			continue
		case agrees:
			c.why = "" // the same, whatever it belongs to
			continue
		case c.why == "":
			c.why = "overruled: " + best.Source + " " + verb(best.standing) + " " + text(best.value)
		}
		if best.standing == Observed && c.standing == Declared && (declared == nil || better(c, declared)) {
			declared = c
		}
		over = append(over, inventory.Overruled{Source: c.Source, Value: text(c.value), ObservedAt: c.ObservedAt})
		if path == "/identity/endpoint" && !subset(endpointKeys(c), endpointKeys(best)) {
			d.said[addresses] = append(d.said[addresses], *c)
		}
	}
	if declared != nil {
		if out.Declared != "" && out.Declared != text(declared.value) {
			over = append(over, inventory.Overruled{Source: out.Source, Value: out.Declared, ObservedAt: out.ObservedAt})
		}
		out.Declared = text(declared.value)
		over = slices.DeleteFunc(over, func(o inventory.Overruled) bool { return o.Source == declared.Source && o.Value == out.Declared })
	}
	slices.SortFunc(over, func(x, y inventory.Overruled) int {
		return cmp.Or(cmp.Compare(x.Source, y.Source), cmp.Compare(x.Value, y.Value), x.ObservedAt.Compare(y.ObservedAt))
	})
	out.Overruled = slices.Compact(over)
	return &out
}

func verb(s Standing) string {
	switch s {
	case Observed:
		return "observed"
	case Declared:
		return "declares"
	}
	return "assumes"
}
