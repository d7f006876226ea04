package bus

import (
	"context"
	"encoding/json"
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

// envelope is what every message carries beside its body.
type envelope struct {
	id       string
	source   string
	typ      string
	time     time.Time
	site     string
	content  string // content type; empty means ContentJSON
	extra    map[string]string
	dedupe   bool // the id is the message id of the stream too
	protocol int
}

// codec turns bodies into messages and back. It is safe for concurrent use and starts no goroutine.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("prepare compression: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(inventory.MaxDocument))
	if err != nil {
		return nil, fmt.Errorf("prepare decompression: %w", err)
	}
	return &codec{enc: enc, dec: dec}, nil
}

// compress returns the body as it goes on the wire and its encoding, empty when it stays plain.
func (k *codec) compress(body []byte) (wire []byte, encoding string) {
	if len(body) <= CompressAbove {
		return body, ""
	}
	packed := k.enc.EncodeAll(body, make([]byte, 0, len(body)/4))
	if len(packed) >= len(body) {
		return body, ""
	}
	return packed, encodingZstd
}

func (k *codec) decompress(wire []byte, encoding string) ([]byte, error) {
	switch encoding {
	case "":
		if len(wire) > inventory.MaxDocument {
			return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(wire), inventory.MaxDocument)
		}
		return wire, nil
	case encodingZstd:
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

// encode makes the message of a wire body.
func encode(ctx context.Context, subject string, e envelope, wire []byte, encoding string) (*nats.Msg, error) {
	content := e.content
	if content == "" {
		content = ContentJSON
	}
	h := nats.Header{
		HeaderSpecVersion: {specVersion},
		HeaderID:          {e.id},
		HeaderSource:      {e.source},
		HeaderType:        {e.typ},
		HeaderSubject:     {e.site},
		HeaderTime:        {e.time.UTC().Format(time.RFC3339Nano)},
		HeaderContentType: {content},
		HeaderProtocol:    {strconv.Itoa(Protocol)},
	}
	if encoding != "" {
		h[HeaderEncoding] = []string{encoding}
	}
	if e.dedupe {
		h[HeaderMessageID] = []string{e.id}
	}
	for k, v := range e.extra {
		if v != "" {
			h[k] = []string{v}
		}
	}
	for k, v := range h {
		if !plain(v[0]) {
			return nil, fmt.Errorf("%w: header %s %.80q holds a character that is not printable ASCII, or is longer than %d bytes", ErrInvalid, k, v[0], maxHeader)
		}
	}
	propagation.TraceContext{}.Inject(ctx, carrier(h))
	return &nats.Msg{Subject: subject, Header: h, Data: wire}, nil
}

// maxHeader is the greatest length of a header's value.
const maxHeader = 512

// plain reports whether the text is printable ASCII and of bearable length, so that it cannot end a header line.
func plain(s string) bool {
	if len(s) > maxHeader {
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
func (c carrier) Get(key string) string { return first(nats.Header(c), key) }

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

// withTrace returns the context with the sender's trace context in it.
func withTrace(ctx context.Context, h nats.Header) context.Context {
	if first(h, "traceparent") == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, carrier(h))
}

// first is the first value of a header. Header names are compared exactly, as NATS sends them.
func first(h nats.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// decodeEnvelope reads the headers common to all messages. An error means that nothing about the message can be trusted.
func decodeEnvelope(h nats.Header, typ string) (envelope, error) {
	var e envelope
	p, err := strconv.Atoi(first(h, HeaderProtocol))
	if err != nil {
		return e, fmt.Errorf("%w: header %s %.40q is not a number", ErrProtocol, HeaderProtocol, first(h, HeaderProtocol))
	}
	e.protocol = p
	if p < OldestProtocol || p > Protocol {
		return e, fmt.Errorf("%w: message has version %d, supported are %d to %d", ErrProtocol, p, OldestProtocol, Protocol)
	}
	e.id, e.source, e.typ, e.content = first(h, HeaderID), first(h, HeaderSource), first(h, HeaderType), first(h, HeaderContentType)
	if v := first(h, HeaderSpecVersion); v != specVersion {
		return e, fmt.Errorf("%w: header %s %.40q, expected %s", ErrUnreadable, HeaderSpecVersion, v, specVersion)
	}
	if typ != "" && e.typ != typ {
		return e, fmt.Errorf("%w: header %s %.80q, expected %s", ErrMisdirected, HeaderType, e.typ, typ)
	}
	if e.id == "" {
		return e, fmt.Errorf("%w: header %s is missing", ErrUnreadable, HeaderID)
	}
	if e.time, err = time.Parse(time.RFC3339Nano, first(h, HeaderTime)); err != nil {
		return e, fmt.Errorf("%w: header %s %.80q is not an RFC 3339 time", ErrUnreadable, HeaderTime, first(h, HeaderTime))
	}
	e.time = e.time.UTC()
	for _, key := range [...]string{HeaderID, HeaderSource, HeaderRevision, HeaderInstance, HeaderPlannerVersion} {
		if !plain(first(h, key)) {
			return e, fmt.Errorf("%w: header %s is longer than %d bytes or not printable ASCII", ErrUnreadable, key, maxHeader)
		}
	}
	return e, nil
}

// decodeSite is decodeEnvelope for a message whose subject names a site; the header must name the same one.
func decodeSite(h nats.Header, typ, site string) (envelope, error) {
	e, err := decodeEnvelope(h, typ)
	if err != nil {
		return e, err
	}
	if e.site = first(h, HeaderSubject); e.site != site {
		return e, fmt.Errorf("%w: header %s %.80q, the subject says %s", ErrMisdirected, HeaderSubject, e.site, site)
	}
	return e, nil
}

// decodeNumber reads a counter header; absent is 0.
func decodeNumber(h nats.Header, key string) (uint64, error) {
	v := first(h, key)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: header %s %.40q is not a number", ErrUnreadable, key, v)
	}
	return n, nil
}

func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// isJSON refuses bodies that are not JSON before they reach a stream.
func isJSON(body []byte) error {
	if len(body) == 0 || !json.Valid(body) {
		return fmt.Errorf("%w: the body is not JSON", ErrInvalid)
	}
	return nil
}

// siteSource is the ce-source of what a site sends.
func siteSource(site string) string { return "/meridian/sites/" + site }

// headerMap is the headers as plain strings, without those of the server.
func headerMap(h nats.Header) map[string]string {
	m := make(map[string]string, len(h))
	for k, v := range h {
		if len(v) > 0 && !strings.HasPrefix(k, "Nats-") {
			m[k] = v[0]
		}
	}
	return m
}
