package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/meridian-federation/meridian/api/rest/gen"
)

// Webhooks lists the webhooks.
func (c *Client) Webhooks(q Query) *List[gen.Webhook] { return list[gen.Webhook](c, "/webhooks", q) }

func webhookPath(id string) string { return "/webhooks/" + url.PathEscape(id) }

// Webhook returns a webhook and its ETag for UpdateWebhook and DeleteWebhook.
func (c *Client) Webhook(ctx context.Context, id string) (*gen.Webhook, string, error) {
	resp, err := c.send(ctx, http.MethodGet, webhookPath(id), nil, nil, nil)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	w, err := decode[gen.Webhook](c, resp)
	return w, resp.Header.Get("ETag"), err
}

// CreateWebhook makes a webhook and returns it with its secret, which is told this once.
func (c *Client) CreateWebhook(ctx context.Context, r gen.WebhookRequest) (*gen.WebhookSecret, error) {
	return post[gen.WebhookSecret](ctx, c, "/webhooks", r)
}

// UpdateWebhook replaces what the webhook with the ETag does.
func (c *Client) UpdateWebhook(ctx context.Context, id, etag string, r gen.WebhookRequest) (*gen.WebhookSecret, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, &Error{Code: Invalid, Detail: "the request cannot be encoded", Err: err}
	}
	resp, err := c.send(ctx, http.MethodPut, webhookPath(id), nil, body, http.Header{"Content-Type": {"application/json"}, "If-Match": {etag}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return decode[gen.WebhookSecret](c, resp)
}

// DeleteWebhook removes the webhook with the ETag.
func (c *Client) DeleteWebhook(ctx context.Context, id, etag string) error {
	resp, err := c.send(ctx, http.MethodDelete, webhookPath(id), nil, nil, http.Header{"If-Match": {etag}})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// TestWebhook has a test sent and returns what the receiver answered.
func (c *Client) TestWebhook(ctx context.Context, id string) (*gen.WebhookAttempt, error) {
	return post[gen.WebhookAttempt](ctx, c, webhookPath(id)+"/test", nil)
}

// WebhookDeliveries returns how deliveries to a webhook go.
func (c *Client) WebhookDeliveries(ctx context.Context, id string) (*gen.WebhookDeliveries, error) {
	return get[gen.WebhookDeliveries](ctx, c, webhookPath(id)+"/deliveries", nil)
}

// DeadLetters lists what was given up of a webhook.
func (c *Client) DeadLetters(id string, q Query) *List[gen.DeadLetter] {
	return list[gen.DeadLetter](c, webhookPath(id)+"/dead-letters", q)
}

// Redeliver puts dead letters back in the queue, those with the ids or, without ids, all.
func (c *Client) Redeliver(ctx context.Context, id string, ids []string) (*gen.Redelivery, error) {
	return post[gen.Redelivery](ctx, c, webhookPath(id)+"/redeliver", gen.RedeliveryRequest{Ids: ids})
}
