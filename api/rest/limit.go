package rest

import (
	"net/http"
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

type limits struct {
	rate  Rate
	mu    sync.Mutex
	byKey map[string]*rate.Limiter
}

func newLimits(r Rate) *limits {
	if r.Burst < 1 {
		r.Burst = max(1, int(r.PerSecond))
	}
	return &limits{rate: r, byKey: map[string]*rate.Limiter{}}
}

// take counts one request; an error of status 429 means that there were too many.
func (l *limits) take(key string, now time.Time) error {
	if l.rate.PerSecond <= 0 {
		return nil
	}
	r := l.of(key).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	return tooMany(wait)
}

// peek tells what take would, and counts nothing.
func (l *limits) peek(key string, now time.Time) error {
	if l.rate.PerSecond <= 0 {
		return nil
	}
	missing := 1 - l.of(key).TokensAt(now)
	if missing <= 0 {
		return nil
	}
	return tooMany(time.Duration(missing / l.rate.PerSecond * float64(time.Second)))
}

func (l *limits) of(key string) *rate.Limiter {
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

func tooMany(wait time.Duration) error {
	f := fail(http.StatusTooManyRequests, "too many requests; try again later")
	f.header = retryAfter(wait)
	return f
}
