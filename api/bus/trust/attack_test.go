package trust_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
)

func TestProbe(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	c := s.Issue(t, "muc-01", time.Now().Add(time.Hour))
	var errs []string
	nc, err := nats.Connect(s.URL(), nats.UserCredentials(c.File), nats.CustomInboxPrefix(bus.InboxPrefix("muc-01")), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs = append(errs, err.Error()) }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for n := 1; n <= 5; n++ {
		bustest.Publish(t, hub, bustest.Revision("ber-02", n, 300))
	}
	hub.PublishAssessment(t.Context(), bustest.Judgement("ber-02", 1, 1, time.Now()))
	hub.PublishAssessment(t.Context(), bustest.Judgement("muc-01", 1, 1, time.Now()))
	admin, err := nats.Connect(s.URL(), nats.UserCredentials(s.CredentialsFile()))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	js, _ := jetstream.New(admin)
	state := func(what string) {
		for _, n := range []string{bus.StreamInventory, bus.StreamAssessment} {
			st, err := js.Stream(t.Context(), n)
			if err != nil {
				fmt.Println(what, n, err)
				continue
			}
			b, _ := json.Marshal(st.CachedInfo().State)
			fmt.Println(what, n, string(b))
		}
	}
	state("before")
	for _, reply := range []string{"meridian.v1.assessment.ber-02", "meridian.v1.inventory.ber-02", "meridian.v1.document.ber-02.1", "$JS.API.STREAM.PURGE." + bus.StreamInventory, "$JS.API.STREAM.DELETE." + bus.StreamInventory} {
		nc.PublishMsg(&nats.Msg{Subject: "meridian.v1.inventory.muc-01", Reply: reply, Data: []byte("{}")})
		nc.Flush()
		time.Sleep(300 * time.Millisecond)
		state(reply)
	}
	// direct get with a body
	for _, body := range []string{`{"seq":1}`, `{"last_by_subj":"meridian.v1.assessment.ber-02"}`, `{"multi_last":["meridian.v1.assessment.*"],"batch":10}`, `{"next_by_subj":">","seq":1}`} {
		m, err := nc.Request("$JS.API.DIRECT.GET."+bus.StreamAssessment+".meridian.v1.assessment.muc-01", []byte(body), time.Second)
		if err != nil {
			fmt.Println(body, err)
			continue
		}
		fmt.Println(body, m.Header.Get("Nats-Subject"), m.Header.Get("Status"), m.Header.Get("Description"))
	}
	// direct get with a reply elsewhere
	nc.PublishMsg(&nats.Msg{Subject: "$JS.API.DIRECT.GET." + bus.StreamAssessment + ".meridian.v1.assessment.muc-01", Reply: "meridian.v1.assessment.ber-02"})
	nc.Flush()
	time.Sleep(300 * time.Millisecond)
	state("direct get reply")
	fmt.Println(errs)
}
