package rest

import (
	"context"
	"errors"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Past answers what was. sites are those to be read; nil means all. A *Error is told to the caller; any other error is
// answered with 503.
type Past interface {
	// View is the federation as it was known at an instant, as judged then or under the rules of now.
	View(ctx context.Context, at time.Time, then bool) (fleet.View, error)
	// Changes calls each with the changes of findings in [from, to), newest first.
	Changes(ctx context.Context, from, to time.Time, sites []string, each func(*gen.FindingChange) error) error
	// Differences calls each with what differs between two instants, in order of site, kind, cluster and what.
	Differences(ctx context.Context, from, to time.Time, sites []string, each func(*gen.Difference) error) error
	// Trends counts verdicts, with the groups in order.
	Trends(ctx context.Context, q TrendQuery) ([]gen.TrendSeries, error)
}

// TrendQuery asks for what is in force at Points instants, the first at From and each Every after the one before.
type TrendQuery struct {
	From   time.Time
	Every  time.Duration
	Points int
	By     string // "", site, rule, severity, region, country or tag.NAME
	Sites  []string
}

const maxPoints = 1000

// snapshotAt is the present snapshot, or that of an instant under the rules of then or now.
func (a *api) snapshotAt(ctx context.Context, asOf time.Time, rulesOf string) (*read.Snapshot, error) {
	c := callOf(ctx)
	if asOf.IsZero() {
		return a.snapshot(c), nil
	}
	if a.Past == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server runs without history; leave out asOf"}
	}
	now := a.Clock()
	if asOf.After(now) {
		return nil, badParameter("asOf", "the instant lies in the future")
	}
	s, err := a.pasts.Snapshot(ctx, read.Instant{At: asOf, Then: rulesOf != "now"}, now, c.scope)
	switch {
	case ctx.Err() != nil:
		return nil, &Error{Code: CodeUnavailable, Detail: "the request was given up", Err: ctx.Err()}
	case err != nil:
		return nil, pastError(err)
	}
	return s, nil
}

// pastError keeps what is told to the caller; what ClickHouse says is for the log.
func pastError(err error) error {
	var told *Error
	if errors.As(err, &told) {
		return err
	}
	return &Error{Code: CodeUnavailable, Detail: "the history cannot be read at the moment; reads of the present work", Err: err}
}

// judgePast lists the verdicts that a record of the past leaves out, as far as it tells of them.
func (a *api) judgePast() read.Judge {
	entries := map[string]*rules.Entry{}
	for i := range a.Rules {
		entries[a.Rules[i].ID] = &a.Rules[i]
	}
	return func(r *fleet.Record) (*assess.Assessment, error) { return r.Assessment.WithPassed(entries), nil }
}

// span is a span of time in the past, and the sites of it that the caller asks for and may see.
type span struct {
	from, to time.Time
	sites    []string
	none     bool // there is no such site
}

func (a *api) span(ctx context.Context, from, to time.Time, site string) (span, error) {
	if a.Past == nil {
		return span{}, &Error{Code: CodeUnavailable, Detail: "this server runs without history"}
	}
	now := a.Clock()
	if to.IsZero() {
		to = now
	}
	switch {
	case to.After(now):
		return span{}, badParameter("to", "the instant lies in the future")
	case !from.Before(to):
		return span{}, badParameter("from", "the span has no length; from must lie before to")
	}
	s := span{from: from.UTC(), to: to.UTC()}
	switch c := callOf(ctx); {
	case site != "":
		s.sites, s.none = []string{site}, !c.scope.Allows(site)
	case !c.scope.All():
		s.sites, s.none = c.scope.Sites(), len(c.scope.Sites()) == 0
	}
	return s, nil
}

// ListChanges implements the contract.
func (a *api) ListChanges(ctx context.Context, req gen.ListChangesRequestObject) (gen.ListChangesResponseObject, error) {
	sp, err := a.span(ctx, req.Params.From, req.Params.To, "")
	if err != nil {
		return nil, err
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.Changes(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter}, func(each func(*gen.FindingChange) error) error {
		if sp.none {
			return nil
		}
		return a.Past.Changes(ctx, sp.from, sp.to, sp.sites, each)
	})
	if err != nil {
		return nil, a.pastOrParameter(err)
	}
	return a.answer(ctx, s, v)
}

// ListDifferences implements the contract.
func (a *api) ListDifferences(ctx context.Context, req gen.ListDifferencesRequestObject) (gen.ListDifferencesResponseObject, error) {
	sp, err := a.span(ctx, req.Params.From, req.Params.To, req.Params.Site)
	if err != nil {
		return nil, err
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.Differences(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter}, func(each func(*gen.Difference) error) error {
		if sp.none {
			return nil
		}
		return a.Past.Differences(ctx, sp.from, sp.to, sp.sites, each)
	})
	if err != nil {
		return nil, a.pastOrParameter(err)
	}
	return a.answer(ctx, s, v)
}

// pastOrParameter leaves the errors of a query as they are; all others are the history's.
func (a *api) pastOrParameter(err error) error {
	if read.IsQueryError(err) {
		return err
	}
	return pastError(err)
}

// roundDistances are what people call a round distance of points, each a divisor or a multiple of the day.
var roundDistances = [...]time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 3 * day, week, 2 * week, 4 * week,
}

const (
	day  = 24 * time.Hour
	week = 7 * day

	distances = 30 // of a span whose distance of points is chosen here: a month has a point each day
)

// distance chooses the least round distance of points that a span has at most 30 of. Spans too long for all of them take a
// multiple of the longest.
func distance(span time.Duration) time.Duration {
	for _, d := range roundDistances {
		if span <= distances*d {
			return d
		}
	}
	longest := roundDistances[len(roundDistances)-1]
	return longest * (1 + (span-1)/(distances*longest))
}

// GetTrends implements the contract.
func (a *api) GetTrends(ctx context.Context, req gen.GetTrendsRequestObject) (gen.GetTrendsResponseObject, error) {
	p := req.Params
	sp, err := a.span(ctx, p.From, p.To, "")
	if err != nil {
		return nil, err
	}
	every := distance(sp.to.Sub(sp.from))
	if p.Every != "" {
		if every, err = time.ParseDuration(p.Every); err != nil || every <= 0 {
			return nil, badParameter("every", "write a duration such as 1h or 24h")
		}
	}
	q := TrendQuery{From: sp.from, Every: every, Points: 1 + int(min(sp.to.Sub(sp.from)/every, maxPoints)), By: p.By, Sites: sp.sites}
	if q.Points > maxPoints {
		return nil, badParameter("every", "the span has more than 1,000 such points; take a greater distance or a shorter span")
	}
	out := gen.Trends{From: q.From, To: q.From.Add(time.Duration(q.Points-1) * every), Every: every.String(), By: p.By, Series: []gen.TrendSeries{}}
	s := a.snapshot(callOf(ctx))
	out.Coverage = s.Coverage()
	if !sp.none {
		if out.Series, err = a.Past.Trends(ctx, q); err != nil {
			return nil, pastError(err)
		}
	}
	return a.answer(ctx, s, &out)
}
