// Package envelope writes and reads what stands around the body of every message: headers, the version of the contract,
// compression and trace context. It sends nothing and knows no body; package bus does.
package envelope

import (
	"errors"

	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// Protocol is the version of the contract that is spoken. A reader accepts its own version and the two before.
const Protocol = 1

// OldestProtocol is the oldest version that a reader accepts.
const OldestProtocol = max(1, Protocol-OlderProtocols)

// OlderProtocols is how many versions before its own a reader accepts.
const OlderProtocols = 2

// Errors of a message that cannot be read, or must not be sent.
var (
	ErrTooLarge    = errors.New("the message is too large")
	ErrProtocol    = errors.New("the protocol version is not supported")
	ErrUnreadable  = errors.New("the message cannot be read")
	ErrInvalid     = subjects.ErrInvalid
	ErrMisdirected = subjects.ErrMisdirected
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
	HeaderBasis             = "Meridian-Basis"              // on an assessment: a hash of rules, policy and what sites were made of when it was made
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
	// SpecVersion is that of CloudEvents.
	SpecVersion = "1.0"
	// Zstd is the only encoding of a body.
	Zstd = "zstd"
	// HubSource is the ce-source of what the hub sends.
	HubSource = "/meridian/hub"
	// MaxHeader is the greatest length of a header's value.
	MaxHeader = 512
	// CompressAbove is the size in bytes from which a body is compressed. Below it, decoding costs more than the wire saves.
	CompressAbove = 16 << 10
)
