package fleet

import "time"

// Past notes in a record what is known of its site's liveness at a past instant. Heartbeats are not kept, so that it is only
// as good as the last inventory that was accepted, by the ages that hold for a site without a planner.
func Past(r *Record, accepted, at time.Time) {
	p := presence{heard: accepted, entered: Transitions{Live: accepted}}
	r.HeardAt, r.Liveness = accepted, p.silent(at, false)
	r.Entered = p.entered
}
