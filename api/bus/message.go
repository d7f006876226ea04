package bus

import (
	"encoding/json"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Inventory is one revision of a site's inventory.
type Inventory struct {
	Site             string // from the subject, which the site's credential is bound to
	Revision         string
	Body             []byte    // canonical JSON of the normalised site; at most inventory.MaxDocument
	Time             time.Time // ce-time: when it was sent; zero takes the clock's
	Instance         string    // made once per outbox; empty when it came over REST
	InstanceSequence uint64    // grows with every revision of the instance, so that a re-sent older one can be told
	PlannerVersion   string
	// Newest stores the revision again when the stream still remembers it from before a later one of the site. Only a sender
	// that repeats nothing on its own may set it.
	Newest bool

	// Set by the reader.
	StreamSequence uint64    // position in the stream
	AcceptedAt     time.Time // when the stream took it
	Protocol       int       // protocol of the sender
	Size           int       // bytes of the body on the wire, before decompression
	DecodeErr      error     // not nil: Body is nil or not to be trusted; reject it with this reason
}

// Assessment is the hub's verdict on one revision of a site, and with it the proof that the revision was applied.
type Assessment struct {
	Site      string
	Revision  string
	At        time.Time // the instant of the judgement
	MessageID string    // "<site>:<revision>:<pack hash>:<at>": equal in all replicas that judged the same
	Body      []byte    // JSON
	// InventorySequence is the position of the judged inventory in its stream. When it is set, an assessment of an
	// older inventory, or of the same at an earlier instant, is never stored after a newer one.
	InventorySequence uint64
	Basis             string // what it rests on of the sites, rules and policy, for hubs; at most envelope.MaxHeader printable characters

	// Set by the reader.
	StreamSequence uint64 // 0 when it was heard live at a site
	AcceptedAt     time.Time
	Protocol       int
	DecodeErr      error
}

// Rejection says why the hub refused an inventory.
type Rejection struct {
	Site     string
	Revision string
	At       time.Time
	Sequence uint64 // of the refused message in the inventory stream; makes the rejection idempotent among replicas
	Body     []byte // JSON

	// Set by the reader.
	StreamSequence uint64
	AcceptedAt     time.Time
	Protocol       int
	DecodeErr      error
}

// Change is one entry of the change feed.
type Change struct {
	ID   string // equal in all replicas that saw the same change
	Kind string // one or more tokens of lower-case letters and dashes, "finding.opened"
	Site string
	At   time.Time
	Body []byte // JSON

	// Set by the reader.
	StreamSequence uint64
	AcceptedAt     time.Time
	Protocol       int
	DecodeErr      error
}

// Heartbeat says that a planner is alive and what it holds. The stream keeps the last one of each site.
type Heartbeat struct {
	Site             string             `json:"site"`
	Revision         string             `json:"revision,omitempty"`         // last revision acknowledged by the hub's stream
	InstanceSequence uint64             `json:"instanceSequence,omitempty"` // of that revision
	StreamSequence   uint64             `json:"streamSequence,omitempty"`   // where the stream put it
	Instance         string             `json:"instance,omitempty"`
	PlannerVersion   string             `json:"plannerVersion,omitempty"`
	At               time.Time          `json:"at"`
	Interval         inventory.Duration `json:"interval,omitzero"` // until the next heartbeat
	Queued           int                `json:"queued"`
	Dropped          uint64             `json:"dropped"`

	// Set by the reader.
	AcceptedAt time.Time `json:"-"` // when the stream took it
	Protocol   int       `json:"-"` // of the sender
}

// RequestKind says what the hub asks of a site.
type RequestKind string

// Kinds of request.
const (
	RequestRefresh           RequestKind = "refresh"            // collect and publish now
	RequestResend            RequestKind = "resend"             // publish again what the outbox still holds, from Revision or After on
	RequestDiagnostics       RequestKind = "diagnostics"        // answer with the planner's status
	RequestHeartbeatInterval RequestKind = "heartbeat-interval" // use Interval from now on
)

// Request is what the hub asks of a site.
type Request struct {
	Kind     RequestKind        `json:"kind"`
	Revision string             `json:"revision,omitempty"` // resend: the oldest revision wanted; empty means the last one
	Instance string             `json:"instance,omitempty"` // resend: instead, everything that this outbox sent after the sequence After
	After    uint64             `json:"after,omitempty"`
	Interval inventory.Duration `json:"interval,omitzero"` // heartbeat-interval
}

// Reply is a site's answer to a request.
type Reply struct {
	OK     bool            `json:"ok"`
	Detail string          `json:"detail,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"` // diagnostics: the planner's status
}

// Ack is the stream's receipt.
type Ack struct {
	StreamSequence uint64
	Duplicate      bool // the stream held the same message already; StreamSequence is that one's
	Superseded     bool // not stored because something newer is there; StreamSequence is the newer one's
}

// Message is one message of any stream, as the history writer gets it.
type Message struct {
	Stream     string
	Subject    string
	Site       string
	Type       string // ce-type
	ID         string // ce-id
	Revision   string
	Time       time.Time // ce-time
	Sequence   uint64
	AcceptedAt time.Time
	Deliveries uint64 // 1 at first; more after a failed batch
	Body       []byte // JSON
	Header     map[string]string
	DecodeErr  error
}
