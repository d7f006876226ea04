//go:build linux

package probetest

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// delay is a proxy that hands on every piece a while after it came; half of the round trip's delay in each direction.
type delay struct {
	listener net.Listener
	wait     sync.WaitGroup
}

// StartDelay starts a proxy to an address that adds a round trip, and returns its address.
func StartDelay(t *testing.T, to string, roundTrip time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &delay{listener: l}
	d.wait.Add(1)
	go func() {
		defer d.wait.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			d.wait.Add(2)
			go d.pipe(server, c, roundTrip/2)
			go d.pipe(c, server, roundTrip/2)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		d.wait.Wait()
	})
	return l.Addr().String()
}

// pipe keeps the order: a piece waits until its time, those behind it have waited meanwhile.
func (d *delay) pipe(to, from net.Conn, after time.Duration) {
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
				pieces <- piece{buf[:n], time.Now().Add(after)}
			}
			if err != nil {
				return
			}
		}
	}()
	defer d.wait.Done()
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
