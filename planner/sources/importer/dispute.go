package importer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// dispute is what a further description of a resource says otherwise than the one that counts.
type dispute struct {
	what       string // for a message
	own, other string // values; a secret in the place of one is only counted
	source     string // who says otherwise, with the place
	asked      bool   // it was asked for, and what counts was observed
}

// maxDisputes bounds what is kept of one resource; a note names each.
const maxDisputes = 32

func (f *filler) disagree(what, own, other string) {
	f.differ = append(f.differ, dispute{what: what, own: ShownValue(own), other: ShownValue(other)})
}

func (d *dispute) String() string {
	if strings.Trim(d.own+d.other, "0123456789.") != "" {
		return d.what + " " + strconv.Quote(d.own) + " and " + strconv.Quote(d.other)
	}
	return d.what + " " + d.own + " and " + d.other
}

// field is where the inventory holds the fact beneath the thing, "" where it does not.
func (r *Resource) field(what string) string {
	switch what {
	case "region", "zone":
		return "/placement/" + what
	case "edge zone":
		return "/placement/physicalZone"
	case "host name", "endpoint":
		return "/identity/endpoint"
	case "SKU":
		return "/sku"
	case "version", "tier", "protocol":
		return "/" + what
	case "high availability":
		return "/highAvailability/mode"
	case "standby zone":
		return "/highAvailability/standbyZone"
	case "storage", "size":
		return "/storageGiB"
	case "geo-redundant backup":
		return "/geoRedundantBackup"
	case "redundancy":
		if r.Balancer != nil {
			return "/redundant"
		}
		return "/redundancy"
	}
	return ""
}

// disagree keeps what another description says otherwise, and notes it with both places.
func (a *assembly) disagree(r, from *Resource, differ []dispute) {
	asked := from.Asked && !r.Asked
	texts := make([]string, len(differ))
	for i := range differ {
		d := &differ[i]
		texts[i] = d.String()
		d.source, d.asked = a.witness(from), asked
		if len(r.disputes) < maxDisputes && r.field(d.what) != "" {
			r.disputes = append(r.disputes, *d)
		}
	}
	what, remedy := " is described differently in ", "import only the newer of the two files"
	outcome := "; the first was taken"
	if asked {
		what, remedy, outcome = " is asked for otherwise in ", "bring the plan and what runs into line", "; what was observed counts"
	}
	a.result.Notes = append(a.result.Notes, document.Problem{
		File: a.path(r), Line: r.Line, Column: r.Column, Path: r.Pointer,
		What: r.label() + what + a.where(from) + ": " + strings.Join(texts, ", ") + outcome, Remedy: remedy,
	})
}

// where names the place of a resource for a message.
func (a *assembly) where(r *Resource) string {
	if r.Line == 0 {
		return a.path(r)
	}
	return a.path(r) + ":" + strconv.Itoa(r.Line)
}

// witness is the name in provenance of what one place says.
func (a *assembly) witness(r *Resource) string { return r.Source + "/" + a.where(r) }

// proveDisputes records beside the facts of a thing what other descriptions say of them.
func (a *assembly) proveDisputes(g *group, base string, r *Resource) {
	var order []string
	by := map[string]*proof{}
	for i := range r.disputes {
		d := &r.disputes[i]
		path := base + r.field(d.what)
		p := by[path]
		if p == nil {
			p = &proof{group: g, rest: path, source: a.witness(r), disputed: true}
			by[path] = p
			order = append(order, path)
		}
		if d.asked && p.declared == "" {
			p.declared = d.other
			continue
		}
		if said := (inventory.Overruled{Source: d.source, Value: d.other, ObservedAt: a.opts.At.UTC()}); !slices.Contains(p.overruled, said) {
			p.overruled = append(p.overruled, said)
		}
	}
	for _, path := range order {
		a.proofs = append(a.proofs, *by[path])
	}
}

// ShownValue is a value for a reader: as it is when it is plainly a name, a path, a number or a code, else only its length.
func ShownValue(s string) string {
	for part := range strings.SplitSeq(s, "/") {
		if part != "" && Quote(part) != `"`+part+`"` {
			return Quote(s)
		}
	}
	if len(s) > maxName {
		return Quote(s)
	}
	return s
}
