package fleet

import "time"

// Thresholds of silence. A planner beats every minute unless told otherwise: three missed beats are late. A longer interval
// moves them so far that no site is late for having been told to beat seldom. A site without a planner is known only by
// its inventories, so DQ-001's ages apply to it. All are assumptions.
const (
	Beat = time.Minute

	lateBeats  = 3
	staleBeats = 6
	lostBeats  = 24

	staleLeast = time.Hour
	lostLeast  = 24 * time.Hour

	lateInventory  = 24 * time.Hour
	staleInventory = 72 * time.Hour
	lostInventory  = 7 * 24 * time.Hour
)

// thresholds are the silences after which a site is late, stale and lost. An interval of 0 is not known.
func thresholds(interval time.Duration, planner bool) (late, stale, lost time.Duration) {
	if interval == 0 && !planner {
		return lateInventory, staleInventory, lostInventory
	}
	interval = max(interval, Beat)
	return lateBeats * interval, max(staleLeast, staleBeats*interval), max(lostLeast, lostBeats*interval)
}
