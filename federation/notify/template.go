package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// message is what goes over the wire.
type message struct {
	headers map[string]string
	body    []byte
}

const (
	source      = "/meridian/hub"
	specVersion = "1.0"
	jsonType    = "application/json"

	// Bounds of Slack's block kit (https://docs.slack.dev/reference/block-kit/blocks): text of a header and of a section.
	slackHeader  = 150
	slackSection = 3000
	// shown is how many events of a digest a card or a message lists; the rest is counted.
	shown = 20
)

// content is what a card shows of an event or a digest.
type content struct {
	id, kind, subject string
	at                time.Time
	headline          string
	text              string
	facts             [][2]string
	lines             []string
	link              string
	data              any
}

func contentOf(e *Event, d *summary) content {
	if d != nil {
		c := content{id: d.ID, kind: string(Digest), at: d.At, headline: d.headline(), link: d.Link, data: d}
		c.facts = [][2]string{{"From", stamp(d.From)}, {"To", stamp(d.To)}}
		if d.Filter != "" {
			c.facts = append(c.facts, [2]string{"Filter", d.Filter})
		}
		for i := range d.Events[:min(len(d.Events), shown)] {
			x := &d.Events[i]
			c.lines = append(c.lines, fmt.Sprintf("%s %s (%s)", stamp(x.At), x.headline(), x.where()))
		}
		if rest := d.Number - len(c.lines); rest > 0 {
			c.lines = append(c.lines, fmt.Sprintf("and %d more", rest))
		}
		return c
	}
	c := content{id: e.ID, kind: string(e.Kind), subject: e.subject(), at: e.At, headline: e.headline(), text: e.Message, link: e.Link, data: e}
	add := func(name, value string) {
		if value != "" {
			c.facts = append(c.facts, [2]string{name, value})
		}
	}
	add("Site", strings.TrimSpace(e.SiteName+" ("+e.Site+")"))
	add("Region", strings.Join(e.Regions, ", "))
	add("Cluster", e.Cluster)
	add("Infrastructure", e.Infrastructure)
	add("Severity", string(e.Severity))
	add("Before", e.Before)
	add("At", stamp(e.At))
	add("What to do", e.Remedy)
	if e.Damped {
		add("Note", "It keeps changing; further changes are held back until it has been quiet.")
	}
	return c
}

func (e *Event) where() string {
	if len(e.Regions) == 0 {
		return "region unknown"
	}
	return strings.Join(e.Regions, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// render makes the message of an event, or of a digest.
func render(t Template, e *Event, d *summary) (message, error) {
	c := contentOf(e, d)
	var body any
	headers := map[string]string{"Content-Type": jsonType}
	switch t {
	case CloudEventsBinary:
		body = c.data
		headers["Ce-Specversion"], headers["Ce-Id"], headers["Ce-Source"] = specVersion, c.id, source
		headers["Ce-Type"], headers["Ce-Time"] = ceType(c.kind), c.at.Format(time.RFC3339Nano)
		if c.subject != "" {
			headers["Ce-Subject"] = c.subject
		}
	case Teams:
		body = teams(&c)
	case Slack:
		body = slack(&c)
	default:
		body = cloudEvent{SpecVersion: specVersion, ID: c.id, Source: source, Type: ceType(c.kind), Subject: c.subject, Time: c.at, ContentType: jsonType, Data: c.data}
		headers["Content-Type"] = "application/cloudevents+json; charset=UTF-8"
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return message{}, fmt.Errorf("write the message: %w", err)
	}
	return message{headers, raw}, nil
}

func ceType(kind string) string { return "meridian." + kind + ".v1" }

// cloudEvent is an event in structured mode (CloudEvents 1.0.2, JSON format).
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject,omitempty"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        any       `json:"data"`
}

type object = map[string]any

// teams is a message with an adaptive card, as incoming webhooks and workflows of Microsoft Teams take it.
func teams(c *content) object {
	body := []object{{"type": "TextBlock", "text": plain(c.headline), "weight": "Bolder", "size": "Medium", "wrap": true}}
	if c.text != "" {
		body = append(body, object{"type": "TextBlock", "text": plain(c.text), "wrap": true})
	}
	facts := make([]object, 0, len(c.facts))
	for _, f := range c.facts {
		facts = append(facts, object{"title": f[0], "value": plain(f[1])})
	}
	body = append(body, object{"type": "FactSet", "facts": facts})
	for _, l := range c.lines {
		body = append(body, object{"type": "TextBlock", "text": plain(l), "wrap": true, "spacing": "None"})
	}
	card := object{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body}
	if c.link != "" {
		card["actions"] = []object{{"type": "Action.OpenUrl", "title": "Open in Meridian", "url": c.link}}
	}
	return object{"type": "message", "attachments": []object{{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}}}
}

// plain takes the meaning from what a card would take for markdown: names of sites are not ours.
func plain(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`", "<", "&lt;", ">", "&gt;").Replace(s)
}

// slack is a message of blocks, with a text for notifications that cannot show them.
func slack(c *content) object {
	blocks := []object{{"type": "header", "text": object{"type": "plain_text", "text": cut(c.headline, slackHeader), "emoji": false}}}
	section := func(text string) {
		blocks = append(blocks, object{"type": "section", "text": object{"type": "mrkdwn", "text": cut(text, slackSection)}})
	}
	if c.text != "" {
		section(escaped(c.text))
	}
	facts := make([]string, 0, len(c.facts))
	for _, f := range c.facts {
		facts = append(facts, "*"+f[0]+":* "+escaped(f[1]))
	}
	section(strings.Join(facts, "\n"))
	if len(c.lines) > 0 {
		section(escaped(strings.Join(c.lines, "\n")))
	}
	if c.link != "" {
		blocks = append(blocks, object{"type": "actions", "elements": []object{{
			"type": "button", "url": c.link, "text": object{"type": "plain_text", "text": "Open in Meridian", "emoji": false},
		}}})
	}
	return object{"text": escaped(c.headline), "blocks": blocks}
}

// escaped is text that Slack shows as it is: it takes only these three for control characters, and formatting marks cannot
// call anybody or lead anywhere.
func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// cut shortens a text to a number of characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
