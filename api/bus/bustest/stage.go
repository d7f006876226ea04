package bustest

import (
	"sync"
	"testing"
	"time"
)

// Stage is a message bus, made ready by a hub, and one clock for all replicas of a service that a test runs on it. The clock
// stands until it is moved.
type Stage struct {
	*Server
	mu  sync.Mutex
	now time.Time
}

// NewStage starts a bus whose clock stands at an instant.
func NewStage(t *testing.T, now time.Time) *Stage {
	t.Helper()
	s := &Stage{Server: Start(t), now: now}
	s.Hub(t)
	return s
}

// Now is what the clock shows.
func (s *Stage) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Set moves the clock to an instant.
func (s *Stage) Set(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = t
}

// Pass moves the clock by a time.
func (s *Stage) Pass(d time.Duration) { s.Set(s.Now().Add(d)) }
