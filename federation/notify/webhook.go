package notify

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a digest's time zone must be known on machines without a database of them

	"golang.org/x/net/http/httpguts"
)

// Template is the form of a message.
type Template string

// Templates.
const (
	CloudEvents       Template = "cloudevents"        // structured mode: the whole event is the body, and so is signed
	CloudEventsBinary Template = "cloudevents-binary" // binary mode: attributes are headers
	Teams             Template = "teams"              // message with an adaptive card
	Slack             Template = "slack"              // blocks
)

// Templates lists them.
func Templates() []Template { return []Template{CloudEvents, CloudEventsBinary, Teams, Slack} }

// Schedule is when a digest is due: every so often, or daily at a time.
type Schedule struct {
	Every    time.Duration `json:"every,omitempty"`
	DailyAt  string        `json:"dailyAt,omitempty"`  // hh:mm
	TimeZone string        `json:"timeZone,omitempty"` // of DailyAt; UTC when empty
}

// Spec is what a person says of a webhook and may read again.
type Spec struct {
	Name     string    `json:"name"`
	Events   []Kind    `json:"events"`
	Filter   string    `json:"filter,omitempty"` // in the language of the findings list
	Digest   *Schedule `json:"digest,omitempty"` // nil delivers at once
	Template Template  `json:"template"`
	Secret   string    `json:"secret,omitempty"` // name of a file in the hub's secrets folder; empty means a generated one
}

// private is what nobody may read again.
type private struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Secret  []byte            `json:"secret,omitempty"` // generated
}

// Disabled says why and since when a webhook gets nothing.
type Disabled struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Webhook is a receiver of notifications as it is stored.
type Webhook struct {
	ID        string    `json:"id"`
	Spec      Spec      `json:"spec"`
	Host      string    `json:"host"`              // scheme and host of the URL; the rest of it may be a secret
	Headers   []string  `json:"headers,omitempty"` // names, sorted
	Sealed    []byte    `json:"sealed"`            // private
	CreatedBy string    `json:"createdBy"`
	CreatedAt time.Time `json:"createdAt"`
	Disabled  *Disabled `json:"disabled,omitempty"`
}

// Change is a webhook as a person gives it. An absent URL or headers keep those that are stored.
type Change struct {
	Spec
	URL     string
	Headers map[string]string
	Rotate  bool // make a new secret
	Enabled bool
}

// Bounds of a webhook.
const (
	maxWebhooks    = 200
	maxName        = 100
	maxURL         = 2048
	maxHeaders     = 20
	maxHeaderValue = 4096

	minDigest = time.Minute
	maxDigest = 7 * 24 * time.Hour
)

var (
	secretName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	daily      = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
)

// reserved are headers that a webhook cannot set: they belong to the message or to the connection.
func reserved(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "webhook-") || strings.HasPrefix(name, "ce-") || strings.HasPrefix(name, "proxy-") ||
		slices.Contains([]string{"host", "content-type", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "user-agent"}, name)
}

func invalid(pointer, format string, args ...any) error {
	return &Error{Kind: Invalid, Pointer: pointer, Detail: fmt.Sprintf(format, args...)}
}

// check brings a spec to its stored form.
func (s *Spec) check() error {
	if s.Name = strings.TrimSpace(s.Name); s.Name == "" || len(s.Name) > maxName || strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' }) {
		return invalid("/name", "a webhook needs a name of at most %d characters", maxName)
	}
	if len(s.Events) == 0 {
		return invalid("/events", "a webhook needs at least one kind of event; kinds are %v", Kinds())
	}
	for i, k := range s.Events {
		if !slices.Contains(Kinds(), k) {
			return invalid(fmt.Sprintf("/events/%d", i), "%q is no kind of event; kinds are %v", k, Kinds())
		}
	}
	slices.Sort(s.Events)
	s.Events = slices.Compact(s.Events)
	if s.Template == "" {
		s.Template = CloudEvents
	}
	if !slices.Contains(Templates(), s.Template) {
		return invalid("/template", "%q is no template; templates are %v", s.Template, Templates())
	}
	if s.Secret != "" && !secretName.MatchString(s.Secret) {
		return invalid("/secretFile", "a secret's file is named without a folder, from letters, digits, dots, dashes and underscores")
	}
	if s.Digest != nil {
		if err := s.Digest.check(); err != nil {
			return err
		}
	}
	_, err := newRoute(s)
	return err
}

func (d *Schedule) check() error {
	switch {
	case (d.Every == 0) == (d.DailyAt == ""):
		return invalid("/digest", "a digest comes either every so often or daily at a time")
	case d.Every != 0 && (d.Every < minDigest || d.Every > maxDigest):
		return invalid("/digest/every", "a digest comes at least every %s and at most every %s", maxDigest, minDigest)
	case d.Every != 0 && d.TimeZone != "":
		return invalid("/digest/timeZone", "a time zone belongs to dailyAt")
	case d.DailyAt != "" && !daily.MatchString(d.DailyAt):
		return invalid("/digest/dailyAt", "write a time like 07:30")
	}
	if _, err := time.LoadLocation(d.TimeZone); err != nil || d.TimeZone == "Local" {
		return invalid("/digest/timeZone", "%q is no time zone; write one like Europe/Berlin", d.TimeZone)
	}
	return nil
}

// Due is the last instant up to now at which a digest is due.
func (d *Schedule) Due(now time.Time) time.Time {
	if d.Every > 0 {
		return now.UTC().Truncate(d.Every)
	}
	zone, err := time.LoadLocation(d.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	var hour, minute int
	if _, err := fmt.Sscanf(d.DailyAt, "%d:%d", &hour, &minute); err != nil {
		return time.Time{}
	}
	local := now.In(zone)
	at := time.Date(local.Year(), local.Month(), local.Day(), hour, minute, 0, 0, zone)
	if at.After(now) {
		at = time.Date(local.Year(), local.Month(), local.Day()-1, hour, minute, 0, 0, zone)
	}
	return at.UTC()
}

// checkURL returns scheme and host of an address that a webhook may have. What it resolves to is checked when it is dialled.
func checkURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case raw == "" || len(raw) > maxURL || err != nil:
		return "", invalid("/url", "this is no URL of at most %d characters", maxURL)
	case u.Scheme != "https" && u.Scheme != "http":
		return "", invalid("/url", "the URL begins with https:// or http://")
	case u.Hostname() == "" || u.Opaque != "":
		return "", invalid("/url", "the URL names no host")
	case u.User != nil:
		return "", invalid("/url", "the URL holds a user or password; give them as the header Authorization instead")
	case u.Fragment != "":
		return "", invalid("/url", "the URL has a fragment, which no receiver sees")
	}
	return u.Scheme + "://" + u.Host, nil
}

func checkHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return invalid("/headers", "there are more than %d headers", maxHeaders)
	}
	seen := map[string]bool{}
	for name, value := range headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name) || len(name) > maxName:
			return invalid("/headers", "%.100q is no name of a header", name)
		case seen[canonical]:
			return invalid("/headers", "header %s is given twice", canonical)
		case reserved(name):
			return invalid("/headers", "header %s belongs to the message and cannot be set", canonical)
		case !httpguts.ValidHeaderFieldValue(value) || len(value) > maxHeaderValue:
			return invalid("/headers", "the value of header %s holds characters that no header may have, or more than %d", canonical, maxHeaderValue)
		}
		seen[canonical] = true
	}
	return nil
}
