package trust_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The names of the play: muc-01's credential is in the wrong hands, ber-02 is the neighbour.
const (
	own       = "muc-01"
	neighbour = "ber-02"
)

// attacker is a connection with a site's credential that keeps to no client's manners.
type attacker struct {
	*nats.Conn
	mu   sync.Mutex
	errs []string
}

func (a *attacker) complaints(subject string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, e := range a.errs {
		if strings.Contains(strings.ToLower(e), "permissions violation") && strings.Contains(e, `"`+subject+`"`) {
			n++
		}
	}
	return n
}

func attack(t *testing.T, s *bustest.Server) *attacker {
	t.Helper()
	a := &attacker{}
	var err error
	a.Conn, err = nats.Connect(s.URL(), nats.UserCredentials(s.SiteOptions(t, own).CredentialsFile), nats.CustomInboxPrefix(bus.InboxPrefix(own)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.errs = append(a.errs, err.Error())
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// admin has all rights and sees what the attacker did.
func admin(t *testing.T, s *bustest.Server) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(s.URL(), nats.UserCredentials(s.CredentialsFile()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

const bucket = "secrets"

// furnish gives the hub streams with something of both sites in each, a bucket and a durable consumer.
func furnish(t *testing.T, s *bustest.Server) *bus.Conn {
	t.Helper()
	hub := s.Hub(t)
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for i, site := range []string{own, neighbour} {
		bustest.Publish(t, hub, bustest.Revision(site, 1, 300))
		if _, err := hub.PublishAssessment(t.Context(), bustest.Judgement(site, 1, uint64(i+1), at)); err != nil {
			t.Fatal(err)
		}
		if _, err := hub.PublishRejection(t.Context(), bus.Rejection{Site: site, Revision: "r", At: at, Sequence: 7, Body: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := hub.PublishChange(t.Context(), bus.Change{ID: site, Kind: "site-added", Site: site, At: at, Body: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bus.OpenBucket[string](t.Context(), hub, bus.StreamOptions{}, bus.BucketOptions{Name: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), own, "the hub's"); err != nil {
		t.Fatal(err)
	}
	return hub
}

// holdings is the state of every stream and its consumers.
func holdings(t *testing.T, js jetstream.JetStream) map[string]string {
	t.Helper()
	out := map[string]string{}
	list := js.ListStreams(t.Context())
	for info := range list.Info() {
		state := info.State
		state.FirstTime, state.LastTime = time.Time{}, time.Time{}
		b, err := json.Marshal(map[string]any{"state": state, "config": info.Config})
		if err != nil {
			t.Fatal(err)
		}
		out[info.Config.Name] = string(b)
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	if len(out) != 7 {
		t.Fatalf("%d streams: %v", len(out), out)
	}
	return out
}

func unchanged(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	for name, state := range before {
		if after[name] != state {
			t.Errorf("%s: stream %s was %s, is %s", what, name, state, after[name])
		}
	}
	if len(after) != len(before) {
		t.Errorf("%s: %d streams, were %d", what, len(after), len(before))
	}
}

func forbiddenToPublish() []string {
	const js = "$JS.API."
	out := []string{
		"meridian.v1.inventory." + neighbour, "meridian.v1.heartbeat." + neighbour, "meridian.v1.document." + neighbour + ".0",
		"meridian.v1.assessment." + own, "meridian.v1.assessment." + neighbour, "meridian.v1.rejected." + own, "meridian.v1.rejected." + neighbour,
		"meridian.v1.change.finding.opened." + own, "meridian.v1.request." + own, "meridian.v1.request." + neighbour, "meridian.v1.anything",
		"_INBOX.abc", bus.InboxPrefix(neighbour) + ".abc", bus.InboxPrefix(own) + ".abc", "_R_.abc",
		"$KV." + bucket + "." + own, "$KV.enrolments.x", "$O.any", "anything",
		js + "INFO", js + "ACCOUNT.PURGE.x", js + "STREAM.LIST", js + "STREAM.NAMES", js + "STREAM.TEMPLATE.NAMES", js + "STREAM.CREATE.mine", js + "META.LEADER.STEPDOWN",
		js + "CONSUMER.DURABLE.CREATE." + bus.StreamInventory + ".x", "$JS.ACK." + bus.StreamInventory + ".history.1.1.1.1.1", "$JS.FC.x",
		js + "DIRECT.GET." + bus.StreamAssessment + ".meridian.v1.assessment." + neighbour,
		js + "DIRECT.GET." + bus.StreamRejected + ".meridian.v1.rejected." + neighbour,
		js + "DIRECT.GET." + bus.StreamInventory + ".meridian.v1.inventory." + own, js + "DIRECT.GET.KV_" + bucket + ".$KV." + bucket + "." + own,
		"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.LIST", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.AUTH",
	}
	for _, stream := range []string{bus.StreamInventory, bus.StreamAssessment, bus.StreamRejected, bus.StreamChange, bus.StreamDocument, "KV_" + bucket} {
		for _, call := range []string{
			"STREAM.INFO.", "STREAM.UPDATE.", "STREAM.DELETE.", "STREAM.PURGE.", "STREAM.SNAPSHOT.", "STREAM.RESTORE.", "STREAM.MSG.GET.", "STREAM.MSG.DELETE.",
			"STREAM.LEADER.STEPDOWN.", "STREAM.PEER.REMOVE.", "CONSUMER.CREATE.", "CONSUMER.LIST.", "CONSUMER.NAMES.", "DIRECT.GET.",
		} {
			out = append(out, js+call+stream)
		}
		for _, call := range []string{"CONSUMER.INFO.", "CONSUMER.DELETE.", "CONSUMER.MSG.NEXT.", "CONSUMER.PAUSE."} {
			out = append(out, js+call+stream+".history")
		}
	}
	return out
}

func TestASiteMayPublishNothingButItsOwn(t *testing.T) {
	s := bustest.Start(t)
	furnish(t, s)
	a := attack(t, s)
	_, js := admin(t, s)
	before := holdings(t, js)
	subjects := forbiddenToPublish()
	for _, subject := range subjects {
		if err := a.PublishMsg(&nats.Msg{Subject: subject, Reply: bus.InboxPrefix(own) + ".x", Data: []byte("{}")}); err != nil {
			t.Fatal(subject, err)
		}
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, subject := range subjects {
		bustest.Eventually(t, "the server refuses "+subject, func() bool { return a.complaints(subject) > 0 })
	}
	unchanged(t, "after the attempts", before, holdings(t, js))
}

func TestASiteMayHearNothingButItsOwn(t *testing.T) {
	s := bustest.Start(t)
	hub := furnish(t, s)
	a := attack(t, s)
	subjects := []string{
		">", "*", "*.>", "meridian.>", "meridian.v1.>", "meridian.v1.*.*", "meridian.v1.inventory.*", "meridian.v1.inventory." + own, "meridian.v1.heartbeat.>",
		"meridian.v1.assessment.*", "meridian.v1.assessment." + neighbour, "meridian.v1.rejected." + neighbour, "meridian.v1.request." + neighbour, "meridian.v1.change.>",
		"_INBOX.>", "_INBOX.*.*", bus.InboxPrefix(neighbour) + ".>", "_R_.>", "$SYS.>", "$SYS.ACCOUNT.>", "$SYS.REQ.USER.AUTH", "$JS.>", "$JS.EVENT.>", "$JS.API.>", "$KV.>", "$O.>",
	}
	for _, subject := range subjects {
		for _, subscribe := range []func(string, nats.MsgHandler) (*nats.Subscription, error){
			a.Subscribe,
			func(subject string, h nats.MsgHandler) (*nats.Subscription, error) {
				return a.QueueSubscribe(subject, "q", h)
			},
		} {
			if _, err := subscribe(subject, func(m *nats.Msg) { t.Errorf("heard %s", m.Subject) }); err != nil {
				t.Fatal(subject, err)
			}
		}
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, subject := range subjects {
		bustest.Eventually(t, "the server refuses "+subject, func() bool { return a.complaints(subject) >= 2 })
	}
	if _, err := hub.PublishAssessment(t.Context(), bustest.Judgement(neighbour, 2, 20, time.Now())); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Request(t.Context(), neighbour, bus.Request{Kind: bus.RequestRefresh}); !errors.Is(err, bus.ErrNoSite) {
		t.Errorf("somebody answers for the neighbour: %v", err)
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
}

// TestTheServersAnswerGoesNowhereElse: the client chooses where the server's answer to a permitted message goes. It must
// not reach what the client itself may not publish to.
func TestTheServersAnswerGoesNowhereElse(t *testing.T) {
	s := bustest.Start(t)
	furnish(t, s)
	a := attack(t, s)
	hub, js := admin(t, s)
	heard, err := hub.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := heard.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	if err := hub.Flush(); err != nil {
		t.Fatal(err)
	}
	before := holdings(t, js)
	asks := []string{
		"$JS.API.DIRECT.GET." + bus.StreamAssessment + ".meridian.v1.assessment." + own, "$JS.API.DIRECT.GET." + bus.StreamRejected + ".meridian.v1.rejected." + own,
		"meridian.v1.document." + own + ".0", "meridian.v1.inventory." + own,
	}
	for _, reply := range append(forbiddenToPublish(), "meridian.v1.inventory."+own, "meridian.v1.heartbeat."+own) {
		for _, subject := range asks {
			if err := a.PublishMsg(&nats.Msg{Subject: subject, Reply: reply}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Streams take messages in order: once these are answered, so are those before.
	for _, subject := range asks {
		if _, err := a.Request(subject, nil, bustest.Patience); err != nil {
			t.Fatal(subject, err)
		}
	}
	for stream, neighbours := range map[string]uint64{bus.StreamInventory: 1, bus.StreamDocument: 0} {
		st, err := js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		info, err := st.Info(t.Context(), jetstream.WithSubjectFilter(">"))
		if err != nil {
			t.Fatal(err)
		}
		var foreign, mine uint64
		for subject, n := range info.State.Subjects {
			if strings.Contains(subject, "."+own) {
				mine += n
			} else {
				foreign += n
			}
		}
		if foreign != neighbours || mine < 50 {
			t.Errorf("stream %s: %v", stream, info.State.Subjects)
		}
	}
	after := holdings(t, js)
	for _, stream := range []string{bus.StreamInventory, bus.StreamDocument} {
		delete(before, stream)
		delete(after, stream)
	}
	unchanged(t, "after the answers", before, after)
	if err := hub.Flush(); err != nil {
		t.Fatal(err)
	}
	count, _, err := heard.Pending()
	if err != nil || count < len(asks) {
		t.Fatalf("%d messages were heard: %v", count, err)
	}
	for range count {
		m, err := heard.NextMsg(bustest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		allowed := slices.Contains(asks, m.Subject) || m.Subject == "$JS.API.INFO"
		for _, prefix := range []string{"_INBOX.", "$JS.EVENT.", "_R_.", "$JS.API.STREAM."} {
			allowed = allowed || strings.HasPrefix(m.Subject, prefix)
		}
		if !allowed {
			t.Errorf("something reached %s", m.Subject)
		}
	}
}

func TestADirectGetReadsOnlyTheSubjectItNames(t *testing.T) {
	s := bustest.Start(t)
	furnish(t, s)
	a := attack(t, s)
	ask := "$JS.API.DIRECT.GET." + bus.StreamAssessment + ".meridian.v1.assessment." + own
	m, err := a.Request(ask, nil, bustest.Patience)
	if err != nil || m.Header.Get("Nats-Subject") != "meridian.v1.assessment."+own {
		t.Fatalf("the own assessment: %v %v", m, err)
	}
	for _, body := range []string{
		`{"seq":2}`, `{"last_by_subj":"meridian.v1.assessment.ber-02"}`, `{"next_by_subj":">","seq":1}`, `{"multi_last":["meridian.v1.assessment.*"],"batch":10}`,
	} {
		m, err := a.Request(ask, []byte(body), bustest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if subject := m.Header.Get("Nats-Subject"); len(m.Data) > 0 || subject != "" {
			t.Errorf("%s gave %s", body, subject)
		}
	}
}

func TestARequestIsAnsweredOnceByTheSiteThatWasAsked(t *testing.T) {
	s := bustest.Start(t)
	hub := furnish(t, s)
	a := attack(t, s)
	replies := make(chan string, 1)
	if _, err := a.Subscribe("meridian.v1.request."+own, func(m *nats.Msg) {
		replies <- m.Reply
		for range 3 {
			if err := m.Respond([]byte(`{}`)); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	// The answer comes but has no headers of this site, so that it is none.
	if _, err := hub.Request(t.Context(), own, bus.Request{Kind: bus.RequestRefresh}); !errors.Is(err, bus.ErrProtocol) {
		t.Errorf("an answer without headers: %v", err)
	}
	reply := <-replies
	bustest.Eventually(t, "the second answer is refused", func() bool { return a.complaints(reply) >= 1 })
}

func TestSpoofedHeadersAreRefusedByTheReader(t *testing.T) {
	s := bustest.Start(t)
	hub := furnish(t, s)
	a := attack(t, s)
	header := func(change map[string]string) nats.Header {
		h := nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {"x"}, "ce-source": {"/meridian/sites/" + own}, "ce-type": {"meridian.inventory.v1"}, "ce-subject": {own},
			"ce-time": {"2026-11-20T08:00:00Z"}, "content-type": {"application/json"}, "Meridian-Protocol": {"1"}, "Meridian-Revision": {"r9"},
		}
		for k, v := range change {
			h[k] = []string{v}
		}
		return h
	}
	spoofs := []map[string]string{
		{"ce-subject": neighbour},
		{"ce-source": "/meridian/sites/" + neighbour},
		{"ce-source": "/meridian/hub"},
		{"ce-type": "meridian.assessment.v1"},
		{"content-type": "application/vnd.meridian.pointer+json"},
	}
	for _, change := range spoofs {
		data := []byte(`{}`)
		if change["content-type"] != "" {
			data = []byte(`{"size":10,"sha256":"x","pieces":[1]}`) // the neighbour's piece, if it has one
		}
		if err := a.PublishMsg(&nats.Msg{Subject: "meridian.v1.inventory." + own, Header: header(change), Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	bustest.Publish(t, hub, bustest.Revision("end", 1, 300))
	ctx, cancel := context.WithTimeout(t.Context(), bustest.Patience)
	defer cancel()
	refused := 0
	err := hub.KeptInventories(ctx, own, func(inv bus.Inventory) {
		if inv.Revision == "r00000001" {
			return
		}
		refused++
		if inv.DecodeErr == nil || inv.Site != own || inv.Body != nil {
			t.Errorf("taken: %+v", inv)
		}
	})
	if err != nil || refused != len(spoofs) {
		t.Errorf("%d of %d reached the reader, %v", refused, len(spoofs), err)
	}
}

func TestForgedCredentialsAreRefused(t *testing.T) {
	s := bustest.Start(t)
	genuine := s.Issue(t, own, time.Now().Add(time.Hour))
	other := s.Issue(t, neighbour, time.Now().Add(time.Hour))
	token := func(c *bustest.Credential) string {
		var opts nats.Options
		if err := nats.UserCredentials(c.File)(&opts); err != nil {
			t.Fatal(err)
		}
		v, err := opts.UserJWT()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	claims, err := jwt.DecodeUserClaims(token(genuine))
	if err != nil {
		t.Fatal(err)
	}
	key := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		kp, err := create()
		if err != nil {
			t.Fatal(err)
		}
		p, err := kp.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return kp, p
	}
	mine, minePublic := key(nkeys.CreateUser)
	stranger, _ := key(nkeys.CreateAccount)
	forged := func(signer nkeys.KeyPair, change func(*jwt.UserClaims)) string {
		uc := jwt.NewUserClaims(minePublic)
		uc.Name, uc.IssuerAccount = own, claims.IssuerAccount
		uc.SetScoped(true)
		change(uc)
		v, err := uc.Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	sitesKey := s.SigningKey(t)
	for name, c := range map[string]struct {
		token string
		key   nkeys.KeyPair
	}{
		"another's credential without its seed":        {token(other), mine},
		"signed by a key of mine":                      {forged(stranger, func(*jwt.UserClaims) {}), mine},
		"no expiry, signed by a user's key":            {token(genuine)[:len(token(genuine))-4] + "AAAA", mine},
		"rights of its own, by the stolen signing key": {forged(sitesKey, func(uc *jwt.UserClaims) { uc.SetScoped(false); uc.Sub.Allow.Add(">"); uc.Pub.Allow.Add(">") }), mine},
		"in the hub's account, by the stolen key":      {forged(sitesKey, func(uc *jwt.UserClaims) { uc.IssuerAccount = s.HubAccount(t) }), mine},
		"expired": {forged(sitesKey, func(uc *jwt.UserClaims) { uc.Expires = time.Now().Add(-time.Second).Unix() }), mine},
	} {
		nc, err := nats.Connect(s.URL(), nats.UserJWT(func() (string, error) { return c.token, nil }, func(nonce []byte) ([]byte, error) { return c.key.Sign(nonce) }))
		if err == nil {
			nc.Close()
		}
		if !errors.Is(err, nats.ErrAuthorization) && !errors.Is(err, nats.ErrAuthExpired) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevocationAndExpiryEndLiveConnections(t *testing.T) {
	s := bustest.Start(t)
	s.Hub(t)
	kept, lost := s.Site(t, neighbour), s.Site(t, own)
	short := bustest.Dial(t, s.With(s.Issue(t, own, time.Now().Add(2*time.Second))))
	again := s.SiteOptions(t, own)
	bustest.Publish(t, lost, bustest.Revision(own, 1, 300))
	s.Revoke(t, own)
	bustest.Eventually(t, "the revoked connection ends", func() bool { return !lost.Connected() })
	bustest.Eventually(t, "the connection that expires ends", func() bool { return !short.Connected() })
	refused := func(when string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if c, err := bus.Connect(ctx, again); !errors.Is(err, bus.ErrDenied) {
			t.Errorf("%s the revoked credential gives %v", when, err)
			if err == nil {
				c.Close()
			}
		}
	}
	refused("at once")
	if !kept.Connected() {
		t.Error("the neighbour was disconnected too")
	}
	bustest.Publish(t, kept, bustest.Revision(neighbour, 1, 300))
	s.Restart(t)
	refused("after a restart")
	bustest.Eventually(t, "the neighbour is back", func() bool {
		_, err := kept.PublishInventory(t.Context(), bustest.Revision(neighbour, 2, 300))
		return err == nil
	})
	bustest.Publish(t, s.Site(t, own), bustest.Revision(own, 2, 300)) // with a new credential
}

// TestRevocationsAddUp: what one replica revoked another one, which does not know of it, does not undo.
func TestRevocationsAddUp(t *testing.T) {
	s := bustest.Start(t)
	authority := s.Authority(t)
	a, b := s.Issue(t, "a", time.Now().Add(time.Hour)), s.Issue(t, "b", time.Now().Add(time.Hour))
	over := s.Issue(t, "c", time.Now().Add(-time.Hour))
	for i, revoked := range []map[string]time.Time{{a.PublicKey: a.Expires}, {b.PublicKey: b.Expires}, {a.PublicKey: a.Expires, over.PublicKey: over.Expires}} {
		changed, err := authority.Reconcile(t.Context(), revoked)
		if err != nil || changed != (i < 2) {
			t.Errorf("step %d: changed %t, %v", i, changed, err)
		}
	}
	for _, c := range []*bustest.Credential{a, b} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if conn, err := bus.Connect(ctx, s.With(c)); !errors.Is(err, bus.ErrDenied) {
			t.Errorf("%s: %v", c.Site, err)
			if err == nil {
				conn.Close()
			}
		}
		cancel()
	}
	if _, err := authority.Reconcile(t.Context(), map[string]time.Time{a.PublicKey: time.Now().Add(-time.Minute)}); err != nil {
		t.Error(err)
	}
	for _, bad := range []struct{ site, key string }{{"a.b", a.PublicKey}, {"*", a.PublicKey}, {"a", "UABC"}, {"a", s.HubAccount(t)}} {
		if _, err := authority.Issue(bad.site, bad.key, time.Now().Add(time.Hour)); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestEachRevocationIsNewer: servers take the account from each other by the second it was signed in and by its id, so each
// has both of its own: those of one second, and those after one of a replica whose clock is ahead.
func TestEachRevocationIsNewer(t *testing.T) {
	s := bustest.Start(t)
	authority := s.Authority(t)
	nc, err := nats.Connect(s.URL(), nats.UserCredentials(filepath.Join(s.KeysDir(), trust.SystemFile)))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const update = "$SYS.REQ.CLAIMS.UPDATE"
	told, err := nc.SubscribeSync(update)
	if err != nil {
		t.Fatal(err)
	}
	revoke := func() *jwt.AccountClaims {
		t.Helper()
		c := s.Issue(t, "a", time.Now().Add(time.Hour))
		if _, err := authority.Reconcile(t.Context(), map[string]time.Time{c.PublicKey: c.Expires}); err != nil {
			t.Fatal(err)
		}
		m, err := told.NextMsg(bustest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := jwt.DecodeAccountClaims(string(m.Data))
		if err != nil {
			t.Fatal(err)
		}
		return claims
	}
	last, ids := revoke(), map[string]bool{}
	for range 5 {
		ids[last.ID] = true
		claims := revoke()
		if claims.IssuedAt <= last.IssuedAt || ids[claims.ID] {
			t.Errorf("signed at %d after %d, id %s", claims.IssuedAt, last.IssuedAt, claims.ID)
		}
		last = claims
	}
	last.IssuedAt += 3600
	if _, err := nc.Request(update, []byte(signed(t, s.KeysDir(), last)), bustest.Patience); err != nil {
		t.Fatal(err)
	}
	if _, err := told.NextMsg(bustest.Patience); err != nil {
		t.Fatal(err)
	}
	if claims := revoke(); claims.IssuedAt <= last.IssuedAt {
		t.Errorf("signed at %d after %d of a clock that is ahead", claims.IssuedAt, last.IssuedAt)
	}
}

// signed signs an account as it is, with the second and the id that it names.
func signed(t *testing.T, keys string, claims *jwt.AccountClaims) string {
	t.Helper()
	seed, err := os.ReadFile(filepath.Join(keys, trust.OperatorFile))
	if err != nil {
		t.Fatal(err)
	}
	operator, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"ed25519-nkey"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	signature, err := operator.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
