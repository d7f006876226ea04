package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// Errors callers can tell apart with errors.Is. Every error of this package wraps at most one of them.
var (
	ErrUnavailable = errors.New("the message bus is unavailable")         // no connection, no stream, no answer in time: try again
	ErrDenied      = errors.New("the message bus refused the credential") // not for this subject, or not at all
	ErrTooLarge    = envelope.ErrTooLarge                                 // beyond inventory.MaxDocument or the server's limit
	ErrFull        = errors.New("the message bus is out of space")        // a limit of the stream or the server's store
	ErrConflict    = errors.New("another writer was faster")              // an expected sequence no longer holds
	ErrNotFound    = errors.New("there is no such document")              // in a bucket
	ErrInvalid     = subjects.ErrInvalid                                  // refused before sending: bad site id, revision or header
	ErrProtocol    = envelope.ErrProtocol                                 // DecodeErr of a message
	ErrUnreadable  = envelope.ErrUnreadable                               // DecodeErr of a message
	ErrMisdirected = subjects.ErrMisdirected                              // DecodeErr of a message
	ErrClosed      = errors.New("the connection was closed")
	ErrNoSite      = errors.New("no planner of the site is listening") // answer to a request
)

// Error codes of the JetStream API that have no constant in the client.
const (
	codeStreamStoreFailed    = 10077 // maximum bytes, messages or messages per subject with discard new
	codeInsufficientResource = 10023
	codeStorageExceeded      = 10047
	codeMemoryExceeded       = 10028
)

// mapError wraps an error of the client with the operation and with one of ours. A context that the caller ended stays
// that context's error.
func mapError(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx != nil && ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", op, ctx.Err())
	}
	if s := sentinel(err); s != nil {
		return fmt.Errorf("%s: %w: %w", op, s, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

func sentinel(err error) error {
	for _, own := range [...]error{ErrUnavailable, ErrDenied, ErrTooLarge, ErrFull, ErrConflict, ErrInvalid, ErrClosed, ErrNoSite, ErrUnreadable, ErrProtocol, ErrNotFound} {
		if errors.Is(err, own) {
			return nil
		}
	}
	var api jetstream.JetStreamError
	if errors.As(err, &api) && api.APIError() != nil {
		return apiSentinel(api.APIError())
	}
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return ErrTooLarge
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrPermissionViolation),
		errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return ErrDenied
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return ErrClosed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionReconnecting),
		errors.Is(err, nats.ErrStaleConnection), errors.Is(err, nats.ErrNoServers),
		errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, jetstream.ErrNoHeartbeat), errors.Is(err, jetstream.ErrConsumerDeleted),
		errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return ErrUnavailable
	}
	return nil
}

func apiSentinel(api *jetstream.APIError) error {
	switch api.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return ErrConflict
	case codeStreamStoreFailed, codeInsufficientResource, codeStorageExceeded, codeMemoryExceeded:
		return ErrFull
	case jetstream.JSErrCodeStreamMessageExceedsMaximum:
		return ErrTooLarge
	case jetstream.JSErrCodeStreamNotFound, jetstream.JSErrCodeConsumerNotFound, jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		return ErrUnavailable
	}
	if api.Code == 503 {
		return ErrUnavailable
	}
	return nil
}
