package live

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Name is what inventories call this source; the entries among their sources are "azure/" and the part.
const Name = azure.Source

// holdFor is how many intervals an inventory stays in force when Azure throttles or fails; what it lacks then is likely to
// be there still.
const holdFor = 4

// Options are the caller's part beside the configuration.
type Options struct {
	Site    string // id of the site; resources tagged for another one are left out
	Regions importer.Regions
	// Hosts, if not nil, tells at each collection what else ThingWorx is known to connect to, like the hosts of the JDBC URLs
	// that another source has read.
	Hosts func() []importer.NamedHost
	Name  string // of the source where a site has several; "" is Name
}

// Source collects a site's inventory from Azure. Make one with New.
type Source struct {
	config  Config
	options Options
	rules   rules
	client  *client
	now     func() time.Time
	poll    time.Duration
	imds    transporter
	address string // of the instance metadata service

	mu    sync.Mutex
	empty empties
	hosts []importer.NamedHost // of the last collection
	whole *Result              // the last one that lacked nothing for a passing reason
}

// New checks the configuration and prepares the credential. It asks nobody yet.
func New(c Config, o Options) (*Source, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	cred, err := newCredential(c.filled())
	if err != nil {
		return nil, err
	}
	return build(c, o, cred, &http.Client{Timeout: time.Duration(c.filled().Budget)}, policy.RetryOptions{MaxRetries: retries, RetryDelay: retryDelay, MaxRetryDelay: retryMax})
}

func build(c Config, o Options, cred azcore.TokenCredential, send transporter, retry policy.RetryOptions) (*Source, error) {
	c = c.filled()
	o.Name = orElse(o.Name, Name)
	retry.TryTimeout = time.Duration(c.Timeout)
	s := &Source{config: c, options: o, now: time.Now, poll: hostsPoll, imds: metadataClient(), address: metadataAddress}
	var err error
	if s.rules, err = newRules(c); err != nil {
		return nil, err
	}
	if s.client, err = newClient(cred, c, send, retry); err != nil {
		return nil, err
	}
	return s, nil
}

// Name implements agent.Source.
func (s *Source) Name() string { return s.options.Name }

// Collect implements agent.Source.
func (s *Source) Collect(ctx context.Context) (*inventory.Site, []inventory.Source, error) {
	r, err := s.Result(ctx)
	if err != nil {
		return nil, nil, err
	}
	return inventory.Clone(r.Site), r.Sources, nil
}

// hostsPoll is how often Watch looks whether other sources have found further hosts.
const hostsPoll = 30 * time.Second

// Watch implements agent.Source. Azure tells of no change; what other sources find out about ThingWorx's hosts is one.
func (s *Source) Watch(ctx context.Context, changed func()) error {
	if s.options.Hosts == nil {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(s.poll)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		found := s.options.Hosts()
		s.mu.Lock()
		news := !slices.Equal(found, s.hosts)
		s.hosts = found // which the next collection takes
		s.mu.Unlock()
		if news {
			changed()
		}
	}
}

// Result is Collect with everything that was learned, not to be changed. When Azure throttles or fails in part, the last
// whole inventory stays in force for some intervals: what it holds is likely to be there still.
func (s *Source) Result(ctx context.Context) (*Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UTC()
	fresh, err := s.discover(ctx, now)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, err
	case !fresh.passing:
		s.whole = fresh
		return fresh, nil
	}
	if s.whole == nil || now.Before(s.whole.At) || now.Sub(s.whole.At) >= holdFor*time.Duration(s.config.Interval) {
		s.whole = nil
		return fresh, nil
	}
	p := part{name: partInventory, told: "the inventory of " + s.whole.At.Format(time.RFC3339) + " stays in force", problems: []string{"parts of Azure did not answer"}}
	held := *fresh
	held.Site, held.At = s.whole.Site, s.whole.At
	held.Sources = append(held.Sources, p.source(s.options.Name, now))
	return &held, nil
}

func (s *Source) discover(ctx context.Context, now time.Time) (*Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(s.config.Budget), errors.New("the budget of a collection is spent"))
	defer cancel()
	o := importer.Options{Site: s.options.Site, At: now, Regions: s.options.Regions, Selective: true}
	for _, h := range s.config.Hosts {
		o.Hosts = append(o.Hosts, importer.NamedHost{Name: h.Host, Cluster: h.Cluster})
	}
	if s.options.Hosts != nil {
		s.hosts = s.options.Hosts()
		o.Hosts = append(o.Hosts, s.hosts...)
	}
	d := &discovery{name: s.options.Name, client: s.client, options: o, rules: &s.rules, wanted: s.config.Subscriptions, groups: lower(s.config.ResourceGroups), empty: &s.empty}
	if s.config.Metadata == "auto" {
		var err error
		if d.self, err = metadata(ctx, s.imds, s.address, o.Regions); err != nil {
			d.part(partMetadata).problem("the instance metadata service: " + err.Error())
		}
	}
	return d.run(ctx)
}

// empties remembers which types a subscription is known to have none of, so that not every collection asks again whether
// the credential may read them.
type empties struct{ since map[string]time.Time }

// emptyFor is how long that is believed; Resource Graph shows what is made meanwhile.
const emptyFor = time.Hour

func (e *empties) known(key string, now time.Time) bool {
	at, ok := e.since[key]
	return ok && now.Sub(at) < emptyFor
}

func (e *empties) note(key string, now time.Time) {
	if e.since == nil {
		e.since = map[string]time.Time{}
	}
	e.since[key] = now
}
