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
	pack := func(e envelope, subject string, body []byte) *nats.Msg {
		wire, encoding := k.compress(body)
		m, err := encode(context.Background(), subject, e, wire, encoding)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	inventoryHeaders := map[string]string{HeaderRevision: "20261120T080000Z-abc", HeaderInstance: "0a1b2c", HeaderInstanceSequence: "7", HeaderPlannerVersion: "1.2.3"}
	site := envelope{id: "muc-01:20261120T080000Z-abc", source: siteSource("muc-01"), typ: TypeInventory, site: "muc-01", time: goldenTime, dedupe: true, extra: inventoryHeaders}
	pointing := site
	pointing.content = ContentPointer
	hub := func(typ, id string, extra map[string]string) envelope {
		return envelope{id: id, source: hubSource, typ: typ, site: "muc-01", time: goldenTime, dedupe: true, extra: extra}
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
		{"inventory", func() *nats.Msg { return pack(site, subjectInventory+"muc-01", plainInv.Body) }, readInventory(k), plainInv},
		{"inventory-compressed", func() *nats.Msg { return pack(site, subjectInventory+"muc-01", largeBody) }, readInventory(k), largeInv},
		{"inventory-pointer", func() *nats.Msg {
			return pack(pointing, subjectInventory+"muc-01", []byte(`{"size":3000000,"encoding":"zstd","sha256":"00ff","pieces":[3,4,5]}`))
		}, readInventory(k), pointerInv},
		{"assessment", func() *nats.Msg {
			e := hub(TypeAssessment, "muc-01:r:pack:2026-11-20T08:00:00Z", map[string]string{HeaderRevision: "r", HeaderInventorySequence: "41"})
			return pack(e, subjectAssessment+"muc-01", []byte(`{"kind":"Assessment"}`))
		}, func(m *stored, _ *nats.Msg) (any, error) { return k.assessment(m) }, Assessment{
			Site: "muc-01", Revision: "r", At: goldenTime, MessageID: "muc-01:r:pack:2026-11-20T08:00:00Z", Body: []byte(`{"kind":"Assessment"}`),
			InventorySequence: 41, StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
		}},
		{"rejection", func() *nats.Msg {
			e := hub(TypeRejection, "muc-01:41", map[string]string{HeaderRevision: "r", HeaderInventorySequence: "41"})
			return pack(e, subjectRejected+"muc-01", []byte(`{"reason":"schema"}`))
		}, func(m *stored, _ *nats.Msg) (any, error) { return k.rejection(m) }, Rejection{
			Site: "muc-01", Revision: "r", At: goldenTime, Sequence: 41, Body: []byte(`{"reason":"schema"}`), StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
		}},
		{"change", func() *nats.Msg {
			return pack(hub(TypeChange, "c1", nil), subjectChange+"finding.opened.muc-01", []byte(`{}`))
		}, func(m *stored, _ *nats.Msg) (any, error) { return k.change(m) }, Change{
			ID: "c1", Kind: "finding.opened", Site: "muc-01", At: goldenTime, Body: []byte(`{}`), StreamSequence: 42, AcceptedAt: goldenTime, Protocol: 1,
		}},
		{"heartbeat", func() *nats.Msg {
			body, err := json.Marshal(beat)
			if err != nil {
				t.Fatal(err)
			}
			return pack(envelope{id: "muc-01:t", source: siteSource("muc-01"), typ: TypeHeartbeat, site: "muc-01", time: goldenTime}, subjectHeartbeat+"muc-01", body)
		}, func(_ *stored, m *nats.Msg) (any, error) { return decodeHeartbeat(m) }, beat},
		{"request", func() *nats.Msg {
			body, err := json.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			return pack(hub(TypeRequest, "q1", nil), subjectRequest+"muc-01", body)
		}, func(_ *stored, m *nats.Msg) (any, error) {
			var r Request
			_, err := decodeSmall(m, subjectRequest, TypeRequest, &r)
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
			if made.Header.Get(HeaderEncoding) == "" && !bytes.Equal(kept.Data, made.Data) {
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

func readInventory(k *codec) func(*stored, *nats.Msg) (any, error) {
	return func(m *stored, _ *nats.Msg) (any, error) { return k.decodeInventory(m) }
}

func testCodec(t testing.TB) *codec {
	t.Helper()
	k, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	return k
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
	bomb := k.enc.EncodeAll(make([]byte, inventory.MaxDocument+1), nil)
	for _, c := range []struct {
		name   string
		change func(*nats.Msg)
		want   error
	}{
		{"no protocol", func(m *nats.Msg) { delete(m.Header, HeaderProtocol) }, ErrProtocol},
		{"newer protocol", func(m *nats.Msg) { m.Header[HeaderProtocol] = []string{"2"} }, ErrProtocol},
		{"protocol zero", func(m *nats.Msg) { m.Header[HeaderProtocol] = []string{"0"} }, ErrProtocol},
		{"another type", func(m *nats.Msg) { m.Header[HeaderType] = []string{TypeAssessment} }, ErrMisdirected},
		{"another site in the header", func(m *nats.Msg) { m.Header[HeaderSubject] = []string{"ber-02"} }, ErrMisdirected},
		{"other events version", func(m *nats.Msg) { m.Header[HeaderSpecVersion] = []string{"0.3"} }, ErrUnreadable},
		{"no id", func(m *nats.Msg) { delete(m.Header, HeaderID) }, ErrUnreadable},
		{"no revision", func(m *nats.Msg) { delete(m.Header, HeaderRevision) }, ErrUnreadable},
		{"no time", func(m *nats.Msg) { delete(m.Header, HeaderTime) }, ErrUnreadable},
		{"sequence is no number", func(m *nats.Msg) { m.Header[HeaderInstanceSequence] = []string{"-1"} }, ErrUnreadable},
		{"control character", func(m *nats.Msg) { m.Header[HeaderInstance] = []string{"a\x1b[2J"} }, ErrUnreadable},
		{"unknown encoding", func(m *nats.Msg) { m.Header[HeaderEncoding] = []string{"gzip"} }, ErrUnreadable},
		{"not compressed", func(m *nats.Msg) { m.Header[HeaderEncoding] = []string{encodingZstd} }, ErrUnreadable},
		{"empty", func(m *nats.Msg) { m.Data = nil }, ErrUnreadable},
		{"grows too large", func(m *nats.Msg) { m.Header[HeaderEncoding] = []string{encodingZstd}; m.Data = bomb }, ErrTooLarge},
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
			if !plain(inv.Revision) || !plain(inv.Instance) {
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

func TestProtocolWindow(t *testing.T) {
	// The window is fixed relative to Protocol, so that raising Protocol keeps the two versions before readable.
	for p := Protocol - 3; p <= Protocol+1; p++ {
		h := maps.Clone(readGolden(t, "testdata/v1/inventory.json").Header)
		h[HeaderProtocol] = []string{strings.TrimSpace(string(rune('0' + max(p, 0))))}
		_, err := decodeEnvelope(h, TypeInventory)
		if ok := p >= 1 && p >= Protocol-2 && p <= Protocol; ok != (err == nil) {
			t.Errorf("protocol %d: %v", p, err)
		}
	}
}

func TestCompressionIsReversible(t *testing.T) {
	k := testCodec(t)
	rapid.Check(t, func(t *rapid.T) {
		body := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "body"), rapid.IntRange(1, 400).Draw(t, "times"))
		wire, encoding := k.compress(body)
		if len(wire) > len(body) {
			t.Fatalf("%d bytes became %d", len(body), len(wire))
		}
		back, err := k.decompress(wire, encoding)
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
		if ValidSite(id) != want {
			t.Errorf("ValidSite(%q) is %t", id, !want)
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
		f.Add(m.Subject, first(m.Header, HeaderType), first(m.Header, HeaderEncoding), first(m.Header, HeaderContentType), first(m.Header, HeaderRevision), first(m.Header, HeaderProtocol), m.Data)
	}
	k := testCodec(f)
	f.Fuzz(func(t *testing.T, subject, typ, encoding, content, revision, protocol string, data []byte) {
		h := nats.Header{
			HeaderSpecVersion: {specVersion}, HeaderID: {"id"}, HeaderTime: {goldenTime.Format(time.RFC3339Nano)}, HeaderType: {typ}, HeaderProtocol: {protocol},
			HeaderEncoding: {encoding}, HeaderContentType: {content}, HeaderRevision: {revision}, HeaderSubject: {subject[strings.LastIndexByte(subject, '.')+1:]},
		}
		m := &stored{stream: StreamInventory, subject: subject, header: h, data: data}
		if inv, err := k.decodeInventory(m); err == nil {
			if !ValidSite(inv.Site) || len(inv.Body) > inventory.MaxDocument || !plain(inv.Revision) || (inv.DecodeErr != nil && inv.Body != nil) {
				t.Fatalf("accepted %+v", inv)
			}
		}
		for _, stream := range []string{StreamInventory, StreamAssessment, StreamRejected, StreamChange} {
			m.stream = stream
			if out := k.message(m); len(out.Body) > inventory.MaxDocument || (out.DecodeErr == nil && !ValidSite(out.Site)) || !plain(out.Revision) {
				t.Fatalf("accepted %+v", out)
			}
		}
		if h, err := decodeHeartbeat(&nats.Msg{Subject: subject, Header: h, Data: data}); err == nil && !ValidSite(h.Site) {
			t.Fatalf("accepted %+v", h)
		}
		var r Request
		if _, err := decodeSmall(&nats.Msg{Subject: subject, Header: h, Data: data}, subjectRequest, TypeRequest, &r); err == nil && len(data) > maxSmall {
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
	if _, err := k.decompress(b.Bytes(), encodingZstd); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
}
