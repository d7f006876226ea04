package hub

import (
	"sync"
	"time"
)

// clock is the stream's time between its messages. What grows old is judged by it, so that replicas agree and a clock of
// this machine that is set forward or back makes no site look silent or old.
type clock struct {
	wall    func() time.Time     // until the first message is heard
	elapsed func() time.Duration // grows evenly, whatever the wall clock does

	mu     sync.Mutex
	origin time.Time // the stream's time when elapsed was 0, zero until a message was heard
	best   time.Time // the same by the messages since begun alone
	begun  time.Duration
	newest time.Time // message heard
}

// resync is how often the clock follows the stream's also when that falls behind it: the two drift apart.
const resync = time.Minute

func newClock(wall func() time.Time) *clock {
	begin := time.Now()
	return &clock{wall: wall, elapsed: func() time.Duration { return time.Since(begin) }}
}

// now is the stream's time.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.origin.IsZero() {
		return c.wall()
	}
	return c.origin.Add(c.elapsed())
}

// hear takes the time at which the stream took a message that was just delivered. Delivery takes time, so of several
// messages the one that makes the latest origin is right. One that is older than another before it is read again and says
// nothing.
func (c *clock) hear(accepted time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !accepted.After(c.newest) {
		return
	}
	c.newest = accepted
	now := c.elapsed()
	origin := accepted.Add(-now)
	if c.origin.IsZero() {
		c.begun = now
	}
	if origin.After(c.origin) {
		c.origin = origin
	}
	if origin.After(c.best) {
		c.best = origin
	}
	if now-c.begun >= resync {
		c.origin, c.best, c.begun = c.best, time.Time{}, now
	}
}
