// Package bus is the NATS contract between the planners of the sites and the hub: subjects, streams, headers, bodies,
// and the few calls that send and read them. Nothing outside this package knows a subject or a NATS type. It keeps no
// state beyond its connection and judges no document; planner/agent calls it at the site, services/federation at the hub.
//
// Everything that is kept goes through JetStream and may be delivered more than once; who reads compares revisions.
// The contract is described for other programs in api/asyncapi.yaml.
package bus

import "time"

// Protocol is the version of the contract this package speaks. A reader accepts its own version and the two before.
const Protocol = 1

// OldestProtocol is the oldest version that a reader accepts.
const OldestProtocol = max(1, Protocol-olderProtocols)

// olderProtocols is how many versions before its own a reader accepts.
const olderProtocols = 2

// Streams of the hub.
const (
	StreamInventory  = "MERIDIAN_INVENTORY"
	StreamAssessment = "MERIDIAN_ASSESSMENT"
	StreamRejected   = "MERIDIAN_REJECTED"
	StreamChange     = "MERIDIAN_CHANGE"
	StreamHeartbeat  = "MERIDIAN_HEARTBEAT" // the last heartbeat of each site
	StreamAudit      = "MERIDIAN_AUDIT"     // every write, append-only
	StreamDocument   = "MERIDIAN_DOCUMENT"  // pieces of inventories too large for one message
)

// Headers of a message. The CloudEvents ones follow the binary mode of the CloudEvents NATS binding, version 1.0.
const (
	HeaderID          = "ce-id"
	HeaderSource      = "ce-source"
	HeaderType        = "ce-type"
	HeaderTime        = "ce-time"
	HeaderSubject     = "ce-subject"
	HeaderSpecVersion = "ce-specversion"
	HeaderContentType = "content-type"
	HeaderEncoding    = "content-encoding" // absent, or "zstd"

	HeaderMessageID         = "Nats-Msg-Id"
	HeaderProtocol          = "Meridian-Protocol"
	HeaderPlannerVersion    = "Meridian-Planner-Version"
	HeaderInstance          = "Meridian-Instance"
	HeaderInstanceSequence  = "Meridian-Sequence"
	HeaderRevision          = "Meridian-Revision"
	HeaderInventorySequence = "Meridian-Inventory-Sequence" // on an assessment: position of the inventory in its stream
)

// Types of message, the values of ce-type.
const (
	TypeInventory  = "meridian.inventory.v1"
	TypeHeartbeat  = "meridian.heartbeat.v1"
	TypeAssessment = "meridian.assessment.v1"
	TypeRequest    = "meridian.request.v1"
	TypeReply      = "meridian.reply.v1"
	TypeRejection  = "meridian.rejected.v1"
	TypeChange     = "meridian.change.v1"
	TypeAudit      = "meridian.audit.v1"
)

// Content types of a body.
const (
	ContentJSON    = "application/json"
	ContentPointer = "application/vnd.meridian.pointer+json" // the body names the pieces of the document
)

const (
	specVersion  = "1.0"
	encodingZstd = "zstd"
	hubSource    = "/meridian/hub"
)

const (
	// CompressAbove is the size in bytes from which a body is compressed. Below it, decoding costs more than the wire saves.
	CompressAbove = 16 << 10
	// MaxMessage is the largest body in one message, in bytes: the server's default limit of 1 MiB for payload and headers,
	// less 32 KiB for the headers. What is larger after compression travels in pieces.
	MaxMessage = 1<<20 - 32<<10
	// pieceSize is the size of one piece of a large document.
	pieceSize = 512 << 10
	// DuplicateWindow is how long the streams remember message ids.
	DuplicateWindow = 2 * time.Minute
)
