// Package notify tells other systems of what changed in the federation: it derives transitions from what the hub has
// published, puts them in a durable queue for each webhook whose route they match, and delivers them signed, at least once
// and in order. Replicas share targets, positions and queue through the message bus and hold no locks. It judges nothing
// and reads no inventory; services/federation/hub feeds it, api/rest manages its webhooks.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/queue"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Bucket keeps documents by key; *bus.Bucket[T] is one.
type Bucket[T any] interface {
	Create(ctx context.Context, key string, value T) (bus.Entry[T], error)
	Get(ctx context.Context, key string) (bus.Entry[T], error)
	Update(ctx context.Context, key string, value T, revision uint64) (bus.Entry[T], error)
	Delete(ctx context.Context, key string, revision uint64) error
	List(ctx context.Context) ([]bus.Entry[T], error)
	Watch(ctx context.Context, handler func(bus.Entry[T]), caughtUp func()) error
}

// Queue holds deliveries in lanes, one for each webhook; *queue.Queue is one.
type Queue interface {
	Put(ctx context.Context, lane, id string, body []byte) error
	Work(ctx context.Context, lane string, f func(context.Context, queue.Entry) queue.Outcome) error
	Waiting(ctx context.Context, lane string) (int, error)
	Remove(ctx context.Context, lane string) error
}

// Stores are where the package keeps what replicas share.
type Stores struct {
	Webhooks Bucket[Webhook]
	Logs     Bucket[Log]    // by webhook
	Digests  Bucket[digest] // by webhook
	Dead     Bucket[Dead]   // by webhook and delivery
	Sites    Bucket[Known]  // by site
	Queue    Queue
}

// Open opens the stores on the message bus.
func Open(ctx context.Context, c *bus.Conn, o bus.StreamOptions, q queue.Options) (s Stores, err error) {
	if s.Webhooks, err = open[Webhook](ctx, c, o, "webhooks", "Webhooks with what they may see, sealed", 5, err); err != nil {
		return s, err
	}
	s.Logs, err = open[Log](ctx, c, o, "webhook-logs", "Last deliveries of each webhook", 1, err)
	s.Digests, err = open[digest](ctx, c, o, "webhook-digests", "What the next digest of each webhook tells", 1, err)
	s.Dead, err = open[Dead](ctx, c, o, "webhook-dead", "Deliveries that were given up", 1, err)
	s.Sites, err = open[Known](ctx, c, o, "webhook-sites", "What receivers were told of each site", 1, err)
	if err != nil {
		return s, err
	}
	q.Name = "webhooks"
	s.Queue, err = queue.Open(ctx, c, o, q)
	return s, err
}

func open[T any](ctx context.Context, c *bus.Conn, o bus.StreamOptions, name, description string, history int, failed error) (Bucket[T], error) {
	if failed != nil {
		return nil, failed
	}
	return bus.OpenBucket[T](ctx, c, o, bus.BucketOptions{Name: name, Description: description, History: history})
}

// Site is what of a site a route and a message name.
type Site struct {
	Name    string
	Country string
	Regions []string // of its clusters, sorted
	Tags    map[string]string
}

// Counts are what the findings list answers for a filter at one instant.
type Counts struct {
	Total    int `json:"total"` // what fails or is unknown
	Critical int `json:"critical"`
	High     int `json:"high"`
	Medium   int `json:"medium"`
	Low      int `json:"low"`
	Info     int `json:"info"`
	Unknown  int `json:"unknown"` // of any severity; those above only fail
	Waived   int `json:"waived"`
}

// Options are what the service works with. Zero durations and numbers take the defaults of this package.
type Options struct {
	Stores Stores
	// Key seals URLs, header values and secrets in the bucket: 32 bytes, the same on every replica.
	Key []byte
	// Secrets is the folder with the secrets' files that webhooks may name; empty allows generated secrets only.
	Secrets string
	// Site tells of a site as it is now; false when it is not known.
	Site func(id string) (Site, bool)
	// Count answers a digest's query; the filter may be empty.
	Count func(filter string) (Counts, error)
	// Link is the address of the web client, "https://meridian.example.com"; empty sends no links.
	Link    string
	Audit   Audit
	Allow   []netip.Prefix // private, loopback and link-local addresses that webhooks may name
	Now     func() time.Time
	Logger  *slog.Logger
	Tuning  Tuning
	Version string // of the hub, told to receivers as the user agent
}

// Tuning are the parameters of delivery and damping. None of the defaults is published by anybody: assumptions.
type Tuning struct {
	Timeout    time.Duration // of one attempt; 10 s
	FirstRetry time.Duration // 5 s; it doubles with each attempt, half of it by chance
	MaxRetry   time.Duration // 1 h, also of what a receiver asks for by Retry-After
	Attempts   int           // after which a delivery is given up; 12, which is some 4 hours
	// FlapLimit changes of one finding within FlapWindow are told; further ones are held back until it has been quiet for
	// the window, then its state is told once if it is another. 4 within 1 h.
	FlapLimit     int
	FlapWindow    time.Duration
	WaiverWarning time.Duration // how long before its end a waiver is told as expiring; 7 days
	Tick          time.Duration // how often is looked at what time alone changes; 5 s
	// DeadLetters of one webhook are kept, the newest; 1,000. Until somebody counts, a tenth more may lie there for each replica.
	DeadLetters int
}

func (t *Tuning) defaults() {
	set(&t.Timeout, 10*time.Second)
	set(&t.FirstRetry, 5*time.Second)
	set(&t.MaxRetry, time.Hour)
	set(&t.Attempts, 12)
	set(&t.FlapLimit, 4)
	set(&t.FlapWindow, time.Hour)
	set(&t.WaiverWarning, 7*24*time.Hour)
	set(&t.Tick, 5*time.Second)
	set(&t.DeadLetters, 1000)
}

func set[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Person is who manages webhooks.
type Person struct{ ID, Name string }

// Act is one entry of the audit. It holds no secret, no URL beyond its host and no header value.
type Act struct {
	Act     string // webhook.created, webhook.updated, webhook.deleted, webhook.tested, webhook.redelivered, webhook.disabled, webhook.dropped
	Who     Person // zero for the hub itself
	At      time.Time
	Webhook string
	Detail  string
}

// Audit keeps an act.
type Audit func(ctx context.Context, a Act)

// newsBefore is how long before a webhook was made an event may have happened to be told: more than clocks differ.
const newsBefore = time.Minute

// Service is one replica's.
type Service struct {
	o      Options
	seal   *seal
	client *http.Client
	ready  chan struct{}

	mu      sync.Mutex
	targets map[string]*target
	buried  map[string]int       // dead letters of a webhook since they were counted
	waiting map[string]time.Time // sites at which time alone will make something to tell, and when
	wake    chan struct{}        // the targets changed
}

// target is a webhook ready for use.
type target struct {
	entry   bus.Entry[Webhook]
	route   *route
	private private
	broken  error // why it cannot be used
}

// New prepares the service; Run works.
func New(o Options) (*Service, error) {
	o.Tuning.defaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Audit == nil || o.Site == nil || o.Count == nil || o.Now == nil {
		return nil, errors.New("notifications: Audit, Site, Count and Now are needed")
	}
	k, err := newSeal(o.Key)
	if err != nil {
		return nil, err
	}
	return &Service{
		o: o, seal: k, client: newClient(o.Allow, o.Tuning.Timeout), ready: make(chan struct{}),
		targets: map[string]*target{}, buried: map[string]int{}, waiting: map[string]time.Time{}, wake: make(chan struct{}, 1),
	}, nil
}

// Run works until the context ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	known, held := make(chan struct{}), make(chan struct{})
	group.Go(func() error { return s.o.Stores.Webhooks.Watch(ctx, s.heard, func() { close(known) }) })
	group.Go(func() error { return s.o.Stores.Sites.Watch(ctx, s.heardSite, func() { close(held) }) })
	group.Go(func() error {
		for _, c := range []chan struct{}{known, held} {
			select {
			case <-c:
			case <-ctx.Done():
				return nil
			}
		}
		close(s.ready)
		return nil
	})
	group.Go(func() error { return s.deliver(ctx) })
	group.Go(func() error { return s.watchTheClock(ctx) })
	return group.Wait()
}

// Ready closes when the webhooks are known.
func (s *Service) Ready() <-chan struct{} { return s.ready }

func (s *Service) heard(e bus.Entry[Webhook]) {
	s.mu.Lock()
	if e.Deleted {
		delete(s.targets, e.Key)
	} else {
		t := s.open(e)
		if t.broken != nil {
			s.o.Logger.Error("a webhook cannot be used", "webhook", e.Key, "error", t.broken)
		}
		s.targets[e.Key] = t
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// open makes a stored webhook ready for use.
func (s *Service) open(e bus.Entry[Webhook]) *target {
	t := &target{entry: e, broken: e.Err}
	if t.broken == nil {
		t.private, t.broken = s.seal.open(&e.Value)
	}
	if t.broken == nil {
		t.route, t.broken = newRoute(&e.Value.Spec)
	}
	return t
}

func (s *Service) heardSite(e bus.Entry[Known]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, e.Key)
	if e.Err == nil && !e.Deleted {
		if due := e.Value.due(&s.o.Tuning); !due.IsZero() {
			s.waiting[e.Key] = due
		}
	}
}

func (s *Service) target(id string) (*target, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.targets[id]
	return t, ok
}

// enabled are the webhooks that are in use, in order of id.
func (s *Service) enabled() []*target {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*target
	for _, t := range s.targets {
		if t.broken == nil && t.entry.Value.Disabled == nil {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *target) int { return strings.Compare(a.entry.Key, b.entry.Key) })
	return out
}

// Tell hands events to every webhook whose route they match. It returns when all are in the queue, a digest or the dead
// letters, so that the caller may forget them; after an error it tells all of them again. Events are recognised by their id.
func (s *Service) Tell(ctx context.Context, events ...Event) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return fmt.Errorf("notify: %w", ctx.Err())
	}
	targets := s.enabled()
	for i := range events {
		e := &events[i]
		s.complete(e)
		for _, t := range targets {
			// A hub that reads the streams from their start for the first time comes upon much that is long over.
			if e.At.Add(newsBefore).Before(t.entry.Value.CreatedAt) || !t.route.matches(e) {
				continue
			}
			if err := s.put(ctx, t, e); err != nil {
				return fmt.Errorf("notify webhook %s of %s: %w", t.entry.Key, e.ID, err)
			}
		}
	}
	return nil
}

// complete adds what is known of the event's site.
func (s *Service) complete(e *Event) {
	site, ok := s.o.Site(e.Site)
	if !ok {
		return
	}
	if e.SiteName == "" {
		e.SiteName = site.Name
	}
	if len(e.Regions) == 0 {
		e.Regions = site.Regions
	}
	e.Country, e.Tags = site.Country, site.Tags
}

func (s *Service) put(ctx context.Context, t *target, e *Event) error {
	if t.entry.Value.Spec.Digest != nil {
		return s.gather(ctx, t.entry.Key, e)
	}
	return s.enqueue(ctx, t.entry.Key, &delivery{ID: e.ID, Event: e})
}

// enqueue puts a delivery in its lane. One that finds the lane full is a dead letter at once: it can be redelivered, and
// nothing else waits for it.
func (s *Service) enqueue(ctx context.Context, webhook string, d *delivery) error {
	body, err := d.encode()
	if err != nil {
		return err
	}
	err = s.o.Stores.Queue.Put(ctx, webhook, d.queueID(), body)
	if errors.Is(err, bus.ErrFull) {
		return s.bury(ctx, webhook, d, Attempt{At: s.o.Now().UTC(), Delivery: d.ID, Error: "the queue of the webhook is full"})
	}
	return err
}

// deliver keeps one worker for each webhook in use, so that none waits for another.
func (s *Service) deliver(ctx context.Context) error {
	workers := map[string]context.CancelFunc{}
	var group sync.WaitGroup
	defer group.Wait()
	for {
		wanted := map[string]bool{}
		for _, t := range s.enabled() {
			id := t.entry.Key
			if wanted[id] = true; workers[id] != nil {
				continue
			}
			own, stop := context.WithCancel(ctx)
			workers[id] = stop
			group.Go(func() {
				if err := s.o.Stores.Queue.Work(own, id, func(ctx context.Context, e queue.Entry) queue.Outcome { return s.work(ctx, id, e) }); err != nil {
					s.o.Logger.Error("deliver to a webhook", "webhook", id, "error", err)
				}
			})
		}
		for id, stop := range maps.Clone(workers) {
			if !wanted[id] {
				stop()
				delete(workers, id)
			}
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			for _, stop := range workers {
				stop()
			}
			return nil
		}
	}
}

// watchTheClock looks at what time alone changes.
func (s *Service) watchTheClock(ctx context.Context) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil
	}
	ticker := time.NewTicker(s.o.Tuning.Tick)
	defer ticker.Stop()
	for {
		for _, f := range []func(context.Context) error{s.settle, s.digests} {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				s.o.Logger.Warn("notifications are tried again", "error", err)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func severities() []string {
	all := rules.Severities()
	out := make([]string, len(all))
	for i, x := range all {
		out[i] = string(x)
	}
	return out
}

// Knows reports whether this replica delivers to a webhook as it is at the revision, or later.
func (s *Service) Knows(id string, revision uint64) bool {
	t, ok := s.target(id)
	return ok && t.entry.Revision >= revision
}
