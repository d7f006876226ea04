package whatif

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/simulate"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// MaxJudged is how many sites are judged for one answer at most.
const MaxJudged = 2000

// Base is the federation that changes are put over. Nothing of it is changed.
type Base struct {
	View     fleet.View
	Engine   *assess.Engine
	Policy   *policy.Policy // nil takes policy.Default
	PackHash string         // Engine.Hash(Policy); "" computes it
	// VerdictsOnly leaves the recommendations of the branch out, which cost ten times all else, and ARC-001 with them.
	VerdictsOnly bool
	// Listing answers which sites list a key and Spokes which name a hub, both sorted.
	Listing func(tenancy.Key) []string
	Spokes  func(hub string) []string
	// Planner tells of the planner behind a site; nil knows of none.
	Planner func(*fleet.Record) *rules.Planner
	// Waivers are those that may be for findings of a site, in whatever state; nil knows of none.
	Waivers func(inventory.Identity) []waiver.Waiver
}

// Branch is the federation as it would be. It is a fleet.View whose records share with the base's what did not change.
type Branch struct {
	base    Base
	over    map[string]*fleet.Record // nil where a site is gone
	keys    map[tenancy.Key][]string // of changed sites
	changed map[string]bool          // sites whose document is another one, or gone
	lost    []simulate.Failure
	steps   []string
	assumed []string
	judged  int
}

// New makes the branch. allowed tells which sites the caller may change; nil allows all. Errors are *Error, but for ErrTooWide.
func New(base Base, r *Request, allowed func(site string) bool) (*Branch, error) {
	if allowed == nil {
		allowed = func(string) bool { return true }
	}
	b := empty(base)
	for i := range r.Changes {
		if err := b.apply(&r.Changes[i], allowed); err != nil {
			return nil, &Error{i, err}
		}
	}
	if err := b.settle(len(r.Changes) - 1); err != nil {
		return nil, err
	}
	return b, nil
}

// With makes the branch in which sites of the base have other documents.
func With(base Base, documents ...*inventory.Site) (*Branch, error) {
	b := empty(base)
	for _, s := range documents {
		r, ok := base.View.Site(s.Site.ID)
		if !ok {
			return nil, fmt.Errorf("there is no site %s", s.Site.ID)
		}
		next := *r
		next.Inventory = s
		b.over[s.Site.ID], b.changed[s.Site.ID] = &next, true
	}
	if err := b.settle(0); err != nil {
		return nil, err
	}
	return b, nil
}

func empty(base Base) *Branch {
	if base.Policy == nil {
		base.Policy = policy.Default()
	}
	if base.PackHash == "" {
		base.PackHash = base.Engine.Hash(base.Policy)
	}
	return &Branch{base: base, over: map[string]*fleet.Record{}, keys: map[tenancy.Key][]string{}, changed: map[string]bool{}}
}

// settle takes the changed documents as the hub would have and judges. last is the change that an unacceptable document is put down to.
func (b *Branch) settle(last int) error {
	for id := range b.changed {
		rec := b.over[id]
		if rec == nil {
			continue
		}
		s, err := b.valid(rec.Inventory)
		if err != nil {
			return &Error{last, fmt.Errorf("the document of site %s would not be accepted: %w", id, err)}
		}
		next := *rec
		next.Inventory, next.Revision = s, inventory.Revision(s)
		b.over[id] = &next
	}
	b.index()
	return b.judge()
}

// valid is the document as the hub would have taken it.
func (b *Branch) valid(s *inventory.Site) (*inventory.Site, error) {
	text, err := inventory.Canonical(s)
	if err != nil {
		return nil, err
	}
	parsed, err := inventory.Parse("site "+s.Site.ID, text, b.base.Engine.Regions)
	if err != nil {
		return nil, err
	}
	return inventory.Normalise(parsed, b.base.Engine.Regions), nil
}

func (b *Branch) index() {
	for id := range b.changed {
		rec := b.over[id]
		if rec == nil {
			continue
		}
		for i := range rec.Inventory.Infrastructure {
			for _, k := range tenancy.KeysOf(id, &rec.Inventory.Infrastructure[i]) {
				b.keys[k] = append(b.keys[k], id)
			}
		}
	}
	for k := range b.keys {
		slices.Sort(b.keys[k])
		b.keys[k] = slices.Compact(b.keys[k])
	}
}

// listing answers which sites of the branch list a key.
func (b *Branch) listing(k tenancy.Key) []string {
	return b.without(b.base.Listing(k), b.keys[k])
}

func (b *Branch) spokes(hub string) []string {
	var own []string
	for id := range b.changed {
		if rec := b.over[id]; rec != nil && rec.Inventory.Site.Hub == hub {
			own = append(own, id)
		}
	}
	return b.without(b.base.Spokes(hub), own)
}

// without leaves the changed sites out of what the base says and puts in those of the branch.
func (b *Branch) without(base, own []string) []string {
	out := slices.Clone(own)
	for _, id := range base {
		if !b.changed[id] {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// judge judges the changed sites and all that they concern, before or after, as the fleet does when inventories come.
func (b *Branch) judge() error {
	concerned := map[string]bool{}
	note := func(ids []string) {
		for _, id := range ids {
			concerned[id] = true
		}
	}
	for id := range b.changed {
		concerned[id] = true
		if r, ok := b.base.View.Site(id); ok {
			note(assess.Dependants(r.Inventory, inventories(b.base.View.Site), b.base.Listing, b.base.Spokes))
		}
		if r := b.over[id]; r != nil {
			note(assess.Dependants(r.Inventory, inventories(b.Site), b.listing, b.spokes))
		}
	}
	if len(concerned) > MaxJudged {
		return fmt.Errorf("%w: %d, the limit is %d; change fewer, or sites that share less", ErrTooWide, len(concerned), MaxJudged)
	}
	for _, id := range slices.Sorted(maps.Keys(concerned)) {
		r, ok := b.Site(id)
		if !ok {
			continue
		}
		next := *r
		view := assess.View{
			Site: r.Inventory, Revision: r.Revision, Neighbours: assess.Neighbours(r.Inventory, inventories(b.Site), b.listing),
			Policy: b.base.Policy, PackHash: b.base.PackHash, At: r.AcceptedAt, HubInView: true, Previous: r.Assessment,
			WithoutRecommendation: b.base.VerdictsOnly,
		}
		// At the instant of the judgement before, so that nothing differs only because time went on.
		if r.Assessment != nil {
			view.At, view.PolicyRef = r.Assessment.At, r.Assessment.Policy
		}
		if b.base.Planner != nil {
			view.Planner = b.base.Planner(r)
		}
		next.Assessment = b.base.Engine.Site(view)
		if b.base.Waivers != nil {
			waiver.Apply(b.base.Waivers(r.Inventory.Site), next.Assessment, waiver.Own(r.Inventory.Site))
		}
		b.over[id] = &next
		b.judged++
	}
	return nil
}

func inventories(lookup func(string) (*fleet.Record, bool)) func(string) (*inventory.Site, bool) {
	return func(id string) (*inventory.Site, bool) {
		if r, ok := lookup(id); ok {
			return r.Inventory, true
		}
		return nil, false
	}
}

// Judged is how many sites were judged: the changed ones and all that they concern.
func (b *Branch) Judged() int { return b.judged }

// Concerned lists the sites that may differ from the base, those that are gone included, sorted.
func (b *Branch) Concerned() []string { return slices.Sorted(maps.Keys(b.over)) }

// Index is the base's: the branch is no commit.
func (b *Branch) Index() uint64 { return b.base.View.Index() }

// Site returns one site's record as it would be.
func (b *Branch) Site(id string) (*fleet.Record, bool) {
	if r, ok := b.over[id]; ok {
		return r, r != nil
	}
	return b.base.View.Site(id)
}

// Sites yields records in order of id. A change makes no site that was not there.
func (b *Branch) Sites(after string) iter.Seq[*fleet.Record] {
	return func(yield func(*fleet.Record) bool) {
		for r := range b.base.View.Sites(after) {
			if now, ok := b.Site(r.ID); ok && !yield(now) {
				return
			}
		}
	}
}

// Count is the number of sites.
func (b *Branch) Count() int {
	n := b.base.View.Count()
	for _, r := range b.over {
		if r == nil {
			n--
		}
	}
	return n
}

// Changed is not known of what is only tried.
func (b *Branch) Changed(uint64) ([]string, bool) { return nil, false }

// Tenancy yields the infrastructures used by more than one cluster, in order.
func (b *Branch) Tenancy(after string) iter.Seq[*tenancy.Shared] {
	return func(yield func(*tenancy.Shared) bool) {
		for r := range b.Sites("") {
			if r.Assessment == nil {
				continue
			}
			for i := range r.Assessment.Tenancy {
				s := &r.Assessment.Tenancy[i]
				owner, id, _ := strings.Cut(s.Infrastructure, "/")
				site, last, _ := strings.Cut(after, "/")
				if owner != r.ID || len(s.Tenants) < 2 || after != "" && cmp.Or(cmp.Compare(owner, site), cmp.Compare(id, last)) <= 0 {
					continue
				}
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Rejections are the base's.
func (b *Branch) Rejections() iter.Seq[*fleet.Rejection] { return b.base.View.Rejections() }
