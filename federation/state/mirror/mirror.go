// Package mirror is a bucket of the bus as one replica knows it, in memory (go-memdb): one entry per key, read through
// snapshots that later changes do not touch. It keeps nothing on disk, since the bucket does, and no type of memdb leaves it.
package mirror

import (
	"iter"

	"github.com/hashicorp/go-memdb"
)

const (
	table   = "entries"
	indexID = "id"
)

// Entry is a value with the revision that the bucket gave it. The value must not be changed afterwards.
type Entry[T any] struct {
	Key      string // never empty
	Revision uint64
	Value    T
}

// Mirror holds the entries of one bucket. One writer puts and removes; any number of readers look.
type Mirror[T any] struct{ db *memdb.MemDB }

// New returns an empty mirror.
func New[T any]() *Mirror[T] {
	db, err := memdb.NewMemDB(&memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		table: {Name: table, Indexes: map[string]*memdb.IndexSchema{
			indexID: {Name: indexID, Unique: true, Indexer: &memdb.StringFieldIndex{Field: "Key"}},
		}},
	}})
	must(err)
	return &Mirror[T]{db}
}

// must holds what memdb demands of its caller: it fails on a table or an index that the schema lacks, and on an object
// without the indexed field, and here these are constants and one type.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Put takes an entry over and reports whether it is newer than what was known of its key.
func (m *Mirror[T]) Put(e Entry[T]) bool {
	txn := m.db.Txn(true)
	defer txn.Abort() // Does nothing after a commit.
	if known := first[T](txn, e.Key); known != nil && known.Revision >= e.Revision {
		return false
	}
	must(txn.Insert(table, &e))
	txn.Commit()
	return true
}

// Remove forgets a key.
func (m *Mirror[T]) Remove(key string) {
	txn := m.db.Txn(true)
	defer txn.Abort() // Does nothing after a commit.
	if known := first[T](txn, key); known != nil {
		must(txn.Delete(table, known))
		txn.Commit()
	}
}

// Get looks a key up.
func (m *Mirror[T]) Get(key string) (Entry[T], bool) {
	if e := first[T](m.db.Txn(false), key); e != nil {
		return *e, true
	}
	return Entry[T]{}, false
}

// All are the entries known now, in order of key.
func (m *Mirror[T]) All() iter.Seq[Entry[T]] {
	txn := m.db.Txn(false)
	return func(yield func(Entry[T]) bool) {
		entries, err := txn.Get(table, indexID)
		must(err)
		for raw := entries.Next(); raw != nil; raw = entries.Next() {
			if e, ok := raw.(*Entry[T]); ok && !yield(*e) {
				return
			}
		}
	}
}

func first[T any](txn *memdb.Txn, key string) *Entry[T] {
	raw, err := txn.First(table, indexID, key)
	must(err)
	e, _ := raw.(*Entry[T]) // nil when there is none
	return e
}
