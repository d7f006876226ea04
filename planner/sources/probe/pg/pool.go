package pg

import (
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// PoolNode is one backend as pgpool-II sees it.
type PoolNode struct {
	ID      int
	Address string // host:port; "" for a socket or what is no address
	Up      bool   // takes connections, by pgpool's own status and, where it looked, by the server's
	Known   bool   // Up is known
	Role    string // primary | standby | ""
	Stream  string // replication state of a standby: streaming, catchup, …; "" when not told
}

// maxNodes bounds the backends of one pgpool-II; its own limit is 128.
const maxNodes = 128

// PoolNodes reads the rows of SHOW pool_nodes. The columns differ by version and are found by name; status is a word since
// 3.6, a number before, and pg_status and pg_role exist since 4.3.
func PoolNodes(columns []string, rows [][]string) ([]PoolNode, error) {
	at := map[string]int{}
	for i, c := range columns {
		at[strings.ToLower(strings.TrimSpace(c))] = i
	}
	for _, need := range []string{"hostname", "port", "status", "role"} {
		if _, ok := at[need]; !ok {
			return nil, wire.Fail("answered SHOW pool_nodes with other columns than pgpool-II does")
		}
	}
	if len(rows) > maxNodes {
		return nil, wire.ErrTooMuch
	}
	var out []PoolNode
	for i, row := range rows {
		cell := func(name string) string {
			j, ok := at[name]
			if !ok || j >= len(row) {
				return ""
			}
			return strings.TrimSpace(row[j])
		}
		n := PoolNode{ID: i, Role: role(cell("role"))}
		if id, err := strconv.Atoi(cell("node_id")); err == nil && id >= 0 && id < maxNodes {
			n.ID = id
		}
		if port, err := strconv.Atoi(cell("port")); err == nil && port > 0 && wire.ValidHost(cell("hostname")) {
			host := cell("hostname")
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			n.Address, _ = wire.Address(host, port)
		}
		n.Up, n.Known = up(cell("status"))
		// pgpool's own status lags behind until its next health check; what it saw just now goes before.
		if down, known := up(cell("pg_status")); known && n.Known {
			n.Up = n.Up && down
		}
		if own := role(cell("pg_role")); own != "" {
			n.Role = own
		}
		switch s := strings.ToLower(cell("replication_state")); s {
		case "streaming", "catchup", "startup", "backup", "stopping":
			n.Stream = s
		}
		out = append(out, n)
	}
	return out, nil
}

func role(s string) string {
	switch s = strings.ToLower(s); s {
	case "primary", "standby":
		return s
	}
	return "" // main, replica and unknown tell nothing about streaming replication
}

func up(status string) (up, known bool) {
	switch strings.ToLower(status) {
	case "up", "waiting", "1", "2":
		return true, true
	case "down", "unused", "quarantine", "0", "3":
		return false, true
	}
	return false, false
}
