package envelope

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Envelope is what every message carries beside its body.
type Envelope struct {
	ID       string
	Source   string
	Type     string
	Time     time.Time
	Site     string
	Content  string // content type; empty means ContentJSON
	Extra    map[string]string
	Dedupe   bool // the id is the message id of the stream too
	Protocol int  // of the sender; set by Decode
}

// Codec turns bodies into messages and back. It is safe for concurrent use and starts no goroutine.
type Codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// NewCodec prepares compression.
func NewCodec() (*Codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("prepare compression: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(inventory.MaxDocument))
	if err != nil {
		return nil, fmt.Errorf("prepare decompression: %w", err)
	}
	return &Codec{enc: enc, dec: dec}, nil
}

// Close ends what compression left running.
func (k *Codec) Close() error { return k.enc.Close() }

// Compress returns the body as it goes on the wire and its encoding, empty when it stays plain.
func (k *Codec) Compress(body []byte) (wire []byte, encoding string) {
	if len(body) <= CompressAbove {
		return body, ""
	}
	packed := k.enc.EncodeAll(body, make([]byte, 0, len(body)/4))
	if len(packed) >= len(body) {
		return body, ""
	}
	return packed, Zstd
}

// Decompress is the other way. ErrTooLarge when the body is larger than a document may be, ErrUnreadable when it is damaged.
func (k *Codec) Decompress(wire []byte, encoding string) ([]byte, error) {
	switch encoding {
	case "":
		if len(wire) > inventory.MaxDocument {
			return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(wire), inventory.MaxDocument)
		}
		return wire, nil
	case Zstd:
		body, err := k.dec.DecodeAll(wire, nil)
		switch {
		case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded), len(body) > inventory.MaxDocument:
			return nil, fmt.Errorf("%w: more than %d bytes once decompressed", ErrTooLarge, inventory.MaxDocument)
		case err != nil:
			return nil, fmt.Errorf("%w: decompress: %w", ErrUnreadable, err)
		}
		return body, nil
	}
	return nil, fmt.Errorf("%w: content-encoding %.40q, known are none and zstd", ErrUnreadable, encoding)
}

// Encode makes the message of a wire body.
func Encode(ctx context.Context, subject string, e Envelope, wire []byte, encoding string) (*nats.Msg, error) {
	content := e.Content
	if content == "" {
		content = ContentJSON
	}
	h := nats.Header{
		HeaderSpecVersion: {SpecVersion},
		HeaderID:          {e.ID},
		HeaderSource:      {e.Source},
		HeaderType:        {e.Type},
		HeaderSubject:     {e.Site},
		HeaderTime:        {e.Time.UTC().Format(time.RFC3339Nano)},
		HeaderContentType: {content},
		HeaderProtocol:    {strconv.Itoa(Protocol)},
	}
	if encoding != "" {
		h[HeaderEncoding] = []string{encoding}
	}
	if e.Dedupe {
		h[HeaderMessageID] = []string{e.ID}
	}
	for k, v := range e.Extra {
		if v != "" {
			h[k] = []string{v}
		}
	}
	for k, v := range h {
		if !Plain(v[0]) {
			return nil, fmt.Errorf("%w: header %s %.80q holds a character that is not printable ASCII, or is longer than %d bytes", ErrInvalid, k, v[0], MaxHeader)
		}
	}
	propagation.TraceContext{}.Inject(ctx, carrier(h))
	return &nats.Msg{Subject: subject, Header: h, Data: wire}, nil
}

// Plain reports whether the text is printable ASCII and of bearable length, so that it cannot end a header line.
func Plain(s string) bool {
	if len(s) > MaxHeader {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// carrier lets the trace context travel in the headers.
type carrier nats.Header

// Get implements propagation.TextMapCarrier.
func (c carrier) Get(key string) string { return First(nats.Header(c), key) }

// Set implements propagation.TextMapCarrier.
func (c carrier) Set(key, value string) { c[key] = []string{value} }

// Keys implements propagation.TextMapCarrier.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	return keys
}

// WithTrace returns the context with the sender's trace context in it.
func WithTrace(ctx context.Context, h nats.Header) context.Context {
	if First(h, "traceparent") == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, carrier(h))
}

// First is the first value of a header. Header names are compared exactly, as NATS sends them.
func First(h nats.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// accepts reports whether a reader of a version of the contract reads messages of another.
func accepts(reader, message int) error {
	if message < 1 || message < reader-OlderProtocols || message > reader {
		return fmt.Errorf("%w: message has version %d, supported are %d to %d", ErrProtocol, message, max(1, reader-OlderProtocols), reader)
	}
	return nil
}

// Decode reads the headers common to all messages. An error means that nothing about the message can be trusted.
func Decode(h nats.Header, typ string) (Envelope, error) {
	var e Envelope
	p, err := strconv.Atoi(First(h, HeaderProtocol))
	if err != nil {
		return e, fmt.Errorf("%w: header %s %.40q is not a Number", ErrProtocol, HeaderProtocol, First(h, HeaderProtocol))
	}
	e.Protocol = p
	if err := accepts(Protocol, p); err != nil {
		return e, err
	}
	e.ID, e.Source, e.Type, e.Content = First(h, HeaderID), First(h, HeaderSource), First(h, HeaderType), First(h, HeaderContentType)
	if v := First(h, HeaderSpecVersion); v != SpecVersion {
		return e, fmt.Errorf("%w: header %s %.40q, expected %s", ErrUnreadable, HeaderSpecVersion, v, SpecVersion)
	}
	if typ != "" && e.Type != typ {
		return e, fmt.Errorf("%w: header %s %.80q, expected %s", ErrMisdirected, HeaderType, e.Type, typ)
	}
	if e.ID == "" {
		return e, fmt.Errorf("%w: header %s is missing", ErrUnreadable, HeaderID)
	}
	if e.Time, err = time.Parse(time.RFC3339Nano, First(h, HeaderTime)); err != nil {
		return e, fmt.Errorf("%w: header %s %.80q is not an RFC 3339 time", ErrUnreadable, HeaderTime, First(h, HeaderTime))
	}
	e.Time = e.Time.UTC()
	for _, key := range [...]string{HeaderID, HeaderSource, HeaderRevision, HeaderInstance, HeaderPlannerVersion} {
		if !Plain(First(h, key)) {
			return e, fmt.Errorf("%w: header %s is longer than %d bytes or not printable ASCII", ErrUnreadable, key, MaxHeader)
		}
	}
	return e, nil
}

// DecodeSite is Decode for a message whose subject names a site; the headers must name the same one, and as the source
// who may send such a message.
func DecodeSite(h nats.Header, typ, site string) (Envelope, error) {
	e, err := Decode(h, typ)
	if err != nil {
		return e, err
	}
	if e.Site = First(h, HeaderSubject); e.Site != site {
		return e, fmt.Errorf("%w: header %s %.80q, the subject says %s", ErrMisdirected, HeaderSubject, e.Site, site)
	}
	source := HubSource
	switch e.Type {
	case TypeInventory, TypeHeartbeat, TypeReply:
		source = SiteSource(site)
	}
	if e.Source != source {
		return e, fmt.Errorf("%w: header %s %.80q, what says %s comes from %s", ErrMisdirected, HeaderSource, e.Source, e.Type, source)
	}
	return e, nil
}

// DecodeNumber reads a counter header; absent is 0.
func DecodeNumber(h nats.Header, key string) (uint64, error) {
	v := First(h, key)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: header %s %.40q is not a Number", ErrUnreadable, key, v)
	}
	return n, nil
}

// Number is a counter as DecodeNumber reads it.
func Number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// SiteSource is the ce-source of what a site sends.
func SiteSource(site string) string { return "/meridian/sites/" + site }

// Strings is the headers as plain strings, without those of the server.
func Strings(h nats.Header) map[string]string {
	m := make(map[string]string, len(h))
	for k, v := range h {
		if len(v) > 0 && !strings.HasPrefix(k, "Nats-") {
			m[k] = v[0]
		}
	}
	return m
}
