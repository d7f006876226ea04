package hub

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-federation/meridian/federation/fleet"
)

// metrics are what this replica counts.
type metrics struct {
	heartbeats  prometheus.Counter
	inventories *prometheus.CounterVec // outcome: applied, rejected
	assessments *prometheus.CounterVec // outcome: stored, duplicate, superseded, failed
	resends     *prometheus.CounterVec // outcome: asked, no-planner, failed, postponed
}

func newMetrics() *metrics {
	by := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"outcome"})
	}
	return &metrics{
		heartbeats:  prometheus.NewCounter(prometheus.CounterOpts{Name: "meridian_heartbeats_total", Help: "Heartbeats heard."}),
		inventories: by("meridian_inventories_total", "Inventories handled: applied or rejected."),
		assessments: by("meridian_assessments_total", "Assessments sent to the stream: stored, duplicate (it was there), superseded (a newer one was there), failed (tried again)."),
		resends:     by("meridian_resends_total", "Planners whose revisions the stream had lost: asked to send again, no-planner, failed, postponed to the next heartbeat."),
	}
}

func (h *Hub) registerMetrics(r *prometheus.Registry) {
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	counter := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, f)
	}
	r.MustRegister(
		h.metrics.heartbeats, h.metrics.inventories, h.metrics.assessments, h.metrics.resends, liveness{h},
		gauge("meridian_sites", "Sites in the current view.", func() float64 { return float64(h.View().Count()) }),
		counter("meridian_evaluations_total", "Judgements of a site made since the start.", func() float64 { return float64(h.Evaluations()) }),
		counter("meridian_assessments_adopted_total", "Assessments of other replicas taken over from the stream.", func() float64 { return float64(h.fleet.Adopted()) }),
		gauge("meridian_bus_connected", "1 while the message bus is connected.", func() float64 {
			if h.o.Bus.Connected() {
				return 1
			}
			return 0
		}),
		gauge("meridian_ingest_waiting", "Inventories that wait to be applied.", func() float64 { return float64(h.queue.Stats().Waiting) }),
		gauge("meridian_ingest_waiting_bytes", "Size of their documents.", func() float64 { return float64(h.queue.Stats().Bytes) }),
		gauge("meridian_ingest_limited_sites", "Sites beyond their limit, now or within the last minute.", func() float64 { return float64(h.queue.Stats().Limited) }),
		counter("meridian_ingest_coalesced_total", "Revisions of limited sites that a later one has replaced before they were applied.", func() float64 { return float64(h.queue.Stats().Coalesced) }),
		gauge("meridian_planner_queued", "Revisions that planners hold and the stream has not acknowledged, by their last heartbeats.", func() float64 { return float64(h.outboxTotal().queued) }),
		gauge("meridian_planner_dropped", "Revisions that planners have given up, by their last heartbeats.", func() float64 { return float64(h.outboxTotal().dropped) }),
	)
}

// outbox is what a planner says of its outbox.
type outbox struct {
	queued  int
	dropped uint64
}

func (h *Hub) outboxTotal() (sum outbox) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.outboxes {
		sum.queued += o.queued
		sum.dropped += o.dropped
	}
	return sum
}

// liveness counts the sites in each state and the planners that are too old when it is asked.
type liveness struct{ h *Hub }

func (liveness) descs() (states, behind, rivals *prometheus.Desc) {
	return prometheus.NewDesc("meridian_sites_liveness", "Sites by liveness.", []string{"state"}, nil),
		prometheus.NewDesc("meridian_planners_behind", "Planners older than this hub supports.", nil, nil),
		prometheus.NewDesc("meridian_sites_rivalled", "Sites that several planners speak for.", nil, nil)
}

// Describe implements prometheus.Collector.
func (l liveness) Describe(out chan<- *prometheus.Desc) {
	states, behind, rivals := l.descs()
	out <- states
	out <- behind
	out <- rivals
}

// Collect implements prometheus.Collector.
func (l liveness) Collect(out chan<- prometheus.Metric) {
	states, behind, rivals := l.descs()
	view := l.h.View()
	for state, n := range fleet.Count(view) {
		out <- prometheus.MustNewConstMetric(states, prometheus.GaugeValue, float64(n), string(state))
	}
	old, rivalled := 0, 0
	for r := range view.Sites("") {
		if r.Planner.Behind {
			old++
		}
		if len(r.Rivals) > 1 {
			rivalled++
		}
	}
	out <- prometheus.MustNewConstMetric(behind, prometheus.GaugeValue, float64(old))
	out <- prometheus.MustNewConstMetric(rivals, prometheus.GaugeValue, float64(rivalled))
}
