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
// while the view's index is the one it was made of.
type cache struct {
	mu    sync.Mutex
	order *list.List
	byKey map[string]*list.Element
	bytes int
}

type cached struct {
	key string
	doc *representation
}

func newCache() *cache {
	return &cache{order: list.New(), byKey: map[string]*list.Element{}}
}

func (c *cache) get(key string, index uint64) *representation {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil
	}
	d := e.Value.(*cached).doc
	if d.index != index {
		return nil
	}
	c.order.MoveToFront(e)
	return d
}

func (c *cache) put(key string, d *representation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.remove(e)
	}
	c.byKey[key] = c.order.PushFront(&cached{key, d})
	c.bytes += len(key) + len(d.body)
	for c.order.Len() > cacheEntries || (c.bytes > cacheBytes && c.order.Len() > 1) {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	v := c.order.Remove(e).(*cached)
	delete(c.byKey, v.key)
	c.bytes -= len(v.key) + len(v.doc.body)
}
