package resttest

import (
	"context"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
)

// WebhookID is the id of the sample's webhook number n, from 1 to 2.
func WebhookID(n int) string { return strings.Repeat(string(rune('a'+n)), 16) }

// WebhookSecret is the secret of a webhook that is created.
const WebhookSecret = "whsec_dG9sZC1vbmNlLXRvbGQtb25jZS10b2xk"

// Webhooks are two webhooks that never change, the second one disabled.
type Webhooks struct{}

func (Webhooks) webhook(n int) gen.Webhook {
	w := gen.Webhook{
		Id: WebhookID(n), Revision: int64(n), Name: "hook", Host: "https://example.com", Events: []gen.WebhookEvent{gen.FindingOpened}, Template: gen.Slack,
		Headers: []string{"Authorization"}, CreatedBy: "Ada", CreatedAt: Now(),
	}
	if n == 2 {
		w.Disabled = gen.WebhookDisabled{At: Now(), Reason: "the receiver answered 410 Gone"}
		w.Digest = gen.WebhookDigest{DailyAt: "07:30", TimeZone: "Europe/Berlin"}
	}
	return w
}

func (Webhooks) attempt() gen.WebhookAttempt {
	return gen.WebhookAttempt{Delivery: "finding-opened-1", Kind: "finding.opened", Site: SiteID(1), Number: 1, At: Now(), Took: "12ms", Status: 500, Error: "the receiver answered 500", Next: Now().Add(time.Minute)}
}

// List implements rest.Webhooks.
func (w Webhooks) List(context.Context) ([]gen.Webhook, error) {
	return []gen.Webhook{w.webhook(1), w.webhook(2)}, nil
}

// Get implements rest.Webhooks.
func (w Webhooks) Get(_ context.Context, id string) (gen.Webhook, error) {
	for n := range 3 {
		if n > 0 && WebhookID(n) == id {
			return w.webhook(n), nil
		}
	}
	return gen.Webhook{}, &rest.Error{Code: rest.CodeNotFound, Detail: "there is no such webhook"}
}

// Create implements rest.Webhooks.
func (w Webhooks) Create(context.Context, rest.Actor, gen.WebhookRequest) (gen.WebhookSecret, error) {
	return gen.WebhookSecret{Webhook: w.webhook(1), Secret: WebhookSecret}, nil
}

// Update implements rest.Webhooks.
func (w Webhooks) Update(ctx context.Context, _ rest.Actor, id string, revision int64, _ gen.WebhookRequest) (gen.WebhookSecret, error) {
	found, err := w.Get(ctx, id)
	if err == nil && found.Revision != revision {
		err = &rest.Error{Code: rest.CodeConflict, Detail: "the webhook was changed meanwhile"}
	}
	return gen.WebhookSecret{Webhook: found}, err
}

// Delete implements rest.Webhooks.
func (w Webhooks) Delete(ctx context.Context, _ rest.Actor, id string, _ int64) error {
	_, err := w.Get(ctx, id)
	return err
}

// Test implements rest.Webhooks.
func (w Webhooks) Test(ctx context.Context, _ rest.Actor, id string) (gen.WebhookAttempt, error) {
	_, err := w.Get(ctx, id)
	return w.attempt(), err
}

// Deliveries implements rest.Webhooks.
func (w Webhooks) Deliveries(ctx context.Context, id string) (gen.WebhookDeliveries, error) {
	_, err := w.Get(ctx, id)
	return gen.WebhookDeliveries{Waiting: 2, Delivered: 3, Failed: 1, Attempts: []gen.WebhookAttempt{w.attempt()}}, err
}

// DeadLetters implements rest.Webhooks.
func (w Webhooks) DeadLetters(ctx context.Context, id string) ([]gen.DeadLetter, error) {
	_, err := w.Get(ctx, id)
	a := w.attempt()
	a.Next = time.Time{}
	return []gen.DeadLetter{{Id: "finding-opened-1", At: Now(), Last: a}, {Id: "site-lost-2", At: Now(), Last: gen.WebhookAttempt{Delivery: "site-lost-2", Number: 12, At: Now(), Took: "1s"}}}, err
}

// Redeliver implements rest.Webhooks.
func (w Webhooks) Redeliver(ctx context.Context, _ rest.Actor, id string, ids []string) (int, error) {
	_, err := w.Get(ctx, id)
	return max(len(ids), 1), err
}
