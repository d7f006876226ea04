package answers

import (
	"strconv"
	"strings"
	"sync"
	"testing"
)

type document struct {
	index uint64
	size  int
}

func (d *document) Index() uint64 { return d.index }
func (d *document) Size() int     { return d.size }

func TestCacheBounds(t *testing.T) {
	c := New[*document]()
	for i := range cacheEntries + 50 {
		c.Put(strconv.Itoa(i), &document{size: 1})
	}
	if c.order.Len() != cacheEntries || len(c.byKey) != cacheEntries {
		t.Errorf("%d entries", c.order.Len())
	}
	if _, _, done := c.Get("0", 0); done == nil {
		t.Error("the oldest entry is still there")
	}
	big := []byte(strings.Repeat("x", cacheBytes/4))
	for i := range 10 {
		c.Put("big"+strconv.Itoa(i), &document{size: len(big)})
	}
	if c.bytes > cacheBytes || c.order.Len() == 0 {
		t.Errorf("%d bytes in %d entries", c.bytes, c.order.Len())
	}
	c.Put("big9", &document{size: 5})
	sum := 0
	for k, e := range c.byKey {
		sum += len(k) + e.Value.(*cached[*document]).doc.size
	}
	if sum != c.bytes {
		t.Errorf("counted %d bytes, holds %d", c.bytes, sum)
	}
}

// TestCacheMakesOnce: of many callers for a new index one makes the answer, and a failure lets the next one try.
func TestCacheMakesOnce(t *testing.T) {
	c := New[*document]()
	_, _, giveUp := c.Get("k", 7)
	made := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for {
				d, wait, done := c.Get("k", 7)
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
				doc := &document{size: 1}
				doc.index = 7
				c.Put("k", doc)
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
	if d, _, _ := c.Get("k", 6); d == nil {
		t.Error("an answer newer than asked for is current")
	}
	if d, _, done := c.Get("k", 8); d != nil || done == nil {
		t.Error("an answer older than asked for is not")
	}
}
