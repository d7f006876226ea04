package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/api/rest/gen"
)

const (
	heartbeat = 15 * time.Second
	// gather is how long changes are collected into one write, so that a busy fleet does not wake every browser for each site.
	gather = 200 * time.Millisecond
	// writeLimit is how long one write to a client may take before it is given up.
	writeLimit = 10 * time.Second
	// retryMillis is how long a browser waits before it connects again.
	retryMillis = 2000
)

// StreamEvents implements the contract.
func (a *api) StreamEvents(ctx context.Context, req gen.StreamEventsRequestObject) (gen.StreamEventsResponseObject, error) {
	if a.Changes == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server sends no events"}
	}
	var since uint64
	if id := req.Params.LastEventID; id != "" {
		var err error
		if since, err = strconv.ParseUint(id, 10, 64); err != nil {
			return nil, badParameter("Last-Event-ID", "the id is not one of this stream")
		}
	}
	st := &stream{api: a, call: callOf(ctx), since: since, fleet: true, site: true}
	if types := req.Params.Types; len(types) > 0 {
		st.fleet = slices.Contains(types, gen.StreamEventsParamsTypes("fleet"))
		st.site = slices.Contains(types, gen.StreamEventsParamsTypes("site"))
	}
	return st, nil
}

// stream is one open event stream. It runs in the request's own goroutine and ends with its context.
type stream struct {
	api         *api
	call        *call
	since       uint64
	fleet, site bool
}

func (st *stream) VisitStreamEventsResponse(w http.ResponseWriter) error {
	ctx := st.call.request.Context()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	st.api.metrics.Streams.Inc()
	defer st.api.metrics.Streams.Dec()
	// The subscription begins before the first byte: what happens after the client sees the stream open is in it.
	changes := st.api.Changes.Changes(ctx, st.since)
	out := &eventWriter{w: w, rc: http.NewResponseController(w)}
	if err := out.send("retry: " + strconv.Itoa(retryMillis) + "\n\n"); err != nil {
		return nil //nolint:nilerr // the client is gone, which is no failure of the server
	}
	beat := time.NewTicker(st.api.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-st.api.Closing:
			return nil
		case <-beat.C:
			if out.send(": still here\n\n") != nil {
				return nil
			}
		case c, ok := <-changes:
			if !ok {
				return nil
			}
			batch, open := st.gather(ctx, c, changes)
			if text := st.events(batch); text != "" && out.send(text) != nil {
				return nil
			}
			if !open {
				return nil
			}
		}
	}
}

// gather collects what follows a first change within a short time. It reports whether the channel is still open.
func (st *stream) gather(ctx context.Context, first changefeed.Change, changes <-chan changefeed.Change) ([]changefeed.Change, bool) {
	batch := []changefeed.Change{first}
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for len(batch) < changefeed.Buffer {
		select {
		case c, ok := <-changes:
			if !ok {
				return batch, false
			}
			batch = append(batch, c)
		case <-timer.C:
			return batch, true
		case <-ctx.Done():
			return batch, false
		}
	}
	return batch, true
}

// events writes a batch: the last change of each site in the order they came, then one event for the whole fleet. Foreign
// sites are left out, yet the fleet's event carries the id past them.
func (st *stream) events(batch []changefeed.Change) string {
	var b strings.Builder
	lastOf := map[string]int{}
	for i, c := range batch {
		lastOf[c.Site] = i
	}
	last := batch[len(batch)-1]
	for i, c := range batch {
		switch {
		case c.Missed:
			writeEvent(&b, c.ID, "reset", gen.FleetEvent{Index: int(c.Index)}) //nolint:gosec // an index stays far below 2^63
		case st.site && lastOf[c.Site] == i && st.call.scope.Allows(c.Site):
			change := gen.SiteEventChange("updated")
			if c.Removed {
				change = "removed"
			}
			writeEvent(&b, c.ID, "site", gen.SiteEvent{Index: int(c.Index), Site: c.Site, Change: change}) //nolint:gosec // as above
		}
	}
	if st.fleet && !last.Missed {
		writeEvent(&b, last.ID, "fleet", gen.FleetEvent{Index: int(last.Index)}) //nolint:gosec // as above
	}
	return b.String()
}

func writeEvent(b *strings.Builder, id uint64, event string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		return // the types of events always encode
	}
	fmt.Fprintf(b, "id: %d\nevent: %s\ndata: %s\n\n", id, event, body)
}

type eventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (e *eventWriter) send(text string) error {
	if err := e.rc.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	if err := e.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("flush an event: %w", err)
	}
	return nil
}
