package bus

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
	"github.com/meridian-federation/meridian/planner/inventory"
)

func asyncAPI(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile("../asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at follows keys; nil when there is nothing.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// walk visits every mapping of the document.
func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, x := range v {
			walk(x, visit)
		}
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	}
}

func TestAsyncAPIReferencesResolve(t *testing.T) {
	doc := asyncAPI(t)
	if doc["asyncapi"] != "3.0.0" {
		t.Errorf("asyncapi: %v", doc["asyncapi"])
	}
	n := 0
	walk(doc, func(m map[string]any) {
		ref, ok := m["$ref"].(string)
		if !ok {
			return
		}
		n++
		if path, ok := strings.CutPrefix(ref, "#/"); !ok || at(doc, strings.Split(path, "/")...) == nil {
			t.Errorf("reference %s leads nowhere", ref)
		}
	})
	if n < 20 {
		t.Errorf("only %d references were found", n)
	}
}

func TestAsyncAPIDescribesEverySubjectStreamHeaderAndType(t *testing.T) {
	doc := asyncAPI(t)
	channels, _ := doc["channels"].(map[string]any)
	var addresses []string
	streams := map[string]map[string]any{}
	for name, c := range channels {
		if a, ok := at(c, "address").(string); ok {
			addresses = append(addresses, a)
		}
		if s, ok := at(c, "x-stream").(map[string]any); ok {
			streams[fmt.Sprint(s["name"])] = s
		}
		used := false
		walk(doc["operations"], func(m map[string]any) { used = used || m["$ref"] == "#/channels/"+name })
		if !used {
			t.Errorf("channel %s is part of no operation", name)
		}
	}
	slices.Sort(addresses)
	want := []string{
		subjects.Assessment + "{site}", subjects.Change + "{kind}.{site}", subjects.Document + "{site}.{piece}", subjects.Heartbeat + "{site}",
		subjects.Inventory + "{site}", subjects.Rejected + "{site}", subjects.Request + "{site}",
	}
	if !slices.Equal(addresses, want) {
		t.Errorf("addresses %v, want %v", addresses, want)
	}

	for _, cfg := range (StreamOptions{}).configs() {
		s := streams[cfg.Name]
		delete(streams, cfg.Name)
		perSubject, age := any(nil), any(nil)
		if cfg.MaxMsgsPerSubject > 0 {
			perSubject = uint64(cfg.MaxMsgsPerSubject)
		}
		if cfg.MaxAge > 0 {
			age = inventory.Duration(cfg.MaxAge).String()
		}
		if fmt.Sprint(s["subjects"]) != fmt.Sprint(cfg.Subjects) || s["maxMessagesPerSubject"] != perSubject || s["maxAge"] != age ||
			s["duplicateWindow"] != inventory.Duration(cfg.Duplicates).String() || s["allowDirect"] != cfg.AllowDirect || cfg.Retention != jetstream.LimitsPolicy {
			t.Errorf("stream %s is described as %v, made as %+v", cfg.Name, s, cfg)
		}
	}
	if len(streams) > 0 {
		t.Errorf("streams that are not made: %v", streams)
	}

	headers, names := map[string]bool{}, map[string]bool{}
	walk(at(doc, "components"), func(m map[string]any) {
		if p, ok := m["properties"].(map[string]any); ok {
			for k := range p {
				headers[k] = true
			}
		}
	})
	walk(at(doc, "components", "messages"), func(m map[string]any) {
		if n, ok := m["name"].(string); ok {
			names[n] = true
		}
	})
	for _, h := range []string{
		envelope.HeaderID, envelope.HeaderSource, envelope.HeaderType, envelope.HeaderTime, envelope.HeaderSubject, envelope.HeaderSpecVersion, envelope.HeaderContentType, envelope.HeaderEncoding, envelope.HeaderMessageID, envelope.HeaderProtocol,
		envelope.HeaderPlannerVersion, envelope.HeaderInstance, envelope.HeaderInstanceSequence, envelope.HeaderRevision, envelope.HeaderInventorySequence, envelope.HeaderBasis,
	} {
		if !headers[h] {
			t.Errorf("header %s is not described", h)
		}
	}
	for _, n := range []string{envelope.TypeInventory, envelope.TypeHeartbeat, envelope.TypeAssessment, envelope.TypeRequest, envelope.TypeReply, envelope.TypeRejection, envelope.TypeChange} {
		if !names[n] {
			t.Errorf("message %s is not described", n)
		}
	}
	kinds := fmt.Sprint(at(doc, "components", "schemas", "request", "properties", "kind", "enum"))
	if want := fmt.Sprint([]RequestKind{RequestRefresh, RequestResend, RequestDiagnostics, RequestHeartbeatInterval}); kinds != want {
		t.Errorf("kinds of request %s, want %s", kinds, want)
	}
	if p := at(doc, "components", "schemas", "pointer", "properties"); at(p, "size", "maximum") != uint64(inventory.MaxDocument) || at(p, "pieces", "maxItems") != uint64(maxPieces) {
		t.Errorf("limits of a pointer: %v", p)
	}
}

func TestAsyncAPIStatesLimitsRightsAndProtocol(t *testing.T) {
	doc := asyncAPI(t)
	for name, want := range map[string]int{
		"compressAbove": CompressAbove, "message": MaxMessage, "piece": pieceSize, "document": inventory.MaxDocument, "small": maxSmall, "header": envelope.MaxHeader,
	} {
		if got := at(doc, "x-limits", name); got != uint64(want) {
			t.Errorf("limit %s is described as %v, is %d", name, got, want)
		}
	}
	if got := at(doc, "x-limits", "answerWithin"); got != inventory.Duration(subjects.AnswerWithin).String() {
		t.Errorf("answers within %v, %s", got, subjects.AnswerWithin)
	}
	if v, older := at(doc, "x-protocol", "version"), at(doc, "x-protocol", "olderAccepted"); v != uint64(Protocol) || older != uint64(envelope.OlderProtocols) {
		t.Errorf("protocol %v with %v before", v, older)
	}
	const site = "muc-01"
	p, err := subjects.SitePermissions(site)
	if err != nil {
		t.Fatal(err)
	}
	f := subjects.SiteSubjects()
	for _, c := range []struct {
		section, name string
		want          []string
	}{
		{"x-permissions", "publish", p.Publish},
		{"x-permissions", "subscribe", p.Subscribe},
		{"x-accounts", "services", f.Services},
		{"x-accounts", "streams", f.Streams},
		{"x-accounts", "requests", f.Requests},
	} {
		list, _ := at(doc, c.section, c.name).([]any)
		got := make([]string, len(list))
		for i, s := range list {
			got[i] = strings.ReplaceAll(fmt.Sprint(s), "{site}", site)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s.%s:\n%v\nis\n%v", c.section, c.name, got, c.want)
		}
	}
	if got := fmt.Sprint(at(doc, "x-accounts", "domains")); got != fmt.Sprint(f.Domains) {
		t.Errorf("x-accounts.domains: %s, is %s", got, f.Domains)
	}
	// What a site may do without the account's lending it is worth nothing, and what is lent is somebody's right.
	for _, right := range append(slices.Clone(p.Publish), p.Subscribe...) {
		lent := strings.HasPrefix(right, subjects.InboxPrefix(site))
		for _, subject := range slices.Concat(f.Services, f.Streams, f.Requests) {
			lent = lent || strings.Replace(subject, "*", site, 1) == right
		}
		for _, d := range f.Domains {
			// The last wildcard is the site; the one before is the domain, which the account takes out.
			lent = lent || strings.TrimSuffix(d[0], "*")+site == right && slices.Contains(f.Services, strings.Replace(d[1], "$2", "*", 1))
		}
		if !lent {
			t.Errorf("%s is a site's right and not lent to its account", right)
		}
	}
}

// merged collects the properties and required names of a schema and of what it is made of.
func merged(doc map[string]any, schema any, properties map[string]any, required map[string]bool) {
	m, ok := schema.(map[string]any)
	if !ok {
		return
	}
	if ref, ok := m["$ref"].(string); ok {
		merged(doc, at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), properties, required)
	}
	if all, ok := m["allOf"].([]any); ok {
		for _, part := range all {
			merged(doc, part, properties, required)
		}
	}
	if p, ok := m["properties"].(map[string]any); ok {
		for name, schema := range p {
			// A message says more about a header than the headers in common do.
			properties[name] = schema
		}
	}
	if names, ok := m["required"].([]any); ok {
		for _, n := range names {
			required[fmt.Sprint(n)] = true
		}
	}
}

func TestAsyncAPIDescribesTheHeadersThatAreSent(t *testing.T) {
	doc := asyncAPI(t)
	for file, name := range map[string]string{
		"inventory": "inventory", "inventory-compressed": "inventory", "inventory-pointer": "inventoryInPieces", "assessment": "assessment", "assessment-with-basis": "assessment", "rejection": "rejection",
		"change": "change", "heartbeat": "heartbeat", "request": "request",
	} {
		message := at(doc, "components", "messages", name)
		properties, required := map[string]any{}, map[string]bool{}
		merged(doc, at(message, "headers"), properties, required)
		m := readGolden(t, "testdata/v1/"+file+".json")
		if file == "request" {
			delete(m.Header, envelope.HeaderMessageID) // no stream keeps requests; whoever wrote this file sent it in vain
		}
		for header := range m.Header {
			schema, ok := properties[header]
			if !ok {
				t.Errorf("%s: header %s is sent and not described", file, header)
			}
			if want := at(schema, "const"); want != nil && fmt.Sprint(want) != envelope.First(m.Header, header) {
				t.Errorf("%s: header %s is %s, described as %v", file, header, envelope.First(m.Header, header), want)
			}
		}
		for header := range required {
			if envelope.First(m.Header, header) == "" {
				t.Errorf("%s: header %s is described as required and not sent", file, header)
			}
		}
		if content := envelope.First(m.Header, envelope.HeaderContentType); content != at(message, "contentType") {
			t.Errorf("%s: content type %s", file, content)
		}
		if typ := envelope.First(m.Header, envelope.HeaderType); typ != at(message, "name") {
			t.Errorf("%s: type %s", file, typ)
		}
	}
}

func TestAsyncAPIDescribesTheBodies(t *testing.T) {
	doc := asyncAPI(t)
	for name, v := range map[string]any{"heartbeat": Heartbeat{}, "request": Request{}, "reply": Reply{}, "pointer": pointer{}} {
		properties, required := map[string]any{}, map[string]bool{}
		merged(doc, at(doc, "components", "schemas", name), properties, required)
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			tag, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if tag == "-" {
				continue // set by the reader
			}
			if _, ok := properties[tag]; !ok {
				t.Errorf("%s: field %s is not described", name, tag)
			}
			if always := options == ""; always != required[tag] {
				t.Errorf("%s: field %s is always sent: %t, described as required: %t", name, tag, always, required[tag])
			}
			delete(properties, tag)
		}
		for field := range properties {
			t.Errorf("%s: field %s is described and does not exist", name, field)
		}
	}
}
