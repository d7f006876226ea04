package sourcetest

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// Serve runs f for each connection to a server on loopback until the test ends; it returns the server's address and counts
// its connections.
func Serve(t testing.TB, f func(net.Conn)) (address string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = &atomic.Int64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String(), connections
}

// Silent is a server that never answers.
func Silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Drip sends a byte now and then for ever, after the text given.
func Drip(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, text)
		for err == nil {
			<-time.After(5 * time.Millisecond)
			_, err = io.WriteString(c, "x")
		}
	}
}
