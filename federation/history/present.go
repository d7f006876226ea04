package history

import (
	"context"
	"time"
)

const (
	selectLastAccepted = `SELECT site, max(accepted_at)
FROM acceptances
WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
GROUP BY site`

	selectRemoved = `SELECT site, max(at)
FROM assessments
WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
GROUP BY site
HAVING argMax(removed, (at, sequence, revision, pack_hash))`
)

// Present returns the sites that belonged to the federation at t, each with the time of the last inventory that was accepted of
// it. One that was removed belongs to it again from its next inventory on. No sites asks for all.
func (s *Store) Present(ctx context.Context, t time.Time, sites []string) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	collect := func(template string, each func(site string, at time.Time)) error {
		query, arguments := asOfQuery(template, t, sites)
		return s.each(ctx, query, arguments, func(scan func(...any) error) error {
			var site string
			var at time.Time
			err := scan(&site, &at)
			each(site, at.UTC())
			return err
		})
	}
	err := collect(selectLastAccepted, func(site string, at time.Time) { out[site] = at })
	if err == nil {
		err = collect(selectRemoved, func(site string, at time.Time) {
			if !out[site].After(at) {
				delete(out, site)
			}
		})
	}
	return out, wrap("read the sites as of", err)
}
