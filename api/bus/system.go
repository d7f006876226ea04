package bus

import (
	"context"
	"encoding/json"
	"fmt"
)

// Subjects of the server's system account.
const (
	sysClaimsLookup = "$SYS.REQ.ACCOUNT.%s.CLAIMS.LOOKUP"
	sysClaimsUpdate = "$SYS.REQ.CLAIMS.UPDATE"
)

// AccountClaims returns the JWT of an account as the servers hold it. The connection needs the credential of the system
// account. ErrNotFound when no server holds one.
func (c *Conn) AccountClaims(ctx context.Context, account string) (string, error) {
	body, err := c.ask(ctx, "ask the servers for an account", fmt.Sprintf(sysClaimsLookup, account), nil)
	if err != nil {
		return "", err
	}
	if len(body) == 0 {
		return "", fmt.Errorf("ask the servers for account %.80q: %w", account, ErrNotFound)
	}
	return string(body), nil
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
