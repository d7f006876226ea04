package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
)

// Actor is who asks for a change.
type Actor struct{ ID, Name string }

// Webhooks are the receivers of notifications. A *Error is told to the caller.
type Webhooks interface {
	List(ctx context.Context) ([]gen.Webhook, error)
	Get(ctx context.Context, id string) (gen.Webhook, error)
	Create(ctx context.Context, by Actor, w gen.WebhookRequest) (gen.WebhookSecret, error)
	// Update and Delete fail with CodeConflict when the webhook has another revision.
	Update(ctx context.Context, by Actor, id string, revision int64, w gen.WebhookRequest) (gen.WebhookSecret, error)
	Delete(ctx context.Context, by Actor, id string, revision int64) error
	Test(ctx context.Context, by Actor, id string) (gen.WebhookAttempt, error)
	Deliveries(ctx context.Context, id string) (gen.WebhookDeliveries, error)
	DeadLetters(ctx context.Context, id string) ([]gen.DeadLetter, error)
	Redeliver(ctx context.Context, by Actor, id string, ids []string) (int, error)
}

// webhooks are there for who sees all sites: a message names sites of which its reader may know nothing else.
func (a *api) webhooks(ctx context.Context) (Webhooks, error) {
	if c := callOf(ctx); !c.scope.All() {
		return nil, fail(http.StatusForbidden, "notifications tell of all sites; they need a token that sees all sites")
	}
	if a.Webhooks == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server sends no notifications: its configuration names no key under notifications.keyFile"}
	}
	return a.Webhooks, nil
}

func actor(ctx context.Context) Actor {
	c := callOf(ctx)
	return Actor{ID: c.principal.ID, Name: c.principal.Name}
}

// ListWebhooks implements the contract.
func (a *api) ListWebhooks(ctx context.Context, req gen.ListWebhooksRequestObject) (gen.ListWebhooksResponseObject, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	list, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.Webhooks(list, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}

// GetWebhook implements the contract.
func (a *api) GetWebhook(ctx context.Context, req gen.GetWebhookRequestObject) (gen.GetWebhookResponseObject, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.Get(ctx, req.Webhook)
	if err != nil {
		return nil, err
	}
	return a.own(ctx, a.snapshot(callOf(ctx)), v)
}

// CreateWebhook implements the contract.
func (a *api) CreateWebhook(ctx context.Context, req gen.CreateWebhookRequestObject) (gen.CreateWebhookResponseObject, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.Create(ctx, actor(ctx), *req.Body)
	if err != nil {
		return nil, err
	}
	r, err := a.private(ctx, http.StatusCreated, v)
	if err != nil {
		return nil, err
	}
	r.location = basePath + "/webhooks/" + v.Webhook.Id
	return r, nil
}

// UpdateWebhook implements the contract.
func (a *api) UpdateWebhook(ctx context.Context, req gen.UpdateWebhookRequestObject) (gen.UpdateWebhookResponseObject, error) {
	w, revision, err := a.webhookAsRead(ctx, req.Webhook, req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	v, err := w.Update(ctx, actor(ctx), req.Webhook, revision, *req.Body)
	if err != nil {
		return nil, err
	}
	return a.private(ctx, http.StatusOK, v)
}

// DeleteWebhook implements the contract.
func (a *api) DeleteWebhook(ctx context.Context, req gen.DeleteWebhookRequestObject) (gen.DeleteWebhookResponseObject, error) {
	w, revision, err := a.webhookAsRead(ctx, req.Webhook, req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := w.Delete(ctx, actor(ctx), req.Webhook, revision); err != nil {
		return nil, err
	}
	return &reply{call: callOf(ctx), status: http.StatusNoContent}, nil
}

// webhookAsRead compares a webhook with the ETag under which the caller read it, and returns its revision, which the change
// then names: what is changed in between is noticed too.
func (a *api) webhookAsRead(ctx context.Context, id, ifMatch string) (Webhooks, int64, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, 0, err
	}
	v, err := w.Get(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return nil, 0, fmt.Errorf("encode a webhook: %w", err)
	}
	if !noneMatch(ifMatch, represent(jsonType, append(body, '\n')).etag) {
		return nil, 0, fail(http.StatusPreconditionFailed, "the webhook is another than If-Match names; read it again")
	}
	return w, v.Revision, nil
}

// TestWebhook implements the contract.
func (a *api) TestWebhook(ctx context.Context, req gen.TestWebhookRequestObject) (gen.TestWebhookResponseObject, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.Test(ctx, actor(ctx), req.Webhook)
	if err != nil {
		return nil, err
	}
	return a.private(ctx, http.StatusOK, v)
}

// GetWebhookDeliveries implements the contract.
func (a *api) GetWebhookDeliveries(ctx context.Context, req gen.GetWebhookDeliveriesRequestObject) (gen.GetWebhookDeliveriesResponseObject, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.Deliveries(ctx, req.Webhook)
	if err != nil {
		return nil, err
	}
	return a.own(ctx, a.snapshot(callOf(ctx)), v)
}

// ListDeadLetters implements the contract.
func (a *api) ListDeadLetters(ctx context.Context, req gen.ListDeadLettersRequestObject) (gen.ListDeadLettersResponseObject, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	list, err := w.DeadLetters(ctx, req.Webhook)
	if err != nil {
		return nil, err
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.DeadLetters(list, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}

// Redeliver implements the contract.
func (a *api) Redeliver(ctx context.Context, req gen.RedeliverRequestObject) (gen.RedeliverResponseObject, error) {
	w, err := a.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	n, err := w.Redeliver(ctx, actor(ctx), req.Webhook, req.Body.Ids)
	if err != nil {
		return nil, err
	}
	return a.private(ctx, http.StatusOK, gen.Redelivery{Redelivered: n})
}

func (r *reply) VisitListWebhooksResponse(w http.ResponseWriter) error         { return r.write(w) }
func (r *reply) VisitGetWebhookResponse(w http.ResponseWriter) error           { return r.write(w) }
func (r *reply) VisitCreateWebhookResponse(w http.ResponseWriter) error        { return r.write(w) }
func (r *reply) VisitUpdateWebhookResponse(w http.ResponseWriter) error        { return r.write(w) }
func (r *reply) VisitDeleteWebhookResponse(w http.ResponseWriter) error        { return r.write(w) }
func (r *reply) VisitTestWebhookResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r *reply) VisitGetWebhookDeliveriesResponse(w http.ResponseWriter) error { return r.write(w) }
func (r *reply) VisitListDeadLettersResponse(w http.ResponseWriter) error      { return r.write(w) }
func (r *reply) VisitRedeliverResponse(w http.ResponseWriter) error            { return r.write(w) }
