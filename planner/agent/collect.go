package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/agent/outbox"
	"github.com/meridian-federation/meridian/planner/atomicfile"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// collecting collects at the start, at each interval and on demand.
func (a *Agent) collecting(ctx context.Context) error {
	publish := false
	for {
		a.collect(ctx, publish)
		publish = false
		select {
		case <-ctx.Done():
			return nil
		case <-a.o.Clock.After(spread(a.o.Interval)):
		case publish = <-a.collectNow:
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// collect asks the source once. When it fails, the last good inventory stays in force: it is published with the failure
// in its sources and with its observedAt unchanged, so that its age goes on growing.
func (a *Agent) collect(ctx context.Context, publish bool) {
	at := a.o.Clock.Now().UTC()
	site, sources, err := a.ask(ctx, at)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		sources = []inventory.Source{{Name: a.o.Source.Name(), Status: inventory.SourceFailed, At: at, Detail: detail(err)}}
		a.fail(opCollect, err)
		site = a.lastGood()
	} else if len(sources) == 0 {
		sources = []inventory.Source{{Name: a.o.Source.Name(), Status: inventory.SourceOK, At: at}}
	}
	a.update(func(s *Status) {
		s.Sources = sources
		if err == nil {
			s.LastCollectedAt = at
			s.over(opCollect)
		}
	})
	if site == nil {
		return // there was never a good one
	}
	site.Sources = sources
	a.take(site, at, publish)
}

// ask returns the normalised site, which the caller may change.
func (a *Agent) ask(ctx context.Context, at time.Time) (*inventory.Site, []inventory.Source, error) {
	site, sources, err := a.o.Source.Collect(ctx)
	if err != nil {
		return nil, nil, err
	}
	if site == nil {
		return nil, nil, errors.New("the source returned no inventory")
	}
	if site.Site.ID != a.o.Site {
		return nil, nil, fmt.Errorf("the source describes site %.80q, this planner looks after %q: correct site.id or the planner's configuration", site.Site.ID, a.o.Site)
	}
	if err := inventory.CheckTime(site, at); err != nil {
		return nil, nil, err
	}
	return inventory.Normalise(site, a.o.Regions), sources, nil
}

// take assesses and queues an inventory that differs from the last one in more than the time of its collection.
func (a *Agent) take(site *inventory.Site, at time.Time, publish bool) {
	if last := a.lastGood(); last != nil && sameContent(site, last) {
		// A source's time is that of the collection which first gave this content and outcome; a new one for each interval
		// would make a revision out of nothing.
		site = last
	}
	body, err := inventory.Canonical(site)
	if err != nil {
		a.fail("encode the inventory", err)
		return
	}
	if len(body) > inventory.MaxDocument {
		a.fail("encode the inventory", fmt.Errorf("it has %d bytes, the limit is %d", len(body), inventory.MaxDocument))
		return
	}
	revision := inventory.Revision(site)
	a.judge(site, at)
	_, added, err := a.box.Add(revision, body)
	if err != nil {
		op := "queue the inventory"
		if errors.Is(err, outbox.ErrDiskFull) {
			op = "queue the inventory; the one before stays in force"
		}
		a.fail(op, err)
		return
	}
	if !added && publish {
		if _, err := a.box.Requeue(""); err != nil {
			a.fail("queue the inventory again", err)
		}
	}
	a.mu.Lock()
	a.good = site
	a.mu.Unlock()
	a.update(func(s *Status) {
		s.Collected = &Mark{Revision: revision, ObservedAt: site.ObservedAt, At: at}
	})
	if added {
		a.o.Logger.Info("inventory queued", "revision", revision)
	}
	wake(a.publishNow)
}

func (a *Agent) judge(site *inventory.Site, at time.Time) {
	judged, err := a.o.Assess(site, at)
	if err != nil {
		a.fail("assess the inventory", err)
		return
	}
	a.mu.Lock()
	a.local = judged
	a.mu.Unlock()
	if body, err := json.Marshal(judged); err != nil {
		a.fail("write the assessment", err)
	} else if err := atomicfile.WriteUnsynced(a.path(assessmentFile), body); err != nil {
		a.fail("write the assessment", err)
	}
}

// lastGood returns a copy of the last inventory that was queued, nil when there is none.
func (a *Agent) lastGood() *inventory.Site {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.good == nil {
		return nil
	}
	return inventory.Clone(a.good)
}

// recall takes up where the process before left off.
func (a *Agent) recall() {
	a.status.Site, a.status.PlannerVersion, a.status.Instance = a.o.Site, a.o.Version, a.box.Instance()
	a.status.StartedAt = a.o.Clock.Now().UTC()
	last, ok := a.box.Last()
	if !ok {
		return
	}
	var site inventory.Site
	if err := json.Unmarshal(last.Body, &site); err != nil || site.Site.ID != a.o.Site {
		a.o.Logger.Warn("the last inventory in the outbox is of no use", "revision", last.Revision, "error", err)
		return
	}
	a.good = &site
	a.status.Collected = &Mark{Revision: last.Revision, ObservedAt: site.ObservedAt, At: last.QueuedAt}
}

// sameContent compares two inventories without the times of their sources.
func sameContent(x, y *inventory.Site) bool {
	a, errA := inventory.Canonical(withoutTimes(x))
	b, errB := inventory.Canonical(withoutTimes(y))
	return errA == nil && errB == nil && string(a) == string(b)
}

func withoutTimes(s *inventory.Site) *inventory.Site {
	c := *s
	c.Sources = slices.Clone(s.Sources)
	for i := range c.Sources {
		c.Sources[i].At = time.Time{}
	}
	return &c
}

// maxDetail bounds the text of a problem in a published inventory, in bytes.
const maxDetail = 1000

// detail is the text of a failure as it may leave the site.
func detail(err error) string {
	text := strings.ToValidUTF8(redact(err.Error()), "�")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + " …"
	}
	return text
}

// redact removes what looks like a password. Sources are to leave secrets out of their errors; this is for the libraries
// below them, which quote connection strings.
func redact(text string) string {
	text = regexp.MustCompile(`://[^/\s@]*@`).ReplaceAllString(text, "://…@")
	return regexp.MustCompile(`(?i)\b([\w.-]*(?:password|passwd|pwd|secret|token|apikey|api_key|accountkey|sharedaccesskey|credential)[\w.-]*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s;,&}]+)`).ReplaceAllString(text, "${1}…")
}
