package bus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
)

// BenchmarkInventories compares reading the last inventory of each site with a bare consumer of the same messages.
func BenchmarkInventories(b *testing.B) {
	const sites, size = 5000, 8000
	s := bustest.Start(b)
	hub := s.Hub(b)
	for n := range sites {
		if _, err := hub.PublishInventory(b.Context(), bustest.Revision(fmt.Sprintf("site-%d", n), 1, size)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("bus", func(b *testing.B) {
		for b.Loop() {
			ctx, cancel := context.WithCancel(b.Context())
			n := 0
			if err := hub.Inventories(ctx, func(context.Context, bus.Inventory) { n++ }, cancel); err != nil {
				b.Fatal(err)
			}
			if n != sites {
				b.Fatalf("%d messages", n)
			}
		}
		b.ReportMetric(float64(sites*b.N)/b.Elapsed().Seconds(), "inventories/s")
	})
	b.Run("bare", func(b *testing.B) {
		nc, err := nats.Connect(s.URL(), nats.UserCredentials(s.CredentialsFile()))
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			c, err := js.OrderedConsumer(b.Context(), bus.StreamInventory, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy})
			if err != nil {
				b.Fatal(err)
			}
			it, err := c.Messages()
			if err != nil {
				b.Fatal(err)
			}
			for range sites {
				if _, err := it.Next(); err != nil {
					b.Fatal(err)
				}
			}
			it.Stop()
		}
		b.ReportMetric(float64(sites*b.N)/b.Elapsed().Seconds(), "inventories/s")
	})
}

// BenchmarkPublishAssessments compares one at a time with many at once.
func BenchmarkPublishAssessments(b *testing.B) {
	s := bustest.Start(b)
	hub := s.Hub(b)
	const many = 200
	sequence := uint64(0)
	next := func(n int) bus.Assessment {
		sequence++
		return bustest.Judgement(fmt.Sprintf("site-%d", n), int(sequence), sequence, time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC))
	}
	b.Run("one at a time", func(b *testing.B) {
		for b.Loop() {
			if _, err := hub.PublishAssessment(b.Context(), next(1)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "assessments/s")
	})
	b.Run("many at once", func(b *testing.B) {
		for b.Loop() {
			var batch []bus.Assessment
			for n := range many {
				batch = append(batch, next(n))
			}
			if _, errs := hub.PublishAssessments(b.Context(), batch); errs[0] != nil {
				b.Fatal(errs[0])
			}
		}
		b.ReportMetric(float64(many*b.N)/b.Elapsed().Seconds(), "assessments/s")
	})
}
