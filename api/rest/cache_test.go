package rest

import (
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestCacheBounds(t *testing.T) {
	c := newCache()
	for i := range cacheEntries + 50 {
		c.put(strconv.Itoa(i), represent(jsonType, []byte("x")))
	}
	if c.order.Len() != cacheEntries || len(c.byKey) != cacheEntries {
		t.Errorf("%d entries", c.order.Len())
	}
	if _, _, done := c.get("0", 0); done == nil {
		t.Error("the oldest entry is still there")
	}
	big := []byte(strings.Repeat("x", cacheBytes/4))
	for i := range 10 {
		c.put("big"+strconv.Itoa(i), represent(jsonType, big))
	}
	if c.bytes > cacheBytes || c.order.Len() == 0 {
		t.Errorf("%d bytes in %d entries", c.bytes, c.order.Len())
	}
	c.put("big9", represent(jsonType, []byte("small")))
	sum := 0
	for k, e := range c.byKey {
		sum += len(k) + len(e.Value.(*cached).doc.body)
	}
	if sum != c.bytes {
		t.Errorf("counted %d bytes, holds %d", c.bytes, sum)
	}
}

// TestCacheMakesOnce: of many callers for a new index one makes the answer, and a failure lets the next one try.
func TestCacheMakesOnce(t *testing.T) {
	c := newCache()
	_, _, giveUp := c.get("k", 7)
	made := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for {
				d, wait, done := c.get("k", 7)
				if d != nil {
					return
				}
				if done == nil {
					<-wait
					continue
				}
				mu.Lock()
				made++
				mu.Unlock()
				doc := represent(jsonType, []byte("x"))
				doc.index = 7
				c.put("k", doc)
				done()
				return
			}
		})
	}
	giveUp()
	wg.Wait()
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	if d, _, _ := c.get("k", 6); d == nil {
		t.Error("an answer newer than asked for is current")
	}
	if d, _, done := c.get("k", 8); d != nil || done == nil {
		t.Error("an answer older than asked for is not")
	}
}
