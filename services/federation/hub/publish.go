package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
)

// publish sends assessments. Those of one site go one after the other, in rounds, all else at once.
func (h *Hub) publish(ctx context.Context, records []*fleet.Record) []fleet.Published {
	out := make([]fleet.Published, len(records))
	if !h.o.Bus.Connected() {
		// Their texts need not be made in vain.
		for i := range out {
			out[i].Err = fmt.Errorf("%w: not connected", bus.ErrUnavailable)
		}
		return out
	}
	for _, round := range rounds(records) {
		messages := make([]bus.Assessment, len(round))
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for k, i := range round {
			group.Go(func() error {
				messages[k], out[i].Err = message(records[i])
				return nil
			})
		}
		_ = group.Wait() // each has an error of its own
		acks, failed := h.o.Bus.PublishAssessments(ctx, messages)
		for k, i := range round {
			if out[i].Err == nil {
				out[i].Err = failed[k]
			}
			outcome := "stored"
			switch {
			case out[i].Err != nil:
				outcome = "failed"
			case acks[k].Superseded:
				outcome = "superseded"
			case acks[k].Duplicate:
				outcome = "duplicate"
			}
			h.metrics.assessments.WithLabelValues(outcome).Inc()
			if outcome == "superseded" || outcome == "duplicate" {
				out[i].Instead, out[i].Err = h.instead(ctx, records[i], messages[k].Body)
			}
		}
	}
	return out
}

// instead is what the stream holds of a record's revision when that is another verdict, which an other replica made of what
// it had seen: there is one on a revision.
func (h *Hub) instead(ctx context.Context, r *fleet.Record, body []byte) (*assess.Assessment, error) {
	last, ok, err := h.o.Bus.LastAssessment(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if !ok || last.Revision != r.Revision || last.InventorySequence != r.Sequence || bytes.Equal(last.Body, body) {
		return nil, nil
	}
	held := new(assess.Assessment)
	if err := json.Unmarshal(last.Body, held); err != nil {
		return nil, fmt.Errorf("read the assessment that the stream holds instead: %w", err)
	}
	held.Basis = assess.ParseBasis(last.Basis)
	return held, nil
}

// rounds are the positions of the records, split so that no round has two of one site and all rounds together keep the
// order of each site.
func rounds(records []*fleet.Record) [][]int {
	var out [][]int
	next := map[string]int{}
	for i, r := range records {
		n := next[r.ID]
		next[r.ID]++
		if n == len(out) {
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

func message(r *fleet.Record) (bus.Assessment, error) {
	body, err := assess.Compact(r.Assessment)
	if err != nil {
		return bus.Assessment{}, err
	}
	return bus.Assessment{
		Site: r.ID, Revision: r.Revision, At: r.Assessment.At, Body: body, InventorySequence: r.Sequence, Basis: r.Assessment.Basis.String(),
		MessageID: fmt.Sprintf("%s:%s:%s:%d", r.ID, r.Revision, r.Assessment.RulePack.Hash, r.Assessment.At.UnixNano()),
	}, nil
}
