package bustest

import (
	"errors"
	"net"
	"sync"

	"github.com/meridian-federation/meridian/api/bus"
)

// Door lets the connection of one client in to a server, or keeps it out, so that messages gather meanwhile. It is open at first.
type Door struct {
	Server bus.InProcess

	mu   sync.Mutex
	shut bool
	conn net.Conn
}

// InProcessConn implements bus.InProcess.
func (d *Door) InProcessConn() (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, errors.New("cut off")
	}
	var err error
	d.conn, err = d.Server.InProcessConn()
	return d.conn, err
}

// Open lets the client in when it tries again.
func (d *Door) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = false
}

// Cut ends the connection and keeps the client out.
func (d *Door) Cut() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	return d.conn.Close()
}
