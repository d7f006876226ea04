package envelope

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestProtocolWindow(t *testing.T) {
	for _, c := range []struct {
		reader int
		reads  []int
	}{{1, []int{1}}, {2, []int{1, 2}}, {3, []int{1, 2, 3}}, {4, []int{2, 3, 4}}, {10, []int{8, 9, 10}}} {
		for message := -1; message <= c.reader+2; message++ {
			err := accepts(c.reader, message)
			if ok := slices.Contains(c.reads, message); ok != (err == nil) || !ok && !errors.Is(err, ErrProtocol) {
				t.Errorf("a reader of %d and a message of %d: %v", c.reader, message, err)
			}
		}
	}
	sent, err := Encode(context.Background(), "meridian.v1.heartbeat.muc-01", Envelope{ID: "1", Source: SiteSource("muc-01"), Type: TypeHeartbeat, Site: "muc-01", Time: time.Unix(0, 0)}, []byte("{}"), "")
	if err != nil {
		t.Fatal(err)
	}
	for p := Protocol - 3; p <= Protocol+1; p++ {
		sent.Header[HeaderProtocol] = []string{strconv.Itoa(p)}
		_, err := DecodeSite(sent.Header, TypeHeartbeat, "muc-01")
		if want := accepts(Protocol, p); (want == nil) != (err == nil) {
			t.Errorf("protocol %d: %v", p, err)
		}
	}
}
