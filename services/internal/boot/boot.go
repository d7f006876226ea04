// Package boot holds what every program of Meridian does at its start: the logger, the tracer and progress on stderr. The
// programs under services call it; nothing else does.
package boot

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Log says what is logged and how.
type Log struct {
	Level  string `json:"level"`  // debug | info | warn | error
	Format string `json:"format"` // text | json
}

// Logger makes the program's logger. Logs go to stderr, which the caller passes, since stdout carries data only.
func Logger(w io.Writer, l Log) (*slog.Logger, error) {
	level := slog.LevelInfo
	if l.Level != "" {
		if err := level.UnmarshalText([]byte(l.Level)); err != nil {
			return nil, fmt.Errorf("log level %q: use debug, info, warn or error", l.Level)
		}
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.Format {
	case "", "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	default:
		return nil, fmt.Errorf("log format %q: use text or json", l.Format)
	}
}

// Tracing says where traces go.
type Tracing struct {
	Endpoint string `json:"endpoint,omitempty"` // OTLP over HTTP, e.g. http://collector:4318; empty sends none
}

// Traces installs trace propagation, and the exporter when an endpoint is given. The function returned flushes and ends it.
func Traces(ctx context.Context, t Tracing, service, version string) (func(context.Context) error, error) {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	if t.Endpoint == "" {
		return func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(t.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("send traces to %s: %w", t.Endpoint, err)
	}
	provider := trace.NewTracerProvider(
		trace.WithBatcher(exporter),
		trace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", service), attribute.String("service.version", version))),
	)
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}

// Progress tells a person on stderr how a long piece of work goes on: a line at most every interval, and one at its end.
type Progress struct {
	w     io.Writer
	what  string
	every time.Duration
	now   func() time.Time

	mu    sync.Mutex
	start time.Time
	last  time.Time
	done  int
}

// NewProgress starts telling about a piece of work, named in the plural of what it goes through ("inventories loaded").
func NewProgress(w io.Writer, what string) *Progress {
	return newProgress(w, what, time.Second, time.Now)
}

func newProgress(w io.Writer, what string, every time.Duration, now func() time.Time) *Progress {
	at := now()
	return &Progress{w: w, what: what, every: every, now: now, start: at, last: at}
}

// Add counts n more of total; total 0 means that it is not known.
func (p *Progress) Add(n, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	at := p.now()
	if at.Sub(p.last) < p.every {
		return
	}
	p.last = at
	var b strings.Builder
	fmt.Fprintf(&b, "%d", p.done)
	if total > 0 {
		fmt.Fprintf(&b, " of %d", total)
	}
	fmt.Fprintf(&b, " %s, %s", p.what, at.Sub(p.start).Round(time.Second))
	fmt.Fprintln(p.w, b.String())
}

// Done tells the total, unless the work was so short that nothing was told before.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.Equal(p.start) {
		return
	}
	fmt.Fprintf(p.w, "%d %s in %s\n", p.done, p.what, p.now().Sub(p.start).Round(time.Millisecond))
}
