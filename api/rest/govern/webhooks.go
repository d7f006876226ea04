package govern

import (
	"context"
	"net/http"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/refuse"
)

// Actor is who asks for a change.
type Actor struct{ ID, Name string }

// Webhooks are the receivers of notifications. An error of api/rest or a refusal is told to the caller.
type Webhooks interface {
	List(ctx context.Context) ([]gen.Webhook, error)
	Get(ctx context.Context, id string) (gen.Webhook, error)
	Create(ctx context.Context, by Actor, w gen.WebhookRequest) (gen.WebhookSecret, error)
	// Update and Delete fail with a conflict when the webhook has another revision.
	Update(ctx context.Context, by Actor, id string, revision int64, w gen.WebhookRequest) (gen.WebhookSecret, error)
	Delete(ctx context.Context, by Actor, id string, revision int64) error
	Test(ctx context.Context, by Actor, id string) (gen.WebhookAttempt, error)
	Deliveries(ctx context.Context, id string) (gen.WebhookDeliveries, error)
	DeadLetters(ctx context.Context, id string) ([]gen.DeadLetter, error)
	Redeliver(ctx context.Context, by Actor, id string, ids []string) (int, error)
}

// webhooks are there for who sees all sites: a message names sites of which its reader may know nothing else.
func (s *Server) webhooks(ctx context.Context) (Webhooks, error) {
	if c := s.o.Caller(ctx); !c.Scope.All() {
		return nil, refuse.Because(refuse.Forbidden, "notifications tell of all sites; they need a token that sees all sites")
	}
	if s.o.Webhooks == nil {
		return nil, refuse.Because(refuse.Unavailable, "this server sends no notifications: its configuration names no key under notifications.keyFile")
	}
	return s.o.Webhooks, nil
}

func (s *Server) actor(ctx context.Context) Actor {
	c := s.o.Caller(ctx)
	return Actor{ID: c.ID, Name: c.Name}
}

// ListWebhooks implements the contract.
func (s *Server) ListWebhooks(ctx context.Context, req gen.ListWebhooksRequestObject) (gen.ListWebhooksResponseObject, error) {
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	list, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.o.Snapshot(ctx).Webhooks(list, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, false)
}

// GetWebhook implements the contract.
func (s *Server) GetWebhook(ctx context.Context, req gen.GetWebhookRequestObject) (gen.GetWebhookResponseObject, error) {
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.Get(ctx, req.Webhook)
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, false)
}

// CreateWebhook implements the contract.
func (s *Server) CreateWebhook(ctx context.Context, req gen.CreateWebhookRequestObject) (gen.CreateWebhookResponseObject, error) {
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.Create(ctx, s.actor(ctx), *req.Body)
	if err != nil {
		return nil, err
	}
	s.o.Caller(ctx).wrote(v.Webhook.Id, nil, v.Webhook)
	return s.private(ctx, http.StatusCreated, "/webhooks/"+v.Webhook.Id, v)
}

// UpdateWebhook implements the contract.
func (s *Server) UpdateWebhook(ctx context.Context, req gen.UpdateWebhookRequestObject) (gen.UpdateWebhookResponseObject, error) {
	w, before, err := s.webhookAsRead(ctx, req.Webhook, req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	v, err := w.Update(ctx, s.actor(ctx), req.Webhook, before.Revision, *req.Body)
	if err != nil {
		return nil, err
	}
	s.o.Caller(ctx).wrote(req.Webhook, before, v.Webhook)
	return s.private(ctx, http.StatusOK, "", v)
}

// DeleteWebhook implements the contract.
func (s *Server) DeleteWebhook(ctx context.Context, req gen.DeleteWebhookRequestObject) (gen.DeleteWebhookResponseObject, error) {
	w, before, err := s.webhookAsRead(ctx, req.Webhook, req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := w.Delete(ctx, s.actor(ctx), req.Webhook, before.Revision); err != nil {
		return nil, err
	}
	s.o.Caller(ctx).wrote(req.Webhook, before, nil)
	return s.private(ctx, http.StatusNoContent, "", nil)
}

// webhookAsRead compares a webhook with the ETag under which the caller read it, and returns it; the change then names its
// revision, so that what is changed in between is noticed too.
func (s *Server) webhookAsRead(ctx context.Context, id, ifMatch string) (Webhooks, *gen.Webhook, error) {
	s.o.Caller(ctx).Entry.Target = id
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, nil, err
	}
	v, err := w.Get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.o.Document(ctx, v, false)
	if err != nil {
		return nil, nil, err
	}
	if !r.Matches(ifMatch) {
		return nil, nil, refuse.Because(refuse.Stale, "the webhook is another than If-Match names; read it again")
	}
	return w, &v, nil
}

// TestWebhook implements the contract.
func (s *Server) TestWebhook(ctx context.Context, req gen.TestWebhookRequestObject) (gen.TestWebhookResponseObject, error) {
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	c := s.o.Caller(ctx)
	c.Entry.Target = req.Webhook
	v, err := w.Test(ctx, s.actor(ctx), req.Webhook)
	if err != nil {
		return nil, err
	}
	c.wrote(req.Webhook, nil, v)
	return s.private(ctx, http.StatusOK, "", v)
}

// GetWebhookDeliveries implements the contract.
func (s *Server) GetWebhookDeliveries(ctx context.Context, req gen.GetWebhookDeliveriesRequestObject) (gen.GetWebhookDeliveriesResponseObject, error) {
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.Deliveries(ctx, req.Webhook)
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, false)
}

// ListDeadLetters implements the contract.
func (s *Server) ListDeadLetters(ctx context.Context, req gen.ListDeadLettersRequestObject) (gen.ListDeadLettersResponseObject, error) {
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	list, err := w.DeadLetters(ctx, req.Webhook)
	if err != nil {
		return nil, err
	}
	v, err := s.o.Snapshot(ctx).DeadLetters(list, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, false)
}

// Redeliver implements the contract.
func (s *Server) Redeliver(ctx context.Context, req gen.RedeliverRequestObject) (gen.RedeliverResponseObject, error) {
	w, err := s.webhooks(ctx)
	if err != nil {
		return nil, err
	}
	c := s.o.Caller(ctx)
	c.Entry.Target = req.Webhook
	n, err := w.Redeliver(ctx, s.actor(ctx), req.Webhook, req.Body.Ids)
	if err != nil {
		return nil, err
	}
	c.wrote(req.Webhook, nil, gen.Redelivery{Redelivered: n})
	return s.private(ctx, http.StatusOK, "", gen.Redelivery{Redelivered: n})
}

func (r *reply) VisitListWebhooksResponse(w http.ResponseWriter) error         { return r.Write(w) }
func (r *reply) VisitGetWebhookResponse(w http.ResponseWriter) error           { return r.Write(w) }
func (r *reply) VisitCreateWebhookResponse(w http.ResponseWriter) error        { return r.Write(w) }
func (r *reply) VisitUpdateWebhookResponse(w http.ResponseWriter) error        { return r.Write(w) }
func (r *reply) VisitDeleteWebhookResponse(w http.ResponseWriter) error        { return r.Write(w) }
func (r *reply) VisitTestWebhookResponse(w http.ResponseWriter) error          { return r.Write(w) }
func (r *reply) VisitGetWebhookDeliveriesResponse(w http.ResponseWriter) error { return r.Write(w) }
func (r *reply) VisitListDeadLettersResponse(w http.ResponseWriter) error      { return r.Write(w) }
func (r *reply) VisitRedeliverResponse(w http.ResponseWriter) error            { return r.Write(w) }
