package wire

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Percentile returns the nearest-rank percentile of samples, 0 for none. q lies in (0,1].
func Percentile(samples []time.Duration, q float64) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Clone(samples)
	slices.Sort(sorted)
	rank := int(q * float64(len(sorted)))
	if float64(rank) < q*float64(len(sorted)) {
		rank++
	}
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Sample calls measure n times with a pause between, and returns the times of those that succeeded with the first failure.
// It stops at the end of the context and after three failures, so that a server that is gone is not asked n times.
func Sample(ctx context.Context, n int, pause time.Duration, measure func() (time.Duration, error)) ([]time.Duration, error) {
	var out []time.Duration
	var failed error
	failures := 0
	for i := range n {
		if i > 0 && !Rest(ctx, pause) {
			return out, first(failed, ctx.Err())
		}
		took, err := measure()
		if err != nil {
			failed = first(failed, err)
			if failures++; failures == 3 || ctx.Err() != nil {
				return out, failed
			}
			continue
		}
		out = append(out, took)
	}
	return out, failed
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// Rest waits and reports false when the context ended before.
func Rest(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Connect opens a TCP connection, closes it and returns how long the opening took, without the resolution of the name.
func Connect(ctx context.Context, d *Dialer, address string, timeout time.Duration) (time.Duration, error) {
	e := d.Exchange(Limits{Timeout: timeout, Bytes: 1, Dials: 1})
	c, err := e.Dial(ctx, "tcp", address)
	if err != nil {
		return 0, err
	}
	return c.(*conn).took, c.Close()
}

// Resolve returns the address with its name replaced by the first of its IP addresses, so that what is measured after it is
// the network and not the resolver.
func Resolve(ctx context.Context, address string, timeout time.Duration) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return address, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(ips[0], port), nil
}
