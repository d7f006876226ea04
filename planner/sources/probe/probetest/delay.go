//go:build linux

package probetest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

// StartDelay starts a proxy in front of an address that makes each round trip that much longer, and returns its own.
func StartDelay(t *testing.T, to string, roundTrip time.Duration) string {
	t.Helper()
	return (&Fault{RoundTrip: roundTrip}).Start(t, to)
}

// Fault is a proxy that hands on every piece a while after it came, half of the round trip's delay in each direction, and
// holds each Lost-th one from the server for the time that TCP takes to send it again.
type Fault struct {
	RoundTrip time.Duration
	Lost      int64         // 0: none
	Again     time.Duration // 0: a piece that is lost stays lost, and all that come after it
	count     atomic.Int64
}

// Retransmission is the least time after which Linux sends a lost segment again (TCP_RTO_MIN).
const Retransmission = 200 * time.Millisecond

// Start starts the proxy in front of an address and returns its own.
func (f *Fault) Start(t *testing.T, to string) string {
	t.Helper()
	address, _ := sourcetest.Serve(t, func(c net.Conn) {
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		var both sync.WaitGroup
		both.Go(func() { f.pipe(server, c, false) })
		both.Go(func() { f.pipe(c, server, true) })
		both.Wait()
	})
	return address
}

// pipe keeps the order: a piece waits until its time, those behind it have waited meanwhile.
func (f *Fault) pipe(to, from net.Conn, back bool) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 64)
	go func() {
		defer close(pieces)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if n > 0 {
				due := time.Now().Add(f.RoundTrip / 2)
				if back && f.Lost > 0 && f.count.Add(1)%f.Lost == 0 {
					if f.Again == 0 {
						_, _ = io.Copy(io.Discard, from)
						return
					}
					due = due.Add(f.Again)
				}
				pieces <- piece{buf[:n], due}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		<-time.After(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	_, _ = io.Copy(io.Discard, from)
	for range pieces {
		continue
	}
}
