// Package meter counts what api/rest answers.
package meter

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are those of the HTTP server.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	Streams  prometheus.Gauge // open event streams
}

// New registers the metrics.
func New(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "meridian", Subsystem: "http", Name: "requests_total", Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "meridian", Subsystem: "http", Name: "request_duration_seconds", Help: "Time to answer, by route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"route"}),
		Streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "meridian", Subsystem: "http", Name: "event_streams", Help: "Open event streams.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.Streams} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register HTTP metrics: %w", err)
		}
	}
	return m, nil
}

// Observe counts an answer; timed leaves out what has no end.
func (m *Metrics) Observe(route, method string, status int, took time.Duration, timed bool) {
	switch method {
	case http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions:
	default:
		method = "other" // a caller must not be able to make up time series
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	if timed {
		m.duration.WithLabelValues(route).Observe(took.Seconds())
	}
}
