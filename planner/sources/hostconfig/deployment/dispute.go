package deployment

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/merge"
)

// where names a place for a message.
func (a *assembly) where(s spot) string {
	if s.line == 0 {
		return a.result.Files[s.file].Path
	}
	return a.result.Files[s.file].Path + ":" + strconv.Itoa(int(s.line))
}

// witness is who says a fact: a source and the place in one of its files. Of what package importer made it is the name in
// provenance alone, with file -1.
type witness struct {
	source string
	spot
}

// spot is a place that is kept of every fact in question, and therefore small.
type spot struct{ file, line int32 }

func spotOf(file int, p Place) spot { return spot{int32(file), int32(p.Line)} } //nolint:gosec // a file has less lines than fit

func (a *assembly) witness(file int, p Place) witness {
	return witness{a.fragments[file].Source, spotOf(file, p)}
}

// name is the witness as provenance names it.
func (a *assembly) name(w witness) string {
	if w.file < 0 {
		return w.source
	}
	return w.source + "/" + a.where(w.spot)
}

// differs is the message of a dispute: what one place says and another one, and what was taken.
func (a *assembly) differs(thing, what, here, there string, other witness, taken string) string {
	quoted := func(s string) string {
		if shown := importer.ShownValue(s); shown != s {
			return shown
		}
		return `"` + s + `"`
	}
	place := "the export of the cloud"
	if other.file >= 0 {
		place = a.where(other.spot)
	} else if _, at, ok := strings.Cut(other.source, "/"); ok {
		place = at
	}
	return thing + ": the " + what + " is " + quoted(here) + " here and " + quoted(there) + " in " + place + "; " + quoted(taken) + " was taken"
}

// origins tell who said a fact, or what the fact is a part of, by the path beneath the thing.
type origins struct {
	first witness // who said the thing
	parts map[string]witness
}

func (o *origins) of(path string) witness {
	for ; path != "" && len(o.parts) > 0; path = path[:strings.LastIndexByte(path, '/')] {
		if w, ok := o.parts[path]; ok {
			return w
		}
	}
	return o.first
}

// set notes who said a part, unless he said the whole.
func (o *origins) set(path string, w witness) {
	if o.of(path) == w {
		return
	}
	if o.parts == nil {
		o.parts = map[string]witness{}
	}
	o.parts[path] = w
}

// origin tells who said a fact of the cluster. That of a use is kept beside it, because a cluster has many.
func (a *assembly) origin(c *cluster, path string) witness {
	if w := c.said.of(path); w != c.said.first {
		return w
	}
	if rest, ok := strings.CutPrefix(path, "/uses/"); ok {
		at, _, _ := strings.Cut(rest, "/")
		if n, err := strconv.Atoi(at); err == nil && n < len(c.told) && c.told[n].file >= 0 {
			return witness{a.fragments[c.told[n].file].Source, c.told[n]}
		}
	}
	return c.said.first
}

// proven are the origins of what package importer made, as its provenance has them, by the path of the thing.
func (a *assembly) proven() map[string]origins {
	out := map[string]origins{}
	for i := range a.site.Provenance {
		p := &a.site.Provenance[i]
		parts := strings.SplitN(p.Path, "/", 4)
		if len(parts) < 3 {
			continue
		}
		base := "/" + parts[1] + "/" + parts[2]
		said, w := out[base], witness{p.Source, spot{file: -1}}
		if p.Path == base {
			said.first = w
		} else {
			said.set(p.Path[len(base):], w)
		}
		out[base] = said
	}
	return out
}

// telling is one description of a list of nodes.
type telling struct {
	said   *origins
	base   string // path of the list beneath the thing
	here   witness
	differ func(what, path string, own *string, other string)
}

// maxDisputes bounds what is kept of one thing that files describe differently; a note names each.
const maxDisputes = 32

// dispute settles a fact of which two places say different things: own holds the value that counts afterwards, the list
// the other one with its place, under the path beneath the thing. It reports false when they only say the same with more
// or less detail.
func dispute(list *[]inventory.Provenance, path string, own *string, other, ownSource, otherSource string) bool {
	verdict := merge.Between(path, merge.Claim{Source: ownSource, Value: *own}, merge.Claim{Source: otherSource, Value: other})
	if verdict.Replaces {
		*own, other, ownSource, otherSource = other, *own, otherSource, ownSource
	}
	if verdict.Agree {
		return false
	}
	at := slices.IndexFunc(*list, func(p inventory.Provenance) bool { return p.Path == path })
	if at < 0 {
		if len(*list) == maxDisputes {
			return true
		}
		at = len(*list)
		*list = append(*list, inventory.Provenance{Path: path, Source: ownSource})
	}
	p := &(*list)[at]
	if verdict.Replaces {
		p.Source = ownSource
	}
	shown := importer.ShownValue(other)
	said := inventory.Overruled{Source: otherSource, Value: shown}
	switch {
	case verdict.Declared && (p.Declared == "" || p.Declared == shown):
		p.Declared = shown
	case len(p.Overruled) < maxDisputes && !slices.Contains(p.Overruled, said):
		p.Overruled = append(p.Overruled, said)
	}
	return true
}

// proveDisputes writes what files say otherwise beneath a path of the document.
func (a *assembly) proveDisputes(base string, list []inventory.Provenance) {
	for _, p := range list {
		p.Path = base + p.Path
		p.ObservedAt = a.opts.At.UTC()
		for i := range p.Overruled {
			p.Overruled[i].ObservedAt = p.ObservedAt
		}
		a.site.Provenance = slices.DeleteFunc(a.site.Provenance, func(known inventory.Provenance) bool {
			return known.Path == p.Path && known.Declared == "" && known.Overruled == nil
		})
		a.site.Provenance = append(a.site.Provenance, p)
	}
}
