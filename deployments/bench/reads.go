package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

const (
	readers   = 4   // connections that ask at one time
	perSecond = 100 // inventories that arrive meanwhile
)

// reads is B8: a portal asks a hub while inventories arrive, and a handler that sends the same bytes is asked beside it.
func reads(ctx context.Context, c config) (figures []Figure, err error) {
	n := c.size(10_000, 32)
	p, err := filled(ctx, c, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	door, err := openHub(ctx, p.hub)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, door.close()) }()
	first := p.fleet.Site(0, 0)
	for _, q := range []struct{ name, path string }{
		{"GET /sites, a page of 50", "/api/v1/sites?limit=50"},
		{"GET /findings?filter=…, a page of 50", "/api/v1/findings?limit=50&filter=severity%3E%3Dhigh"},
		{"GET one cluster", "/api/v1/clusters/" + first.Site.ID + "/" + first.Clusters[0].ID},
	} {
		measured, err := asked(ctx, c, p, door, q.name, q.path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		figures = append(figures, measured...)
	}
	return figures, nil
}

// asked measures one request: throughput against the bare handler under load, and the slowest hundredth under load against
// that without.
func asked(ctx context.Context, c config, p *plant, door *httpDoor, name, path string) ([]Figure, error) {
	body, err := door.get(ctx, door.url+path)
	if err != nil {
		return nil, err
	}
	if !json.Valid(body) || len(body) < 100 {
		return nil, fmt.Errorf("the answer is %q", body)
	}
	bare, err := openBare(ctx, body)
	if err != nil {
		return nil, err
	}
	defer bare.close() //nolint:errcheck // It holds nothing.
	var speed, slowest rounds
	took := time.Duration(c.size(3000, 30)) * time.Millisecond
	for range c.rounds {
		idle, err := door.load(ctx, door.url+path, took)
		if err != nil {
			return nil, err
		}
		stop := p.arrive(ctx)
		ours, err := door.load(ctx, door.url+path, took)
		var raw load
		if err == nil {
			raw, err = door.load(ctx, bare.url+path, took)
		}
		if err = errors.Join(err, stop()); err != nil {
			return nil, err
		}
		speed.ours, speed.raw = append(speed.ours, ours.each()), append(speed.raw, raw.each())
		slowest.ours, slowest.raw = append(slowest.ours, ours.at(0.99)), append(slowest.raw, idle.at(0.99))
	}
	note := fmt.Sprintf("%d sites, %d connections, %d inventories a second, an answer of %d bytes; on the wall's clock", p.fleet.Len(), readers, perSecond, len(body))
	return []Figure{
		compared(Figure{ID: "B8", Figure: name, Ours: Side{Does: "the hub answers while inventories arrive"}, Raw: Side{Does: "a bare handler of net/http sends the same bytes while the same inventories arrive at the hub"}, Notes: []string{note}}, speed, true).atLeast(0.6),
		compared(Figure{ID: "B8", Figure: name + ": the slowest hundredth", Ours: Side{Does: "p99 while inventories arrive"}, Raw: Side{Does: "p99 while none do"}}, slowest, false).atMost(2),
	}, nil
}

// arrive lets one site after the other send its next inventory until it is stopped.
func (p *plant) arrive(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		t := time.NewTicker(time.Second / perSecond)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-t.C:
				if p.turn%p.fleet.Len() == 0 {
					p.step++
				}
				s := p.fleet.Site(p.turn%p.fleet.Len(), p.step)
				p.turn++
				body, err := inventory.Canonical(s)
				if err == nil {
					_, err = p.conn.PublishInventory(context.WithoutCancel(ctx), bus.Inventory{Site: s.Site.ID, Revision: inventory.Revision(s), Body: body, Instance: "bench", InstanceSequence: uint64(p.step) + 1})
				}
				if err != nil {
					ended <- err
					return
				}
			}
		}
	}()
	return func() error {
		cancel()
		return <-ended
	}
}

// httpDoor is a server and a client that asks it.
type httpDoor struct {
	url    string
	client *http.Client
	close  func() error
}

const benchToken = "the token of the bench"

func openHub(ctx context.Context, h *hub.Hub) (*httpDoor, error) {
	auth, err := rest.NewTokens(rest.Token{Name: "bench", SHA256: rest.HashToken(benchToken), Role: rest.Viewer})
	if err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- h.Serve(ctx, hub.Serve{Listener: listener, Auth: auth, Registry: prometheus.NewRegistry()})
	}()
	return newDoor(listener, func() error { cancel(); return <-ended }), nil
}

func openBare(ctx context.Context, body []byte) (*httpDoor, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	same := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // one who has gone away tells so himself
	})
	server := &http.Server{Handler: same, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return newDoor(listener, func() error {
		err := server.Close()
		<-ended
		return err
	}), nil
}

func newDoor(listener net.Listener, stop func() error) *httpDoor {
	t := &http.Transport{MaxIdleConnsPerHost: readers, DisableCompression: true}
	return &httpDoor{url: "http://" + listener.Addr().String(), client: &http.Client{Transport: t}, close: func() error {
		t.CloseIdleConnections()
		return stop()
	}}
}

func (d *httpDoor) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+benchToken)
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // The body was read to its end, or the error says why not.
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, err
}

// load is what a number of connections measured that asked without a pause.
type load struct {
	took   time.Duration
	answer []float64 // nanoseconds of each answer, in order
}

func (l load) each() float64           { return float64(l.took.Nanoseconds()) / float64(len(l.answer)) }
func (l load) at(part float64) float64 { return l.answer[int(part*float64(len(l.answer)-1))] }

func (d *httpDoor) load(ctx context.Context, url string, least time.Duration) (load, error) {
	start := time.Now()
	each := make([][]float64, readers)
	group, ctx := errgroup.WithContext(ctx)
	for i := range readers {
		group.Go(func() error {
			for time.Since(start) < least || len(each[i]) == 0 {
				begin := time.Now()
				if _, err := d.get(ctx, url); err != nil {
					return err
				}
				each[i] = append(each[i], float64(time.Since(begin).Nanoseconds()))
			}
			return nil
		})
	}
	err := group.Wait()
	return load{time.Since(start), slices.Sorted(slices.Values(slices.Concat(each...)))}, err
}
