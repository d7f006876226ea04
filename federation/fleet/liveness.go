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

func thresholds(r *Record) (late, stale, lost time.Duration) {
	if r.Planner.Instance == "" {
		return lateInventory, staleInventory, lostInventory
	}
	return lateBeats, staleBeats, lostBeats
}

func liveness(r *Record, now time.Time) Liveness {
	silent := now.Sub(r.HeardAt)
	late, stale, lost := thresholds(r)
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

// silence is after how long without a sign of life a record's state gets worse, if it can.
func silence(r *Record) (after time.Duration, more bool) {
	late, stale, lost := thresholds(r)
	switch r.Liveness {
	case Live:
		return late, true
	case Late:
		return stale, true
	case Stale:
		return lost, true
	case Lost:
	}
	return 0, false
}
