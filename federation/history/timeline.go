package history

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// WriteAssessments stores assessments and the changes of findings between each and the one before it of its site. It may
// be repeated with the same rows, also after an error that left some of them written. Rows may come in any order: one
// that arrives after a later one was stored takes back or adds the events that then follow.
//
// Events are derived from the assessments next to each row, never from what was written last, which is what makes a
// repetition harmless. Afterwards the neighbourhood is read again, so that two writers that met on one site agree; on a
// replicated cluster this needs select_sequential_consistency or a single writer.
func (s *Store) WriteAssessments(ctx context.Context, rows []AssessmentRow) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	rows = unique(rows)
	bounds := boundsOf(rows)
	stored, err := s.neighbours(ctx, bounds, false)
	if err != nil {
		return wrap("read previous assessments", err)
	}
	if err := s.insertRecommendations(ctx, rows); err != nil {
		return wrap("write recommendations", err)
	}
	const rounds = 5
	for round := range rounds {
		if err := s.writeEvents(ctx, rows, stored); err != nil {
			return wrap("write finding events", err)
		}
		if round == 0 {
			// After the events: an assessment that is there has its events.
			if err := s.insertAssessments(ctx, rows); err != nil {
				return wrap("write assessments", err)
			}
		}
		now, err := s.neighbours(ctx, bounds, true)
		if err != nil {
			return wrap("read assessments again", err)
		}
		if sameKeys(now, append(slices.Clone(stored), rows...)) {
			return nil
		}
		if stored, err = s.neighbours(ctx, bounds, false); err != nil {
			return wrap("read previous assessments", err)
		}
	}
	return wrap("write assessments", errors.Join(ErrUnavailable, errors.New("other writers keep changing the same sites")))
}

// writeEvents stores what the events of the rows and of their successors should be and takes back what they should not.
func (s *Store) writeEvents(ctx context.Context, rows, stored []AssessmentRow) error {
	wanted, judged := deriveEvents(rows, stored)
	present, err := s.eventsOf(ctx, judged)
	if err != nil {
		return err
	}
	write, withdraw := compareEvents(wanted, present)
	return s.insertEvents(ctx, write, withdraw, uint64(time.Now().UnixNano()))
}

type bound struct{ low, high time.Time }

func boundsOf(rows []AssessmentRow) map[string]bound {
	out := map[string]bound{}
	for i := range rows {
		r := &rows[i]
		b, ok := out[r.Site]
		if !ok || r.At.Before(b.low) {
			b.low = r.At
		}
		if !ok || r.At.After(b.high) {
			b.high = r.At
		}
		out[r.Site] = b
	}
	return out
}

// assessmentKey is what makes two rows the same assessment. It is the table's sorting key.
type assessmentKey struct {
	site     string
	at       int64
	revision string
	pack     string
}

func (r *AssessmentRow) key() assessmentKey {
	return assessmentKey{r.Site, r.At.UnixNano(), r.Revision, r.PackHash}
}

// order sorts by site, then by time; of one instant the one in force comes last, as in AsOf.
func order(a, b *AssessmentRow) int {
	return cmp.Or(cmp.Compare(a.Site, b.Site), a.At.Compare(b.At), cmp.Compare(a.Sequence, b.Sequence),
		cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.PackHash, b.PackHash))
}

// unique returns copies of the rows with instants the table can hold, the last of those with one key.
func unique(rows []AssessmentRow) []AssessmentRow {
	seen := make(map[assessmentKey]int, len(rows))
	out := make([]AssessmentRow, 0, len(rows))
	for _, r := range rows {
		r.At = instant(r.At)
		if i, ok := seen[r.key()]; ok {
			if r.Sequence >= out[i].Sequence {
				out[i] = r
			}
			continue
		}
		seen[r.key()] = len(out)
		out = append(out, r)
	}
	return out
}

func sameKeys(a, b []AssessmentRow) bool {
	keys := func(rows []AssessmentRow) map[assessmentKey]bool {
		out := make(map[assessmentKey]bool, len(rows))
		for i := range rows {
			out[rows[i].key()] = true
		}
		return out
	}
	x, y := keys(a), keys(b)
	if len(x) != len(y) {
		return false
	}
	for k := range x {
		if !y[k] {
			return false
		}
	}
	return true
}

// deriveEvents returns the events the given rows and their successors should have, and the keys of the assessments among
// them that are stored already and so may have other ones.
func deriveEvents(rows, stored []AssessmentRow) (wanted []FindingEvent, judged []assessmentKey) {
	isNew := make(map[assessmentKey]bool, len(rows))
	timeline := make([]*AssessmentRow, 0, len(rows)+len(stored))
	for i := range rows {
		isNew[rows[i].key()] = true
		timeline = append(timeline, &rows[i])
	}
	isStored := make(map[assessmentKey]bool, len(stored))
	for i := range stored {
		isStored[stored[i].key()] = true
		if !isNew[stored[i].key()] {
			timeline = append(timeline, &stored[i])
		}
	}
	slices.SortFunc(timeline, order)
	var before *AssessmentRow
	for _, r := range timeline {
		if before != nil && before.Site != r.Site {
			before = nil
		}
		if isNew[r.key()] || before != nil && isNew[before.key()] {
			wanted = append(wanted, eventsBetween(before, r)...)
			if isStored[r.key()] {
				judged = append(judged, r.key())
			}
		}
		before = r
	}
	return wanted, judged
}

// eventsBetween compares two consecutive assessments of a site; before is nil for the first.
func eventsBetween(before, now *AssessmentRow) []FindingEvent {
	old := map[string]*Finding{}
	if before != nil && !before.Removed {
		for i := range before.Findings {
			old[before.Findings[i].ID] = &before.Findings[i]
		}
	}
	var out []FindingEvent
	event := func(change Change, f *Finding) {
		out = append(out, FindingEvent{Site: now.Site, At: now.At, Change: change, Finding: *f, Revision: now.Revision, PackHash: now.PackHash})
	}
	if !now.Removed {
		for i := range now.Findings {
			f := &now.Findings[i]
			was, ok := old[f.ID]
			delete(old, f.ID)
			switch {
			case !ok:
				event(Opened, f)
			case was.Waiver == "" && f.Waiver != "":
				event(Waived, f)
			case was.Waiver != "" && f.Waiver == "":
				event(Unwaived, f)
			case was.Verdict != f.Verdict || was.Severity != f.Severity || was.Waiver != f.Waiver:
				event(Changed, f)
			}
		}
	}
	for _, f := range old {
		event(Closed, f)
	}
	slices.SortFunc(out, func(a, b FindingEvent) int { return cmp.Compare(a.Finding.ID, b.Finding.ID) })
	return out
}

// compareEvents returns the wanted events that are not present as such, and the present ones that nobody wants.
func compareEvents(wanted, present []FindingEvent) (write, withdraw []FindingEvent) {
	there := make(map[eventKey]FindingEvent, len(present))
	for _, e := range present {
		there[e.key()] = e
	}
	for _, e := range wanted {
		if was, ok := there[e.key()]; !ok || !was.equal(&e) {
			write = append(write, e)
		}
		delete(there, e.key())
	}
	for _, e := range present {
		if _, ok := there[e.key()]; ok {
			withdraw = append(withdraw, e)
		}
	}
	return write, withdraw
}
