package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bare"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/embedded"
	"github.com/meridian-federation/meridian/federation/ingest"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// patience bounds every wait for the hub.
const patience = 10 * time.Minute

// plant is a message bus with a fleet that publishes to it and, when it was started, a hub that reads from it. Hub and server
// are in this process, so that the processor time of a round is all that was spent, the server's part included on both sides.
type plant struct {
	dir    string
	server *embedded.Server
	door   *bustest.Door
	conn   *bus.Conn  // the publishers'
	bare   *bare.Conn // the raw side's
	engine *assess.Engine
	fleet  *sitesim.Fleet
	dec    *zstd.Decoder

	step     int // last one published
	turn     int // of the sites that change one after the other
	bytes    int // of the documents of that step
	hub      *hub.Hub
	hubConn  *bus.Conn
	stopHub  func() error
	revision []string // last one of each site
}

func newPlant(ctx context.Context, c config, sites int) (p *plant, err error) {
	p = &plant{fleet: sitesim.New(sitesim.Options{Seed: c.seed, Sites: sites, Start: time.Now().UTC().Add(-6 * time.Hour).Truncate(time.Millisecond), Every: time.Minute}), step: -1, revision: make([]string, sites)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.engine, err = assess.Builtin(); err != nil {
		return p, fmt.Errorf("make the engine: %w", err)
	}
	if p.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
		return p, fmt.Errorf("make a decoder: %w", err)
	}
	if p.dir, err = os.MkdirTemp("", "meridian-bench-"); err != nil {
		return p, fmt.Errorf("make a folder: %w", err)
	}
	if p.server, err = embedded.Start(ctx, embedded.Options{Dir: filepath.Join(p.dir, "nats")}); err != nil {
		return p, fmt.Errorf("start NATS: %w", err)
	}
	p.door = &bustest.Door{Server: p.server}
	if p.conn, err = bus.Connect(ctx, bus.Options{Name: "bench", InProcess: p.server, CredentialsFile: p.server.CredentialsFile(), WaitConnected: true, PublishTimeout: time.Minute}); err != nil {
		return p, err
	}
	if err = p.conn.EnsureStreams(ctx, bus.StreamOptions{}); err != nil {
		return p, err
	}
	if p.bare, err = bare.Connect(p.server, p.server.CredentialsFile()); err != nil {
		return p, err
	}
	return p, nil
}

func (p *plant) close() error {
	var failed []error
	if p.stopHub != nil {
		failed = append(failed, p.stopHub())
	}
	if p.bare != nil {
		p.bare.Close()
	}
	if p.conn != nil {
		p.conn.Close()
	}
	if p.server != nil {
		failed = append(failed, p.server.Close())
	}
	if p.dec != nil {
		p.dec.Close()
	}
	if p.dir != "" {
		failed = append(failed, os.RemoveAll(p.dir))
	}
	return errors.Join(failed...)
}

// publish sends the next step of the first n sites and returns the position of the stream before it.
func (p *plant) publish(ctx context.Context, n int) (before uint64, err error) {
	if before, err = p.bare.LastSequence(ctx, bus.StreamInventory); err != nil {
		return 0, err
	}
	p.step++
	var mu sync.Mutex
	p.bytes = 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for i := range n {
		group.Go(func() error {
			s := p.fleet.Site(i, p.step)
			body, err := inventory.Canonical(s)
			if err != nil {
				return err
			}
			revision := inventory.Revision(s)
			_, err = p.conn.PublishInventory(ctx, bus.Inventory{Site: s.Site.ID, Revision: revision, Body: body, Instance: "bench", InstanceSequence: uint64(p.step) + 1})
			mu.Lock()
			defer mu.Unlock()
			p.revision[i], p.bytes = revision, p.bytes+len(body)
			return err
		})
	}
	return before, group.Wait()
}

// start runs a hub until it is ready.
func (p *plant) start(ctx context.Context) error {
	var err error
	p.hubConn, err = bus.Connect(ctx, bus.Options{Name: "hub", InProcess: p.door, CredentialsFile: p.server.CredentialsFile(), WaitConnected: true, ReconnectWait: 10 * time.Millisecond})
	if err != nil {
		return err
	}
	p.hub, err = hub.New(hub.Options{
		Bus: p.hubConn, Engine: p.engine, Policy: policy.Default(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now,
		Limits: ingest.Limits{Burst: 1 << 20}, // what is measured is the work, not the limit of a site
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.hub.Run(ctx) }()
	p.stopHub = func() error {
		cancel()
		err := <-ended
		p.hubConn.Close()
		p.hub, p.hubConn, p.stopHub = nil, nil, nil
		return err
	}
	select {
	case <-p.hub.Ready():
		return nil
	case err := <-ended:
		return fmt.Errorf("the hub ended: %w", err)
	case <-time.After(patience):
		return errors.New("the hub is not ready")
	}
}

// applied waits until the assessment of the last revision of each of the first n sites is in the stream.
func (p *plant) applied(ctx context.Context, n int) error {
	limit := time.Now().Add(patience)
	view := p.hub.View()
	for i := 0; i < n; {
		if r, ok := view.Site(p.fleet.ID(i)); ok && r.Revision == p.revision[i] {
			i++
			continue
		}
		if time.Now().After(limit) || ctx.Err() != nil {
			return fmt.Errorf("site %s is not applied", p.fleet.ID(i))
		}
		time.Sleep(time.Millisecond)
		view = p.hub.View()
	}
	for i := n - 1; i >= 0; {
		revision, err := p.bare.LastRevision(ctx, p.fleet.ID(i))
		if err != nil {
			return err
		}
		if revision == p.revision[i] {
			i -= max(1, n/10) // a sample: the last ones and some between
			continue
		}
		if time.Now().After(limit) {
			return fmt.Errorf("the assessment of site %s is not in the stream", p.fleet.ID(i))
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// through lets the hub work off what the sites published while it was cut off: what a change costs it.
func (p *plant) through(ctx context.Context, n int) (cost, error) {
	return timed(func() error {
		p.door.Open()
		return p.applied(ctx, n)
	})
}

// consume reads messages behind a position with a durable consumer and acknowledges each.
func (p *plant) consume(ctx context.Context, after uint64, n int, handle bare.Handler) (cost, error) {
	read, remove, err := p.bare.Durable(ctx, bus.StreamInventory, "bench", after)
	if err != nil {
		return cost{}, err
	}
	took, err := timed(func() error { return read(n, handle) })
	return took, errors.Join(err, remove())
}

// pass is what a hub spends around its judgements: each message is decoded and answered with the last assessment of its site.
func (p *plant) pass(ctx context.Context, after uint64, n int) (cost, error) {
	publish, settled, remove, err := p.bare.Copies(ctx, bus.StreamAssessment, n)
	if err != nil {
		return cost{}, err
	}
	read, end, err := p.bare.Durable(ctx, bus.StreamInventory, "bench", after)
	if err != nil {
		return cost{}, errors.Join(err, remove())
	}
	took, err := timed(func() error {
		err := read(n, func(data []byte, encoding string) error {
			var s inventory.Site
			if err := p.decodeInto(data, encoding, &s); err != nil {
				return err
			}
			return publish(s.Site.ID)
		})
		return errors.Join(err, settled())
	})
	return took, errors.Join(err, end(), remove())
}

// decode is the least a reader has to do with a document.
func (p *plant) decode(data []byte, encoding string) error {
	var s inventory.Site
	return p.decodeInto(data, encoding, &s)
}

func (p *plant) decodeInto(body []byte, encoding string, v any) error {
	if encoding == "zstd" {
		var err error
		if body, err = p.dec.DecodeAll(body, nil); err != nil {
			return fmt.Errorf("decompress: %w", err)
		}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}

// cost is what something took.
type cost struct{ cpu, wall time.Duration }

func timed(do func() error) (cost, error) {
	runtime.GC()
	cpu, wall := now(), time.Now()
	err := do()
	return cost{now() - cpu, time.Since(wall)}, err
}

// costs collects rounds of both sides, by processor time and by the clock on the wall.
type costs struct{ cpu, wall rounds }

func (c *costs) add(ours, raw cost, units int) {
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(units) }
	c.cpu.ours, c.cpu.raw = append(c.cpu.ours, per(ours.cpu)), append(c.cpu.raw, per(raw.cpu))
	c.wall.ours, c.wall.raw = append(c.wall.ours, per(ours.wall)), append(c.wall.raw, per(raw.wall))
}

// figure compares by processor time and tells the other.
func (c *costs) figure(f Figure, faster bool) Figure {
	f = compared(f, c.cpu, faster)
	w := compared(Figure{}, c.wall, faster)
	f.Notes = append(f.Notes, fmt.Sprintf("on the wall's clock: ours %s, raw %s, ratio %s (%s..%s)",
		duration(w.Ours.Nano), duration(w.Raw.Nano), number(w.Ratio), number(w.Spread[0]), number(w.Spread[1])))
	return f
}

// throughput is B1 and B2: the hub works off a backlog of revisions that gathered while it was cut off, and two durable
// consumers read the same messages.
func throughput(ctx context.Context, c config) (figures []Figure, err error) {
	n := c.size(1000, 16)
	p, err := newPlant(ctx, c, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if _, err := p.publish(ctx, n); err != nil {
		return nil, err
	}
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	if err := p.applied(ctx, n); err != nil {
		return nil, err
	}
	var acked, decoded, least, leastDecoded costs
	judged := p.hub.Evaluations()
	for range c.rounds {
		if err := p.door.Cut(); err != nil {
			return nil, fmt.Errorf("cut the hub off: %w", err)
		}
		before, err := p.publish(ctx, n)
		if err != nil {
			return nil, err
		}
		ack, err := p.consume(ctx, before, n, func([]byte, string) error { return nil })
		if err != nil {
			return nil, err
		}
		decode, err := p.consume(ctx, before, n, p.decode)
		if err != nil {
			return nil, err
		}
		pass, err := p.pass(ctx, before, n)
		if err != nil {
			return nil, err
		}
		ours, err := p.through(ctx, n)
		if err != nil {
			return nil, err
		}
		acked.add(ours, ack, n)
		decoded.add(ours, decode, n)
		least.add(pass, ack, n)
		leastDecoded.add(pass, decode, n)
	}
	each := float64(p.hub.Evaluations()-judged) / float64(c.rounds*n)
	ours := Side{Does: "the hub after a cut: read, decode, normalise, validate, assess, commit, publish the assessment; with recommendations, hubs' changes reach their spokes"}
	acks := Side{Does: "a durable consumer acknowledges the same messages"}
	decodes := Side{Does: "a durable consumer decodes them with encoding/json into inventory.Site and acknowledges"}
	without := Side{Does: "a durable consumer decodes with encoding/json, publishes the hub's last assessment of the site as it lies in the stream, and acknowledges: what is left of the time when judging, writing and keeping cost nothing"}
	note := fmt.Sprintf("%d revisions a round of %d bytes, %.2f judgements each; the server's share is on both sides", n, p.bytes/n, each)
	return []Figure{
		acked.figure(Figure{ID: "B1", Figure: "an inventory through the hub", Ours: ours, Raw: acks, Notes: []string{note}}, true).atLeast(0.15),
		decoded.figure(Figure{ID: "B2", Figure: "the same", Ours: ours, Raw: decodes}, true).atLeast(0.6),
		least.figure(Figure{ID: "B1", Figure: "an inventory that nobody judges", Ours: without, Raw: acks}, true),
		leastDecoded.figure(Figure{ID: "B2", Figure: "the same", Ours: without, Raw: decodes}, true),
	}, nil
}
