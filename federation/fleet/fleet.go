package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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

// Publisher sends assessments to their sites and to history, those of one site in order, and returns what became of each.
// It must be idempotent: several replicas of the hub send the same assessment of one revision, instant and rule pack.
type Publisher func(ctx context.Context, records []*Record) []Published

// Published is what became of an assessment.
type Published struct {
	// Instead is what the stream holds of the same revision when that is another one. The fleet takes it over, so that all
	// replicas say what the stream says.
	Instead *assess.Assessment
	Err     error
}

// Options are what a Fleet works with; all are needed.
type Options struct {
	Engine  *assess.Engine
	Policy  *policy.Policy // in force as long as SetPolicies names no other
	Store   Store
	Graph   Graph
	Publish Publisher
	Oldest  Oldest // planners that are supported
	// Announce tells of a change of liveness and returns its position in the feed, which grows; what is announced, here or by
	// another replica, comes back by Remember. It must be idempotent as Publish; after, when not 0, is the position of what
	// is contradicted, and makes it another announcement. nil tells nobody.
	Announce func(ctx context.Context, r *Record, after uint64) (position uint64, err error)
	// Committed is told of the records of each commit, in the order of commits; nil tells nobody. It must not wait.
	Committed func(index uint64, records []*Record)
}

// Fleet applies accepted inventories one after the other. Every replica of the hub that reads the same stream computes
// the same assessments: the instant of a judgement is the stream's, never this process's clock.
type Fleet struct {
	o     Options
	terms atomic.Pointer[terms]

	evaluations atomic.Uint64
	adopted     atomic.Uint64

	mu          sync.Mutex                    // held by the one writer, also while it publishes, which may take long
	unpublished map[string]struct{}           // sites whose latest assessment has not reached the stream
	unannounced map[string]struct{}           // sites whose change of liveness has not
	prior       map[string]*assess.Assessment // known at the start, of sites that had no inventory then
	agenda      *agenda

	// Those below are held briefly, so that readers and heartbeats never wait for the publisher. Only the writer changes the graph.
	relations sync.RWMutex // Graph
	life      sync.Mutex   // present, observing, woken
	present   map[string]*presence
	observing bool                // the start is over: whatever a site says is heard
	woken     map[string]struct{} // sites of which something was heard since the last tick that their record does not show
}

// New returns a Fleet over an empty or filled store.
func New(o Options) *Fleet {
	f := &Fleet{
		o: o, unpublished: map[string]struct{}{}, unannounced: map[string]struct{}{}, agenda: newAgenda(),
		present: map[string]*presence{}, woken: map[string]struct{}{},
	}
	f.terms.Store(&terms{regimes: []regime{o.regime(time.Time{}, "", o.Policy)}})
	return f
}

// Update is one accepted inventory.
type Update struct {
	Site       *inventory.Site     // normalised
	Structure  inventory.Structure // of the document; the zero value is not known
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
	records := make([]*Record, len(updates))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range updates {
		records[i] = loaded[updates[i].Site.Site.ID]
		group.Go(func() error {
			f.settle(records[i], prior[records[i].ID], lookup, now)
			return nil
		})
	}
	_ = group.Wait() // None fails.
	for _, r := range records {
		if r.Assessment != prior[r.ID] {
			f.unpublished[r.ID] = struct{}{}
		}
		f.tell(r)
	}
	if err := f.commit(records); err != nil {
		return fmt.Errorf("load %d sites: %w", len(records), err)
	}
	return errors.Join(f.publishAgain(ctx), f.announce(ctx))
}

// settle gives a loaded record the assessment that is known of it, or judges it. Records do not see each other's assessments, so that
// many are settled at once.
func (f *Fleet) settle(r *Record, known *assess.Assessment, lookup func(string) (*Record, bool), now time.Time) {
	at := f.instant(r, known, lookup)
	sameRules := known == nil || f.terms.Load().knows(known.RulePack.Hash)
	// One that is older than a neighbour's inventory has still seen all of it that counts when that only measured anew.
	holds := known != nil && !known.At.Before(at)
	if known != nil && !holds && rests(known, structuresOf(r, assess.Neighbours(r.Inventory, inventories(lookup), f.o.Graph.Sites), lookup).under(known.RulePack.Hash)) {
		holds, at = true, r.AcceptedAt // when a replica that was there judges what is measured here
	}
	if sameRules && holds && len(known.Inventories) == 1 && known.Inventories[0].Revision == r.Revision {
		if r.judged != r.planners() {
			f.judge(r, known, f.noticed(r), lookup)
		}
		return
	}
	if !sameRules && now.After(at) {
		at = now
	}
	f.judge(r, known, at, lookup)
}

// Apply judges accepted inventories, one after the other, and every site that each of them concerns, commits what came
// of all at once and publishes every judgement. An inventory that was applied before, or sent again after a later one,
// changes nothing. An error of the publisher is returned after the commit: the state holds, and Tick publishes again.
func (f *Fleet) Apply(ctx context.Context, updates ...Update) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := newBatch(f.o.Store.View())
	for i := range updates {
		f.apply(b, &updates[i])
	}
	if len(b.judged) == 0 {
		return nil
	}
	f.judgeAll(b)
	records := make([]*Record, 0, len(b.changed))
	for _, id := range b.order {
		records = append(records, b.changed[id])
	}
	if err := f.commit(records); err != nil {
		return fmt.Errorf("apply %d inventories: %w", len(updates), err)
	}
	for _, r := range records {
		f.unpublished[r.ID] = struct{}{}
	}
	return errors.Join(f.publish(ctx, b.judged), f.announce(ctx))
}

// apply plans the judgements of one inventory and of whom it concerns.
func (f *Fleet) apply(b *batch, u *Update) {
	id := u.Site.Site.ID
	before, known := b.Site(id)
	if known && (!follows(before, u) || sentAgain(before.Planner, u.Planner)) {
		return
	}
	byKey := f.o.Graph.Sites
	alone := known && alone(before, u)
	var concerned []string
	if known && !alone {
		concerned = assess.Dependants(before.Inventory, inventories(b.Site), byKey, f.o.Graph.Spokes)
	}
	if !alone {
		f.relate(u.Site)
	}
	s := sign(u)
	s.Copied = known && s.Planner.Instance != "" && s.Planner.Instance == before.Planner.Instance && s.Planner.Sequence == before.Planner.Sequence && u.Revision != before.Revision
	f.Heard(s)
	fresh := f.record(u)
	f.show(fresh, u.AcceptedAt)
	f.tell(fresh)
	previous := f.prior[id]
	delete(f.prior, id)
	if known {
		previous = before.Assessment
	}
	b.set(fresh)
	if !alone {
		concerned = append(concerned, assess.Dependants(u.Site, inventories(b.Site), byKey, f.o.Graph.Spokes)...)
	}
	slices.Sort(concerned)
	b.plan(f.prepare(fresh, previous, u.AcceptedAt, b.Site))
	for _, d := range slices.Compact(concerned) {
		r, ok := b.Site(d)
		if !ok {
			continue
		}
		next := *r
		// A neighbour keeps its instant when the stream delivered it later than this change, as a replay may.
		at := u.AcceptedAt
		if was := b.judgedAt(r); was.After(at) {
			at = was
		}
		b.plan(f.prepare(&next, r.Assessment, at, b.Site))
	}
}

// Tick brings what time alone changes up to now: the judgement of inventories that grew old, of findings whose waiver began
// or ended and of sites under another policy, the liveness of sites that fell silent or spoke again, and the publication of
// what could not be published before. The caller calls it every few seconds; it costs in proportion to the sites for which
// the time has come, and lets accepted inventories pass between batches of them.
func (f *Fleet) Tick(ctx context.Context, now time.Time) error {
	f.mu.Lock()
	due := slices.Sorted(maps.Keys(f.dueSites(now)))
	f.mu.Unlock()
	var failed []error
	for chunk := range slices.Chunk(due, published) {
		failed = append(failed, f.bringUp(ctx, chunk, now))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(append(failed, f.publishAgain(ctx), f.announce(ctx))...)
}

// bringUp brings some sites up to now.
func (f *Fleet) bringUp(ctx context.Context, sites []string, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	view := f.o.Store.View()
	var works []*work
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, id := range sites {
		r, ok := view.Site(id)
		if !ok {
			continue
		}
		next := *r
		w := &work{before: r, next: &next}
		works = append(works, w)
		if at, due := f.due(r, now); due {
			j := f.prepare(&next, r.Assessment, at, view.Site)
			group.Go(func() error {
				w.judged, w.next = f.catchUp(j, now)
				return nil
			})
		}
	}
	_ = group.Wait() // None fails.
	var records, judged []*Record
	for _, w := range works {
		next := w.next
		f.show(next, now)
		if next.planners() != next.judged {
			again := *next
			f.judge(&again, next.Assessment, f.noticed(next), view.Site)
			next, w.judged = &again, append(w.judged, &again)
		}
		f.tell(next)
		switch {
		case len(w.judged) > 0:
			f.unpublished[next.ID] = struct{}{}
			judged = append(judged, w.judged...)
		case !next.differs(w.before):
			f.plan(w.before)
			continue
		}
		records = append(records, next)
	}
	if len(records) == 0 {
		return nil
	}
	if err := f.commit(records); err != nil {
		return fmt.Errorf("bring %d sites up to %s: %w", len(records), now.Format(time.RFC3339), err)
	}
	return f.publish(ctx, judged)
}

// work is one site that a tick looks at.
type work struct {
	before, next *Record
	judged       []*Record // in order; the last one is next
}

func (f *Fleet) record(u *Update) *Record {
	return &Record{
		ID: u.Site.Site.ID, Revision: u.Revision, Sequence: u.Sequence, AcceptedAt: u.AcceptedAt,
		Inventory: u.Site, structure: u.Structure, Planner: u.Planner,
	}
}

func sign(u *Update) Sign { return Sign{Site: u.Site.Site.ID, At: u.AcceptedAt, Planner: u.Planner} }

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

// Explain judges a record of a view once more at the instant of its assessment and keeps what passes and what does not
// apply as well. It changes nothing.
func (f *Fleet) Explain(r *Record, v View) *assess.Assessment {
	t := f.terms.Load()
	return f.under(t, t.at(r.Assessment.At), assess.View{
		Site: r.Inventory, Revision: r.Revision, Neighbours: f.neighbours(r, v.Site),
		Planner: f.PlannerOf(r), At: r.Assessment.At, HubInView: true, Previous: r.Assessment, All: true,
	})
}

// Listing answers which sites list a key now, and Spokes which name a hub, for those who are not the writer.
func (f *Fleet) Listing(k tenancy.Key) []string {
	f.relations.RLock()
	defer f.relations.RUnlock()
	return slices.Clone(f.o.Graph.Sites(k))
}

// Spokes is Listing for the sites that name a hub.
func (f *Fleet) Spokes(hub string) []string {
	f.relations.RLock()
	defer f.relations.RUnlock()
	return f.o.Graph.Spokes(hub)
}

// neighbours is assess.Neighbours for those who are not the writer.
func (f *Fleet) neighbours(r *Record, lookup func(string) (*Record, bool)) []*inventory.Site {
	f.relations.RLock()
	defer f.relations.RUnlock()
	return assess.Neighbours(r.Inventory, inventories(lookup), f.o.Graph.Sites)
}

// published is how many assessments are handed to the publisher at once at most; their texts are in memory together.
const published = 256

// publish sends judgements and notes which of the latest ones have reached the stream.
func (f *Fleet) publish(ctx context.Context, judged []*Record) error {
	var failed []error
	var adopted []*Record
	view := f.o.Store.View()
	for chunk := range slices.Chunk(judged, published) {
		for i, p := range f.o.Publish(ctx, chunk) {
			r := chunk[i]
			if p.Err != nil {
				failed = append(failed, fmt.Errorf("publish the assessment of site %s: %w", r.ID, p.Err))
				continue
			}
			latest, ok := view.Site(r.ID)
			if !ok || latest.Assessment != r.Assessment {
				continue
			}
			delete(f.unpublished, r.ID)
			if p.Instead != nil {
				next := *latest
				f.adopt(&next, p.Instead)
				adopted = append(adopted, &next)
			}
		}
	}
	if len(adopted) > 0 {
		f.adopted.Add(uint64(len(adopted)))
		if err := f.commit(adopted); err != nil {
			failed = append(failed, fmt.Errorf("take over %d assessments from the stream: %w", len(adopted), err))
		}
	}
	return errors.Join(failed...)
}

// publishAgain sends what has not reached the stream, as it is now.
func (f *Fleet) publishAgain(ctx context.Context) error {
	view := f.o.Store.View()
	records := make([]*Record, 0, len(f.unpublished))
	for id := range f.unpublished {
		if r, ok := view.Site(id); ok {
			records = append(records, r)
		} else {
			delete(f.unpublished, id)
		}
	}
	slices.SortFunc(records, func(a, b *Record) int { return strings.Compare(a.ID, b.ID) })
	return f.publish(ctx, records)
}

// follows tells whether an update comes after what is known. A stream that was made anew counts from one again but not
// back in time.
func follows(before *Record, u *Update) bool {
	return u.Sequence > before.Sequence || u.AcceptedAt.After(before.AcceptedAt)
}

func (f *Fleet) commit(records []*Record) error {
	index, err := f.o.Store.Commit(records)
	if err != nil {
		for _, r := range records {
			f.agenda.set(r.ID, time.Time{}) // the next tick tries again
		}
		return err
	}
	for _, r := range records {
		f.plan(r)
	}
	if f.o.Committed != nil {
		f.o.Committed(index, records)
	}
	return nil
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
