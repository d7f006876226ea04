// Package collect asks the sources of a site, each at its own pace, and merges what they say into one inventory. A source
// that fails keeps the facts it gave last, with their age, and never stops another. It decides nothing about the facts
// themselves, which is package merge's, and starts goroutines only within a call. The planner's daemon makes one.
package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/planner/atomicfile"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/merge"
)

// Source is one source of facts about a site, as the planner's agent takes one: see agent.Source.
type Source interface {
	Name() string
	Collect(ctx context.Context) (*inventory.Site, []inventory.Source, error)
	Watch(ctx context.Context, changed func()) error
}

// Member is a source among others.
type Member struct {
	Source
	// Observed: what it says was seen on what runs, unless its own provenance says otherwise.
	Observed bool
	// Interval is the time between two questions; 0 asks at each collection, which is right for files.
	Interval time.Duration
	// Refresh is for a source that stamps its facts with the time of the question: what says the same as before takes its
	// place only after this time, so that asking alone makes no new revision. 0 takes it at once.
	Refresh time.Duration
	// Spec is the source's configuration in any form. Facts that were kept under another one are dropped.
	Spec string
}

// Options are what a collector works with.
type Options struct {
	Site    string // id
	Regions *geo.Table
	Members []Member // with different names
	Keep    string   // file of what the sources said last; "" keeps nothing beyond the process
	Now     func() time.Time
}

// Collector is the source of a site's whole inventory. Make one with New.
type Collector struct {
	o Options

	mu    sync.Mutex
	kept  []Kept // of each member
	due   []time.Time
	dirty []bool
}

// Kept is what a source said last.
type Kept struct {
	Name     string             `json:"name"`
	Observed bool               `json:"observed,omitempty"`
	Spec     string             `json:"spec,omitempty"`
	Site     *inventory.Site    `json:"site,omitempty"`    // last good inventory
	GoodAt   time.Time          `json:"goodAt,omitzero"`   // when it was collected
	Sources  []inventory.Source `json:"sources,omitempty"` // outcome of the last collection
}

// New makes a collector that begins with what was kept.
func New(o Options) (*Collector, error) {
	if len(o.Members) == 0 {
		return nil, errors.New("there is no source")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Collector{o: o, kept: make([]Kept, len(o.Members)), due: make([]time.Time, len(o.Members)), dirty: make([]bool, len(o.Members))}
	for i, m := range o.Members {
		for _, other := range o.Members[:i] {
			if other.Name() == m.Name() {
				return nil, fmt.Errorf("two sources are named %s: give one of them another name", m.Name())
			}
		}
		c.kept[i] = Kept{Name: m.Name(), Observed: m.Observed, Spec: m.Spec}
	}
	if o.Keep == "" {
		return c, nil
	}
	old, err := Read(o.Keep)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: remove it, and the sources are asked anew", err)
	}
	for i := range c.kept {
		k := &c.kept[i]
		at := slices.IndexFunc(old, func(o Kept) bool {
			return o.Name == k.Name && o.Spec == k.Spec && o.Observed == k.Observed && (o.Site == nil || o.Site.Site.ID == c.o.Site)
		})
		if at >= 0 {
			*k = old[at]
		}
	}
	return c, nil
}

// Read returns what the sources of a planner said last, from the file that its collector keeps.
func Read(path string) ([]Kept, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read what the sources said: %w", err)
	}
	var kept []Kept
	if err := json.Unmarshal(body, &kept); err != nil {
		return nil, fmt.Errorf("read what the sources said in %s: %w", path, err)
	}
	return kept, nil
}

// Inputs are the facts to merge.
func Inputs(kept []Kept) []merge.Input {
	out := make([]merge.Input, len(kept))
	for i, k := range kept {
		out[i] = merge.Input{Source: k.Name, Observed: k.Observed, Site: k.Site}
	}
	return out
}

// Name is the only source's, or stands for all of them.
func (c *Collector) Name() string {
	if len(c.o.Members) == 1 {
		return c.o.Members[0].Name()
	}
	return "sources"
}

// Collect asks the sources that are due and merges what all have said. It fails only when none of them has ever delivered
// anything, or when what they say together is no valid inventory.
func (c *Collector) Collect(ctx context.Context) (*inventory.Site, []inventory.Source, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var group errgroup.Group
	failed := make([]error, len(c.o.Members))
	for i := range c.o.Members {
		if c.isDue(i) {
			group.Go(func() error {
				failed[i] = c.ask(ctx, i)
				return nil // a source that fails is a fact about it
			})
		}
	}
	_ = group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if len(failed) == 1 && failed[0] != nil {
		return nil, nil, failed[0] // the whole inventory is the source's, and whoever asks keeps the last one
	}
	sources := c.sources()
	if !slices.ContainsFunc(c.kept, func(k Kept) bool { return k.Site != nil }) {
		if err := errors.Join(failed...); err != nil {
			return nil, nil, err
		}
		return nil, nil, errors.New("none of the sources has delivered anything yet")
	}
	if err := c.keep(); err != nil {
		sources = append(sources, inventory.Source{Name: "kept-facts", Status: inventory.SourcePartial, At: c.o.Now().UTC(), Detail: "cannot be written, so that a restart forgets them: " + err.Error()})
	}
	site, notes, err := c.merge()
	if err != nil {
		return nil, nil, err
	}
	if notes != "" {
		sources = append(sources, inventory.Source{Name: "merge", Status: inventory.SourcePartial, At: c.o.Now().UTC(), Detail: notes})
	}
	return site, clean(sources), nil
}

// isDue reports whether a source is to be asked now. A timer that fires a little early is no reason to wait another interval.
func (c *Collector) isDue(i int) bool {
	m := &c.o.Members[i]
	return m.Interval == 0 || c.dirty[i] || !c.o.Now().Before(c.due[i].Add(-m.Interval/10))
}

// ask collects from one source. Calls for different sources may run at once.
func (c *Collector) ask(ctx context.Context, i int) error {
	m, k := &c.o.Members[i], &c.kept[i]
	c.dirty[i] = false
	at := c.o.Now().UTC()
	c.due[i] = at.Add(m.Interval)
	site, sources, err := m.Collect(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = c.check(site, at)
	}
	if err != nil {
		detail := err.Error()
		if k.Site != nil {
			detail += "; its facts of " + k.Site.ObservedAt.UTC().Format(time.RFC3339) + " are kept"
		}
		k.Sources = clean([]inventory.Source{{Name: m.Name(), Status: inventory.SourceFailed, At: at, Detail: bounded(detail)}})
		return err
	}
	site = inventory.Normalise(site, c.o.Regions)
	if len(sources) == 0 {
		sources = []inventory.Source{{Name: m.Name(), Status: inventory.SourceOK, At: at}}
	}
	site.Sources = nil
	if k.Site == nil || m.Refresh == 0 || at.Sub(k.GoodAt) >= m.Refresh || !same(k.Site, site) {
		k.Site, k.GoodAt = site, at
	}
	k.Sources = clean(sources)
	return nil
}

func (c *Collector) check(site *inventory.Site, at time.Time) error {
	if site == nil {
		return errors.New("the source returned no inventory")
	}
	if site.Site.ID != c.o.Site {
		return fmt.Errorf("the source describes site %.80q, this planner looks after %q: correct site.id or the planner's configuration", site.Site.ID, c.o.Site)
	}
	return inventory.CheckTime(site, at)
}

func (c *Collector) sources() []inventory.Source {
	var out []inventory.Source
	for _, k := range c.kept {
		out = append(out, k.Sources...)
	}
	return out
}

// maxNotes bounds the undecided identities told among the sources.
const maxNotes = 5

func (c *Collector) merge() (*inventory.Site, string, error) {
	result, err := merge.Merge(Inputs(c.kept), c.o.Regions)
	if err != nil {
		return nil, "", err
	}
	if problems := inventory.Validate(result.Site, c.o.Regions); len(problems) > 0 && len(c.o.Members) > 1 {
		return nil, "", fmt.Errorf("the sources together make no valid inventory: %w", document.NewError(problems))
	}
	var notes []string
	for _, n := range result.Notes[:min(len(result.Notes), maxNotes)] {
		notes = append(notes, n.String())
	}
	if more := len(result.Notes) - len(notes); more > 0 {
		notes = append(notes, fmt.Sprintf("and %d more", more))
	}
	return result.Site, strings.Join(notes, "; "), nil
}

// Watch tells of each source's changes, and of its interval.
func (c *Collector) Watch(ctx context.Context, changed func()) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, m := range c.o.Members {
		group.Go(func() error {
			return m.Watch(ctx, func() {
				c.mu.Lock()
				c.dirty[i] = true
				c.mu.Unlock()
				changed()
			})
		})
		if m.Interval > 0 {
			group.Go(func() error {
				t := time.NewTicker(m.Interval)
				defer t.Stop()
				for {
					select {
					case <-ctx.Done():
						return nil
					case <-t.C:
						changed()
					}
				}
			})
		}
	}
	return group.Wait()
}

// keep writes what the sources said. It is not synced: what a crash loses is asked again.
func (c *Collector) keep() error {
	if c.o.Keep == "" {
		return nil
	}
	body, err := json.Marshal(c.kept)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(c.o.Keep); err == nil && string(old) == string(body) {
		return nil
	}
	return atomicfile.WriteUnsynced(c.o.Keep, body)
}

// same compares two inventories without any of their times.
func same(x, y *inventory.Site) bool {
	a, errA := inventory.Canonical(timeless(x))
	b, errB := inventory.Canonical(timeless(y))
	return errA == nil && errB == nil && string(a) == string(b)
}

func timeless(s *inventory.Site) *inventory.Site {
	c := *s
	c.ObservedAt = time.Time{}
	c.Provenance = slices.Clone(s.Provenance)
	for i := range c.Provenance {
		c.Provenance[i].ObservedAt = time.Time{}
	}
	return &c
}

// clean leaves what could be a secret out of the texts of outcomes.
func clean(sources []inventory.Source) []inventory.Source {
	return inventory.Normalise(&inventory.Site{Sources: sources}, nil).Sources
}

// maxDetail bounds the text of a failure in a published inventory, in bytes.
const maxDetail = 1000

func bounded(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + " …"
	}
	return text
}
