package bus

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats.go/jetstream"

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
		subjectAssessment + "{site}", subjectChange + "{kind}.{site}", subjectDocument + "{site}.{piece}", subjectHeartbeat + "{site}",
		subjectInventory + "{site}", subjectRejected + "{site}", subjectRequest + "{site}",
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
		HeaderID, HeaderSource, HeaderType, HeaderTime, HeaderSubject, HeaderSpecVersion, HeaderContentType, HeaderEncoding, HeaderMessageID, HeaderProtocol,
		HeaderPlannerVersion, HeaderInstance, HeaderInstanceSequence, HeaderRevision, HeaderInventorySequence,
	} {
		if !headers[h] {
			t.Errorf("header %s is not described", h)
		}
	}
	for _, n := range []string{TypeInventory, TypeHeartbeat, TypeAssessment, TypeRequest, TypeReply, TypeRejection, TypeChange} {
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
