package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// Audit is one entry of the audit.
type Audit struct {
	ID   string // equal for an entry that is sent again
	At   time.Time
	Body []byte // JSON

	// Set by the reader.
	StreamSequence uint64
	AcceptedAt     time.Time
	DecodeErr      error
}

// EnsureAudit creates the stream of the audit: nothing in it ages, and neither a message nor all of them can be deleted
// through the server's API, by the hub either. When the disk or the limit is full, new entries are refused (ErrFull).
func (c *Conn) EnsureAudit(ctx context.Context, o StreamOptions) error {
	cfg := jetstream.StreamConfig{
		Name: StreamAudit, Subjects: []string{subjects.Audit}, Description: "Audit: every write, append-only",
		Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		Replicas: or(o.Replicas, 1), MaxBytes: or(o.MaxBytes, -1), MaxMsgs: -1, MaxMsgsPerSubject: -1, AllowDirect: true, Duplicates: DuplicateWindow,
		DenyDelete: true, DenyPurge: true,
	}
	if o.Compress {
		cfg.Compression = jetstream.S2Compression
	}
	return mapError(ctx, "set up stream "+cfg.Name, c.ensureStream(ctx, cfg, o.VerifyOnly))
}

// PublishAudit appends an entry and returns once the stream has it.
func (c *Conn) PublishAudit(ctx context.Context, a Audit) (Ack, error) {
	e := envelope.Envelope{ID: a.ID, Source: envelope.HubSource, Type: envelope.TypeAudit, Time: c.stamp(a.At), Dedupe: true}
	return c.publishHub(ctx, "append to the audit", StreamAudit, "", subjects.Audit, nil, e, a.Body)
}

// Audits reads the audit from its beginning, then every new entry, as Inventories does.
func (c *Conn) Audits(ctx context.Context, handler func(Audit), caughtUp func()) error {
	r := &reader{c: c, stream: StreamAudit, filter: subjects.Audit, caughtUp: caughtUp, all: true}
	r.handle = func(_ context.Context, m *stored) error {
		a := Audit{StreamSequence: m.sequence, AcceptedAt: m.time}
		e, err := envelope.DecodeSite(m.header, envelope.TypeAudit, "")
		a.ID, a.At = e.ID, e.Time
		if err == nil {
			a.Body, err = c.codec.body(m)
		}
		if err != nil {
			a.DecodeErr = fmt.Errorf("entry %d of the audit: %w", m.sequence, err)
		}
		handler(a)
		return nil
	}
	return r.run(ctx)
}
