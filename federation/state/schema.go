// Package state is the current view of the federation in memory (go-memdb): one object per site and per rejection, read
// through snapshots that later commits do not touch. It keeps nothing on disk, since the streams rebuild it, and no
// type of memdb leaves it.
package state

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/go-memdb"

	"github.com/meridian-federation/meridian/federation/fleet"
)

const (
	tableSites      = "sites"
	tableRejections = "rejections"
	tableChanges    = "changes"
	tableMeta       = "meta"

	indexID = "id"
)

// generation is the only row of the meta table: the index of the last commit, the number of sites and the last of the changes that are
// not kept any more.
type generation struct {
	index     uint64
	sites     int
	forgotten uint64
}

// change names the sites that a commit stored.
type change struct {
	index uint64
	sites []string
}

func schema() *memdb.DBSchema {
	return &memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		tableSites: {Name: tableSites, Indexes: map[string]*memdb.IndexSchema{
			indexID: {Name: indexID, Unique: true, Indexer: siteID{}},
		}},
		tableRejections: {Name: tableRejections, Indexes: map[string]*memdb.IndexSchema{
			indexID: {Name: indexID, Unique: true, Indexer: rejectionID{}},
		}},
		tableChanges: {Name: tableChanges, Indexes: map[string]*memdb.IndexSchema{
			indexID: {Name: indexID, Unique: true, Indexer: position{}},
		}},
		tableMeta: {Name: tableMeta, Indexes: map[string]*memdb.IndexSchema{
			indexID: {Name: indexID, Unique: true, Indexer: single{}},
		}},
	}}
}

// terminated ends a key so that one key is never the prefix of another.
func terminated(s string) []byte { return append([]byte(s), 0) }

func oneString(args []any) ([]byte, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("index takes one argument, got %d", len(args))
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("index takes a string, got %T", args[0])
	}
	return terminated(s), nil
}

type siteID struct{}

func (siteID) FromArgs(args ...any) ([]byte, error) { return oneString(args) }

func (siteID) FromObject(raw any) (bool, []byte, error) {
	r, ok := raw.(*fleet.Record)
	if !ok {
		return false, nil, fmt.Errorf("a site is stored as *fleet.Record, got %T", raw)
	}
	return true, terminated(r.ID), nil
}

// rejectionID orders rejections by site and then newest first: the sequence is stored inverted.
type rejectionID struct{}

func (rejectionID) FromArgs(args ...any) ([]byte, error) { return oneString(args) }

func (rejectionID) FromObject(raw any) (bool, []byte, error) {
	r, ok := raw.(*fleet.Rejection)
	if !ok {
		return false, nil, fmt.Errorf("a rejection is stored as *fleet.Rejection, got %T", raw)
	}
	key := terminated(r.Site)
	for shift := 56; shift >= 0; shift -= 8 {
		key = append(key, byte(^r.Sequence>>shift))
	}
	return true, key, nil
}

// position orders changes by the index of their commit.
type position struct{}

func (position) FromArgs(args ...any) ([]byte, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("index takes one argument, got %d", len(args))
	}
	index, ok := args[0].(uint64)
	if !ok {
		return nil, fmt.Errorf("index takes an index, got %T", args[0])
	}
	return binary.BigEndian.AppendUint64(nil, index), nil
}

func (position) FromObject(raw any) (bool, []byte, error) {
	c, ok := raw.(*change)
	if !ok {
		return false, nil, fmt.Errorf("a change is stored as *change, got %T", raw)
	}
	return true, binary.BigEndian.AppendUint64(nil, c.index), nil
}

type single struct{}

func (single) FromArgs(...any) ([]byte, error) { return []byte{0}, nil }

func (single) FromObject(any) (bool, []byte, error) { return true, []byte{0}, nil }
