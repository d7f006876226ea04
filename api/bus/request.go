package bus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// maxSmall bounds the bodies of heartbeats, requests and replies, in bytes.
const maxSmall = 256 << 10

func decodeSmall(msg *nats.Msg, prefix, typ string, v any) (site string, err error) {
	if site, err = subjects.SiteOf(prefix, msg.Subject); err != nil {
		return "", err
	}
	if _, err = envelope.DecodeSite(msg.Header, typ, site); err != nil {
		return "", err
	}
	return site, decodeBody(msg, v)
}

func decodeBody(msg *nats.Msg, v any) error {
	if len(msg.Data) > maxSmall {
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(msg.Data), maxSmall)
	}
	if err := json.Unmarshal(msg.Data, v); err != nil {
		return fmt.Errorf("%w: body: %w", ErrUnreadable, err)
	}
	return nil
}

func decodeHeartbeat(msg *nats.Msg) (Heartbeat, error) {
	var h Heartbeat
	site, err := decodeSmall(msg, subjects.Heartbeat, envelope.TypeHeartbeat, &h)
	if err != nil {
		return Heartbeat{}, err
	}
	if h.Site != site {
		return Heartbeat{}, fmt.Errorf("%w: the body names site %.80q", ErrMisdirected, h.Site)
	}
	if !envelope.Plain(h.Instance) || !envelope.Plain(h.PlannerVersion) || !envelope.Plain(h.Revision) {
		return Heartbeat{}, fmt.Errorf("%w: instance, version or revision is longer than %d bytes or not printable ASCII", ErrUnreadable, envelope.MaxHeader)
	}
	e, err := envelope.Decode(msg.Header, envelope.TypeHeartbeat)
	h.Protocol = e.Protocol
	return h, err
}

// Request asks a site for something and waits for its answer, at most for the publish timeout. ErrNoSite when no planner
// of the site is connected.
func (c *Conn) Request(ctx context.Context, site string, req Request) (Reply, error) {
	op := "ask for " + string(req.Kind)
	subject, err := subjects.Of(subjects.Request, site)
	if err != nil {
		return Reply{}, fmt.Errorf("%s: %w", op, err)
	}
	body, err := json.Marshal(req)
	if err != nil {
		return Reply{}, fmt.Errorf("%s: %w", op, err)
	}
	m, err := envelope.Encode(ctx, subject, envelope.Envelope{ID: rand.Text(), Source: envelope.HubSource, Type: envelope.TypeRequest, Site: site, Time: c.now()}, body, "")
	if err != nil {
		return Reply{}, fmt.Errorf("%s: %w", op, err)
	}
	if err := c.ready(); err != nil {
		return Reply{}, fmt.Errorf("%s: %w", op, err)
	}
	call, done := c.guarded(ctx, subject)
	defer done()
	answer, err := c.nc.RequestMsgWithContext(call, m)
	if errors.Is(err, nats.ErrNoResponders) {
		return Reply{}, fmt.Errorf("%s: %w", op, ErrNoSite)
	}
	if err != nil {
		return Reply{}, mapError(ctx, op, cause(ctx, call, err))
	}
	var r Reply
	if _, err := envelope.DecodeSite(answer.Header, envelope.TypeReply, site); err != nil {
		return Reply{}, fmt.Errorf("%s: answer: %w", op, err)
	}
	if err := decodeBody(answer, &r); err != nil {
		return Reply{}, fmt.Errorf("%s: answer: %w", op, err)
	}
	return r, nil
}

// Requests answers the hub's requests to a site until the context ends (nil) or the connection is closed (ErrClosed).
// handler is called for one request at a time.
func (c *Conn) Requests(ctx context.Context, site string, handler func(context.Context, Request) Reply) error {
	subject, err := subjects.Of(subjects.Request, site)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return c.listen(ctx, subject, func(msg *nats.Msg) {
		if msg.Reply == "" {
			return
		}
		var req Request
		var reply Reply
		if _, err := decodeSmall(msg, subjects.Request, envelope.TypeRequest, &req); err != nil {
			reply = Reply{Detail: err.Error()}
		} else {
			reply = handler(envelope.WithTrace(ctx, msg.Header), req)
		}
		if err := c.answer(ctx, site, msg.Reply, reply); err != nil {
			c.log.Warn("answer a request of the hub", "request", req.Kind, "error", err)
		}
	})
}

func (c *Conn) answer(ctx context.Context, site, to string, reply Reply) error {
	body, err := json.Marshal(reply)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	if len(body) > maxSmall {
		body, err = json.Marshal(Reply{OK: reply.OK, Detail: fmt.Sprintf("the answer has %d bytes, the limit is %d", len(body), maxSmall)})
		if err != nil {
			return fmt.Errorf("encode the answer: %w", err)
		}
	}
	e := envelope.Envelope{ID: rand.Text(), Source: envelope.SiteSource(site), Type: envelope.TypeReply, Site: site, Time: c.now().Truncate(time.Millisecond)}
	m, err := envelope.Encode(ctx, to, e, body, "")
	if err != nil {
		return err
	}
	return mapError(ctx, "send the answer", c.nc.PublishMsg(m))
}
