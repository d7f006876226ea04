package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strings"
)

// Event is one event of the server's stream.
type Event struct {
	ID      string // for Events, to continue after it
	Type    string // fleet, site or reset
	Index   uint64
	Site    string // of a site event
	Removed bool   // of a site event
}

// maxEventLine bounds one line of the stream.
const maxEventLine = 1 << 20

// Events yields the server's events after the given id, "" meaning from now on, until ctx ends, the caller stops or the
// connection breaks; the last two items then are the last event and an error of code Unavailable. After an event of type
// reset the caller has missed some and reads again what it shows.
func (c *Client) Events(ctx context.Context, after string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		h := http.Header{"Accept": {"text/event-stream"}}
		if after != "" {
			h.Set("Last-Event-ID", after)
		}
		stream := *c
		endless := *c.http
		endless.Timeout = 0 // the context bounds a stream, not a clock
		stream.http = &endless
		resp, err := stream.send(ctx, http.MethodGet, "/events", nil, nil, h)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		err = readEvents(resp.Body, func(e Event) bool { return yield(e, nil) })
		if err != nil && ctx.Err() == nil {
			yield(Event{}, err)
		}
	}
}

// readEvents returns nil when yield asked to stop.
func readEvents(r io.Reader, yield func(Event) bool) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 4096), maxEventLine)
	var e Event
	data := ""
	for sc.Scan() {
		field, value, _ := strings.Cut(sc.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.ID = value
		case "event":
			e.Type = value
		case "data":
			data += value
		case "": // a comment, or the empty line that ends an event
			if sc.Text() != "" || data == "" {
				continue
			}
			var body struct {
				Index  uint64 `json:"index"`
				Site   string `json:"site"`
				Change string `json:"change"`
			}
			if err := json.Unmarshal([]byte(data), &body); err != nil {
				return &Error{Code: Internal, Detail: "an event cannot be read", Err: err}
			}
			e.Index, e.Site, e.Removed = body.Index, body.Site, body.Change == "removed"
			if !yield(e) {
				return nil
			}
			e, data = Event{}, ""
		}
	}
	return &Error{Code: Unavailable, Detail: "the event stream broke off", Err: sc.Err()}
}
