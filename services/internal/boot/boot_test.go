package boot

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestLogger(t *testing.T) {
	var b strings.Builder
	l, err := Logger(&b, Log{Level: "warn", Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	l.Info("left out")
	l.Warn("told", "site", "muc-01")
	if got := b.String(); strings.Contains(got, "left out") || !strings.Contains(got, `"site":"muc-01"`) {
		t.Errorf("logged %q", got)
	}
	for _, bad := range []Log{{Level: "loud"}, {Format: "xml"}} {
		if _, err := Logger(&b, bad); err == nil || !strings.Contains(err.Error(), "use") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestTracesWithoutEndpoint(t *testing.T) {
	flush, err := Traces(context.Background(), Tracing{}, "test", "v0")
	if err != nil {
		t.Fatal(err)
	}
	if err := flush(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestProgress(t *testing.T) {
	var b strings.Builder
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	p := newProgress(&b, "inventories loaded", time.Second, func() time.Time { return now })
	p.Add(10, 100)
	p.Done()
	if b.String() != "" {
		t.Errorf("short work is told: %q", b.String())
	}
	now = now.Add(2 * time.Second)
	p.Add(40, 100)
	p.Add(40, 100)
	now = now.Add(time.Second)
	p.Done()
	if want := "50 of 100 inventories loaded, 2s\n90 inventories loaded in 3s\n"; b.String() != want {
		t.Errorf("told %q, want %q", b.String(), want)
	}
}
