package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/govern"
	"github.com/meridian-federation/meridian/federation/access"
	"github.com/meridian-federation/meridian/federation/audit"
	"github.com/meridian-federation/meridian/federation/fleet"
	versions "github.com/meridian-federation/meridian/federation/policy"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/federation/waiver/register"
	"github.com/meridian-federation/meridian/planner/policy"
)

// governance is what people decide: waivers, policies, tokens, and the audit of all writes.
type governance struct {
	waivers  *register.Service
	policies *versions.Service
	tokens   *access.Service
	audit    *audit.Trail
	wake     chan struct{} // a waiver or the policy has changed

	waiverBucket     *opening[waiver.Waiver]
	versionBucket    *opening[versions.Version]
	activationBucket *opening[versions.Log]
	tokenBucket      *opening[access.Token]

	previewing sync.Mutex // held by the one preview that runs
	scopes     scopes
}

func (h *Hub) newGovernance() *governance {
	g := &governance{
		wake:         make(chan struct{}, 1),
		waiverBucket: newOpening[waiver.Waiver](), versionBucket: newOpening[versions.Version](),
		activationBucket: newOpening[versions.Log](), tokenBucket: newOpening[access.Token](),
	}
	g.waivers = register.NewService(register.Options{
		Store: g.waiverBucket, Limits: waiver.Limits{Longest: h.o.LongestWaiver}, Now: h.o.Now, Logger: h.o.Logger,
		Rules: h.o.Engine.Rules.Entries(),
		Changed: func(set *waiver.Set) {
			h.fleet.SetWaivers(set)
			h.wakeUp()
		},
	})
	g.policies = versions.NewService(versions.Options{
		Versions: g.versionBucket, Log: g.activationBucket, Approval: h.o.PolicyApproval, Now: h.o.Now, Logger: h.o.Logger,
		Changed: func(regimes []versions.Regime) {
			in := make([]fleet.Regime, len(regimes))
			for i, r := range regimes {
				in[i] = fleet.Regime{From: r.From, Version: r.Version.ID, Policy: r.Version.Policy}
			}
			h.fleet.SetPolicies(in)
			h.wakeUp()
		},
	})
	g.tokens = access.New(access.Options{Store: g.tokenBucket, Now: h.o.Now, Logger: h.o.Logger})
	g.audit = audit.New(audit.Options{
		Append: func(ctx context.Context, id string, at time.Time, body []byte) error {
			_, err := h.o.Bus.PublishAudit(ctx, bus.Audit{ID: id, At: at, Body: body})
			return err
		},
		Read: func(ctx context.Context, handler func([]byte, error), caughtUp func()) error {
			return h.o.Bus.Audits(ctx, func(a bus.Audit) { handler(a.Body, a.DecodeErr) }, caughtUp)
		},
		Logger: h.o.Logger,
	})
	return g
}

func (h *Hub) wakeUp() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// openBuckets makes what the governance lies in.
func (h *Hub) openBuckets(ctx context.Context) error {
	if err := h.o.Bus.EnsureAudit(ctx, h.o.Streams); err != nil {
		return err
	}
	return errors.Join(
		h.waiverBucket.open(ctx, h.o, register.Bucket()), h.versionBucket.open(ctx, h.o, versions.Versions()),
		h.activationBucket.open(ctx, h.o, versions.Activations()), h.tokenBucket.open(ctx, h.o, access.Bucket()),
	)
}

func (h *Hub) govern(ctx context.Context, group *errgroup.Group) {
	for _, run := range []func(context.Context) error{h.waivers.Run, h.policies.Run, h.tokens.Run, h.audit.Run} {
		group.Go(func() error { return run(ctx) })
	}
}

// opening is a bucket that the hub opens when it runs. Until then it cannot be reached.
type opening[T any] struct {
	opened chan struct{}
	bucket *bus.Bucket[T]
}

func newOpening[T any]() *opening[T] { return &opening[T]{opened: make(chan struct{})} }

func (o *opening[T]) open(ctx context.Context, options Options, b bus.BucketOptions) error {
	select {
	case <-o.opened:
		return nil // by a start that could not go on
	default:
	}
	bucket, err := bus.OpenBucket[T](ctx, options.Bus, options.Streams, b)
	if err != nil {
		return err
	}
	o.bucket = bucket
	close(o.opened)
	return nil
}

func (o *opening[T]) get() (*bus.Bucket[T], error) {
	select {
	case <-o.opened:
		return o.bucket, nil
	default:
		return nil, fmt.Errorf("%w: the hub is starting", bus.ErrUnavailable)
	}
}

// Create implements the stores.
func (o *opening[T]) Create(ctx context.Context, key string, value T) (bus.Entry[T], error) {
	b, err := o.get()
	if err != nil {
		return bus.Entry[T]{}, err
	}
	return b.Create(ctx, key, value)
}

// Get implements the stores.
func (o *opening[T]) Get(ctx context.Context, key string) (bus.Entry[T], error) {
	b, err := o.get()
	if err != nil {
		return bus.Entry[T]{}, err
	}
	return b.Get(ctx, key)
}

// Update implements the stores.
func (o *opening[T]) Update(ctx context.Context, key string, value T, revision uint64) (bus.Entry[T], error) {
	b, err := o.get()
	if err != nil {
		return bus.Entry[T]{}, err
	}
	return b.Update(ctx, key, value, revision)
}

// Watch implements the stores.
func (o *opening[T]) Watch(ctx context.Context, handler func(bus.Entry[T]), caughtUp func()) error {
	b, err := o.get()
	if err != nil {
		return err
	}
	return b.Watch(ctx, handler, caughtUp)
}

func (h *Hub) policyOptions() *govern.Policies {
	return &govern.Policies{Service: h.policies, Base: h.o.Policy, Approval: h.o.PolicyApproval, Parse: h.parsePolicy, Preview: h.preview}
}

func (h *Hub) parsePolicy(text []byte) (*policy.Policy, error) {
	p, err := policy.Parse("document", text)
	if err != nil {
		return nil, err
	}
	return p, h.o.Engine.Rules.Validate(p)
}

// previewed is how many sites a preview judges before it looks whether the caller is still there.
const previewed = 256

// preview compares the findings of now with those under another policy.
func (h *Hub) preview(ctx context.Context, p *policy.Policy) (*versions.Delta, error) {
	if !h.previewing.TryLock() {
		return nil, refuse.Because(refuse.Unavailable, "another preview is being made; try again in a moment")
	}
	defer h.previewing.Unlock()
	view, hash := h.View(), h.o.Engine.Hash(p)
	var chunk []*fleet.Record
	out := &versions.Delta{}
	compare := func() error {
		deltas := make([]versions.Delta, len(chunk))
		var group errgroup.Group
		group.SetLimit(max(1, runtime.GOMAXPROCS(0)-1)) // inventories come meanwhile
		for i, r := range chunk {
			group.Go(func() error {
				deltas[i].Compare(r.Assessment, h.fleet.Try(r, view, p, hash))
				return nil
			})
		}
		_ = group.Wait() // None fails.
		for i := range deltas {
			out.Add(&deltas[i])
		}
		chunk = chunk[:0]
		return ctx.Err()
	}
	for r := range view.Sites("") {
		if r.Assessment == nil {
			continue
		}
		if chunk = append(chunk, r); len(chunk) == previewed {
			if err := compare(); err != nil {
				return nil, err
			}
		}
	}
	if err := compare(); err != nil {
		return nil, err
	}
	out.Sort()
	return out, nil
}

// authenticators asks for tokens of the configuration first, then for those made at run time.
func (h *Hub) authenticators(configured rest.Authenticator) rest.Authenticator {
	return authenticator(func(ctx context.Context, token string) (rest.Principal, error) {
		p, err := configured.Authenticate(ctx, token)
		if !errors.Is(err, rest.ErrUnauthenticated) {
			return p, err
		}
		t, ok := h.tokens.Find(token)
		if !ok {
			return rest.Principal{}, rest.ErrUnauthenticated
		}
		return rest.Principal{ID: "token-" + t.ID, Name: t.Name, Role: rest.Role(t.Role), Sites: h.scopes.of(&t, h.View())}, nil
	})
}

type authenticator func(ctx context.Context, token string) (rest.Principal, error)

// Authenticate implements rest.Authenticator.
func (a authenticator) Authenticate(ctx context.Context, token string) (rest.Principal, error) {
	return a(ctx, token)
}

// scopes remembers which sites the scope of a token has in the latest view.
type scopes struct {
	mu    sync.Mutex
	index uint64
	sites map[string][]string // by token
}

// of is nil for all sites. Sites that are named belong to the scope before they are known.
func (s *scopes) of(t *access.Token, view fleet.View) []string {
	if t.Scope.All() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sites == nil || s.index != view.Index() {
		s.index, s.sites = view.Index(), map[string][]string{}
	}
	if found, ok := s.sites[t.ID]; ok {
		return found
	}
	found := map[string]struct{}{}
	for _, id := range t.Scope.Sites {
		found[id] = struct{}{}
	}
	if len(t.Scope.Tags) > 0 || len(t.Scope.Regions) > 0 {
		for r := range view.Sites("") {
			if t.Scope.Allows(r.Inventory) {
				found[r.ID] = struct{}{}
			}
		}
	}
	// A bounded scope that has no site yet is empty and not nil, which would be all.
	s.sites[t.ID] = slices.AppendSeq([]string{}, maps.Keys(found))
	slices.Sort(s.sites[t.ID])
	return s.sites[t.ID]
}
