package trust

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/meridian-federation/meridian/api/bus"
)

// Subjects of the server's system account.
const (
	sysClaimsLookup = "$SYS.REQ.ACCOUNT.%s.CLAIMS.LOOKUP"
	sysClaimsUpdate = "$SYS.REQ.CLAIMS.UPDATE"
	sysConnections  = "$SYS.REQ.SERVER.PING.CONNZ"
	sysDisconnect   = "$SYS.REQ.SERVER.%s.KICK"
)

// maxListed is more connections than a server has.
const maxListed = 1 << 20

// accountClaims returns the JWT of an account as each server holds it, in no order; "" stands for a server that holds none.
func accountClaims(ctx context.Context, c *bus.Conn, account string) ([]string, error) {
	answers, err := c.AskServers(ctx, "ask the servers for an account", fmt.Sprintf(sysClaimsLookup, account), nil)
	held := make([]string, 0, len(answers))
	for _, m := range answers {
		held = append(held, string(m))
	}
	return held, err
}

// Connection is a client's to one of the servers.
type Connection struct {
	Server string // id of the server
	ID     uint64 // of the connection at its server
	JWT    string // what the client was let in with
}

// Connections returns who is connected to an account, in no order, from the servers that answer. The
// connection is one made with the options of System.
func Connections(ctx context.Context, c *bus.Conn, account string) ([]Connection, error) {
	const op = "ask the servers who is connected"
	body, err := json.Marshal(map[string]any{"auth": true, "acc": account, "limit": maxListed})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	answers, err := c.AskServers(ctx, op, sysConnections, body)
	if err != nil {
		return nil, err
	}
	var out []Connection
	for _, m := range answers {
		var answer struct {
			Server struct {
				ID string `json:"id"`
			} `json:"server"`
			Data struct {
				Connections []struct {
					ID  uint64 `json:"cid"`
					JWT string `json:"jwt"`
				} `json:"connections"`
			} `json:"data"`
		}
		if err := json.Unmarshal(m, &answer); err != nil {
			return nil, fmt.Errorf("%s: %w: the answer: %w", op, bus.ErrUnreadable, err)
		}
		for _, one := range answer.Data.Connections {
			out = append(out, Connection{answer.Server.ID, one.ID, one.JWT})
		}
	}
	return out, nil
}

// disconnect ends a client's connection, if it is still there. It says nothing about whether the client is let in again.
func disconnect(ctx context.Context, c *bus.Conn, client Connection) error {
	_, err := c.AskServers(ctx, "disconnect a client", fmt.Sprintf(sysDisconnect, client.Server), fmt.Appendf(nil, `{"cid":%d}`, client.ID))
	return err
}

// setAccountClaims replaces the JWT of an account at all servers. Who is revoked by it is disconnected at once. It fails when one
// of the servers refuses.
func setAccountClaims(ctx context.Context, c *bus.Conn, token string) error {
	const op = "tell the servers of an account"
	answers, err := c.AskServers(ctx, op, sysClaimsUpdate, []byte(token))
	if err != nil {
		return err
	}
	for _, m := range answers {
		var answer struct {
			Error *struct {
				Description string `json:"description"`
			} `json:"error"`
		}
		if err := json.Unmarshal(m, &answer); err != nil {
			return fmt.Errorf("%s: %w: the answer: %w", op, bus.ErrUnreadable, err)
		}
		if answer.Error != nil {
			return fmt.Errorf("%s: %w: %s", op, bus.ErrDenied, answer.Error.Description)
		}
	}
	return nil
}
