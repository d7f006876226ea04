package read

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// anotherSite stands for every name of a site outside the caller's scope, notShown for what else is known of it.
const (
	anotherSite = "another site"
	notShown    = "not shown"
)

// redactor removes what a site's assessment tells about sites outside the caller's scope. For an unlimited scope it
// returns everything as it is.
type redactor struct {
	s     *Snapshot
	names map[string]string // foreign spelling of an infrastructure to one within the scope
	words *strings.Replacer // display names of neighbours
	// foreign are the words that only the documents of neighbours out of scope hold, made when a finding first needs them.
	foreign func() []string
}

func (s *Snapshot) redactor(sum *summary) redactor {
	if s.scope.all {
		return redactor{s: s}
	}
	r := redactor{s: s, names: map[string]string{}}
	var words []string
	neighbours := []string{sum.inventory.Site.Hub}
	var documents []*inventory.Site
	for i := range sum.assessment.Tenancy {
		t := &sum.assessment.Tenancy[i]
		all := append([]string{t.Infrastructure}, t.Aliases...)
		if own := slices.IndexFunc(all, s.mayName); own >= 0 {
			for _, n := range all {
				if !s.mayName(n) {
					r.names[n] = all[own]
				}
			}
		}
		neighbours = append(append(neighbours, sitesOf(t.Tenants)...), sitesOf(all)...)
	}
	slices.Sort(neighbours)
	for _, id := range slices.Compact(neighbours) {
		rec, ok := s.view.Site(id)
		if !ok || s.scope.Allows(id) || rec.Inventory == nil {
			continue
		}
		documents = append(documents, rec.Inventory)
		if len(rec.Inventory.Site.Name) > 2 {
			words = append(words, rec.Inventory.Site.Name, anotherSite)
		}
	}
	r.words = strings.NewReplacer(words...)
	r.foreign = sync.OnceValue(func() []string { return foreignWords(sum.inventory, documents) })
	return r
}

// finding leaves out what a finding tells about sites out of scope. One that names none tells nothing of them; of one that does, what
// stands in their documents alone is left out as well, such as their regions and versions.
func (r redactor) finding(f *rules.Finding) *rules.Finding {
	if r.s.scope.all {
		return f
	}
	out, named := r.rewrite(f, r.text)
	if !named {
		return out
	}
	words := r.foreign()
	if len(words) == 0 {
		return out
	}
	out, _ = r.rewrite(out, func(t string) string { return without(t, words) })
	return out
}

// rewrite applies text to all that a finding says and reports whether that changed anything.
func (r redactor) rewrite(f *rules.Finding, text func(string) string) (*rules.Finding, bool) {
	changed := false
	of := func(t string) string {
		again := text(t)
		changed = changed || again != t
		return again
	}
	out := *f
	if n := out.Subject.Infrastructure; n != "" && n != anotherSite && !r.s.mayName(n) {
		out.Subject.Infrastructure, changed = r.name(n), true
	}
	out.Message, out.Remedy = of(out.Message), of(out.Remedy)
	if f.Missing != nil {
		out.Missing = render(f.Missing, of)
	}
	if facts, ok := rewriteValue(f.Evidence.Facts(), of).(map[string]any); ok {
		out.Evidence = rules.NewEvidence(facts)
	}
	return &out, changed
}

// rewriteValue applies text to the texts of a value. What stands under the name of another site and is no text is its own affair.
func rewriteValue(v any, text func(string) string) any {
	switch v := v.(type) {
	case string:
		return text(v)
	case []any:
		return render(v, func(x any) any { return rewriteValue(x, text) })
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			name := text(k)
			switch x.(type) {
			case string, []any, map[string]any:
				out[name] = rewriteValue(x, text)
			default:
				if out[name] = x; name != k {
					out[name] = notShown
				}
			}
		}
		return out
	}
	return v
}

func (r redactor) name(n string) string {
	if own, ok := r.names[n]; ok {
		return own
	}
	return anotherSite
}

func (r redactor) text(t string) string {
	return r.s.hide(r.words.Replace(t), true)
}

func (r redactor) tenancy(in []tenancy.Shared) []tenancy.Shared {
	out := make([]tenancy.Shared, len(in))
	for i := range in {
		out[i] = in[i]
		out[i].Tenants, out[i].Regions = orEmpty(in[i].Tenants), orEmpty(in[i].Regions)
		if r.s.scope.all {
			continue
		}
		t := r.s.tenancyItem(&in[i])
		out[i].Infrastructure, out[i].Aliases, out[i].Tenants, out[i].Regions = t.Infrastructure, t.Aliases, t.Tenants, t.Regions
		for range t.OtherTenants {
			out[i].Tenants = append(out[i].Tenants, anotherSite)
		}
	}
	return out
}

func isIDByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-'
}

// hide replaces the ids of known sites out of scope, and what follows them after a slash. Without bare, an id counts
// only when a slash follows: a text that is one word may be a term of the contract and a site's id at once.
func (s *Snapshot) hide(t string, bare bool) string {
	var b strings.Builder
	last := 0
	for i := 0; i < len(t); {
		if !isIDByte(t[i]) {
			i++
			continue
		}
		start := i
		for i < len(t) && isIDByte(t[i]) {
			i++
		}
		id := strings.Trim(t[start:i], "-")
		slash := i+1 < len(t) && t[i] == '/' && isIDByte(t[i+1])
		if id == "" || (!slash && !bare) {
			continue
		}
		if _, ok := s.view.Site(id); !ok {
			continue
		}
		for slash && i < len(t) && (isIDByte(t[i]) || t[i] == '/' || t[i] == '_') {
			i++ // the parts of a key go with their site, also when one of them is some site's id
		}
		if s.scope.Allows(id) {
			continue
		}
		b.WriteString(t[last:start])
		b.WriteString(anotherSite)
		last = i
	}
	if last == 0 {
		return t
	}
	b.WriteString(t[last:])
	return b.String()
}

// Scrub goes over an encoded answer once more and hides what names a foreign site, wherever a field may have carried it.
func (s *Snapshot) Scrub(body []byte) []byte {
	if s.scope.all {
		return body
	}
	var out bytes.Buffer
	out.Grow(len(body))
	for i := 0; i < len(body); {
		if body[i] != '"' {
			out.WriteByte(body[i])
			i++
			continue
		}
		end := i + 1
		for end < len(body) && body[end] != '"' {
			if body[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(body))
		out.Write(s.scrubString(body[i:end]))
		i = end
	}
	return out.Bytes()
}

func (s *Snapshot) scrubString(quoted []byte) []byte {
	var text string
	if json.Unmarshal(quoted, &text) != nil || strings.HasPrefix(text, "https://") {
		return quoted
	}
	hidden := s.hide(text, strings.ContainsRune(text, ' '))
	if hidden == text {
		return quoted
	}
	b, err := json.Marshal(hidden)
	if err != nil {
		return quoted
	}
	return b
}

func inventoryOf(r *fleet.Record) *inventory.Site {
	if r.Inventory != nil {
		return r.Inventory
	}
	return &inventory.Site{Site: inventory.Identity{ID: r.ID}}
}
