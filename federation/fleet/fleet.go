package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Store keeps the records. Commit makes them visible to readers; they are not changed afterwards.
type Store interface {
	Commit(records []*Record) (index uint64, err error)
	View() View
}

// Graph is the relation between sites that says whom a change concerns.
type Graph interface {
	Set(s *inventory.Site)
	Sites(k tenancy.Key) []string
	Spokes(hub string) []string
}

// Publisher sends an assessment to its site and to history. It must be idempotent: several replicas of the hub send the
// same assessment of one revision, instant and rule pack. instead is what the stream holds of the same revision when that
// is another one; the fleet takes it over, so that all replicas say what the stream says.
type Publisher func(ctx context.Context, r *Record) (instead *assess.Assessment, err error)

// Options are what a Fleet works with; all are needed.
type Options struct {
	Engine  *assess.Engine
	Policy  *policy.Policy
	Store   Store
	Graph   Graph
	Publish Publisher
	// Freshness are the ages of an inventory at which a judgement changes by itself, ascending.
	Freshness []time.Duration
	Oldest    Oldest // planners that are supported
	// Announce tells of a change of liveness. It must be idempotent as Publish; nil tells nobody.
	Announce func(ctx context.Context, r *Record) error
	// Committed is told of the records of each commit, in the order of commits; nil tells nobody. It must not wait.
	Committed func(index uint64, records []*Record)
}

// Fleet applies accepted inventories one after the other. Every replica of the hub that reads the same stream computes
// the same assessments: the instant of a judgement is the stream's, never this process's clock.
type Fleet struct {
	o        Options
	packHash string

	evaluations atomic.Uint64
	adopted     atomic.Uint64

	mu          sync.Mutex                    // held by the one writer, also while it publishes, which may take long
	unpublished map[string]struct{}           // sites whose latest assessment has not reached the stream
	unannounced map[string]struct{}           // sites whose change of liveness has not
	prior       map[string]*assess.Assessment // known at the start, of sites that had no inventory then

	// Those below are held briefly, so that readers and heartbeats never wait for the publisher. Only the writer changes the graph.
	relations sync.RWMutex // Graph
	life      sync.Mutex   // present, observing
	present   map[string]*presence
	observing bool // the start is over: whatever a site says is heard
}

// New returns a Fleet over an empty or filled store.
func New(o Options) *Fleet {
	return &Fleet{
		o: o, packHash: o.hash(), unpublished: map[string]struct{}{}, unannounced: map[string]struct{}{}, present: map[string]*presence{},
	}
}

// Update is one accepted inventory.
type Update struct {
	Site       *inventory.Site // normalised
	Revision   string
	Sequence   uint64
	AcceptedAt time.Time
	Planner    Planner
}

// Evaluations counts the judgements made since start: the measure of incremental work.
func (f *Fleet) Evaluations() uint64 { return f.evaluations.Load() }

// Adopted counts the assessments taken over from the stream since start.
func (f *Fleet) Adopted() uint64 { return f.adopted.Load() }

// Load fills the store at start with the latest inventory of every site. prior holds the last published assessments;
// those that still state what would be computed now are taken as they are. A site that was judged under other rules or
// another policy is judged under those of this fleet at now: what was in force until then stays what the history says of it.
func (f *Fleet) Load(ctx context.Context, updates []Update, prior map[string]*assess.Assessment, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortFunc(updates, func(a, b Update) int { return strings.Compare(a.Site.Site.ID, b.Site.Site.ID) })
	loaded := make(map[string]*Record, len(updates))
	for i := range updates {
		u := &updates[i]
		f.relate(u.Site)
		r := f.record(u)
		if known := prior[r.ID]; known != nil {
			f.adopt(r, known)
		}
		f.Heard(sign(u))
		f.show(r, now)
		loaded[r.ID] = r
	}
	f.life.Lock()
	f.observing = true
	f.life.Unlock()
	f.prior = maps.Clone(prior)
	maps.DeleteFunc(f.prior, func(id string, _ *assess.Assessment) bool { return loaded[id] != nil })
	lookup := func(id string) (*Record, bool) { r, ok := loaded[id]; return r, ok }
	records := make([]*Record, 0, len(updates))
	for i := range updates {
		r := loaded[updates[i].Site.Site.ID]
		known := prior[r.ID]
		at := f.instant(r, known, lookup)
		sameRules := known == nil || known.RulePack.Hash == f.packHash
		if known != nil && sameRules && len(known.Inventories) == 1 && known.Inventories[0].Revision == r.Revision && !known.At.Before(at) {
			if r.judged != r.planners() {
				f.judge(r, known, f.noticed(r), lookup)
				f.unpublished[r.ID] = struct{}{}
			}
		} else {
			if !sameRules && now.After(at) {
				at = now
			}
			f.judge(r, known, at, lookup)
			f.unpublished[r.ID] = struct{}{}
		}
		f.tell(r)
		records = append(records, r)
	}
	if err := f.commit(records); err != nil {
		return fmt.Errorf("load %d sites: %w", len(records), err)
	}
	return f.publish(ctx)
}

// Apply judges an accepted inventory and every site the change concerns, commits all of them at once and publishes.
// An inventory that was applied before, or sent again after a later one, changes nothing. An error of the publisher is
// returned after the commit: the state holds, and Tick publishes again.
func (f *Fleet) Apply(ctx context.Context, u Update) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := u.Site.Site.ID
	view := f.o.Store.View()
	before, known := view.Site(id)
	if known && (!follows(before, &u) || sentAgain(before.Planner, u.Planner)) {
		return nil
	}
	byKey := f.o.Graph.Sites
	concerned := map[string]struct{}{}
	if known {
		for _, d := range assess.Dependants(before.Inventory, inventories(view.Site), byKey, f.o.Graph.Spokes) {
			concerned[d] = struct{}{}
		}
	}
	f.relate(u.Site)
	s := sign(&u)
	s.Copied = known && s.Planner.Instance != "" && s.Planner.Instance == before.Planner.Instance && s.Planner.Sequence == before.Planner.Sequence && u.Revision != before.Revision
	f.Heard(s)
	fresh := f.record(&u)
	f.show(fresh, u.AcceptedAt)
	f.tell(fresh)
	with := func(site string) (*Record, bool) {
		if site == id {
			return fresh, true
		}
		return view.Site(site)
	}
	for _, d := range assess.Dependants(u.Site, inventories(with), byKey, f.o.Graph.Spokes) {
		concerned[d] = struct{}{}
	}
	changed := map[string]*Record{id: fresh}
	for d := range concerned {
		if r, ok := view.Site(d); ok {
			next := *r
			changed[d] = &next
		}
	}
	lookup := func(site string) (*Record, bool) {
		if r, ok := changed[site]; ok {
			return r, true
		}
		return view.Site(site)
	}
	previous := f.prior[id]
	delete(f.prior, id)
	if known {
		previous = before.Assessment
	}
	f.judge(fresh, previous, u.AcceptedAt, lookup)
	records := []*Record{fresh}
	for d, r := range changed {
		if d == id {
			continue
		}
		// A neighbour keeps its instant when the stream delivered it later than this change, as a replay may.
		at := u.AcceptedAt
		if r.Assessment != nil && r.Assessment.At.After(at) {
			at = r.Assessment.At
		}
		f.judge(r, r.Assessment, at, lookup)
		records = append(records, r)
	}
	slices.SortFunc(records[1:], func(a, b *Record) int { return strings.Compare(a.ID, b.ID) })
	if err := f.commit(records); err != nil {
		return fmt.Errorf("apply revision %s of site %s: %w", u.Revision, id, err)
	}
	for _, r := range records {
		f.unpublished[r.ID] = struct{}{}
	}
	return f.publish(ctx)
}

// Tick brings what time alone changes up to now: the judgement of inventories that grew old, the liveness of sites that
// fell silent or spoke again, and the publication of what could not be published before. The caller calls it every few seconds.
func (f *Fleet) Tick(ctx context.Context, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	view := f.o.Store.View()
	var records []*Record
	for r := range view.Sites("") {
		next := *r
		dirty := false
		if at, due := f.due(r, now); due {
			f.judge(&next, r.Assessment, at, view.Site)
			f.unpublished[r.ID] = struct{}{}
			dirty = true
		}
		f.show(&next, now)
		if next.planners() != r.judged {
			f.judge(&next, next.Assessment, f.noticed(&next), view.Site)
			f.unpublished[r.ID] = struct{}{}
			dirty = true
		}
		f.tell(&next)
		dirty = dirty || next.differs(r)
		if dirty {
			records = append(records, &next)
		}
	}
	if len(records) > 0 {
		if err := f.commit(records); err != nil {
			return fmt.Errorf("bring %d sites up to %s: %w", len(records), now.Format(time.RFC3339), err)
		}
	}
	return f.publish(ctx)
}

// due reports the latest instant at which the age of a site's inventory changed its judgement, when that judgement is older.
func (f *Fleet) due(r *Record, now time.Time) (time.Time, bool) {
	for i := len(f.o.Freshness) - 1; i >= 0; i-- {
		at := r.Inventory.ObservedAt.Add(f.o.Freshness[i])
		if !at.After(now) {
			return at, r.Assessment == nil || r.Assessment.At.Before(at)
		}
	}
	return time.Time{}, false
}

func (f *Fleet) record(u *Update) *Record {
	return &Record{
		ID: u.Site.Site.ID, Revision: u.Revision, Sequence: u.Sequence, AcceptedAt: u.AcceptedAt,
		Inventory: u.Site, Planner: u.Planner,
	}
}

func sign(u *Update) Sign { return Sign{Site: u.Site.Site.ID, At: u.AcceptedAt, Planner: u.Planner} }

// differs reports whether what is shown of a site apart from its assessment has changed.
func (r *Record) differs(before *Record) bool {
	return r.Liveness != before.Liveness || r.Entered != before.Entered || r.Planner != before.Planner || r.Limited != before.Limited ||
		!r.HeardAt.Equal(before.HeardAt) || !slices.Equal(r.Rivals, before.Rivals)
}

// noticed is the instant of a judgement that a change of the site's planners causes: when it was heard, but later than
// the judgement it replaces.
func (f *Fleet) noticed(r *Record) time.Time {
	f.life.Lock()
	defer f.life.Unlock()
	at := f.presence(r.ID).changed
	if r.Assessment != nil && !at.After(r.Assessment.At) {
		at = r.Assessment.At.Add(1)
	}
	return at
}

// instant is the time at which the latest of a site, its neighbours and the neighbours that its known assessment still
// names was accepted: what a live run would have used. One that has left in the meantime concerns the site for the last time.
func (f *Fleet) instant(r *Record, known *assess.Assessment, lookup func(string) (*Record, bool)) time.Time {
	at := r.AcceptedAt
	look := func(site string) {
		if other, ok := lookup(site); ok && other.AcceptedAt.After(at) {
			at = other.AcceptedAt
		}
	}
	for _, n := range assess.Neighbours(r.Inventory, inventories(lookup), f.o.Graph.Sites) {
		look(n.Site.ID)
	}
	if known == nil {
		return at
	}
	for i := range known.Tenancy {
		s := &known.Tenancy[i]
		for _, keys := range [][]string{{s.Infrastructure}, s.Aliases, s.Tenants} {
			for _, key := range keys {
				site, _, _ := strings.Cut(key, "/")
				look(site)
			}
		}
	}
	return at
}

// relate brings the graph to what a site lists now.
func (f *Fleet) relate(s *inventory.Site) {
	f.relations.Lock()
	defer f.relations.Unlock()
	f.o.Graph.Set(s)
}

func (f *Fleet) judge(r *Record, previous *assess.Assessment, at time.Time, lookup func(string) (*Record, bool)) {
	f.evaluations.Add(1)
	r.judged = r.planners()
	r.Assessment = f.o.Engine.Site(assess.View{
		Site: r.Inventory, Revision: r.Revision,
		Neighbours: assess.Neighbours(r.Inventory, inventories(lookup), f.o.Graph.Sites),
		Policy:     f.o.Policy, PackHash: f.packHash, Planner: f.plannerOf(r), At: at, HubInView: true, Previous: previous,
	})
}

// Explain judges a record of a view once more at the instant of its assessment and keeps what passes and what does not
// apply as well. It changes nothing.
func (f *Fleet) Explain(r *Record, v View) *assess.Assessment {
	return f.o.Engine.Site(assess.View{
		Site: r.Inventory, Revision: r.Revision,
		Neighbours: f.neighbours(r, v.Site),
		Policy:     f.o.Policy, PackHash: f.packHash, Planner: f.plannerOf(r), At: r.Assessment.At, HubInView: true, Previous: r.Assessment, All: true,
	})
}

// neighbours is assess.Neighbours for those who are not the writer.
func (f *Fleet) neighbours(r *Record, lookup func(string) (*Record, bool)) []*inventory.Site {
	f.relations.RLock()
	defer f.relations.RUnlock()
	return assess.Neighbours(r.Inventory, inventories(lookup), f.o.Graph.Sites)
}

func (f *Fleet) publish(ctx context.Context) error {
	var failed []error
	var adopted []*Record
	view := f.o.Store.View()
	for id := range f.unpublished {
		r, ok := view.Site(id)
		if !ok {
			delete(f.unpublished, id)
			continue
		}
		instead, err := f.o.Publish(ctx, r)
		if err != nil {
			failed = append(failed, fmt.Errorf("publish the assessment of site %s: %w", id, err))
			continue
		}
		delete(f.unpublished, id)
		if instead != nil {
			next := *r
			f.adopt(&next, instead)
			adopted = append(adopted, &next)
		}
	}
	if len(adopted) > 0 {
		f.adopted.Add(uint64(len(adopted)))
		if err := f.commit(adopted); err != nil {
			failed = append(failed, fmt.Errorf("take over %d assessments from the stream: %w", len(adopted), err))
		}
	}
	return errors.Join(append(failed, f.announce(ctx))...)
}

// follows tells whether an update comes after what is known. A stream that was made anew counts from one again but not
// back in time.
func follows(before *Record, u *Update) bool {
	return u.Sequence > before.Sequence || u.AcceptedAt.After(before.AcceptedAt)
}

func (f *Fleet) commit(records []*Record) error {
	index, err := f.o.Store.Commit(records)
	if err == nil && f.o.Committed != nil {
		f.o.Committed(index, records)
	}
	return err
}

// sentAgain tells whether an update is older than what its sender has sent already. What is in force and was sent again
// is applied once more: its position and time are now those that a replica finds which starts later.
func sentAgain(before, now Planner) bool {
	return now.Instance != "" && before.Instance == now.Instance && now.Sequence < before.Sequence
}

func inventories(lookup func(string) (*Record, bool)) func(string) (*inventory.Site, bool) {
	return func(id string) (*inventory.Site, bool) {
		r, ok := lookup(id)
		if !ok {
			return nil, false
		}
		return r.Inventory, true
	}
}
