package rest

import (
	"container/list"
	"sync"
)

// Bounds of the cache of encoded answers.
const (
	cacheEntries = 1024
	cacheBytes   = 64 << 20
)

// cache keeps encoded answers by scope, path and query, the least recently used leaving first. An answer is current
// until the view's index passes the one it was made of.
type cache struct {
	mu    sync.Mutex
	order *list.List
	byKey map[string]*list.Element
	bytes int
	busy  map[string]chan struct{} // answers being made; closed when done
}

type cached struct {
	key string
	doc *representation
}

func newCache() *cache {
	return &cache{order: list.New(), byKey: map[string]*list.Element{}, busy: map[string]chan struct{}{}}
}

// get returns the answer made of the index or of a later one. Without one it returns how to wait for another caller who
// is making it, or a function to call when this caller has made it: a new index must not have everyone encode the same.
func (c *cache) get(key string, index uint64) (d *representation, wait <-chan struct{}, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		if d := e.Value.(*cached).doc; d.index >= index {
			c.order.MoveToFront(e)
			return d, nil, nil
		}
	}
	if ch, ok := c.busy[key]; ok {
		return nil, ch, nil
	}
	ch := make(chan struct{})
	c.busy[key] = ch
	return nil, nil, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.release(key, ch)
	}
}

// release wakes those who wait for an answer, unless that was done already.
func (c *cache) release(key string, ch chan struct{}) {
	if c.busy[key] == ch {
		delete(c.busy, key)
		close(ch)
	}
}

func (c *cache) put(key string, d *representation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.remove(e)
	}
	c.byKey[key] = c.order.PushFront(&cached{key, d})
	c.bytes += len(key) + len(d.body)
	// Those who wait need not wait until this caller's connection has taken the answer.
	if ch, ok := c.busy[key]; ok {
		c.release(key, ch)
	}
	for c.order.Len() > cacheEntries || (c.bytes > cacheBytes && c.order.Len() > 1) {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	v := c.order.Remove(e).(*cached)
	delete(c.byKey, v.key)
	c.bytes -= len(v.key) + len(v.doc.body)
}
