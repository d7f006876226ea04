package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// stored is a message as a stream holds it.
type stored struct {
	stream     string
	subject    string
	header     nats.Header
	data       []byte
	sequence   uint64
	time       time.Time
	deliveries uint64
	pending    uint64 // messages of the consumer still to come
}

// storedFrom reads a delivered message. delivered counts the consumer's deliveries from 1.
func storedFrom(m jetstream.Msg) (s *stored, delivered uint64, err error) {
	md, err := m.Metadata()
	if err != nil {
		return nil, 0, fmt.Errorf("read the position of a message: %w", err)
	}
	return &stored{
		stream: md.Stream, subject: m.Subject(), header: m.Headers(), data: m.Data(), sequence: md.Sequence.Stream,
		time: md.Timestamp.UTC(), deliveries: md.NumDelivered, pending: md.NumPending,
	}, md.Sequence.Consumer, nil
}

// lastOf returns the last message of a subject, nil when there is none. It uses a direct get, for which a site needs no
// right on the stream beyond its own subject.
func (c *Conn) lastOf(ctx context.Context, stream, subject string) (*stored, error) {
	return c.direct(ctx, subjects.DirectGet(c.domain, stream, subject), nil)
}

// at returns the message at a position, nil when there is none.
func (c *Conn) at(ctx context.Context, stream string, sequence uint64) (*stored, error) {
	body, err := json.Marshal(struct {
		Sequence uint64 `json:"seq"`
	}{sequence})
	if err != nil {
		return nil, err
	}
	return c.direct(ctx, c.api("DIRECT.GET."+stream), body)
}

func (c *Conn) direct(ctx context.Context, api string, body []byte) (*stored, error) {
	if err := c.ready(); err != nil {
		return nil, err
	}
	call, done := c.guarded(ctx, api)
	defer done()
	m, err := c.nc.RequestWithContext(call, api, body)
	if err != nil {
		err = cause(ctx, call, err)
		if s := sentinel(err); s != nil {
			err = fmt.Errorf("%w: %w", s, err)
		}
		return nil, err
	}
	switch status := envelope.First(m.Header, "Status"); status {
	case "":
	case "404":
		return nil, nil
	default:
		return nil, fmt.Errorf("%w: direct get: %s %s", ErrUnavailable, status, envelope.First(m.Header, "Description"))
	}
	s := &stored{stream: envelope.First(m.Header, "Nats-Stream"), subject: envelope.First(m.Header, "Nats-Subject"), header: m.Header, data: m.Data}
	if s.sequence, err = strconv.ParseUint(envelope.First(m.Header, "Nats-Sequence"), 10, 64); err != nil {
		return nil, fmt.Errorf("%w: direct get: the answer has no sequence", ErrUnavailable)
	}
	if s.time, err = time.Parse(time.RFC3339Nano, envelope.First(m.Header, "Nats-Time-Stamp")); err != nil {
		return nil, fmt.Errorf("%w: direct get: the answer has no time", ErrUnavailable)
	}
	s.time = s.time.UTC()
	return s, nil
}

// codec reads stored messages.
type codec struct{ *envelope.Codec }

// own is the value of a header by itself: that of a message is a part of the text of all its headers, and would keep it in memory.
func own(m *stored, key string) string { return strings.Clone(envelope.First(m.header, key)) }

func (k codec) body(m *stored) ([]byte, error) {
	body, err := k.Decompress(m.data, envelope.First(m.header, envelope.HeaderEncoding))
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: the body is empty", ErrUnreadable)
	}
	return body, nil
}

// decodeInventory reads the message of a site. A document in pieces leaves Body to the caller (isPointer).
func (k codec) decodeInventory(m *stored) (Inventory, error) {
	site, err := subjects.SiteOf(subjects.Inventory, m.subject)
	if err != nil {
		return Inventory{}, err
	}
	inv := Inventory{Site: site, StreamSequence: m.sequence, AcceptedAt: m.time, Size: len(m.data)}
	inv.Revision, inv.Instance, inv.PlannerVersion = own(m, envelope.HeaderRevision), own(m, envelope.HeaderInstance), own(m, envelope.HeaderPlannerVersion)
	e, err := envelope.DecodeSite(m.header, envelope.TypeInventory, site)
	inv.Protocol, inv.Time = e.Protocol, e.Time
	if err == nil && inv.Revision == "" {
		err = fmt.Errorf("%w: header %s is missing", ErrUnreadable, envelope.HeaderRevision)
	}
	if err == nil {
		inv.InstanceSequence, err = envelope.DecodeNumber(m.header, envelope.HeaderInstanceSequence)
	}
	if err == nil && !isPointer(m) {
		inv.Body, err = k.body(m)
	}
	inv.DecodeErr = err
	if err != nil {
		inv.strip()
	}
	return inv, nil
}

// strip removes header values that must not travel further.
func (inv *Inventory) strip() {
	for _, s := range []*string{&inv.Revision, &inv.Instance, &inv.PlannerVersion} {
		if !envelope.Plain(*s) {
			*s = ""
		}
	}
	inv.Body = nil
}

// decodeAssessment reads headers only; the body is added by body.
func decodeAssessment(site string, m *stored) Assessment {
	a := Assessment{Site: site, StreamSequence: m.sequence, AcceptedAt: m.time}
	e, err := envelope.DecodeSite(m.header, envelope.TypeAssessment, site)
	a.Protocol, a.At, a.MessageID = e.Protocol, e.Time, e.ID
	if err == nil {
		a.Revision, a.Basis = own(m, envelope.HeaderRevision), own(m, envelope.HeaderBasis)
		a.InventorySequence, err = envelope.DecodeNumber(m.header, envelope.HeaderInventorySequence)
	}
	a.DecodeErr = err
	return a
}

func (k codec) assessment(m *stored) (Assessment, error) {
	site, err := subjects.SiteOf(subjects.Assessment, m.subject)
	if err != nil {
		return Assessment{}, err
	}
	a := decodeAssessment(site, m)
	if a.DecodeErr == nil {
		a.Body, a.DecodeErr = k.body(m)
	}
	return a, nil
}

func (k codec) rejection(m *stored) (Rejection, error) {
	site, err := subjects.SiteOf(subjects.Rejected, m.subject)
	if err != nil {
		return Rejection{}, err
	}
	r := Rejection{Site: site, StreamSequence: m.sequence, AcceptedAt: m.time}
	e, err := envelope.DecodeSite(m.header, envelope.TypeRejection, site)
	r.Protocol, r.At = e.Protocol, e.Time
	if err == nil {
		r.Revision = envelope.First(m.header, envelope.HeaderRevision)
		r.Sequence, err = envelope.DecodeNumber(m.header, envelope.HeaderInventorySequence)
	}
	if err == nil {
		r.Body, err = k.body(m)
	}
	r.DecodeErr = err
	return r, nil
}

func (k codec) change(m *stored) (Change, error) {
	kind, site, err := subjects.ChangeOf(m.subject)
	if err != nil {
		return Change{}, err
	}
	ch := Change{Kind: kind, Site: site, StreamSequence: m.sequence, AcceptedAt: m.time}
	e, err := envelope.DecodeSite(m.header, envelope.TypeChange, site)
	ch.Protocol, ch.ID, ch.At = e.Protocol, e.ID, e.Time
	if err == nil {
		ch.Body, err = k.body(m)
	}
	ch.DecodeErr = err
	return ch, nil
}

// message reads any message for the history writer. Its body may still be a pointer.
func (k codec) message(m *stored) Message {
	out := Message{
		Stream: m.stream, Subject: m.subject, Sequence: m.sequence, AcceptedAt: m.time, Deliveries: m.deliveries,
		Revision: envelope.First(m.header, envelope.HeaderRevision), Header: envelope.Strings(m.header),
	}
	var err error
	switch m.stream {
	case StreamInventory:
		out.Site, err = subjects.SiteOf(subjects.Inventory, m.subject)
	case StreamAssessment:
		out.Site, err = subjects.SiteOf(subjects.Assessment, m.subject)
	case StreamRejected:
		out.Site, err = subjects.SiteOf(subjects.Rejected, m.subject)
	case StreamChange:
		_, out.Site, err = subjects.ChangeOf(m.subject)
	}
	if err == nil {
		var e envelope.Envelope
		e, err = envelope.DecodeSite(m.header, "", out.Site)
		out.Type, out.ID, out.Time = e.Type, e.ID, e.Time
	}
	if err == nil && !isPointer(m) {
		out.Body, err = k.body(m)
	}
	if err != nil && !envelope.Plain(out.Revision) {
		out.Revision = ""
	}
	out.DecodeErr = err
	return out
}

// transient reports whether reading a message failed for a reason that passes, so that it must be read again instead of
// being reported as unreadable.
func transient(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isJSON refuses bodies that are not JSON before they reach a stream.
func isJSON(body []byte) error {
	if len(body) == 0 || !json.Valid(body) {
		return fmt.Errorf("%w: the body is not JSON", ErrInvalid)
	}
	return nil
}
