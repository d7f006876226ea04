package resttest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/govern"
	"github.com/meridian-federation/meridian/federation/access"
	"github.com/meridian-federation/meridian/federation/audit"
	versions "github.com/meridian-federation/meridian/federation/policy"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/federation/waiver/register"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Ids of what Govern keeps at first.
const (
	WaiverRequested = "w-requested" // of COL-001 at SiteID(1), requested by somebody who is not among the tokens
	WaiverApproved  = "w-approved"  // of TEN-006 at SiteID(3), in force, ends within a month
	WaiverPattern   = "w-pattern"   // of a rule that fails nowhere, in every site in Germany
	TokenGood       = "tokengood"
	TokenRevoked    = "tokenrevoked"
)

// Memory is a store of documents in memory that behaves as a bucket does.
type Memory[T any] struct {
	mu       sync.Mutex
	entries  map[string]bus.Entry[T]
	revision uint64
}

// NewMemory returns a store that holds documents.
func NewMemory[T any](documents map[string]T) *Memory[T] {
	m := &Memory[T]{entries: map[string]bus.Entry[T]{}}
	for key, value := range documents {
		m.revision++
		m.entries[key] = bus.Entry[T]{Key: key, Value: value, Revision: m.revision, At: Now()}
	}
	return m
}

// Create implements the stores of the services.
func (m *Memory[T]) Create(_ context.Context, key string, value T) (bus.Entry[T], error) {
	return m.put(key, value, 0)
}

// Update implements the stores of the services.
func (m *Memory[T]) Update(_ context.Context, key string, value T, revision uint64) (bus.Entry[T], error) {
	return m.put(key, value, revision)
}

func (m *Memory[T]) put(key string, value T, revision uint64) (bus.Entry[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[key].Revision != revision {
		return bus.Entry[T]{}, fmt.Errorf("put %s: %w", key, bus.ErrConflict)
	}
	m.revision++
	e := bus.Entry[T]{Key: key, Value: value, Revision: m.revision, At: Now()}
	m.entries[key] = e
	return e, nil
}

// Get implements the stores of the services.
func (m *Memory[T]) Get(_ context.Context, key string) (bus.Entry[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok {
		return e, fmt.Errorf("get %s: %w", key, bus.ErrNotFound)
	}
	return e, nil
}

// Watch tells of what there is and returns: later writes are told to the service that makes them.
func (m *Memory[T]) Watch(_ context.Context, handler func(bus.Entry[T]), caughtUp func()) error {
	m.mu.Lock()
	var all []bus.Entry[T]
	for _, e := range m.entries {
		all = append(all, e)
	}
	m.mu.Unlock()
	for _, e := range all {
		handler(e)
	}
	caughtUp()
	return nil
}

func must(err error) {
	if err != nil {
		panic(err) // what is made here is constant
	}
}

func waivers() map[string]waiver.Waiver {
	somebody := waiver.Act{By: "p-somebody", Name: "Somebody", At: Now().Add(-2 * time.Hour)}
	other := waiver.Act{By: "p-other", Name: "Other", At: Now().Add(-time.Hour)}
	make1 := func(id, rule string, m waiver.Match) waiver.Waiver {
		w, err := waiver.New(id, waiver.Request{Rule: rule, Match: m, Reason: "moves in spring", Ticket: "CHG-1", Owner: "Plant IT", Expires: Now().Add(20 * 24 * time.Hour)}, somebody, waiver.Limits{})
		must(err)
		return w
	}
	approve := func(w waiver.Waiver) waiver.Waiver {
		w, err := w.Approve(other, waiver.Limits{})
		must(err)
		return w
	}
	return map[string]waiver.Waiver{
		WaiverRequested: make1(WaiverRequested, "COL-001", waiver.Match{Site: SiteID(1)}),
		WaiverApproved:  approve(make1(WaiverApproved, "TEN-006", waiver.Match{Site: SiteID(3)})),
		WaiverPattern:   approve(make1(WaiverPattern, "HA-001", waiver.Match{Country: "DE", Tags: map[string]string{"never": "given"}})),
	}
}

// Govern switches on what people decide, over documents in memory, and returns the trail of the audit.
func Govern(o *rest.Options) *audit.Trail {
	log, ctx := slog.New(slog.DiscardHandler), context.Background()
	w := register.NewService(register.Options{
		Store: NewMemory(waivers()), Now: Now, Logger: log, Changed: func(*waiver.Set) {},
		Rules: o.Rules,
	})
	must(w.Run(ctx))
	o.Waivers = w

	author := versions.Act{By: "p-somebody", Name: "Somebody", At: Now().Add(-2 * time.Hour)}
	strict := policy.Default()
	strict.Name = "strict"
	strict.Rules = map[string]policy.RuleTune{"COL-001": {Severity: "low"}}
	p := versions.NewService(versions.Options{
		Versions: NewMemory(map[string]versions.Version{
			"1": {ID: "1", Policy: policy.Default(), Hash: policy.Default().Hash(), Created: author}, "2": {ID: "2", Policy: strict, Hash: strict.Hash(), Created: author},
		}),
		Log:     NewMemory(map[string]versions.Log{"log": {Activations: []versions.Activation{{Version: "1", Act: author}}}}),
		Changed: func([]versions.Regime) {}, Now: Now, Logger: log,
	})
	must(p.Run(ctx))
	o.Policies = &govern.Policies{
		Service: p, Base: policy.Default(), Parse: func(text []byte) (*policy.Policy, error) { return policy.Parse("document", text) },
		Preview: func(context.Context, *policy.Policy) (*versions.Delta, error) {
			d := &versions.Delta{Sites: 3, Opened: []versions.Change{{
				Finding: "f", Rule: "COL-001", Subject: rules.Subject{Site: SiteID(1)}, Severity: rules.High, Message: "too far",
			}}}
			d.Sort()
			return d, nil
		},
	}

	made := access.Act{By: "p-somebody", Name: "Somebody", At: Now().Add(-2 * time.Hour)}
	t := access.New(access.Options{
		Store: NewMemory(map[string]access.Token{
			TokenGood:    {ID: TokenGood, Name: "portal", Role: "viewer", SHA256: "hash-of-portal", Created: made, Expires: Now().Add(time.Hour)},
			TokenRevoked: {ID: TokenRevoked, Name: "old", Role: "admin", SHA256: "hash-of-old", Created: made, Expires: Now().Add(time.Hour), Revoked: &made},
		}),
		Now: Now, Logger: log,
	})
	must(t.Run(ctx))
	o.Tokens = t

	entries := []audit.Entry{
		{ID: "0001-a", At: Now().Add(-time.Hour), By: "p-somebody", Name: "Somebody", Role: "planner", Remote: "192.0.2.1", RequestID: "r1", Act: "requestWaiver", Outcome: audit.Done, Site: SiteID(3), Target: WaiverApproved, Why: "moves in spring", After: json.RawMessage(`{"id":"w-approved"}`)},
		{ID: "0002-b", At: Now().Add(-time.Minute), Remote: "192.0.2.2", RequestID: "r2", Act: "createSession", Outcome: audit.Refused, Status: 401, Why: "the token is not valid"},
	}
	trail := audit.New(audit.Options{
		Append: func(context.Context, string, time.Time, []byte) error { return nil },
		Read: func(_ context.Context, handler func([]byte, error), caughtUp func()) error {
			for _, e := range entries {
				handler(json.Marshal(e))
			}
			caughtUp()
			return nil
		},
		Logger: log,
	})
	must(trail.Run(ctx))
	o.Audit = trail
	return trail
}
