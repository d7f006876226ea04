package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// PublishInventory sends one revision and returns the stream's receipt: from then on it is accepted. Sending the same
// revision again within DuplicateWindow stores nothing, unless Newest is set and a later revision came in between. Errors: ErrUnavailable (send it again later), ErrDenied,
// ErrTooLarge, ErrFull, ErrInvalid.
func (c *Conn) PublishInventory(ctx context.Context, inv Inventory) (Ack, error) {
	const op = "publish the inventory"
	subject, err := subjects.Of(subjects.Inventory, inv.Site)
	if err != nil {
		return Ack{}, fmt.Errorf("%s: %w", op, err)
	}
	if inv.Revision == "" {
		return Ack{}, fmt.Errorf("%s: %w: it has no revision", op, ErrInvalid)
	}
	if len(inv.Body) > inventory.MaxDocument {
		return Ack{}, fmt.Errorf("%s of %s: %w: %d bytes, the limit is %d", op, inv.Site, ErrTooLarge, len(inv.Body), inventory.MaxDocument)
	}
	if err := isJSON(inv.Body); err != nil {
		return Ack{}, fmt.Errorf("%s of %s: %w", op, inv.Site, err)
	}
	e := envelope.Envelope{
		ID: inv.Site + ":" + inv.Revision, Source: envelope.SiteSource(inv.Site), Type: envelope.TypeInventory, Site: inv.Site, Time: c.stamp(inv.Time), Dedupe: true,
		Extra: map[string]string{
			envelope.HeaderRevision:         inv.Revision,
			envelope.HeaderInstance:         inv.Instance,
			envelope.HeaderInstanceSequence: envelope.Number(inv.InstanceSequence),
			envelope.HeaderPlannerVersion:   inv.PlannerVersion,
		},
	}
	wire, encoding := c.codec.Compress(inv.Body)
	if len(wire) > c.maxMessage() {
		if wire, err = c.putDocument(ctx, inv.Site, inv.Revision, wire, encoding, inv.Body); err != nil {
			return Ack{}, mapError(ctx, op, err)
		}
		e.Content, encoding = envelope.ContentPointer, ""
	}
	store := func() (Ack, error) {
		m, err := envelope.Encode(ctx, subject, e, wire, encoding)
		if err != nil {
			return Ack{}, fmt.Errorf("%s of %s: %w", op, inv.Site, err)
		}
		ack, err := c.publish(ctx, m, jetstream.WithExpectStream(StreamInventory))
		return ack, mapError(ctx, op, err)
	}
	ack, err := store()
	if err != nil || !inv.Newest || !ack.Duplicate {
		return ack, err
	}
	last, err := c.lastOf(ctx, StreamInventory, subject)
	if err != nil {
		return Ack{}, mapError(ctx, op, err)
	}
	switch {
	case last == nil || last.sequence <= ack.StreamSequence:
		return ack, nil
	case envelope.First(last.header, envelope.HeaderRevision) == inv.Revision:
		return Ack{StreamSequence: last.sequence, Duplicate: true}, nil
	}
	// The id names what it supersedes, so that repeating this call stores nothing either.
	e.ID += ":" + strconv.FormatUint(last.sequence, 10)
	return store()
}

// maxMessage is the largest body the server takes in one message.
func (c *Conn) maxMessage() int {
	if limit := int(c.nc.MaxPayload()) - 32<<10; limit > 0 && limit < MaxMessage {
		return limit
	}
	return MaxMessage
}

// publish sends a message to a stream and waits for the receipt.
func (c *Conn) publish(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (Ack, error) {
	if err := c.ready(); err != nil {
		return Ack{}, err
	}
	call, done := c.guarded(ctx, m.Subject)
	defer done()
	ack, err := c.js.PublishMsg(call, m, opts...)
	if err != nil {
		return Ack{}, cause(ctx, call, err)
	}
	if ack.Domain != c.domain {
		// A leaf node with a JetStream of its own may hold a stream of the same name. Its receipt says nothing of the hub's.
		return Ack{}, fmt.Errorf("%w: the receipt came from the JetStream domain %q and not from %q, the hub's: correct the domain in the configuration, or remove the stream from the leaf node", ErrUnavailable, ack.Domain, c.domain)
	}
	return Ack{StreamSequence: ack.Sequence, Duplicate: ack.Duplicate}, nil
}

// ready refuses to send while there is no connection, so that a call does not wait for its timeout in vain.
func (c *Conn) ready() error {
	switch {
	case c.nc.IsClosed():
		return ErrClosed
	case !c.nc.IsConnected():
		if last := c.lastError(); last != nil {
			return fmt.Errorf("%w: not connected: %w", ErrUnavailable, last)
		}
		return fmt.Errorf("%w: not connected", ErrUnavailable)
	}
	return nil
}

// cause replaces the error of a call whose guarded context ended by the reason why it did. The caller's own context
// comes first.
func cause(parent, call context.Context, err error) error {
	if parent.Err() != nil {
		return parent.Err()
	}
	if call.Err() != nil {
		return context.Cause(call)
	}
	return err
}

func (c *Conn) stamp(t time.Time) time.Time {
	if t.IsZero() {
		return c.now().UTC()
	}
	return t.UTC()
}

// PublishHeartbeat sends a heartbeat. No stream keeps it and nobody acknowledges it.
func (c *Conn) PublishHeartbeat(ctx context.Context, h Heartbeat) error {
	const op = "publish the heartbeat"
	subject, err := subjects.Of(subjects.Heartbeat, h.Site)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	h.At = c.stamp(h.At)
	body, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	e := envelope.Envelope{ID: h.Site + ":" + h.At.Format(time.RFC3339Nano), Source: envelope.SiteSource(h.Site), Type: envelope.TypeHeartbeat, Site: h.Site, Time: h.At}
	m, err := envelope.Encode(ctx, subject, e, body, "")
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := c.ready(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return mapError(ctx, op, c.nc.PublishMsg(m))
}

// PublishRejection stores the refusal of an inventory. Replicas that refuse the same message store it once.
func (c *Conn) PublishRejection(ctx context.Context, r Rejection) (Ack, error) {
	const op = "publish the rejection"
	e := envelope.Envelope{
		ID: r.Site + ":" + strconv.FormatUint(r.Sequence, 10), Source: envelope.HubSource, Type: envelope.TypeRejection, Time: c.stamp(r.At), Dedupe: true,
		Extra: map[string]string{envelope.HeaderRevision: r.Revision, envelope.HeaderInventorySequence: envelope.Number(r.Sequence)},
	}
	subject, err := subjects.Of(subjects.Rejected, r.Site)
	return c.publishHub(ctx, op, StreamRejected, r.Site, subject, err, e, r.Body)
}

// PublishChange stores one entry of the change feed. Replicas that saw the same change store it once, within DuplicateWindow.
func (c *Conn) PublishChange(ctx context.Context, ch Change) (Ack, error) {
	e := envelope.Envelope{ID: ch.ID, Source: envelope.HubSource, Type: envelope.TypeChange, Time: c.stamp(ch.At), Dedupe: true}
	subject, err := subjects.OfChange(ch.Kind, ch.Site)
	return c.publishHub(ctx, "publish the change", StreamChange, ch.Site, subject, err, e, ch.Body)
}

func (c *Conn) publishHub(ctx context.Context, op, stream, site, subject string, bad error, e envelope.Envelope, body []byte) (Ack, error) {
	m, err := c.hubMessage(ctx, site, subject, bad, e, body)
	if err != nil {
		return Ack{}, fmt.Errorf("%s of %.80q: %w", op, site, err)
	}
	ack, err := c.publish(ctx, m, jetstream.WithExpectStream(stream))
	return ack, mapError(ctx, op, err)
}

func (c *Conn) hubMessage(ctx context.Context, site, subject string, bad error, e envelope.Envelope, body []byte) (*nats.Msg, error) {
	if bad != nil {
		return nil, bad
	}
	if e.ID == "" {
		return nil, fmt.Errorf("%w: it has no message id", ErrInvalid)
	}
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: the body is empty", ErrInvalid)
	}
	e.Site = site
	wire, encoding := c.codec.Compress(body)
	if len(wire) > c.maxMessage() {
		return nil, fmt.Errorf("%w: %d bytes compressed, the limit is %d", ErrTooLarge, len(wire), c.maxMessage())
	}
	return envelope.Encode(ctx, subject, e, wire, encoding)
}

// judged is the newest assessment of a site this connection knows to be in the stream.
type judged struct {
	stream    uint64 // position of the assessment
	inventory uint64 // position of the inventory it judged
	at        time.Time
	revision  string
	basis     string
}

func (a *Assessment) stored(sequence uint64) judged {
	return judged{sequence, a.InventorySequence, a.At.UTC(), a.Revision, a.Basis}
}

// after reports whether the assessment is newer than what is known.
func (a *Assessment) after(j judged) bool {
	if a.InventorySequence != j.inventory {
		return a.InventorySequence > j.inventory
	}
	return a.At.UTC().After(j.at)
}

// again reports whether the assessment says of an inventory what the stream says of it already, perhaps as of another instant.
func (a *Assessment) again(j judged) bool {
	return a.Basis != "" && a.Basis == j.basis && a.InventorySequence == j.inventory && a.Revision == j.revision
}

// PublishAssessment stores the verdict on a revision and delivers it to the site. It is idempotent among replicas: an
// equal message id stores nothing within DuplicateWindow, and with InventorySequence set an assessment that is not newer
// than the stored one is never stored, however late it comes (Ack.Superseded, or Duplicate when it is the same). Nor is one
// on the basis of the stored one when that came from elsewhere and was not known here: replicas that hear of the same changes in other batches may
// date what follows from them differently, and the first one counts for all.
func (c *Conn) PublishAssessment(ctx context.Context, a Assessment) (Ack, error) {
	const op = "publish the assessment"
	m, err := c.assessmentMessage(ctx, a)
	if err != nil {
		return Ack{}, fmt.Errorf("%s of %.80q: %w", op, a.Site, err)
	}
	if a.InventorySequence == 0 {
		ack, err := c.publish(ctx, m, jetstream.WithExpectStream(StreamAssessment))
		return ack, mapError(ctx, op, err)
	}
	ack, err := c.publishNewer(ctx, a, m)
	return ack, mapError(ctx, op, err)
}

// maxConflicts bounds how often a publish is repeated because another replica wrote in between. Each repetition means that
// somebody made progress with the same site, so a handful is plenty.
const maxConflicts = 8

func (c *Conn) publishNewer(ctx context.Context, a Assessment, m *nats.Msg) (Ack, error) {
	var err error
	for range maxConflicts {
		known, have := c.knownJudged(a.Site)
		if !have {
			if known, err = c.loadJudged(ctx, a.Site); err != nil {
				return Ack{}, err
			}
			if known.stream > 0 && a.again(known) {
				return known.refuse(a), nil
			}
		}
		if known.stream > 0 && !a.after(known) {
			lost, err := c.outlived(ctx, a, known)
			if err != nil {
				return Ack{}, err
			}
			if !lost {
				return known.refuse(a), nil
			}
		}
		var ack Ack
		ack, err = c.publish(ctx, m, jetstream.WithExpectStream(StreamAssessment), jetstream.WithExpectLastSequencePerSubject(known.stream))
		switch {
		case err == nil:
			if !ack.Duplicate {
				c.setJudged(a.Site, a.stored(ack.StreamSequence))
			} else {
				c.forgetJudged(a.Site)
			}
			return ack, nil
		case errors.Is(sentinel(err), ErrConflict):
			c.forgetJudged(a.Site)
		default:
			c.forgetJudged(a.Site)
			return Ack{}, err
		}
	}
	return Ack{}, err
}

// outlived reports whether the stored assessment judged an inventory that the stream has lost since, as a server may that
// lost its last writes, while the one judged here is there: the positions do not tell which is newer then.
func (c *Conn) outlived(ctx context.Context, a Assessment, known judged) (bool, error) {
	if a.InventorySequence >= known.inventory || !a.At.UTC().After(known.at) {
		return false, nil
	}
	is := func(sequence uint64, revision string) (bool, error) {
		m, err := c.at(ctx, StreamInventory, sequence)
		return m != nil && m.subject == subjects.Inventory+a.Site && envelope.First(m.header, envelope.HeaderRevision) == revision, err
	}
	if here, err := is(a.InventorySequence, a.Revision); err != nil || !here {
		return false, err
	}
	there, err := is(known.inventory, known.revision)
	return !there && err == nil, err
}

func (j judged) refuse(a Assessment) Ack {
	same := j.inventory == a.InventorySequence && j.at.Equal(a.At.UTC())
	return Ack{StreamSequence: j.stream, Duplicate: same, Superseded: !same}
}

// PublishAssessments is PublishAssessment for many at once: all are sent before the first receipt is awaited. The result
// has one entry for each, in order; a nil error means that it is stored or need not be.
func (c *Conn) PublishAssessments(ctx context.Context, batch []Assessment) ([]Ack, []error) {
	acks, errs := make([]Ack, len(batch)), make([]error, len(batch))
	futures := make([]jetstream.PubAckFuture, len(batch))
	under := make(map[string]bool, len(batch))
	if c.ready() == nil {
		for i, a := range batch {
			known, have := c.knownJudged(a.Site)
			if !have || under[a.Site] || a.InventorySequence == 0 || (known.stream > 0 && !a.after(known)) {
				continue
			}
			m, err := c.assessmentMessage(ctx, a)
			if err != nil {
				continue
			}
			// No retries by the client: whatever fails here takes the careful way below.
			f, err := c.js.PublishMsgAsync(m, jetstream.WithExpectStream(StreamAssessment), jetstream.WithExpectLastSequencePerSubject(known.stream), jetstream.WithRetryAttempts(0))
			if err == nil {
				futures[i], under[a.Site] = f, true
			}
		}
	}
	wait, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for i, a := range batch {
		if f := futures[i]; f != nil {
			select {
			case ack := <-f.Ok():
				acks[i] = Ack{StreamSequence: ack.Sequence, Duplicate: ack.Duplicate}
				if !ack.Duplicate {
					c.setJudged(a.Site, a.stored(ack.Sequence))
				}
				continue
			case err := <-f.Err():
				c.log.Debug("an assessment takes the careful way", "site", a.Site, "error", err)
			case <-wait.Done():
			}
			c.forgetJudged(a.Site)
		}
		acks[i], errs[i] = c.PublishAssessment(ctx, a)
	}
	return acks, errs
}

func (c *Conn) assessmentMessage(ctx context.Context, a Assessment) (*nats.Msg, error) {
	subject, err := subjects.Of(subjects.Assessment, a.Site)
	e := envelope.Envelope{
		ID: a.MessageID, Source: envelope.HubSource, Type: envelope.TypeAssessment, Time: c.stamp(a.At), Dedupe: true,
		Extra: map[string]string{envelope.HeaderRevision: a.Revision, envelope.HeaderInventorySequence: envelope.Number(a.InventorySequence), envelope.HeaderBasis: a.Basis},
	}
	return c.hubMessage(ctx, a.Site, subject, err, e, a.Body)
}

func (c *Conn) knownJudged(site string) (judged, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j, ok := c.judged[site]
	return j, ok
}

func (c *Conn) setJudged(site string, j judged) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.judged[site]; ok && old.stream > j.stream {
		return
	}
	c.judged[site] = j
}

func (c *Conn) forgetJudged(site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.judged, site)
}

// loadJudged asks the stream for the last assessment of a site; none is the zero value. What cannot be decoded counts as
// oldest, so that it is replaced.
func (c *Conn) loadJudged(ctx context.Context, site string) (judged, error) {
	m, err := c.lastOf(ctx, StreamAssessment, subjects.Assessment+site)
	if err != nil {
		return judged{}, err
	}
	var j judged
	if m != nil {
		a := decodeAssessment(site, m)
		j = a.stored(m.sequence)
		if a.DecodeErr != nil {
			j.inventory, j.at = 0, time.Time{}
		}
	}
	c.setJudged(site, j)
	return j, nil
}
