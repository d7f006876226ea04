package read

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/audit"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// expiringWithin is when a waiver counts as expiring. Assumption: a month is enough to ask again.
const expiringWithin = 30 * 24 * time.Hour

// listed is a collection over a list that is not part of the view.
func listed[T any](list []T, fields filter.Fields[*T], key func(*T) []string) *collection[*T] {
	return &collection[*T]{fields: fields, key: key, each: func(*Snapshot) iter.Seq[*T] {
		return func(yield func(*T) bool) {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}}
}

// newest counts down, so that what is newer comes first.
func newest(at time.Time) string { return fmt.Sprintf("%020d", math.MaxInt64-max(at.UnixNano(), 0)) }

func take[T any](p *page[*T]) []T { return render(p.items, func(t *T) T { return *t }) }

// WaiverView is a waiver as a caller sees it at an instant, without what the federation makes of it.
func WaiverView(w waiver.Waiver, at time.Time) gen.Waiver {
	d := w.Document()
	v := gen.Waiver{
		Id: d.ID, Rule: d.Rule, Match: d.Match, Reason: d.Reason, Ticket: d.Ticket, Owner: d.Owner, Expires: d.Expires,
		State: gen.WaiverState(w.At(at)), Requested: d.Requested,
	}
	if d.Decided != nil {
		v.Decided = *d.Decided
	}
	if d.Withdrawn != nil {
		v.Withdrawn = *d.Withdrawn
	}
	v.Expiring = v.State == gen.WaiverState(waiver.Approved) && !at.Add(expiringWithin).Before(d.Expires)
	return v
}

// VisibleWaivers are the waivers that may be for a site the caller sees, with the sites' need of them.
func (s *Snapshot) VisibleWaivers(waivers []waiver.Waiver, at time.Time) []gen.Waiver {
	set := waiver.NewSet(waivers)
	seen, used := map[string]bool{}, map[string]bool{}
	for r := range s.records() {
		if r.Inventory == nil {
			continue
		}
		of := set.Of(r.Inventory.Site)
		for _, w := range of {
			seen[w.ID()] = true
		}
		if len(of) == 0 || r.Assessment == nil {
			continue
		}
		site := r.Inventory.Site
		for id := range waiver.Covering(of, r.Assessment, func(string) inventory.Identity { return site }) {
			used[id] = true
		}
	}
	out := make([]gen.Waiver, 0, len(waivers))
	for _, w := range set.All() {
		if id := w.Document().Match.Site; !s.scope.all && !seen[w.ID()] && (id == "" || !s.scope.Allows(id)) {
			continue
		}
		v := WaiverView(w, at)
		v.Unused = v.State == gen.WaiverState(waiver.Approved) && !used[v.Id]
		out = append(out, v)
	}
	return out
}

func waiverFields() filter.Fields[*gen.Waiver] {
	type t = *gen.Waiver
	return filter.Of(
		filter.Text("id", func(w t) string { return w.Id }),
		filter.Text("rule", func(w t) string { return w.Rule }),
		filter.Text("site", func(w t) string { return w.Match.Site }),
		filter.Text("cluster", func(w t) string { return w.Match.Cluster }),
		filter.Text("infrastructure", func(w t) string { return w.Match.Infrastructure }),
		filter.Text("country", func(w t) string { return w.Match.Country }),
		filter.Text("region", func(w t) string { return w.Match.Region }),
		filter.Text("state", func(w t) string { return string(w.State) }),
		filter.Text("reason", func(w t) string { return w.Reason }),
		filter.Text("owner", func(w t) string { return w.Owner }),
		filter.Text("ticket", func(w t) string { return w.Ticket }),
		filter.Time("requestedAt", func(w t) (time.Time, bool) { return known(w.Requested.At) }),
		filter.Text("requestedBy", func(w t) string { return w.Requested.Name }),
		filter.Text("decidedBy", func(w t) string { return w.Decided.Name }),
		filter.Time("expires", func(w t) (time.Time, bool) { return known(w.Expires) }),
		filter.Bool("unused", func(w t) (bool, bool) { return w.Unused, true }),
		filter.Bool("expiring", func(w t) (bool, bool) { return w.Expiring, true }),
	)
}

// Waivers lists one page of what VisibleWaivers gave.
func (s *Snapshot) Waivers(list []gen.Waiver, q Query) (*gen.WaiverList, error) {
	p, err := listed(list, waiverFields(), func(w *gen.Waiver) []string { return []string{w.Id} }).page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.WaiverList{Items: take(p), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

func policyFields() filter.Fields[*gen.PolicyVersion] {
	type t = *gen.PolicyVersion
	last := func(v t) gen.Deed {
		if len(v.Activations) == 0 {
			return gen.Deed{}
		}
		return v.Activations[len(v.Activations)-1]
	}
	return filter.Of(
		filter.Text("id", func(v t) string { return v.Id }),
		filter.Text("name", func(v t) string { return v.Name }),
		filter.Text("hash", func(v t) string { return v.Hash }),
		filter.Bool("active", func(v t) (bool, bool) { return v.Active, true }),
		filter.Time("createdAt", func(v t) (time.Time, bool) { return known(v.Created.At) }),
		filter.Text("createdBy", func(v t) string { return v.Created.Name }),
		filter.Time("activatedAt", func(v t) (time.Time, bool) { return known(last(v).At) }),
		filter.Text("activatedBy", func(v t) string { return last(v).Name }),
	)
}

// Policies lists one page of versions, newest first. The caller fills in what is not of one version.
func (s *Snapshot) Policies(list []gen.PolicyVersion, q Query) (*gen.PolicyList, error) {
	p, err := listed(list, policyFields(), func(v *gen.PolicyVersion) []string {
		n, _ := strconv.ParseInt(v.Id, 10, 64) // the file's comes last
		return []string{fmt.Sprintf("%020d", math.MaxInt64-n)}
	}).page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.PolicyList{Items: take(p), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

func auditFields() filter.Fields[*audit.Entry] {
	type t = *audit.Entry
	return filter.Of(
		filter.Text("id", func(e t) string { return e.ID }),
		filter.Time("at", func(e t) (time.Time, bool) { return known(e.At) }),
		filter.Text("by", func(e t) string { return e.By }),
		filter.Text("name", func(e t) string { return e.Name }),
		filter.Text("role", func(e t) string { return e.Role }),
		filter.Text("act", func(e t) string { return e.Act }),
		filter.Text("outcome", func(e t) string { return string(e.Outcome) }),
		filter.Number("status", func(e t) (float64, bool) { return float64(e.Status), e.Status != 0 }),
		filter.Text("site", func(e t) string { return e.Site }),
		filter.Text("target", func(e t) string { return e.Target }),
		filter.Text("why", func(e t) string { return e.Why }),
		filter.Text("requestId", func(e t) string { return e.RequestID }),
		filter.Text("remote", func(e t) string { return e.Remote }),
	)
}

// Audit lists one page of entries, newest first. A caller with a bounded scope sees those about its sites.
func (s *Snapshot) Audit(entries []audit.Entry, q Query) (*gen.AuditList, error) {
	if !s.scope.all {
		entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Site == "" || !s.scope.Allows(e.Site) })
	}
	p, err := listed(entries, auditFields(), func(e *audit.Entry) []string { return []string{newest(e.At), e.ID} }).page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.AuditList{Items: take(p), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

func tokenFields() filter.Fields[*gen.ApiToken] {
	type t = *gen.ApiToken
	return filter.Of(
		filter.Text("id", func(k t) string { return k.Id }),
		filter.Text("name", func(k t) string { return k.Name }),
		filter.Text("role", func(k t) string { return string(k.Role) }),
		filter.Text("state", func(k t) string { return string(k.State) }),
		filter.Time("createdAt", func(k t) (time.Time, bool) { return known(k.Created.At) }),
		filter.Text("createdBy", func(k t) string { return k.Created.Name }),
		filter.Time("expires", func(k t) (time.Time, bool) { return known(k.Expires) }),
	)
}

// Tokens lists one page of tokens, by name.
func (s *Snapshot) Tokens(list []gen.ApiToken, q Query) (*gen.TokenList, error) {
	p, err := listed(list, tokenFields(), func(k *gen.ApiToken) []string { return []string{strings.ToLower(k.Name), k.Id} }).page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.TokenList{Items: take(p), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
