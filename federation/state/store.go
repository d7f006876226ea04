package state

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/hashicorp/go-memdb"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

const (
	// maxObjects bounds a transaction: beyond some thousands of objects memdb's commit walks the whole tree.
	maxObjects = 1000
	// changesKept is over how many commits readers learn what changed. One that read last before that looks at every site again.
	changesKept = 1024
	// rejectionsKept bounds what one site that floods can occupy; the stream keeps the rest.
	rejectionsKept = 20
)

// Store holds the current view. One writer commits; any number of readers hold views.
type Store struct{ db *memdb.MemDB }

// New returns an empty store.
func New() (*Store, error) {
	db, err := memdb.NewMemDB(schema())
	if err != nil {
		return nil, fmt.Errorf("create the state tables: %w", err)
	}
	return &Store{db: db}, nil
}

// Commit stores records, replacing those of the same id, and returns the new index. Up to a thousand records become
// visible at once; more are stored in several steps, each with an index of its own. The records must not be changed afterwards.
func (s *Store) Commit(records []*fleet.Record) (uint64, error) {
	var index uint64
	for len(records) > 0 {
		n := min(len(records), maxObjects)
		var err error
		index, err = s.write(func(txn *memdb.Txn, g *generation) error {
			c := &change{index: g.index, sites: make([]string, 0, n)}
			for _, r := range records[:n] {
				c.sites = append(c.sites, r.ID)
				known, err := txn.First(tableSites, indexID, r.ID)
				if err != nil {
					return fmt.Errorf("look up site %s: %w", r.ID, err)
				}
				if known == nil {
					g.sites++
				}
				if err := txn.Insert(tableSites, r); err != nil {
					return fmt.Errorf("store site %s: %w", r.ID, err)
				}
			}
			return note(txn, g, c)
		})
		if err != nil {
			return 0, err
		}
		records = records[n:]
	}
	return index, nil
}

// note keeps what a commit changed and forgets the changes that are too long ago.
func note(txn *memdb.Txn, g *generation, c *change) error {
	if err := txn.Insert(tableChanges, c); err != nil {
		return fmt.Errorf("store what changed: %w", err)
	}
	for {
		raw, err := txn.First(tableChanges, indexID)
		if err != nil {
			return fmt.Errorf("read what changed: %w", err)
		}
		oldest, ok := raw.(*change)
		if !ok || oldest.index+changesKept > g.index {
			return nil
		}
		if err := txn.Delete(tableChanges, oldest); err != nil {
			return fmt.Errorf("forget an old change: %w", err)
		}
		g.forgotten = oldest.index
	}
}

// Reject stores a rejection and forgets the oldest ones of the same site beyond the number kept.
func (s *Store) Reject(r *fleet.Rejection) (uint64, error) {
	return s.write(func(txn *memdb.Txn, _ *generation) error {
		if err := txn.Insert(tableRejections, r); err != nil {
			return fmt.Errorf("store a rejection of site %s: %w", r.Site, err)
		}
		it, err := txn.LowerBound(tableRejections, indexID, r.Site)
		if err != nil {
			return fmt.Errorf("list the rejections of site %s: %w", r.Site, err)
		}
		var old []any
		for n, raw := 0, it.Next(); raw != nil; n, raw = n+1, it.Next() {
			if x, ok := raw.(*fleet.Rejection); !ok || x.Site != r.Site {
				break
			}
			if n >= rejectionsKept {
				old = append(old, raw)
			}
		}
		for _, raw := range old {
			if err := txn.Delete(tableRejections, raw); err != nil {
				return fmt.Errorf("forget an old rejection of site %s: %w", r.Site, err)
			}
		}
		return nil
	})
}

// Rejected reports whether a rejection of the same message is stored.
func (s *Store) Rejected(r *fleet.Rejection) bool {
	it, err := s.db.Txn(false).LowerBound(tableRejections, indexID, r.Site)
	if err != nil {
		panic(fmt.Errorf("%w: %w", errBroken, err))
	}
	for raw := it.Next(); raw != nil; raw = it.Next() {
		x, ok := raw.(*fleet.Rejection)
		if !ok || x.Site != r.Site {
			return false
		}
		if x.Sequence == r.Sequence && x.At.Equal(r.At) {
			return true
		}
	}
	return false
}

func (s *Store) write(change func(*memdb.Txn, *generation) error) (uint64, error) {
	txn := s.db.Txn(true)
	defer txn.Abort()
	g, err := last(txn)
	if err != nil {
		return 0, err
	}
	g.index++
	if err := change(txn, &g); err != nil {
		return 0, err
	}
	if err := txn.Insert(tableMeta, &g); err != nil {
		return 0, fmt.Errorf("store the commit's index: %w", err)
	}
	txn.Commit()
	return g.index, nil
}

func last(txn *memdb.Txn) (generation, error) {
	raw, err := txn.First(tableMeta, indexID)
	if err != nil {
		return generation{}, fmt.Errorf("read the last commit's index: %w", err)
	}
	if g, ok := raw.(*generation); ok {
		return *g, nil
	}
	return generation{}, nil
}

// View returns a consistent read of everything committed so far.
func (s *Store) View() fleet.View {
	txn := s.db.Txn(false)
	g, err := last(txn)
	if err != nil {
		// The schema is fixed at compile time and New has checked it, so a failing read of a known index is a defect.
		panic(err)
	}
	return &view{txn: txn, generation: g}
}

type view struct {
	txn *memdb.Txn
	generation
}

var errBroken = errors.New("the state tables and their readers disagree")

func (v *view) Index() uint64 { return v.index }

func (v *view) Site(id string) (*fleet.Record, bool) {
	raw, err := v.txn.First(tableSites, indexID, id)
	if err != nil {
		panic(fmt.Errorf("%w: %w", errBroken, err))
	}
	r, ok := raw.(*fleet.Record)
	return r, ok
}

func (v *view) Sites(after string) iter.Seq[*fleet.Record] {
	return func(yield func(*fleet.Record) bool) {
		it, err := v.txn.LowerBound(tableSites, indexID, after)
		if err != nil {
			panic(fmt.Errorf("%w: %w", errBroken, err))
		}
		for raw := it.Next(); raw != nil; raw = it.Next() {
			r, ok := raw.(*fleet.Record)
			if !ok || r.ID == after {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

func (v *view) Count() int { return v.sites }

func (v *view) Changed(since uint64) (sites []string, known bool) {
	if since < v.forgotten || since > v.index {
		return nil, false
	}
	it, err := v.txn.LowerBound(tableChanges, indexID, since+1)
	if err != nil {
		panic(fmt.Errorf("%w: %w", errBroken, err))
	}
	for raw := it.Next(); raw != nil; raw = it.Next() {
		if c, ok := raw.(*change); ok {
			sites = append(sites, c.sites...)
		}
	}
	slices.Sort(sites)
	return slices.Compact(sites), true
}

// Tenancy reads the relation from the assessments: an infrastructure of several clusters belongs to the site whose spelling
// names it, so that each appears once, in the order of sites.
func (v *view) Tenancy(after string) iter.Seq[*tenancy.Shared] {
	site, _, _ := strings.Cut(after, "/")
	return func(yield func(*tenancy.Shared) bool) {
		visit := func(r *fleet.Record) bool {
			if r.Assessment == nil {
				return true
			}
			for i := range r.Assessment.Tenancy {
				s := &r.Assessment.Tenancy[i]
				owner, _, _ := strings.Cut(s.Infrastructure, "/")
				if owner != r.ID || len(s.Tenants) < 2 || r.ID == site && s.Infrastructure <= after {
					continue
				}
				if !yield(s) {
					return false
				}
			}
			return true
		}
		if site != "" {
			if r, ok := v.Site(site); ok && !visit(r) {
				return
			}
		}
		for r := range v.Sites(site) {
			if !visit(r) {
				return
			}
		}
	}
}

func (v *view) Rejections() iter.Seq[*fleet.Rejection] {
	return func(yield func(*fleet.Rejection) bool) {
		it, err := v.txn.LowerBound(tableRejections, indexID, "")
		if err != nil {
			panic(fmt.Errorf("%w: %w", errBroken, err))
		}
		for raw := it.Next(); raw != nil; raw = it.Next() {
			if r, ok := raw.(*fleet.Rejection); ok && !yield(r) {
				return
			}
		}
	}
}
