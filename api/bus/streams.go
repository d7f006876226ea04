package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// StreamOptions size the hub's streams. The zero value takes the defaults.
type StreamOptions struct {
	Replicas int // copies of each stream in a NATS cluster: 1, 3 or 5; 0 means 1

	// InventoryPerSite is how many revisions of a site the stream keeps; 0 means 500. The last one is the hub's state, the
	// others are what the history may still have to write: at one revision every 15 minutes, 500 cover five days without
	// ClickHouse. A planner that comes back sends what it holds within seconds, so this bounds too what it may bring at once
	// without a gap in the history.
	InventoryPerSite int
	// InventoryMaxAge removes inventories older than this, and with them sites that have been silent for so long; 0 keeps them.
	InventoryMaxAge time.Duration

	AssessmentPerSite int           // 0 means 500; each revision of a site and of its neighbours makes one
	AssessmentMaxAge  time.Duration // 0 keeps them
	RejectedPerSite   int           // 0 means 20
	RejectedMaxAge    time.Duration // 0 means 30 days
	ChangeMaxAge      time.Duration // 0 means 7 days

	// MaxBytes is of each stream; 0 means no limit but the server's. Inventories and their pieces are refused when it is
	// reached (ErrFull), so that no silent site is forgotten for a talkative one; the other streams forget their oldest.
	MaxBytes int64
	Compress bool // S2 compression on disk

	// VerifyOnly makes EnsureStreams check that the streams exist instead of creating or updating them, for a NATS cluster
	// whose streams somebody else provides.
	VerifyOnly bool
}

// Parts of the JetStream API: what begins the subjects on which the server manages streams, and the limits of the account.
const (
	apiStream = "STREAM."
	apiInfo   = "INFO"
)

const (
	defaultInventoryPerSite  = 500
	defaultAssessmentPerSite = 500
	defaultRejectedPerSite   = 20
	defaultRejectedMaxAge    = 30 * 24 * time.Hour
	defaultChangeMaxAge      = 7 * 24 * time.Hour
	heartbeatMaxAge          = 7 * 24 * time.Hour
)

// Check tells what of the options no server would take, or would lose data with.
func (o StreamOptions) Check() error {
	var problems []error
	if o.Replicas != 0 && o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5 {
		problems = append(problems, fmt.Errorf("replicas is %d: a stream has 1, 3 or 5 copies", o.Replicas))
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"inventoryPerSite", o.InventoryPerSite}, {"assessmentPerSite", o.AssessmentPerSite}, {"rejectedPerSite", o.RejectedPerSite}} {
		if n.value < 0 {
			problems = append(problems, fmt.Errorf("%s is %d: give how many messages of a site to keep, or leave it out", n.name, n.value))
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"inventoryMaxAge", o.InventoryMaxAge}, {"assessmentMaxAge", o.AssessmentMaxAge}, {"rejectedMaxAge", o.RejectedMaxAge}, {"changeMaxAge", o.ChangeMaxAge},
	} {
		if d.value != 0 && d.value < minMaxAge {
			problems = append(problems, fmt.Errorf("%s is %s: what is younger than %s may not be in the history yet", d.name, d.value, minMaxAge))
		}
	}
	if o.MaxBytes < 0 || o.MaxBytes > 0 && o.MaxBytes < minMaxBytes {
		problems = append(problems, fmt.Errorf("maxBytes is %d: a stream needs %d at least", o.MaxBytes, minMaxBytes))
	}
	return errors.Join(problems...)
}

const (
	minMaxAge   = time.Hour
	minMaxBytes = 16 << 20 // twice the largest document
)

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (o StreamOptions) configs() []jetstream.StreamConfig {
	inventories := or(o.InventoryPerSite, defaultInventoryPerSite)
	streams := []jetstream.StreamConfig{
		{
			Name: StreamInventory, Subjects: []string{subjects.Inventory + "*"},
			Description:       "Inventories of the sites; the last of each site is the state of the federation",
			MaxMsgsPerSubject: int64(inventories), MaxAge: o.InventoryMaxAge,
		},
		{
			Name: StreamAssessment, Subjects: []string{subjects.Assessment + "*"},
			Description:       "Verdicts on inventory revisions, back to the sites",
			MaxMsgsPerSubject: int64(or(o.AssessmentPerSite, defaultAssessmentPerSite)), MaxAge: o.AssessmentMaxAge,
		},
		{
			Name: StreamRejected, Subjects: []string{subjects.Rejected + "*"},
			Description:       "Inventories the hub refused, with the reason",
			MaxMsgsPerSubject: int64(or(o.RejectedPerSite, defaultRejectedPerSite)), MaxAge: or(o.RejectedMaxAge, defaultRejectedMaxAge),
		},
		{
			Name: StreamChange, Subjects: []string{subjects.Change + ">"},
			Description: "Change feed", MaxMsgsPerSubject: -1, MaxAge: or(o.ChangeMaxAge, defaultChangeMaxAge),
		},
		{
			// On the disk although the next heartbeats follow soon: a stream in memory is gone with its only server.
			Name: StreamHeartbeat, Subjects: []string{subjects.Heartbeat + "*"},
			Description: "The last heartbeat of each site", MaxMsgsPerSubject: 1, MaxAge: heartbeatMaxAge,
		},
		{
			// A document must not go before the inventory that points to it, so it has no age of its own and twice the number:
			// an inventory whose publication is repeated leaves pieces behind that nothing points to.
			Name: StreamDocument, Subjects: []string{subjects.Document + "*.*"},
			Description:       "Pieces of inventories too large for one message",
			MaxMsgsPerSubject: int64(2 * inventories),
		},
	}
	for i := range streams {
		s := &streams[i]
		s.Retention, s.Storage, s.Discard = jetstream.LimitsPolicy, jetstream.FileStorage, jetstream.DiscardOld
		if s.Name == StreamInventory || s.Name == StreamDocument {
			s.Discard = jetstream.DiscardNew
		}
		s.Replicas = or(o.Replicas, 1)
		s.MaxBytes = or(o.MaxBytes, -1)
		s.MaxMsgs = -1
		s.AllowDirect = true
		s.Duplicates = DuplicateWindow
		if s.MaxAge > 0 && s.MaxAge < s.Duplicates {
			s.Duplicates = s.MaxAge
		}
		if o.Compress {
			s.Compression = jetstream.S2Compression
		}
	}
	return streams
}

// EnsureStreams creates the hub's streams or brings their limits to the options. Any number of replicas may call it.
func (c *Conn) EnsureStreams(ctx context.Context, o StreamOptions) error {
	for _, cfg := range o.configs() {
		if err := c.ensureStream(ctx, cfg, o.VerifyOnly); err != nil {
			return mapError(ctx, "set up stream "+cfg.Name, err)
		}
	}
	return nil
}

func (c *Conn) ensureStream(ctx context.Context, cfg jetstream.StreamConfig, verifyOnly bool) error {
	if err := c.ready(); err != nil {
		return err
	}
	call, done := c.guarded(ctx, c.api(apiStream+"UPDATE."+cfg.Name), c.api(apiStream+"CREATE."+cfg.Name), c.api(apiStream+"INFO."+cfg.Name))
	defer done()
	if !verifyOnly {
		if _, err := c.js.CreateOrUpdateStream(call, cfg); err != nil {
			return cause(ctx, call, err)
		}
		return nil
	}
	s, err := c.js.Stream(call, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w: it does not exist and this hub may not create it", ErrUnavailable)
	}
	if err != nil {
		return cause(ctx, call, err)
	}
	if !s.CachedInfo().Config.AllowDirect {
		return fmt.Errorf("%w: it does not allow direct gets, which the sites need", ErrUnavailable)
	}
	return nil
}
