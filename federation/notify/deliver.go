package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/queue"
)

// Attempt is one try to deliver something.
type Attempt struct {
	Delivery string        `json:"delivery"` // id of the event or digest
	Kind     Kind          `json:"kind,omitempty"`
	Site     string        `json:"site,omitempty"`
	Number   int           `json:"number"` // counted from 1
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"took"`
	Status   int           `json:"status,omitempty"` // of HTTP; 0 when there was no answer
	Error    string        `json:"error,omitempty"`  // empty when it was delivered
	Next     time.Time     `json:"next,omitzero"`    // when it is tried again; zero when it is not
}

// Log are the last attempts of a webhook, newest first.
type Log struct {
	Attempts  []Attempt `json:"attempts"`
	Delivered uint64    `json:"delivered"`
	Failed    uint64    `json:"failed"`
	// Dropped counts the dead letters that were dropped because there were too many, the last time at DroppedAt.
	Dropped   uint64    `json:"dropped,omitempty"`
	DroppedAt time.Time `json:"droppedAt,omitzero"`
}

const (
	maxAttempts = 50
	maxReason   = 300 // bytes of an error that are kept
	busy        = 2 * time.Second

	settleWithin = 10 * time.Second
)

// answer is what became of an attempt.
type answer struct {
	Attempt
	after     time.Duration // what the receiver asks for by Retry-After
	permanent bool          // another attempt would not help
	gone      bool          // the receiver wants nothing any more
}

// work delivers one entry of a webhook's lane.
func (s *Service) work(ctx context.Context, webhook string, e queue.Entry) queue.Outcome {
	t, ok := s.target(webhook)
	if !ok || t.broken != nil || t.entry.Value.Disabled != nil {
		return queue.Outcome{Again: busy} // deleted or disabled a moment ago: this worker is about to end
	}
	var d delivery
	if err := json.Unmarshal(e.Body, &d); err != nil {
		s.o.Logger.Error("an entry of a webhook's queue cannot be read and is dropped", "webhook", webhook, "sequence", e.Sequence, "error", err)
		return queue.Outcome{Done: true}
	}
	var digest *summary
	if !d.Digest.IsZero() {
		var left bool
		var err error
		if digest, left, err = s.compose(ctx, t, &d); err != nil {
			s.o.Logger.Warn("a digest cannot be made and is tried again", "webhook", webhook, "error", err)
			return queue.Outcome{Again: s.backoff(e.Attempt)}
		}
		if !left {
			return queue.Outcome{Done: true}
		}
	}
	a := s.send(ctx, t, &d, digest)
	if ctx.Err() != nil && a.Error != "" {
		return queue.Outcome{Again: time.Millisecond} // the stop cut it off; another replica or the next start goes on
	}
	a.Number = e.Attempt
	return s.settleAttempt(ctx, t, &d, digest, a)
}

// settleAttempt notes what became of an attempt. What cannot be noted is attempted again, since nothing may get lost.
func (s *Service) settleAttempt(ctx context.Context, t *target, d *delivery, digest *summary, a answer) queue.Outcome {
	// What was sent is noted also when the stop comes meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	webhook := t.entry.Key
	out := queue.Outcome{Done: true}
	var err error
	switch {
	case a.Error == "":
		if digest != nil {
			err = s.told(ctx, webhook, digest)
		}
	case a.gone, a.permanent, a.Number >= s.o.Tuning.Attempts:
		err = s.bury(ctx, webhook, d, a.Attempt)
		if a.gone && err == nil {
			err = s.disable(ctx, webhook, "the receiver answered 410 Gone")
		}
	default:
		wait := max(s.backoff(a.Number), min(a.after, s.o.Tuning.MaxRetry))
		a.Next = s.o.Now().UTC().Add(wait)
		out = queue.Outcome{Again: wait}
	}
	if err != nil {
		s.o.Logger.Warn("what became of a delivery cannot be noted; it is tried again", "webhook", webhook, "delivery", d.ID, "error", err)
		return queue.Outcome{Again: busy}
	}
	level := "delivered"
	if a.Error != "" {
		level = "not delivered"
	}
	s.o.Logger.Debug("webhook "+level, "webhook", webhook, "delivery", d.ID, "attempt", a.Number, "status", a.Status, "error", a.Error)
	s.note(ctx, webhook, a.Attempt)
	return out
}

// backoff is the wait after an attempt: doubling, half of it by chance so that many do not come back at one moment.
func (s *Service) backoff(attempt int) time.Duration {
	d := s.o.Tuning.FirstRetry
	for i := 1; i < attempt && d < s.o.Tuning.MaxRetry; i++ {
		d *= 2
	}
	d = min(d, s.o.Tuning.MaxRetry)
	return d/2 + rand.N(d/2+1)
}

// send makes one attempt.
func (s *Service) send(ctx context.Context, t *target, d *delivery, digest *summary) (a answer) {
	began := s.o.Now()
	a.Attempt = Attempt{Delivery: d.ID, At: began.UTC(), Kind: Digest}
	if d.Event != nil {
		a.Kind, a.Site = d.Event.Kind, d.Event.Site
	}
	fail := func(permanent bool, err error) answer {
		a.Error, a.permanent, a.Took = reason(err), permanent, s.o.Now().Sub(began)
		return a
	}
	secret := t.private.Secret
	if name := t.entry.Value.Spec.Secret; name != "" {
		var err error
		if secret, err = readSecret(s.o.Secrets, name); err != nil {
			return fail(false, err)
		}
	}
	if d.Event != nil {
		d.Event.Link = s.link("/sites/" + url.PathEscape(d.Event.Site))
	}
	m, err := render(t.entry.Value.Spec.Template, d.Event, digest)
	if err != nil {
		return fail(true, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Tuning.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.private.URL, bytes.NewReader(m.body))
	if err != nil {
		return fail(true, errors.New("the URL cannot be used"))
	}
	for name, value := range t.private.Headers {
		req.Header.Set(name, value)
	}
	for name, value := range m.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "Meridian/"+s.o.Version)
	req.Header.Set(HeaderID, d.ID)
	req.Header.Set(HeaderTimestamp, strconv.FormatInt(began.Unix(), 10))
	req.Header.Set(HeaderSignature, Sign(secret, d.ID, began, m.body))
	resp, err := s.client.Do(req)
	if err != nil {
		return fail(errors.Is(err, errForbidden), cause(err))
	}
	defer func() { _ = resp.Body.Close() }()
	// The body is read so that the connection can be used again, but not beyond a bound, and it is not kept: it may hold anything.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	a.Status, a.Took = resp.StatusCode, s.o.Now().Sub(began)
	a.judge(resp.Header.Get("Retry-After"), s.o.Now())
	return a
}

// judge says what an answer's status means.
func (a *answer) judge(retryAfter string, now time.Time) {
	switch {
	case a.Status >= 200 && a.Status < 300:
		return
	case a.Status == http.StatusGone:
		a.gone = true
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly, a.Status == http.StatusTooManyRequests, a.Status >= 500:
		a.after = wait(retryAfter, now)
	default:
		a.permanent = true
	}
	a.Error = fmt.Sprintf("the receiver answered %d %s", a.Status, http.StatusText(a.Status))
	if a.Status >= 300 && a.Status < 400 {
		a.Error += "; redirects are not followed: give the address it leads to"
	}
}

// wait reads a Retry-After header, a number of seconds or an instant.
func wait(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// cause is an error of the client without the URL that it names, which may be a secret.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return errors.New("the receiver did not answer in time")
		}
		return u.Err
	}
	return err
}

func reason(err error) string {
	s := err.Error()
	if len(s) > maxReason {
		s = s[:maxReason]
	}
	return s
}

// note keeps an attempt in the webhook's log. The log helps people to find a mistake; delivery does not wait for it.
func (s *Service) note(ctx context.Context, webhook string, a Attempt) {
	err := s.log(ctx, webhook, func(l *Log) {
		l.Attempts = append([]Attempt{a}, l.Attempts[:min(len(l.Attempts), maxAttempts-1)]...)
		if a.Error == "" {
			l.Delivered++
		} else {
			l.Failed++
		}
	})
	if err != nil && ctx.Err() == nil {
		s.o.Logger.Warn("an attempt is missing in a webhook's log", "webhook", webhook, "error", err)
	}
}

// log changes the log of a webhook.
func (s *Service) log(ctx context.Context, webhook string, change func(*Log)) (err error) {
	for range conflicts {
		var e bus.Entry[Log]
		if e, err = s.o.Stores.Logs.Get(ctx, webhook); err != nil && !errors.Is(err, bus.ErrNotFound) {
			return err
		}
		l := e.Value
		change(&l)
		if e.Revision == 0 {
			_, err = s.o.Stores.Logs.Create(ctx, webhook, l)
		} else {
			_, err = s.o.Stores.Logs.Update(ctx, webhook, l, e.Revision)
		}
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
	return err
}

// link is an address of the web client, with parameters in pairs; empty when it is not configured.
func (s *Service) link(path string, query ...string) string {
	if s.o.Link == "" {
		return ""
	}
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			values.Set(query[i], query[i+1])
		}
	}
	out := s.o.Link + path
	if len(values) > 0 {
		out += "?" + values.Encode()
	}
	return out
}
