package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/queue"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/govern"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/enrol"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

const (
	// notifyWait is how long a reader of the streams waits for a message before it asks again.
	notifyWait     = time.Second
	enrolledWithin = 5 * time.Second
)

// Notification says how notifications are sent.
type Notification struct {
	Key     []byte // of notify.KeySize, the same on every replica
	Secrets string
	Link    string
	Allow   []netip.Prefix
	Audit   notify.Audit // nil writes to the log
	Tuning  notify.Tuning
	Version string
}

// Notifier tells other systems what changed in a hub's view, and answers REST for the webhooks.
type Notifier struct {
	s *notify.Service
	h *Hub
}

// NewNotifier opens what notifications need on the message bus; Run works.
func NewNotifier(ctx context.Context, h *Hub, n Notification) (*Notifier, error) {
	var stores notify.Stores
	err := h.o.persist(ctx, "open the stores of notifications", func() (err error) {
		stores, err = notify.Open(ctx, h.o.Bus, h.o.Streams, queue.Options{})
		return err
	})
	if err != nil {
		return nil, err
	}
	audit := n.Audit
	if audit == nil {
		audit = func(ctx context.Context, a notify.Act) {
			h.o.Logger.InfoContext(ctx, "audit", "act", a.Act, "who", a.Who.ID, "at", a.At, "webhook", a.Webhook, "detail", a.Detail)
		}
	}
	service, err := notify.New(notify.Options{
		Stores: stores, Key: n.Key, Secrets: n.Secrets, Site: h.siteOfNotice, Count: h.count, Link: strings.TrimSuffix(n.Link, "/"), Audit: audit, Allow: n.Allow,
		Now: h.o.Now, Logger: h.o.Logger, Tuning: n.Tuning, Version: n.Version,
	})
	if err != nil {
		return nil, err
	}
	return &Notifier{service, h}, nil
}

// Run works until the context ends. It feeds the service from the streams. The position is kept by durable consumers that all replicas share, one message
// at a time, so that what changed is derived in order and again after a crash. It begins when the sites are known by name.
func (w *Notifier) Run(parent context.Context) error {
	h, s := w.h, w.s
	group, ctx := errgroup.WithContext(parent)
	group.Go(func() error { return s.Run(ctx) })
	for _, feed := range []struct {
		stream, durable string
		tell            func(context.Context, *notify.Service, *bus.Message) error
	}{
		{bus.StreamAssessment, "notify-assessments", tellAssessment},
		{bus.StreamRejected, "notify-rejections", tellRejection},
		{bus.StreamChange, "notify-changes", tellChange},
	} {
		group.Go(func() error {
			select {
			case <-h.ready:
			case <-ctx.Done():
				return nil
			}
			return h.o.Bus.Batches(ctx, feed.stream, feed.durable, 1, notifyWait, func(ctx context.Context, batch []bus.Message) error {
				for i := range batch {
					m := &batch[i]
					err := m.DecodeErr
					if err == nil {
						err = feed.tell(ctx, s, m)
					}
					var unreadable *json.SyntaxError
					var other *json.UnmarshalTypeError
					switch {
					case m.DecodeErr != nil, errors.As(err, &unreadable), errors.As(err, &other):
						h.o.Logger.Warn("a message cannot be read and notifies nobody", "stream", m.Stream, "sequence", m.Sequence, "site", m.Site, "error", err)
					case err != nil:
						return err
					}
				}
				return nil
			})
		})
	}
	return ended(parent, group.Wait())
}

// Enrolled tells of an act of the enrolment service. It does not hold that up: what cannot be told within seconds is logged.
func (w *Notifier) Enrolled(ctx context.Context, e enrol.Event) {
	kind := notify.Kind(e.Act)
	if !slices.Contains(notify.Kinds(), kind) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, enrolledWithin)
	defer cancel()
	if err := w.s.Tell(ctx, notify.NewEvent(kind, e.Site, e.At, e.Detail, e.Enrolment)); err != nil {
		w.h.o.Logger.WarnContext(ctx, "an enrolment notifies nobody", "act", e.Act, "site", e.Site, "enrolment", e.Enrolment, "error", err)
	}
}

func tellAssessment(ctx context.Context, s *notify.Service, m *bus.Message) error {
	a := new(assess.Assessment)
	if err := json.Unmarshal(m.Body, a); err != nil {
		return fmt.Errorf("read an assessment: %w", err)
	}
	return s.Assessed(ctx, notify.Assessed{Site: m.Site, Sequence: m.Sequence, Assessment: a})
}

func tellRejection(ctx context.Context, s *notify.Service, m *bus.Message) error {
	var r fleet.Rejection
	if err := json.Unmarshal(m.Body, &r); err != nil {
		return fmt.Errorf("read a rejection: %w", err)
	}
	return s.Tell(ctx, notify.NewEvent(notify.InventoryRejected, m.Site, r.At, r.Reason+": "+r.Detail, r.Revision))
}

func tellChange(ctx context.Context, s *notify.Service, m *bus.Message) error {
	if !strings.HasPrefix(m.ID, kindLiveness+":") {
		return nil
	}
	var c livenessChange
	if err := json.Unmarshal(m.Body, &c); err != nil {
		return fmt.Errorf("read a change of liveness: %w", err)
	}
	message := "It was last heard at " + c.HeardAt.UTC().Format(time.RFC3339) + "."
	return s.Tell(ctx, notify.NewEvent(notify.Kind("site."+string(c.Liveness)), m.Site, c.Entered.Of(c.Liveness), message))
}

func (h *Hub) siteOfNotice(id string) (notify.Site, bool) {
	r, ok := h.View().Site(id)
	if !ok {
		return notify.Site{}, false
	}
	s := &r.Inventory.Site
	out := notify.Site{Name: s.Name, Country: s.Country, Tags: s.Tags}
	if r.Assessment != nil {
		out.Regions = r.Assessment.RegionsOf("")
	}
	return out, true
}

// count is what the findings list answers for a filter now.
func (h *Hub) count(expression string) (notify.Counts, error) {
	var c notify.Counts
	match, err := read.FindingFilter(expression)
	if err != nil {
		return c, err
	}
	by := map[rules.Severity]*int{rules.Critical: &c.Critical, rules.High: &c.High, rules.Medium: &c.Medium, rules.Low: &c.Low, rules.Info: &c.Info}
	for r := range h.View().Sites("") {
		if r.Assessment == nil {
			continue
		}
		for i := range r.Assessment.Findings {
			f := &r.Assessment.Findings[i]
			if f.Verdict != rules.Fail && f.Verdict != rules.Unknown || !match(r, f) {
				continue
			}
			c.Total++
			switch {
			case f.Verdict == rules.Unknown:
				c.Unknown++
			case f.Waiver != nil:
				c.Waived++
			default:
				if n := by[f.Severity]; n != nil {
					*n++
				}
			}
		}
	}
	return c, nil
}

// refusal turns an error of the service into one of REST.
func refusal(err error) error {
	var e *notify.Error
	if !errors.As(err, &e) {
		return err
	}
	code := map[notify.ErrorKind]rest.Code{
		notify.Invalid: rest.CodeInvalid, notify.NotFound: rest.CodeNotFound, notify.Conflict: rest.CodeConflict, notify.Unavailable: rest.CodeUnavailable,
	}[e.Kind]
	out := &rest.Error{Code: code, Detail: e.Detail, Err: e.Err}
	if e.Pointer != "" {
		out.Detail, out.Problems = "the webhook is not valid", []document.Problem{{Path: e.Pointer, What: e.Detail}}
	}
	return out
}

// List implements govern.Webhooks.
func (w *Notifier) List(ctx context.Context) ([]gen.Webhook, error) {
	list, err := w.s.List(ctx)
	out := make([]gen.Webhook, len(list))
	for i := range list {
		out[i] = webhookView(&list[i])
	}
	return out, refusal(err)
}

// Get implements govern.Webhooks.
func (w *Notifier) Get(ctx context.Context, id string) (gen.Webhook, error) {
	e, err := w.s.Get(ctx, id)
	return webhookView(&e), refusal(err)
}

// Create implements govern.Webhooks.
func (w *Notifier) Create(ctx context.Context, by govern.Actor, r gen.WebhookRequest) (gen.WebhookSecret, error) {
	c, err := changeOf(r)
	if err != nil {
		return gen.WebhookSecret{}, err
	}
	e, secret, err := w.s.Create(ctx, notify.Person(by), c)
	return gen.WebhookSecret{Webhook: webhookView(&e), Secret: secret}, refusal(err)
}

// Update implements govern.Webhooks.
func (w *Notifier) Update(ctx context.Context, by govern.Actor, id string, revision int64, r gen.WebhookRequest) (gen.WebhookSecret, error) {
	c, err := changeOf(r)
	if err != nil {
		return gen.WebhookSecret{}, err
	}
	e, secret, err := w.s.Update(ctx, notify.Person(by), id, uint64(revision), c) //nolint:gosec // a revision is positive
	return gen.WebhookSecret{Webhook: webhookView(&e), Secret: secret}, refusal(err)
}

// Delete implements govern.Webhooks.
func (w *Notifier) Delete(ctx context.Context, by govern.Actor, id string, revision int64) error {
	return refusal(w.s.Delete(ctx, notify.Person(by), id, uint64(revision))) //nolint:gosec // a revision is positive
}

// Test implements govern.Webhooks.
func (w *Notifier) Test(ctx context.Context, by govern.Actor, id string) (gen.WebhookAttempt, error) {
	a, err := w.s.TryOut(ctx, notify.Person(by), id)
	return attemptView(&a), refusal(err)
}

// Deliveries implements govern.Webhooks.
func (w *Notifier) Deliveries(ctx context.Context, id string) (gen.WebhookDeliveries, error) {
	l, waiting, err := w.s.Deliveries(ctx, id)
	out := gen.WebhookDeliveries{Waiting: waiting, Delivered: int64(l.Delivered), Failed: int64(l.Failed), Attempts: []gen.WebhookAttempt{}} //nolint:gosec // counts
	out.Dropped, out.DroppedAt = int64(l.Dropped), l.DroppedAt                                                                               //nolint:gosec // counts
	for i := range l.Attempts {
		out.Attempts = append(out.Attempts, attemptView(&l.Attempts[i]))
	}
	return out, refusal(err)
}

// DeadLetters implements govern.Webhooks.
func (w *Notifier) DeadLetters(ctx context.Context, id string) ([]gen.DeadLetter, error) {
	if _, err := w.s.Get(ctx, id); err != nil {
		return nil, refusal(err)
	}
	list, err := w.s.DeadLetters(ctx, id)
	out := make([]gen.DeadLetter, len(list))
	for i := range list {
		out[i] = gen.DeadLetter{Id: list[i].ID, At: list[i].At, Last: attemptView(&list[i].Last)}
	}
	return out, refusal(err)
}

// Redeliver implements govern.Webhooks.
func (w *Notifier) Redeliver(ctx context.Context, by govern.Actor, id string, ids []string) (int, error) {
	n, err := w.s.Redeliver(ctx, notify.Person(by), id, ids)
	return n, refusal(err)
}

func changeOf(r gen.WebhookRequest) (notify.Change, error) {
	c := notify.Change{
		Spec: notify.Spec{Name: r.Name, Filter: r.Filter, Template: notify.Template(r.Template), Secret: r.SecretFile},
		URL:  r.Url, Headers: r.Headers, Rotate: r.RotateSecret, Enabled: !r.Disabled,
	}
	for _, k := range r.Events {
		c.Events = append(c.Events, notify.Kind(k))
	}
	if d := r.Digest; d != (gen.WebhookDigest{}) {
		c.Digest = &notify.Schedule{DailyAt: d.DailyAt, TimeZone: d.TimeZone}
		if d.Every != "" {
			every, err := time.ParseDuration(d.Every)
			if err != nil {
				return c, &rest.Error{Code: rest.CodeInvalid, Detail: "the webhook is not valid", Problems: []document.Problem{{
					Path: "/digest/every", What: "this is no duration", Remedy: "write it like 15m or 24h",
				}}}
			}
			c.Digest.Every = every
		}
	}
	return c, nil
}

func webhookView(e *notify.Entry) gen.Webhook {
	w := gen.Webhook{
		Id: e.ID, Revision: int64(e.Revision), Name: e.Spec.Name, Host: e.Host, Events: []gen.WebhookEvent{}, Filter: e.Spec.Filter, //nolint:gosec // counts writes
		Template: gen.WebhookTemplate(e.Spec.Template), Headers: append([]string{}, e.Headers...), SecretFile: e.Spec.Secret,
		CreatedBy: e.CreatedBy, CreatedAt: e.CreatedAt, Broken: e.Broken,
	}
	for _, k := range e.Spec.Events {
		w.Events = append(w.Events, gen.WebhookEvent(k))
	}
	if d := e.Spec.Digest; d != nil {
		w.Digest = gen.WebhookDigest{DailyAt: d.DailyAt, TimeZone: d.TimeZone}
		if d.Every > 0 {
			w.Digest.Every = inventory.Duration(d.Every).String()
		}
	}
	if d := e.Disabled; d != nil {
		w.Disabled = gen.WebhookDisabled{At: d.At, Reason: d.Reason}
	}
	return w
}

func attemptView(a *notify.Attempt) gen.WebhookAttempt {
	return gen.WebhookAttempt{
		Delivery: a.Delivery, Kind: string(a.Kind), Site: a.Site, Number: a.Number, At: a.At, Took: a.Took.Round(time.Millisecond).String(),
		Status: a.Status, Error: a.Error, Next: a.Next,
	}
}
