package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// settle is how long after one server's answer that of another is waited for.
const settle = 250 * time.Millisecond

// AskServers sends a request of the system account and gathers the answers, in no order. The first is waited for at most for the
// publish timeout. How many servers there are is not known: those that do not answer soon after the others are left out. The
// connection needs the credential of the system account. op says in errors what is done.
func (c *Conn) AskServers(ctx context.Context, op, subject string, body []byte) ([][]byte, error) {
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
