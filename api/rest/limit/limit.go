// Package limit bounds how often somebody may ask. It answers how long to wait; api/rest makes the refusal of it.
package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate limits the requests of one token, and of one address for requests without a valid token. The zero value does not limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// maxLimiters bounds the limiters kept. Past it all are forgotten, which gives each caller one more burst.
const maxLimiters = 10000

// Limits count the requests of callers by key. Safe for concurrent use.
type Limits struct {
	rate  Rate
	mu    sync.Mutex
	byKey map[string]*rate.Limiter
}

// New returns limits without history.
func New(r Rate) *Limits {
	if r.Burst < 1 {
		r.Burst = max(1, int(r.PerSecond))
	}
	return &Limits{rate: r, byKey: map[string]*rate.Limiter{}}
}

// Take counts one request; above 0 is how long the caller has to wait, since there were too many.
func (l *Limits) Take(key string, now time.Time) time.Duration {
	if l.rate.PerSecond <= 0 {
		return 0
	}
	r := l.of(key).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// Peek tells what Take would, and counts nothing.
func (l *Limits) Peek(key string, now time.Time) time.Duration {
	if l.rate.PerSecond <= 0 {
		return 0
	}
	missing := 1 - l.of(key).TokensAt(now)
	return max(0, time.Duration(missing/l.rate.PerSecond*float64(time.Second)))
}

func (l *Limits) of(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.byKey[key]
	if !ok {
		if len(l.byKey) >= maxLimiters {
			clear(l.byKey)
		}
		limiter = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		l.byKey[key] = limiter
	}
	return limiter
}
