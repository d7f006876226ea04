// Package answers keeps encoded answers for the next caller who asks the same. It knows no request; api/rest calls it.
package answers

import (
	"container/list"
	"sync"
)

// Bounds of the cache of encoded answers.
const (
	cacheEntries = 1024
	cacheBytes   = 64 << 20
)

// Document is an encoded answer.
type Document interface {
	Index() uint64 // of the view that it was made of
	Size() int     // in bytes
}

// Cache keeps encoded answers by scope, path and query, the least recently used leaving first. An answer is current
// until the view's index passes the one it was made of.
type Cache[D Document] struct {
	mu    sync.Mutex
	order *list.List
	byKey map[string]*list.Element
	bytes int
	busy  map[string]chan struct{} // answers being made; closed when done
}

type cached[D Document] struct {
	key string
	doc D
}

// New returns an empty cache.
func New[D Document]() *Cache[D] {
	return &Cache[D]{order: list.New(), byKey: map[string]*list.Element{}, busy: map[string]chan struct{}{}}
}

// Get returns the answer made of the index or of a later one. Without one it returns how to wait for another caller who
// is making it, or a function to call when this caller has made it: a new index must not have everyone encode the same.
func (c *Cache[D]) Get(key string, index uint64) (d D, wait <-chan struct{}, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		if kept := e.Value.(*cached[D]).doc; kept.Index() >= index {
			c.order.MoveToFront(e)
			return kept, nil, nil
		}
	}
	if ch, ok := c.busy[key]; ok {
		return d, ch, nil
	}
	ch := make(chan struct{})
	c.busy[key] = ch
	return d, nil, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.release(key, ch)
	}
}

// release wakes those who wait for an answer, unless that was done already.
func (c *Cache[D]) release(key string, ch chan struct{}) {
	if c.busy[key] == ch {
		delete(c.busy, key)
		close(ch)
	}
}

// Put keeps an answer.
func (c *Cache[D]) Put(key string, d D) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.remove(e)
	}
	c.byKey[key] = c.order.PushFront(&cached[D]{key, d})
	c.bytes += len(key) + d.Size()
	// Those who wait need not wait until this caller's connection has taken the answer.
	if ch, ok := c.busy[key]; ok {
		c.release(key, ch)
	}
	for c.order.Len() > cacheEntries || (c.bytes > cacheBytes && c.order.Len() > 1) {
		c.remove(c.order.Back())
	}
}

func (c *Cache[D]) remove(e *list.Element) {
	v := c.order.Remove(e).(*cached[D])
	delete(c.byKey, v.key)
	c.bytes -= len(v.key) + v.doc.Size()
}
