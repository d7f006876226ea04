package fleet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

// Sign is a sign of life of a site: a heartbeat, or an inventory.
type Sign struct {
	Site     string
	At       time.Time     // when the stream took it, so that all replicas say the same
	Planner  Planner       // who sent it; zero for an upload
	Interval time.Duration // until the next heartbeat; 0 for what is none
	// Copied tells that the sender is not the only one with its instance: one sequence has stood for two revisions.
	Copied bool
}

// Oldest is what of planners the hub supports. Zero values support everything.
type Oldest struct {
	Protocol int
	Version  string // major.minor
}

// Supports reports whether a planner is recent enough. What is not known of it is not held against it.
func (o Oldest) Supports(p Planner) bool {
	if p.Protocol > 0 && p.Protocol < o.Protocol {
		return false
	}
	if o.Version == "" || p.Version == "" {
		return true
	}
	major, minor, ok := facts.MajorMinor(o.Version)
	recent, known := facts.AtLeast(p.Version, major, minor)
	return !ok || !known || recent
}

// rivalry is how long two instances may be silent and still count as speaking in turns. Assumption: more than the beats
// that a short outage swallows, less than a shift.
const rivalry = 10 * time.Minute

// voice is one instance that speaks for a site.
type voice struct {
	instance    string
	first, last time.Time
}

// presence is what is known of one site apart from its inventory. It is kept for each replica by itself and is equal in
// all that heard the same.
type presence struct {
	heard    time.Time
	interval time.Duration // of the planner's heartbeats, 0 while none was heard
	entered  Transitions
	told     Transitions // what the announcements say of entered, up to position
	mine     Transitions // what this replica has announced
	position uint64      // of the last announcement that was read or made
	planner  Planner     // who sent the last heartbeat

	voices  []voice // almost always one
	speaker string
	copied  time.Time // when a copy of the speaker was last noticed
	rivals  []string
	since   time.Time // of rivals
	changed time.Time // when planner or rivals changed last

	limited time.Time // since when the site's inventories are limited, zero when they are not
}

// hear takes a sign in and reports whether the site's record or its agenda may look other for it. What came before the
// sign is a silence only when the site was observed meanwhile.
func (p *presence) hear(s Sign, observed bool) (news bool) {
	live, changed, interval := p.entered.Live, p.changed, p.interval
	p.take(s, observed)
	return p.entered.Live != live || p.changed != changed || p.interval != interval
}

func (p *presence) take(s Sign, observed bool) {
	p.speak(s)
	if s.At.After(p.heard) {
		was := Live
		switch {
		case observed && !p.heard.IsZero():
			was = p.silent(s.At, s.Planner.Instance != "")
		case !p.entered.last().Equal(p.entered.Live):
			was = Late
		}
		if was != Live || p.entered.Live.IsZero() {
			p.entered.Live = s.At
		}
		p.heard = s.At
	}
	if s.Interval == 0 {
		return
	}
	p.interval = s.Interval
	if sender := (Planner{Version: s.Planner.Version, Instance: s.Planner.Instance, Protocol: s.Planner.Protocol}); p.planner != sender {
		p.planner, p.changed = sender, s.At
	}
}

// speak notes which instance a sign came from. An instance that is replaced is not heard again; one that is heard after
// another took its place speaks in turns with it. Silence of all ends nothing: only a sign proves that one is left.
func (p *presence) speak(s Sign) {
	id := s.Planner.Instance
	if id == "" {
		return
	}
	window := max(rivalry, 3*p.interval)
	p.voices = slices.DeleteFunc(p.voices, func(v voice) bool { return !v.last.Add(window).After(s.At) })
	if !p.copied.Add(window).After(s.At) {
		p.copied = time.Time{}
	}
	v := p.voice(id)
	again := v.instance != ""
	if !again {
		v.instance, v.first = id, s.At
	}
	v.last = later(v.last, s.At)
	turns := again && p.speaker != id && slices.ContainsFunc(p.voices, func(v voice) bool { return v.instance == p.speaker })
	p.speaker = id
	if s.Copied {
		turns, p.copied = true, s.At
	}
	if !turns && len(p.rivals) == 0 {
		return
	}
	ids, since := make([]string, 0, len(p.voices)+1), time.Time{}
	for _, v := range p.voices {
		ids, since = append(ids, v.instance), later(since, v.first)
	}
	if !p.copied.IsZero() {
		ids, since = append(ids, id), p.copied
	}
	slices.Sort(ids)
	switch {
	case len(ids) < 2:
		ids, since = nil, time.Time{}
	case len(p.rivals) > 0:
		since = p.since
	}
	if !slices.Equal(ids, p.rivals) {
		p.rivals, p.since, p.changed = ids, since, s.At
	}
}

// voice is that of an instance, added empty when it has not spoken of late. The pointer holds until voices change.
func (p *presence) voice(instance string) *voice {
	for i := range p.voices {
		if p.voices[i].instance == instance {
			return &p.voices[i]
		}
	}
	p.voices = append(p.voices, voice{})
	return &p.voices[len(p.voices)-1]
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// silent notes the states that the silence until now has passed and returns the last.
func (p *presence) silent(now time.Time, planner bool) Liveness {
	if p.heard.IsZero() {
		return Lost
	}
	late, stale, lost := thresholds(p.interval, planner)
	silence, state := now.Sub(p.heard), Live
	for _, step := range [...]struct {
		after   time.Duration
		state   Liveness
		entered *time.Time
	}{{late, Late, &p.entered.Late}, {stale, Stale, &p.entered.Stale}, {lost, Lost, &p.entered.Lost}} {
		if silence >= step.after {
			state, *step.entered = step.state, p.heard.Add(step.after)
		}
	}
	return state
}

// show brings a record up to what is known of its site at an instant.
func (f *Fleet) show(r *Record, now time.Time) {
	f.life.Lock()
	defer f.life.Unlock()
	p := f.presence(r.ID)
	r.Liveness = p.silent(now, r.Planner.Instance != "")
	r.Entered, r.Limited = p.entered, p.limited
	// While a site is live its heartbeats are not shown, so that answers stay cacheable.
	if r.HeardAt = p.heard; r.Liveness == Live {
		r.HeardAt = later(r.AcceptedAt, p.entered.Live)
	}
	if p.planner.Instance == r.Planner.Instance && p.planner.Instance != "" {
		r.Planner.Version, r.Planner.Protocol = p.planner.Version, p.planner.Protocol
	}
	r.Planner.Behind = !f.o.Oldest.Supports(r.Planner)
	r.Rivals, r.RivalsSince = p.rivals, p.since
}

// presence is called under life.
func (f *Fleet) presence(site string) *presence {
	p := f.present[site]
	if p == nil {
		p = &presence{}
		f.present[site] = p
	}
	return p
}

// Heard notes a sign of life of a site. It changes nothing that is committed; Tick does.
func (f *Fleet) Heard(s Sign) {
	f.life.Lock()
	defer f.life.Unlock()
	if f.presence(s.Site).hear(s, f.observing) {
		f.woken[s.Site] = struct{}{}
	}
}

// Limit notes since when a site's inventories are limited; zero when they are not any more.
func (f *Fleet) Limit(site string, since time.Time) {
	f.life.Lock()
	defer f.life.Unlock()
	if p := f.presence(site); !p.limited.Equal(since) {
		p.limited = since
		f.woken[site] = struct{}{}
	}
}

// Remember takes over what was announced of a site, by this or another replica, at a position of the feed. Who has heard less
// of a site follows who has heard more.
func (f *Fleet) Remember(site string, position uint64, heard time.Time, entered Transitions) {
	f.life.Lock()
	defer f.life.Unlock()
	p := f.presence(site)
	before := p.entered
	p.heard, p.entered = later(p.heard, heard), p.entered.join(entered)
	if position > p.position {
		p.told, p.position = entered, position
	}
	if p.entered != before || p.told != p.entered {
		f.woken[site] = struct{}{}
	}
}

// judged is what of a site's planner an assessment rests on.
type judged struct {
	behind bool
	rivals string
}

func (r *Record) planners() judged {
	j := judged{behind: r.Planner.Behind}
	for _, id := range r.Rivals {
		j.rivals += id + " "
	}
	return j
}

// judgedIn reads it from an assessment that another replica or an earlier process made.
func judgedIn(a *assess.Assessment) (j judged, rivals []string, since time.Time) {
	for i := range a.Findings {
		finding := &a.Findings[i]
		if finding.Verdict != rules.Fail {
			continue
		}
		switch finding.Rule {
		case "DQ-003":
			j.behind = true
		case "DQ-005":
			rivals = texts(finding.Evidence.Facts()["instances"])
			if finding.FailingSince != nil {
				since = *finding.FailingSince
			}
		}
	}
	for _, id := range rivals {
		j.rivals += id + " "
	}
	return j, rivals, since
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// adopt takes an assessment over for a record with what it knows of the site's planners.
func (f *Fleet) adopt(r *Record, a *assess.Assessment) {
	r.Assessment = a
	var rivals []string
	var since time.Time
	r.judged, rivals, since = judgedIn(a)
	f.life.Lock()
	defer f.life.Unlock()
	p := f.presence(r.ID)
	if len(rivals) == 0 || len(p.rivals) > 0 {
		return
	}
	p.rivals, p.since = rivals, since
	// Whether they still speak shows from now on.
	last := later(a.At, p.heard)
	for i, id := range rivals {
		if i > 0 && rivals[i-1] == id {
			p.copied = last
		}
		*p.voice(id) = voice{id, since, last}
	}
}

// PlannerOf is what the rules see of a site's planner: nothing while all is as it should be, so that a site is judged
// here as it is by itself.
func (f *Fleet) PlannerOf(r *Record) *rules.Planner {
	if !r.Planner.Behind && len(r.Rivals) < 2 {
		return nil
	}
	p := &rules.Planner{Version: r.Planner.Version, Protocol: r.Planner.Protocol, Instances: r.Rivals, Since: r.RivalsSince}
	if r.Planner.Behind {
		p.OldestVersion, p.OldestProtocol = f.o.Oldest.Version, f.o.Oldest.Protocol
	}
	return p
}

// hash identifies what a fleet judges under: an engine's hash, and the planners it supports where it does not support all.
func (o Options) hash(p *policy.Policy) string {
	hash := o.Engine.Hash(p)
	if o.Oldest.Version == "" && o.Oldest.Protocol <= 1 {
		return hash
	}
	sum := sha256.Sum256([]byte(hash + " " + o.Oldest.Version + " " + strconv.Itoa(o.Oldest.Protocol)))
	return hex.EncodeToString(sum[:16])
}

// differs reports whether what is shown of a site apart from its assessment has changed.
func (r *Record) differs(before *Record) bool {
	return r.Liveness != before.Liveness || r.Entered != before.Entered || r.Planner != before.Planner || r.Limited != before.Limited ||
		!r.HeardAt.Equal(before.HeardAt) || !slices.Equal(r.Rivals, before.Rivals)
}

// noticed is the instant of a judgement that a change of the site's planners causes: when it was heard, but later than
// the judgement it replaces.
func (f *Fleet) noticed(r *Record) time.Time {
	f.life.Lock()
	defer f.life.Unlock()
	at := f.presence(r.ID).changed
	if r.Assessment != nil && !at.After(r.Assessment.At) {
		at = r.Assessment.At.Add(1)
	}
	return at
}

// announce tells of the changes of liveness that have not been told yet.
func (f *Fleet) announce(ctx context.Context) error {
	if f.o.Announce == nil {
		clear(f.unannounced)
		return nil
	}
	view := f.o.Store.View()
	ids := slices.Collect(maps.Keys(f.unannounced))
	failed := make([]error, len(ids))
	// When a link comes back or goes, thousands of sites change at once, and each announcement waits for the bus.
	var group errgroup.Group
	group.SetLimit(announcing)
	for i, id := range ids {
		r, ok := view.Site(id)
		if !ok {
			continue
		}
		group.Go(func() error {
			if err := f.announceOne(ctx, r); err != nil {
				failed[i] = fmt.Errorf("announce that site %s is %s: %w", id, r.Liveness, err)
			}
			return nil
		})
	}
	_ = group.Wait() // Failures are kept by site.
	for i, id := range ids {
		if failed[i] == nil {
			delete(f.unannounced, id)
		}
	}
	return errors.Join(failed...)
}

// announcing is how many announcements are under way at one time.
const announcing = 64

// announceOne announces a record's transitions unless somebody has. What this replica announced before and another replica
// contradicted is announced again behind the contradiction.
func (f *Fleet) announceOne(ctx context.Context, r *Record) error {
	f.life.Lock()
	p := f.presence(r.ID)
	known, after := p.told == r.Entered, uint64(0)
	if p.mine == r.Entered {
		after = p.position
	}
	f.life.Unlock()
	if known {
		return nil
	}
	position, err := f.o.Announce(ctx, r, after)
	if err != nil {
		return err
	}
	f.life.Lock()
	defer f.life.Unlock()
	p.mine = r.Entered
	if position > p.position {
		p.told, p.position = r.Entered, position
	}
	if p.told != p.entered {
		f.woken[r.ID] = struct{}{}
	}
	return nil
}

// tell has a change of liveness announced that was not yet.
func (f *Fleet) tell(r *Record) {
	f.life.Lock()
	defer f.life.Unlock()
	if f.presence(r.ID).told != r.Entered {
		f.unannounced[r.ID] = struct{}{}
	}
}

// join is what two replicas know together. Each has heard a part of the signs, so that of two instants of becoming live
// with no silence between them the earlier is right, and else the later.
func (t Transitions) join(o Transitions) Transitions {
	out := Transitions{Late: later(t.Late, o.Late), Stale: later(t.Stale, o.Stale), Lost: later(t.Lost, o.Lost)}
	first, last := t.Live, o.Live
	if last.Before(first) {
		first, last = last, first
	}
	out.Live = first
	for _, silence := range [...]time.Time{out.Late, out.Stale, out.Lost} {
		if silence.After(first) && !silence.After(last) {
			out.Live = last
		}
	}
	if first.IsZero() {
		out.Live = last
	}
	return out
}

// last is when the site entered the state it is in.
func (t Transitions) last() time.Time {
	return slices.MaxFunc([]time.Time{t.Live, t.Late, t.Stale, t.Lost}, time.Time.Compare)
}

// Of is when the site last entered a state; zero for never.
func (t Transitions) Of(l Liveness) time.Time {
	switch l {
	case Live:
		return t.Live
	case Late:
		return t.Late
	case Stale:
		return t.Stale
	case Lost:
		return t.Lost
	}
	return time.Time{}
}

// Count counts the sites by liveness.
func Count(v View) map[Liveness]int {
	out := map[Liveness]int{Live: 0, Late: 0, Stale: 0, Lost: 0}
	for r := range v.Sites("") {
		out[cmp.Or(r.Liveness, Lost)]++
	}
	return out
}
