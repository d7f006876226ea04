package read

import (
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
)

func webhookFields() filter.Fields[*gen.Webhook] {
	type t = *gen.Webhook
	return filter.Of(
		filter.Text("id", func(w t) string { return w.Id }),
		filter.Text("name", func(w t) string { return w.Name }),
		filter.Text("host", func(w t) string { return w.Host }),
		filter.Text("template", func(w t) string { return string(w.Template) }),
		filter.Text("createdBy", func(w t) string { return w.CreatedBy }),
		filter.Time("createdAt", func(w t) (time.Time, bool) { return known(w.CreatedAt) }),
		filter.Bool("disabled", func(w t) (bool, bool) { return !w.Disabled.At.IsZero(), true }),
	)
}

// Webhooks lists one page of webhooks, which are given in order of id.
func (s *Snapshot) Webhooks(list []gen.Webhook, q Query) (*gen.WebhookList, error) {
	p, err := listed(list, webhookFields(), func(w *gen.Webhook) []string { return []string{w.Id} }).page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.WebhookList{Items: render(p.items, func(w *gen.Webhook) gen.Webhook { return *w }), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

func deadLetterFields() filter.Fields[*gen.DeadLetter] {
	type t = *gen.DeadLetter
	return filter.Of(
		filter.Text("id", func(d t) string { return d.Id }),
		filter.Time("at", func(d t) (time.Time, bool) { return known(d.At) }),
		filter.Text("kind", func(d t) string { return d.Last.Kind }),
		filter.Text("site", func(d t) string { return d.Last.Site }),
		filter.Number("status", func(d t) (float64, bool) { return float64(d.Last.Status), d.Last.Status != 0 }),
		filter.Text("error", func(d t) string { return d.Last.Error }),
	)
}

// DeadLetters lists one page of dead letters, which are given in order of id.
func (s *Snapshot) DeadLetters(list []gen.DeadLetter, q Query) (*gen.DeadLetterList, error) {
	p, err := listed(list, deadLetterFields(), func(d *gen.DeadLetter) []string { return []string{d.Id} }).page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.DeadLetterList{Items: render(p.items, func(d *gen.DeadLetter) gen.DeadLetter { return *d }), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
