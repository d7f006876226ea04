// Package bus is the NATS contract between the planners of the sites and the hub: subjects, streams, headers, bodies,
// and the few calls that send and read them. Nothing outside this package knows a subject or a NATS type. It keeps no
// state beyond its connection and judges no document; planner/agent calls it at the site, services/federation at the hub.
//
// Everything that is kept goes through JetStream and may be delivered more than once; who reads compares revisions.
// The contract is described for other programs in api/asyncapi.yaml.
package bus

import (
	"time"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// Versions of the contract: the one that is spoken and the oldest that is read.
const (
	Protocol       = envelope.Protocol
	OldestProtocol = envelope.OldestProtocol
)

// Streams of the hub.
const (
	StreamInventory  = "MERIDIAN_INVENTORY"
	StreamAssessment = subjects.StreamAssessment
	StreamRejected   = subjects.StreamRejected
	StreamChange     = "MERIDIAN_CHANGE"
	StreamHeartbeat  = "MERIDIAN_HEARTBEAT" // the last heartbeat of each site
	StreamAudit      = "MERIDIAN_AUDIT"     // every write, append-only
	StreamDocument   = "MERIDIAN_DOCUMENT"  // pieces of inventories too large for one message
)

// Headers that callers read or write themselves.
const (
	HeaderEncoding       = envelope.HeaderEncoding
	HeaderInstance       = envelope.HeaderInstance
	HeaderPlannerVersion = envelope.HeaderPlannerVersion
	HeaderRevision       = envelope.HeaderRevision
)

// TypeInventory is Message.Type of an inventory.
const TypeInventory = envelope.TypeInventory

const (
	// CompressAbove is the size in bytes from which a body is compressed.
	CompressAbove = envelope.CompressAbove
	// MaxMessage is the largest body in one message, in bytes: the server's default limit of 1 MiB for payload and headers,
	// less 32 KiB for the headers. What is larger after compression travels in pieces.
	MaxMessage = 1<<20 - 32<<10
	// pieceSize is the size of one piece of a large document.
	pieceSize = 512 << 10
	// DuplicateWindow is how long the streams remember message ids.
	DuplicateWindow = 2 * time.Minute
)

// ValidSite reports whether the id can stand in a subject: ^[a-z0-9][a-z0-9-]{0,62}$.
func ValidSite(id string) bool { return subjects.ValidSite(id) }

// InboxPrefix is the inbox prefix of a site's credential; no site can read another's answers.
func InboxPrefix(site string) string { return subjects.InboxPrefix(site) }
