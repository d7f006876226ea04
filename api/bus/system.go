package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Subjects of the server's system account.
const (
	sysClaimsLookup = "$SYS.REQ.ACCOUNT.%s.CLAIMS.LOOKUP"
	sysClaimsUpdate = "$SYS.REQ.CLAIMS.UPDATE"
	sysConnections  = "$SYS.REQ.SERVER.PING.CONNZ"
	sysDisconnect   = "$SYS.REQ.SERVER.%s.KICK"
)

// settle is how long after one server's answer that of another is waited for.
const settle = 250 * time.Millisecond

// maxListed is more connections than a server has.
const maxListed = 1 << 20

// AccountClaims returns the JWT of an account as each server holds it, in no order; "" stands for a server that holds none.
// How many servers there are is not known: those that do not answer soon after the others are left out. The connection needs
// the credential of the system account.
func (c *Conn) AccountClaims(ctx context.Context, account string) ([]string, error) {
	answers, err := c.askAll(ctx, "ask the servers for an account", fmt.Sprintf(sysClaimsLookup, account), nil)
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

// Connections returns who is connected to an account, in no order, from the servers that AccountClaims would hear of. The
// connection needs the credential of the system account.
func (c *Conn) Connections(ctx context.Context, account string) ([]Connection, error) {
	const op = "ask the servers who is connected"
	body, err := json.Marshal(map[string]any{"auth": true, "acc": account, "limit": maxListed})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	answers, err := c.askAll(ctx, op, sysConnections, body)
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
			return nil, fmt.Errorf("%s: %w: the answer: %w", op, ErrUnreadable, err)
		}
		for _, one := range answer.Data.Connections {
			out = append(out, Connection{answer.Server.ID, one.ID, one.JWT})
		}
	}
	return out, nil
}

// Disconnect ends a client's connection, if it is still there. It says nothing about whether the client is let in again. The
// connection needs the credential of the system account.
func (c *Conn) Disconnect(ctx context.Context, client Connection) error {
	_, err := c.ask(ctx, "disconnect a client", fmt.Sprintf(sysDisconnect, client.Server), fmt.Appendf(nil, `{"cid":%d}`, client.ID))
	return err
}

// askAll sends a request and gathers the answers of all servers. The first is waited for at most for the publish timeout.
func (c *Conn) askAll(ctx context.Context, op, subject string, body []byte) ([][]byte, error) {
	if err := c.ready(); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	call, done := c.guarded(ctx, subject)
	defer done()
	answers, err := c.nc.SubscribeSync(c.nc.NewInbox())
	if err != nil {
		return nil, mapError(ctx, op, err)
	}
	defer answers.Unsubscribe() //nolint:errcheck // A connection that is gone has no subscriptions.
	if err := c.nc.PublishRequest(subject, answers.Subject, body); err != nil {
		return nil, mapError(ctx, op, err)
	}
	m, err := answers.NextMsgWithContext(call)
	if err != nil {
		return nil, mapError(ctx, op, cause(ctx, call, err))
	}
	var out [][]byte
	for ; err == nil; m, err = answers.NextMsg(settle) {
		out = append(out, m.Data)
	}
	if !errors.Is(err, nats.ErrTimeout) {
		return nil, mapError(ctx, op, err)
	}
	return out, nil
}

// SetAccountClaims replaces the JWT of an account at all servers that are connected to each other; the one that answers
// first is waited for. Who is revoked by it is disconnected at once. The connection needs the credential of the system account.
func (c *Conn) SetAccountClaims(ctx context.Context, token string) error {
	const op = "tell the servers of an account"
	body, err := c.ask(ctx, op, sysClaimsUpdate, []byte(token))
	if err != nil {
		return err
	}
	var answer struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%s: %w: the answer: %w", op, ErrUnreadable, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %w: %s", op, ErrDenied, answer.Error.Description)
	}
	return nil
}

// ask sends a request and waits for the first answer, at most for the publish timeout.
func (c *Conn) ask(ctx context.Context, op, subject string, body []byte) ([]byte, error) {
	if err := c.ready(); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	call, done := c.guarded(ctx, subject)
	defer done()
	m, err := c.nc.RequestWithContext(call, subject, body)
	if err != nil {
		return nil, mapError(ctx, op, cause(ctx, call, err))
	}
	return m.Data, nil
}
