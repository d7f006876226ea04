package hub

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/trust"
	"github.com/meridian-federation/meridian/federation/enrol"
)

// Enrolment says how planners are let in.
type Enrolment struct {
	Keys          string // folder that trust.Create made
	System        bus.Options
	NATS          []string // URLs of the message bus for planners
	CAFile        string   // authorities of the bus' certificates, told to planners; empty where the system's are
	Approval      bool
	CredentialTTL time.Duration
	Told          enrol.Audit // of every act, after the log; nil tells nobody
}

// Enrol opens the service that lets planners in. The returned function works until its context ends.
func Enrol(ctx context.Context, o Options, e Enrolment) (*enrol.Service, func(context.Context) error, error) {
	var authority []byte
	if e.CAFile != "" {
		var err error
		if authority, err = os.ReadFile(e.CAFile); err != nil {
			return nil, nil, fmt.Errorf("read the authorities of the message bus for planners: %w", err)
		}
	}
	var bucket *bus.Bucket[enrol.Enrolment]
	err := o.persist(ctx, "open the enrolments", func() (err error) {
		bucket, err = bus.OpenBucket[enrol.Enrolment](ctx, o.Bus, o.Streams, enrol.Bucket())
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	system, err := bus.Connect(ctx, trust.System(e.Keys, e.System))
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the system account: %w", err)
	}
	service, err := open(o, e, bucket, system, string(authority))
	if err != nil {
		system.Close()
		return nil, nil, err
	}
	return service, func(ctx context.Context) error {
		defer system.Close()
		return ended(ctx, service.Run(ctx))
	}, nil
}

func open(o Options, e Enrolment, bucket enrol.Store, system *bus.Conn, authority string) (*enrol.Service, error) {
	keys, err := trust.Open(e.Keys, system, o.Now)
	if err != nil {
		return nil, err
	}
	return enrol.New(enrol.Options{
		Store: bucket, Authority: keys, Verify: trust.Verify, Audit: logged(o.Logger, e.Told), Approval: e.Approval, CredentialTTL: e.CredentialTTL,
		NATS: e.NATS, NATSAuthority: authority, Now: o.Now, Logger: o.Logger,
	})
}

// logged writes the audit of enrolments to the log and tells who wants to know.
func logged(log *slog.Logger, told enrol.Audit) enrol.Audit {
	return func(ctx context.Context, e enrol.Event) {
		if told != nil {
			defer told(ctx, e)
		}
		log.InfoContext(ctx, "audit", "act", e.Act, "who", e.Who, "at", e.At, "site", e.Site, "enrolment", e.Enrolment, "detail", e.Detail)
	}
}
