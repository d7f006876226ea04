package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
	"github.com/meridian-federation/meridian/planner/inventory"
)

var update = flag.Bool("update", false, "write the golden files of messages that have none yet")

// golden is a message as it lies in testdata/v1. Files are only ever added: what was once sent must be read for ever.
type golden struct {
	Subject string            `json:"subject"`
	Header  map[string]string `json:"header"`
	Body    []byte            `json:"body"`
}

var (
	goldenTime = time.Date(2026, 11, 20, 8, 0, 0, 123456789, time.UTC)
	largeBody  = []byte(`{"kind":"SiteInventory","pad":"` + strings.Repeat("muc-01 ", 4000) + `"}`)
)

// TestGoldenMessagesKeepDecoding reads every message ever released and compares what was understood.
func TestGoldenMessagesKeepDecoding(t *testing.T) {
	k := testCodec(t)
	pack := func(e envelope.Envelope, subject string, body []byte) *nats.Msg {
		wire, encoding := k.Compress(body)
		m, err := envelope.Encode(context.Background(), subject, e, wire, encoding)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	inventoryHeaders := map[string]string{envelope.HeaderRevision: "20261120T080000Z-abc", envelope.HeaderInstance: "0a1b2c", envelope.HeaderInstanceSequence: "7", envelope.HeaderPlannerVersion: "1.2.3"}
	site := envelope.Envelope{ID: "muc-01:20261120T080000Z-abc", Source: envelope.SiteSource("muc-01"), Type: envelope.TypeInventory, Site: "muc-01", Time: goldenTime, Dedupe: true, Extra: inventoryHeaders}
	pointing := site
	pointing.Content = envelope.ContentPointer
	hub := func(typ, id string, extra map[string]string) envelope.Envelope {
		return envelope.Envelope{ID: id, Source: envelope.HubSource, Type: typ, Site: "muc-01", Time: goldenTime, Dedupe: true, Extra: extra}
	}
	inv := Inventory{
		Site: "muc-01", Revision: "20261120T080000Z-abc", Time: goldenTime, Instance: "0a1b2c", InstanceSequence: 7, PlannerVersion: "1.2.3",
		StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
	}
	plainInv, largeInv, pointerInv := inv, inv, inv
	plainInv.Body, largeInv.Body = []byte(`{"kind":"SiteInventory"}`), largeBody
	beat := Heartbeat{Site: "muc-01", Revision: "r", InstanceSequence: 7, StreamSequence: 42, Instance: "0a1b2c", PlannerVersion: "1.2.3", At: goldenTime, Interval: inventory.Duration(time.Minute), Queued: 2, Dropped: 1, Protocol: 1}
	request := Request{Kind: RequestResend, Revision: "r", Interval: inventory.Duration(time.Minute)}
	for _, c := range []struct {
		name string
		make func() *nats.Msg
		read func(*stored, *nats.Msg) (any, error)
		want any
	}{
		{"inventory", func() *nats.Msg { return pack(site, subjects.Inventory+"muc-01", plainInv.Body) }, readInventory(k), plainInv},
		{"inventory-compressed", func() *nats.Msg { return pack(site, subjects.Inventory+"muc-01", largeBody) }, readInventory(k), largeInv},
		{"inventory-pointer", func() *nats.Msg {
			return pack(pointing, subjects.Inventory+"muc-01", []byte(`{"size":3000000,"encoding":"zstd","sha256":"00ff","pieces":[3,4,5]}`))
		}, readInventory(k), pointerInv},
		{"assessment", func() *nats.Msg {
			e := hub(envelope.TypeAssessment, "muc-01:r:pack:2026-11-20T08:00:00Z", map[string]string{envelope.HeaderRevision: "r", envelope.HeaderInventorySequence: "41"})
			return pack(e, subjects.Assessment+"muc-01", []byte(`{"kind":"Assessment"}`))
		}, func(m *stored, _ *nats.Msg) (any, error) { return k.assessment(m) }, Assessment{
			Site: "muc-01", Revision: "r", At: goldenTime, MessageID: "muc-01:r:pack:2026-11-20T08:00:00Z", Body: []byte(`{"kind":"Assessment"}`),
			InventorySequence: 41, StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
		}},
		{"assessment-with-basis", func() *nats.Msg {
			e := hub(envelope.TypeAssessment, "muc-01:r:pack:2026-11-20T08:00:00Z", map[string]string{envelope.HeaderRevision: "r", envelope.HeaderInventorySequence: "41", envelope.HeaderBasis: "00ff"})
			return pack(e, subjects.Assessment+"muc-01", []byte(`{"kind":"Assessment"}`))
		}, func(m *stored, _ *nats.Msg) (any, error) { return k.assessment(m) }, Assessment{
			Site: "muc-01", Revision: "r", At: goldenTime, MessageID: "muc-01:r:pack:2026-11-20T08:00:00Z", Body: []byte(`{"kind":"Assessment"}`),
			InventorySequence: 41, Basis: "00ff", StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
		}},
		{"rejection", func() *nats.Msg {
			e := hub(envelope.TypeRejection, "muc-01:41", map[string]string{envelope.HeaderRevision: "r", envelope.HeaderInventorySequence: "41"})
			return pack(e, subjects.Rejected+"muc-01", []byte(`{"reason":"schema"}`))
		}, func(m *stored, _ *nats.Msg) (any, error) { return k.rejection(m) }, Rejection{
			Site: "muc-01", Revision: "r", At: goldenTime, Sequence: 41, Body: []byte(`{"reason":"schema"}`), StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
		}},
		{"change", func() *nats.Msg {
			return pack(hub(envelope.TypeChange, "c1", nil), subjects.Change+"finding.opened.muc-01", []byte(`{}`))
		}, func(m *stored, _ *nats.Msg) (any, error) { return k.change(m) }, Change{
			ID: "c1", Kind: "finding.opened", Site: "muc-01", At: goldenTime, Body: []byte(`{}`), StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
		}},
		{"heartbeat", func() *nats.Msg {
			body, err := json.Marshal(beat)
			if err != nil {
				t.Fatal(err)
			}
			return pack(envelope.Envelope{ID: "muc-01:t", Source: envelope.SiteSource("muc-01"), Type: envelope.TypeHeartbeat, Site: "muc-01", Time: goldenTime}, subjects.Heartbeat+"muc-01", body)
		}, func(_ *stored, m *nats.Msg) (any, error) { return decodeHeartbeat(m) }, beat},
		{"request", func() *nats.Msg {
			body, err := json.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			return pack(hub(envelope.TypeRequest, "q1", nil), subjects.Request+"muc-01", body)
		}, func(_ *stored, m *nats.Msg) (any, error) {
			var r Request
			_, err := decodeSmall(m, subjects.Request, envelope.TypeRequest, &r)
			return r, err
		}, request},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join("testdata", "v1", c.name+".json")
			made := c.make()
			if _, err := os.Stat(path); *update && errors.Is(err, os.ErrNotExist) {
				writeGolden(t, path, made)
			}
			kept := readGolden(t, path)
			got, err := c.read(keptAt(kept), kept)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, cmp.Transformer("size", dropSize)); d != "" {
				t.Errorf("%s is understood differently (-want +got):\n%s", path, d)
			}
			// What is sent today has the same headers; a compressed body may differ with the library.
			if d := cmp.Diff(kept.Header, made.Header); d != "" {
				t.Errorf("headers sent today differ from %s (-kept +today):\n%s", path, d)
			}
			if made.Header.Get(envelope.HeaderEncoding) == "" && !bytes.Equal(kept.Data, made.Data) {
				t.Errorf("body sent today: %s\nkept: %s", made.Data, kept.Data)
			}
		})
	}
}

// dropSize leaves the size on the wire out of the comparison; it depends on the compression library.
func dropSize(i Inventory) map[string]any {
	return map[string]any{
		"site": i.Site, "revision": i.Revision, "body": string(i.Body), "time": i.Time, "instance": i.Instance, "instanceSequence": i.InstanceSequence,
		"plannerVersion": i.PlannerVersion, "sequence": i.StreamSequence, "accepted": i.AcceptedAt, "protocol": i.Protocol, "error": i.DecodeErr,
	}
}

func readInventory(k codec) func(*stored, *nats.Msg) (any, error) {
	return func(m *stored, _ *nats.Msg) (any, error) { return k.decodeInventory(m) }
}

func testCodec(t testing.TB) codec {
	t.Helper()
	k, err := envelope.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return codec{k}
}

func keptAt(m *nats.Msg) *stored {
	return &stored{stream: StreamInventory, subject: m.Subject, header: m.Header, data: m.Data, sequence: 42, time: goldenTime}
}

func writeGolden(t *testing.T, path string, m *nats.Msg) {
	t.Helper()
	g := golden{Subject: m.Subject, Header: map[string]string{}, Body: m.Data}
	for k, v := range m.Header {
		g.Header[k] = v[0]
	}
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGolden(t testing.TB, path string) *nats.Msg {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	m := &nats.Msg{Subject: g.Subject, Header: nats.Header{}, Data: g.Body}
	for k, v := range g.Header {
		m.Header[k] = []string{v}
	}
	return m
}

func TestBadMessagesAreToldApart(t *testing.T) {
	k := testCodec(t)
	good := readGolden(t, "testdata/v1/inventory.json")
	bomb, encoding := k.Compress(make([]byte, inventory.MaxDocument+1))
	if encoding != envelope.Zstd {
		t.Fatalf("the bomb is not compressed: %q", encoding)
	}
	for _, c := range []struct {
		name   string
		change func(*nats.Msg)
		want   error
	}{
		{"no protocol", func(m *nats.Msg) { delete(m.Header, envelope.HeaderProtocol) }, ErrProtocol},
		{"newer protocol", func(m *nats.Msg) { m.Header[envelope.HeaderProtocol] = []string{"2"} }, ErrProtocol},
		{"protocol zero", func(m *nats.Msg) { m.Header[envelope.HeaderProtocol] = []string{"0"} }, ErrProtocol},
		{"another type", func(m *nats.Msg) { m.Header[envelope.HeaderType] = []string{envelope.TypeAssessment} }, ErrMisdirected},
		{"another site in the header", func(m *nats.Msg) { m.Header[envelope.HeaderSubject] = []string{"ber-02"} }, ErrMisdirected},
		{"other events version", func(m *nats.Msg) { m.Header[envelope.HeaderSpecVersion] = []string{"0.3"} }, ErrUnreadable},
		{"no id", func(m *nats.Msg) { delete(m.Header, envelope.HeaderID) }, ErrUnreadable},
		{"no revision", func(m *nats.Msg) { delete(m.Header, envelope.HeaderRevision) }, ErrUnreadable},
		{"no time", func(m *nats.Msg) { delete(m.Header, envelope.HeaderTime) }, ErrUnreadable},
		{"sequence is no number", func(m *nats.Msg) { m.Header[envelope.HeaderInstanceSequence] = []string{"-1"} }, ErrUnreadable},
		{"control character", func(m *nats.Msg) { m.Header[envelope.HeaderInstance] = []string{"a\x1b[2J"} }, ErrUnreadable},
		{"unknown encoding", func(m *nats.Msg) { m.Header[envelope.HeaderEncoding] = []string{"gzip"} }, ErrUnreadable},
		{"not compressed", func(m *nats.Msg) { m.Header[envelope.HeaderEncoding] = []string{envelope.Zstd} }, ErrUnreadable},
		{"empty", func(m *nats.Msg) { m.Data = nil }, ErrUnreadable},
		{"grows too large", func(m *nats.Msg) { m.Header[envelope.HeaderEncoding] = []string{envelope.Zstd}; m.Data = bomb }, ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &nats.Msg{Subject: good.Subject, Header: maps.Clone(good.Header), Data: good.Data}
			c.change(m)
			inv, err := k.decodeInventory(keptAt(m))
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(inv.DecodeErr, c.want) || inv.Body != nil || inv.Site != "muc-01" || inv.StreamSequence != 42 {
				t.Errorf("got %v (%+v), want %v", inv.DecodeErr, inv, c.want)
			}
			if !envelope.Plain(inv.Revision) || !envelope.Plain(inv.Instance) {
				t.Error("an unprintable header was passed on")
			}
		})
	}
	for _, subject := range []string{"", "meridian.v1.inventory.", "meridian.v1.inventory.a.b", "meridian.v1.inventory.*", "meridian.v1.heartbeat.muc-01"} {
		if _, err := k.decodeInventory(&stored{subject: subject, header: good.Header, data: good.Data}); !errors.Is(err, ErrMisdirected) {
			t.Errorf("subject %q: %v", subject, err)
		}
	}
}

// TestTolerance reads what planners and hubs of the same protocol may send that were built later, or by somebody who sends
// what is required and no more. The files are written by hand; testdata/v1/later has what this release does not know.
func TestTolerance(t *testing.T) {
	k := testCodec(t)
	for name, read := range map[string]func(*nats.Msg) (any, error){
		"later/inventory.json": func(m *nats.Msg) (any, error) { return readInventory(k)(keptAt(m), m) },
		"least/inventory.json": func(m *nats.Msg) (any, error) { return readInventory(k)(keptAt(m), m) },
		"later/heartbeat.json": func(m *nats.Msg) (any, error) { return decodeHeartbeat(m) },
		"least/heartbeat.json": func(m *nats.Msg) (any, error) { return decodeHeartbeat(m) },
		"later/request.json": func(m *nats.Msg) (any, error) {
			var r Request
			_, err := decodeSmall(m, subjects.Request, envelope.TypeRequest, &r)
			return r, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(readGolden(t, filepath.Join("testdata", "v1", name)))
			if err != nil {
				t.Fatal(err)
			}
			var want any
			switch name {
			case "later/inventory.json":
				want = Inventory{
					Site: "muc-01", Revision: "r2", Time: goldenTime, Instance: "0a1b2c", InstanceSequence: 8, PlannerVersion: "9.9.9", StreamSequence: 42, AcceptedAt: goldenTime,
					Protocol: 1, Body: []byte(`{"kind":"SiteInventory","colour":"red"}`),
				}
			case "least/inventory.json":
				want = Inventory{Site: "muc-01", Revision: "r1", Time: goldenTime, StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1, Body: []byte(`{}`)}
			case "later/heartbeat.json":
				want = Heartbeat{Site: "muc-01", At: goldenTime, Queued: 1, Protocol: 1}
			case "least/heartbeat.json":
				want = Heartbeat{Site: "muc-01", At: goldenTime, Protocol: 1}
			case "later/request.json":
				want = Request{Kind: "self-test"}
			}
			if inv, ok := got.(Inventory); ok {
				inv.Size = 0
				got = inv
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCompressionIsReversible(t *testing.T) {
	k := testCodec(t)
	rapid.Check(t, func(t *rapid.T) {
		body := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "body"), rapid.IntRange(1, 400).Draw(t, "times"))
		wire, encoding := k.Compress(body)
		if len(wire) > len(body) {
			t.Fatalf("%d bytes became %d", len(body), len(wire))
		}
		back, err := k.Decompress(wire, encoding)
		if err != nil || !bytes.Equal(back, body) {
			t.Fatalf("came back with %d of %d bytes: %v", len(back), len(body), err)
		}
	})
}

func TestValidSite(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "muc-01": true, "0": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "A": false, "a.b": false, "*": false, ">": false, "a b": false, "a\n": false, "ä": false, strings.Repeat("a", 64): false,
	} {
		if subjects.ValidSite(id) != want {
			t.Errorf("subjects.ValidSite(%q) is %t", id, !want)
		}
	}
}

// FuzzDecode feeds arbitrary headers and bodies to every decoder; none may panic, and what is accepted keeps its bounds.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/v1/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no golden files", err)
	}
	for _, path := range files {
		m := readGolden(f, path)
		f.Add(m.Subject, envelope.First(m.Header, envelope.HeaderType), envelope.First(m.Header, envelope.HeaderEncoding), envelope.First(m.Header, envelope.HeaderContentType), envelope.First(m.Header, envelope.HeaderRevision), envelope.First(m.Header, envelope.HeaderProtocol), m.Data)
	}
	k := testCodec(f)
	f.Fuzz(func(t *testing.T, subject, typ, encoding, content, revision, protocol string, data []byte) {
		h := nats.Header{
			envelope.HeaderSpecVersion: {envelope.SpecVersion}, envelope.HeaderID: {"id"}, envelope.HeaderTime: {goldenTime.Format(time.RFC3339Nano)}, envelope.HeaderType: {typ}, envelope.HeaderProtocol: {protocol},
			envelope.HeaderEncoding: {encoding}, envelope.HeaderContentType: {content}, envelope.HeaderRevision: {revision}, envelope.HeaderSubject: {subject[strings.LastIndexByte(subject, '.')+1:]},
		}
		m := &stored{stream: StreamInventory, subject: subject, header: h, data: data}
		if inv, err := k.decodeInventory(m); err == nil {
			if !subjects.ValidSite(inv.Site) || len(inv.Body) > inventory.MaxDocument || !envelope.Plain(inv.Revision) || (inv.DecodeErr != nil && inv.Body != nil) {
				t.Fatalf("accepted %+v", inv)
			}
		}
		for _, stream := range []string{StreamInventory, StreamAssessment, StreamRejected, StreamChange} {
			m.stream = stream
			if out := k.message(m); len(out.Body) > inventory.MaxDocument || (out.DecodeErr == nil && !subjects.ValidSite(out.Site)) || !envelope.Plain(out.Revision) {
				t.Fatalf("accepted %+v", out)
			}
		}
		if h, err := decodeHeartbeat(&nats.Msg{Subject: subject, Header: h, Data: data}); err == nil && !subjects.ValidSite(h.Site) {
			t.Fatalf("accepted %+v", h)
		}
		var r Request
		if _, err := decodeSmall(&nats.Msg{Subject: subject, Header: h, Data: data}, subjects.Request, envelope.TypeRequest, &r); err == nil && len(data) > maxSmall {
			t.Fatal("accepted a large request")
		}
	})
}

func TestStreamOptions(t *testing.T) {
	for _, s := range (StreamOptions{ChangeMaxAge: time.Minute, Replicas: 3, Compress: true}).configs() {
		if !s.AllowDirect || s.Duplicates <= 0 || s.Replicas != 3 || s.MaxAge > 0 && s.Duplicates > s.MaxAge {
			t.Errorf("%s: %+v", s.Name, s)
		}
	}
	var limit, document int64
	for _, s := range (StreamOptions{InventoryPerSite: 7}).configs() {
		switch s.Name {
		case StreamInventory:
			limit = s.MaxMsgsPerSubject
		case StreamDocument:
			document = s.MaxMsgsPerSubject
		}
	}
	if limit != 7 || document < limit {
		t.Errorf("%d inventories and %d documents per site: a document must not go before its inventory", limit, document)
	}
}

// TestDecoderBoundsUndeclaredSizes makes sure that the decoder's bound is on memory and not only on the size a frame declares.
func TestDecoderBoundsUndeclaredSizes(t *testing.T) {
	k := testCodec(t)
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<20)
	for range inventory.MaxDocument>>20 + 1 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Decompress(b.Bytes(), envelope.Zstd); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
}
