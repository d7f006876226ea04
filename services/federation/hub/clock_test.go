package hub

import (
	"testing"
	"time"
)

// TestClockFollowsTheStream: a wall clock that jumps moves nothing, a message that is read again neither, and a clock that
// drifts is set right by the messages that come.
func TestClockFollowsTheStream(t *testing.T) {
	start := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	wall, elapsed := start, time.Duration(0)
	c := &clock{wall: func() time.Time { return wall }, elapsed: func() time.Duration { return elapsed }}
	expect := func(what string, want time.Duration) {
		t.Helper()
		if got := c.now().Sub(start); got != want {
			t.Errorf("%s: %s after the start, want %s", what, got, want)
		}
	}
	expect("nothing heard", 0)
	elapsed = time.Second
	c.hear(start.Add(time.Second))
	wall = start.Add(8 * 24 * time.Hour)
	expect("the wall clock jumped forward", time.Second)
	wall = start.Add(-24 * time.Hour)
	elapsed = 10 * time.Second
	expect("the wall clock jumped back", 10*time.Second)
	c.hear(start.Add(9 * time.Second)) // took a second to come
	expect("a slow message", 10*time.Second)
	c.hear(start.Add(-time.Hour))
	expect("one that is read again", 10*time.Second)
	// This machine's seconds are too short: it runs ahead.
	for elapsed = 20 * time.Second; elapsed <= 140*time.Second; elapsed += 10 * time.Second {
		c.hear(start.Add(elapsed - elapsed/100))
	}
	elapsed = 140 * time.Second
	if ahead := c.now().Sub(start.Add(elapsed - elapsed/100)); ahead < 0 || ahead > time.Second {
		t.Errorf("after two minutes of drift the clock is %s ahead of the stream", ahead)
	}
}
