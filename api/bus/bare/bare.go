// Package bare reads the hub's streams with the NATS client and nothing around it: no envelope is checked, no position kept
// and no interruption survived. Benchmarks measure the bus and the hub against it; nothing else calls it.
package bare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus"
)

const (
	pullMessages = 1000
	pullBytes    = 16 << 20
	unsettled    = 4096
)

// Conn is a bare connection.
type Conn struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// Handler takes the data of a message and their content encoding.
type Handler func(data []byte, encoding string) error

// Connect opens a connection to a server in this process with a NATS credentials file.
func Connect(server bus.InProcess, credentialsFile string) (*Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(server), nats.UserCredentials(credentialsFile))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return &Conn{nc, js}, nil
}

// Close ends the connection.
func (c *Conn) Close() { c.nc.Close() }

// LastSequence is the last position of a stream.
func (c *Conn) LastSequence(ctx context.Context, stream string) (uint64, error) {
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("look at stream %s: %w", stream, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// LastRevision is the revision that a site's last message in the stream of assessments names; "" when there is none.
func (c *Conn) LastRevision(ctx context.Context, site string) (string, error) {
	s, err := c.js.Stream(ctx, bus.StreamAssessment)
	if err != nil {
		return "", fmt.Errorf("look for an assessment: %w", err)
	}
	m, err := s.GetLastMsgForSubject(ctx, "meridian.v1.assessment."+site)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for an assessment: %w", err)
	}
	return m.Header.Get(bus.HeaderRevision), nil
}

// Durable makes a durable consumer of a stream behind a position. Read reads n messages with it and acknowledges each; remove
// takes it away again.
func (c *Conn) Durable(ctx context.Context, stream, name string, after uint64) (read func(n int, handle Handler) error, remove func() error, err error) {
	cons, err := c.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: name, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: unsettled,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make a durable consumer: %w", err)
	}
	read = func(n int, handle Handler) error {
		k := 0
		return each(cons, n, func(m jetstream.Msg) error {
			if err := handle(m.Data(), m.Headers().Get(bus.HeaderEncoding)); err != nil {
				return err
			}
			if k++; k < n {
				return m.Ack()
			}
			return m.DoubleAck(ctx) // the server takes acknowledgements in order, so that its answer covers all
		})
	}
	return read, func() error { return c.js.DeleteConsumer(ctx, stream, name) }, nil
}

// Last reads the last message of each of n subjects of a stream.
func (c *Conn) Last(ctx context.Context, stream string, n int, handle Handler) error {
	cons, err := c.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy})
	if err != nil {
		return fmt.Errorf("read stream %s: %w", stream, err)
	}
	return each(cons, n, func(m jetstream.Msg) error { return handle(m.Data(), m.Headers().Get(bus.HeaderEncoding)) })
}

// Copies makes a stream like another and reads the last message of each of n subjects of that. Publish sends the one whose subject ends
// in a word to the new stream, settled waits until the server has stored what was sent, remove takes the stream away again.
func (c *Conn) Copies(ctx context.Context, of string, n int) (publish func(word string) error, settled, remove func() error, err error) {
	s, err := c.js.Stream(ctx, of)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("look at stream %s: %w", of, err)
	}
	config := s.CachedInfo().Config
	config.Name, config.Subjects = "COPIES", []string{"copies.*"}
	if _, err := c.js.CreateStream(ctx, config); err != nil {
		return nil, nil, nil, fmt.Errorf("make a stream: %w", err)
	}
	last := make(map[string]*nats.Msg, n)
	cons, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy})
	if err == nil {
		err = each(cons, n, func(m jetstream.Msg) error {
			word := m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:]
			header := m.Headers()
			maps.DeleteFunc(header, func(name string, _ []string) bool { return strings.HasPrefix(name, "Nats-") }) // of the other stream
			last[word] = &nats.Msg{Subject: "copies." + word, Header: header, Data: m.Data()}
			return nil
		})
	}
	remove = func() error { return c.js.DeleteStream(ctx, config.Name) }
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("read stream %s: %w", of, err), remove())
	}
	var sent []jetstream.PubAckFuture
	publish = func(word string) error {
		m := last[word]
		if m == nil {
			return fmt.Errorf("stream %s has no message of %s", of, word)
		}
		m.Header.Set(nats.MsgIdHdr, strconv.Itoa(len(sent))) // A second one of the same id would not be stored.
		f, err := c.js.PublishMsgAsync(m)
		sent = append(sent, f)
		return err
	}
	settled = func() error {
		for _, f := range sent {
			select {
			case <-f.Ok():
			case err := <-f.Err():
				return fmt.Errorf("publish a copy: %w", err)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	return publish, settled, remove, nil
}

func each(cons jetstream.Consumer, n int, handle func(jetstream.Msg) error) error {
	it, err := cons.Messages(jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes))
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	defer it.Stop()
	for range n {
		m, err := it.Next()
		if err == nil {
			err = handle(m)
		}
		if err != nil {
			return fmt.Errorf("read messages: %w", err)
		}
	}
	return nil
}
