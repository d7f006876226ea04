package bus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// pointer is the body of a message whose document was too large for it. The pieces lie in StreamDocument, on subjects of
// the same site, so that one site's credential can neither write nor name another's.
type pointer struct {
	Size     int      `json:"size"`               // of the document, in bytes
	Encoding string   `json:"encoding,omitempty"` // of the joined pieces
	SHA256   string   `json:"sha256"`             // of the joined pieces, hex
	Pieces   []uint64 `json:"pieces"`             // positions in StreamDocument, in order
}

// maxPieces is how many pieces an incompressible document of the greatest size has, with room for a smaller piece size.
const maxPieces = 4 * inventory.MaxDocument / pieceSize

func isPointer(m *stored) bool {
	return envelope.First(m.header, envelope.HeaderContentType) == envelope.ContentPointer
}

// putDocument stores the pieces of a document and returns the body of the message that points to them.
func (c *Conn) putDocument(ctx context.Context, site, revision string, wire []byte, encoding string, body []byte) ([]byte, error) {
	sum := sha256.Sum256(wire)
	p := pointer{Size: len(body), Encoding: encoding, SHA256: hex.EncodeToString(sum[:])}
	size := min(pieceSize, c.maxMessage())
	for piece := range slices.Chunk(wire, size) {
		i := len(p.Pieces)
		subject, err := subjects.OfDocument(site, i)
		if err != nil {
			return nil, err
		}
		m := &nats.Msg{Subject: subject, Data: piece, Header: nats.Header{
			envelope.HeaderMessageID:   {site + ":" + p.SHA256 + ":" + strconv.Itoa(i)},
			envelope.HeaderContentType: {"application/octet-stream"},
			envelope.HeaderProtocol:    {strconv.Itoa(Protocol)},
		}}
		ack, err := c.publish(ctx, m, jetstream.WithExpectStream(StreamDocument))
		if err != nil {
			return nil, fmt.Errorf("piece %d of revision %s: %w", i+1, revision, err)
		}
		p.Pieces = append(p.Pieces, ack.StreamSequence)
	}
	return json.Marshal(p)
}

// getDocument reads the document a message points to. A transient error means that it must be read again; any other that
// it never can be.
func (c *Conn) getDocument(ctx context.Context, site string, m *stored) ([]byte, error) {
	var p pointer
	if err := json.Unmarshal(m.data, &p); err != nil {
		return nil, fmt.Errorf("%w: pointer: %w", ErrUnreadable, err)
	}
	if len(p.Pieces) == 0 || len(p.Pieces) > maxPieces || p.Size > inventory.MaxDocument {
		return nil, fmt.Errorf("%w: pointer to %d bytes in %d pieces, the limits are %d and %d", ErrTooLarge, p.Size, len(p.Pieces), inventory.MaxDocument, maxPieces)
	}
	var wire []byte
	for i, sequence := range p.Pieces {
		subject, err := subjects.OfDocument(site, i)
		if err != nil {
			return nil, err
		}
		piece, err := c.at(ctx, StreamDocument, sequence)
		if err != nil {
			return nil, fmt.Errorf("read piece %d of a document: %w", i+1, err)
		}
		if piece == nil || piece.subject != subject {
			return nil, fmt.Errorf("%w: piece %d of the document is not in the stream", ErrUnreadable, i+1)
		}
		if len(wire)+len(piece.data) > inventory.MaxDocument {
			return nil, fmt.Errorf("%w: the pieces have more than %d bytes", ErrTooLarge, inventory.MaxDocument)
		}
		wire = append(wire, piece.data...)
	}
	if sum := sha256.Sum256(wire); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("%w: the pieces do not have the checksum of the pointer", ErrUnreadable)
	}
	body, err := c.codec.Decompress(wire, p.Encoding)
	if err == nil && len(body) != p.Size {
		err = fmt.Errorf("%w: the document has %d bytes, the pointer says %d", ErrUnreadable, len(body), p.Size)
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}
