package fleet

import "time"

// Thresholds of silence. A planner beats every minute unless told otherwise: three missed beats are late. A site without a planner is
// known only by its inventories, so DQ-001's ages apply to it.
const (
	Beat = time.Minute

	lateBeats  = 3 * Beat
	staleBeats = time.Hour
	lostBeats  = 24 * time.Hour

	lateInventory  = 24 * time.Hour
	staleInventory = 72 * time.Hour
	lostInventory  = 7 * 24 * time.Hour
)

func liveness(r *Record, now time.Time) Liveness {
	silent := now.Sub(r.HeardAt)
	late, stale, lost := lateBeats, staleBeats, lostBeats
	if r.Planner.Instance == "" {
		late, stale, lost = lateInventory, staleInventory, lostInventory
	}
	switch {
	case silent >= lost:
		return Lost
	case silent >= stale:
		return Stale
	case silent >= late:
		return Late
	default:
		return Live
	}
}
