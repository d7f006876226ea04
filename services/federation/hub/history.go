package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/federation/audit"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/report"
	"github.com/meridian-federation/meridian/planner/assess"
)

const (
	// historyBatch and historyWait bound an insert: ClickHouse wants few large ones, people want to see what just happened.
	historyBatch = 1000
	historyWait  = time.Second
	historyRetry = 5 * time.Second
)

// WriteHistory copies the streams into ClickHouse until the context ends. The position is kept by durable consumers, so
// replicas share the work, and what came while ClickHouse was away is written when it is back. The state never waits for it.
func WriteHistory(ctx context.Context, o Options, store *history.Store) error {
	for {
		err := store.Migrate(ctx)
		if err == nil {
			break
		}
		o.Logger.Warn("the history is not available and is tried again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(historyRetry):
		}
	}
	err := o.persist(ctx, "prepare the streams of the history", func() error {
		return errors.Join(o.Bus.EnsureStreams(ctx, o.Streams), o.Bus.EnsureAudit(ctx, o.Streams))
	})
	if err != nil {
		return ended(ctx, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return o.fill(ctx, store) })
	copies := []struct {
		stream, durable string
		write           func(context.Context, []bus.Message) error
	}{
		{bus.StreamInventory, "history-inventories", func(ctx context.Context, batch []bus.Message) error {
			return store.WriteInventories(ctx, inventoryRows(o, batch))
		}},
		{bus.StreamAssessment, "history-assessments", func(ctx context.Context, batch []bus.Message) error {
			return store.WriteAssessments(ctx, assessmentRows(o, batch))
		}},
		{bus.StreamRejected, "history-rejections", func(ctx context.Context, batch []bus.Message) error {
			return store.WriteRejections(ctx, rejectionRows(o, batch))
		}},
		{bus.StreamAudit, "history-audit", func(ctx context.Context, batch []bus.Message) error {
			return store.WriteAudit(ctx, auditRows(o, batch))
		}},
	}
	for _, c := range copies {
		group.Go(func() error {
			return o.Bus.Batches(ctx, c.stream, c.durable, historyBatch, historyWait, c.write)
		})
	}
	return ended(ctx, group.Wait())
}

// fill gives the rows of before what reports take of them. Until it has, they are read whole.
func (o *Options) fill(ctx context.Context, store *history.Store) error {
	for {
		filled, err := store.Fill(ctx, extract)
		if filled > 0 {
			o.Logger.Info("earlier assessments were given their extracts", "assessments", filled)
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		o.Logger.Warn("earlier assessments lack their extracts; it is tried again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Minute):
		}
	}
}

// unreadable tells of a message that no delivery will ever make readable. It is acknowledged with its batch: the stream
// keeps it, and ingest has published the rejection.
func unreadable(o Options, m *bus.Message, err error) {
	o.Logger.Warn("a message cannot be read and stays out of the history", "stream", m.Stream, "sequence", m.Sequence, "site", m.Site, "error", err)
}

func inventoryRows(o Options, batch []bus.Message) []history.InventoryRow {
	rows := make([]history.InventoryRow, 0, len(batch))
	for i := range batch {
		m := &batch[i]
		if m.DecodeErr != nil {
			unreadable(o, m, m.DecodeErr)
			continue
		}
		var head struct {
			ObservedAt time.Time `json:"observedAt"`
		}
		if err := json.Unmarshal(m.Body, &head); err != nil {
			unreadable(o, m, err)
			continue
		}
		rows = append(rows, history.InventoryRow{
			Site: m.Site, Revision: m.Revision, Sequence: m.Sequence, ObservedAt: head.ObservedAt, AcceptedAt: m.AcceptedAt,
			PlannerVersion: m.Header[bus.HeaderPlannerVersion], Instance: m.Header[bus.HeaderInstance], Document: m.Body,
		})
	}
	return rows
}

func assessmentRows(o Options, batch []bus.Message) []history.AssessmentRow {
	rows := make([]history.AssessmentRow, 0, len(batch))
	for i := range batch {
		m := &batch[i]
		row, err := assessmentRow(m)
		if err != nil {
			unreadable(o, m, err)
			continue
		}
		rows = append(rows, row)
	}
	return rows
}

func assessmentRow(m *bus.Message) (history.AssessmentRow, error) {
	if m.DecodeErr != nil {
		return history.AssessmentRow{}, m.DecodeErr
	}
	var a assess.Assessment
	if err := json.Unmarshal(m.Body, &a); err != nil {
		return history.AssessmentRow{}, fmt.Errorf("read an assessment: %w", err)
	}
	return AssessmentRow(m.Site, m.Revision, m.Sequence, &a)
}

// AssessmentRow is the history's row of an assessment, with what reports take of it. revision and sequence are those of the
// message it came in.
func AssessmentRow(site, revision string, sequence uint64, a *assess.Assessment) (history.AssessmentRow, error) {
	row, err := history.NewAssessmentRow(site, revision, sequence, a)
	if err != nil {
		return row, err
	}
	x, err := report.Of(a)
	if err != nil {
		return row, fmt.Errorf("take the extract of an assessment of %s: %w", site, err)
	}
	row.Extract = x.Text()
	return row, nil
}

func rejectionRows(o Options, batch []bus.Message) []history.RejectionRow {
	rows := make([]history.RejectionRow, 0, len(batch))
	for i := range batch {
		m := &batch[i]
		var r fleet.Rejection
		err := m.DecodeErr
		if err == nil {
			err = json.Unmarshal(m.Body, &r)
		}
		var problems []byte
		if err == nil && len(r.Problems) > 0 {
			problems, err = json.Marshal(r.Problems)
		}
		if err != nil {
			unreadable(o, m, err)
			continue
		}
		rows = append(rows, history.RejectionRow{
			Site: m.Site, At: r.At, Sequence: r.Sequence, Revision: r.Revision, Reason: r.Reason, Detail: r.Detail, Problems: string(problems),
		})
	}
	return rows
}

func auditRows(o Options, batch []bus.Message) []history.AuditEntry {
	rows := make([]history.AuditEntry, 0, len(batch))
	for i := range batch {
		m := &batch[i]
		var e audit.Entry
		err := m.DecodeErr
		if err == nil {
			err = json.Unmarshal(m.Body, &e)
		}
		if err != nil {
			unreadable(o, m, err)
			continue
		}
		object := e.Target
		if object == "" {
			object = e.Site
		}
		rows = append(rows, history.AuditEntry{
			ID: e.ID, At: e.At, Actor: e.By, Action: e.Act, Object: object, Reason: e.Why, Before: string(e.Before), After: string(e.After), RequestID: e.RequestID,
		})
	}
	return rows
}
