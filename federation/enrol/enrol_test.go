package enrol_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/trust"
	"github.com/meridian-federation/meridian/federation/enrol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is a message bus with any number of replicas of the service.
type stage struct {
	*bustest.Server
	mu     sync.Mutex
	now    time.Time // zero is the clock's
	events []enrol.Event
}

func (s *stage) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.IsZero() {
		return time.Now()
	}
	return s.now
}

func (s *stage) set(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = t
}

func (s *stage) audit(_ context.Context, e enrol.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// acts are the audited acts on an enrolment.
func (s *stage) acts(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, e := range s.events {
		if e.Enrolment == id {
			out = append(out, strings.TrimPrefix(e.Act, "enrolment."))
		}
	}
	return out
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{Server: bustest.Start(t)}
	s.Hub(t)
	return s
}

func (s *stage) replica(t *testing.T, change ...func(*enrol.Options)) *enrol.Service {
	t.Helper()
	bucket, err := bus.OpenBucket[enrol.Enrolment](t.Context(), s.Connect(t), bus.StreamOptions{}, enrol.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	o := enrol.Options{
		Store: bucket, Authority: s.Authority(t), Verify: trust.Verify, Audit: s.audit, NATS: []string{s.URL()}, Now: s.Now, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	service, err := enrol.New(o)
	if err != nil {
		t.Fatal(err)
	}
	bustest.Background(t, service.Run)
	return service
}

var (
	ada = enrol.Person{ID: "p-ada", Name: "Ada"}
	bob = enrol.Person{ID: "p-bob", Name: "Bob"}
)

func request(t *testing.T, s *enrol.Service, site string) (enrol.Enrolment, string) {
	t.Helper()
	e, token, err := s.Request(t.Context(), ada, site, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	return e, token
}

func newKey(t *testing.T) *trust.Key {
	t.Helper()
	k, err := trust.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, k *trust.Key, text []byte) []byte {
	t.Helper()
	s, err := k.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func joining(t *testing.T, token, site string, k *trust.Key) enrol.Join {
	t.Helper()
	return enrol.Join{
		Token: token, Site: site, PublicKey: k.Public(), Signature: sign(t, k, enrol.JoinText(enrol.TokenID(token), site, k.Public())), Remote: "192.0.2.7",
	}
}

func renewal(t *testing.T, id string, old, next *trust.Key, at time.Time) enrol.Renewal {
	t.Helper()
	text := enrol.RenewalText(id, old.Public(), next.Public(), at)
	return enrol.Renewal{Enrolment: id, OldKey: old.Public(), NewKey: next.Public(), At: at, Signature: sign(t, old, text), Proof: sign(t, next, text)}
}

func is(t *testing.T, what string, err error, kind enrol.Kind) {
	t.Helper()
	var e *enrol.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}

// connect uses a credential as the planner would.
func (s *stage) connect(t *testing.T, k *trust.Key, c enrol.Credential) *bus.Conn {
	t.Helper()
	return bustest.Dial(t, s.options(t, k, c))
}

func (s *stage) options(t *testing.T, k *trust.Key, c enrol.Credential) bus.Options {
	t.Helper()
	file, err := k.Credentials(c.JWT)
	if err != nil {
		t.Fatal(err)
	}
	o := s.Options()
	o.CredentialsFile, o.InboxPrefix = bustest.WriteFile(t, "site.creds", file), bus.InboxPrefix(c.Site)
	return o
}

func TestAPlannerJoinsAndIsRevoked(t *testing.T) {
	s := newStage(t)
	service, other := s.replica(t), s.replica(t)
	e, token := request(t, service, "muc-01")
	k := newKey(t)
	c, err := other.Join(t.Context(), joining(t, token, "muc-01", k))
	if err != nil {
		t.Fatal(err)
	}
	conn := s.connect(t, k, c)
	bustest.Publish(t, conn, bustest.Revision("muc-01", 1, 300))
	if _, err := conn.PublishInventory(t.Context(), bustest.Revision("ber-02", 1, 300)); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("another site's inventory: %v", err)
	}
	bustest.Eventually(t, "both replicas list it as joined", func() bool {
		for _, r := range []*enrol.Service{service, other} {
			if l := r.List(); len(l) != 1 || l[0].State != enrol.Joined {
				return false
			}
		}
		return true
	})
	if _, err := service.Revoke(t.Context(), bob, e.ID, "machine stolen"); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the live connection ends", func() bool { return !conn.Connected() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if again, err := bus.Connect(ctx, s.options(t, k, c)); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("the revoked credential: %v", err)
		if err == nil {
			again.Close()
		}
	}
	_, err = other.Join(t.Context(), joining(t, token, "muc-01", k))
	is(t, "join after the revocation", err, enrol.Conflict)
	_, err = other.Renew(t.Context(), renewal(t, e.ID, k, newKey(t), s.Now()))
	is(t, "renewal after the revocation", err, enrol.Conflict)
	if _, err := other.Revoke(t.Context(), bob, e.ID, "again"); err != nil {
		t.Errorf("revoked again: %v", err)
	}
	got, err := other.Get(t.Context(), e.ID)
	if err != nil || got.State != enrol.Revoked || got.Revoked.Name != "Bob" || got.Reason != "machine stolen" {
		t.Errorf("%+v, %v", got, err)
	}
	if acts := fmt.Sprint(s.acts(e.ID)); acts != "[requested joined revoked refused refused]" {
		t.Errorf("audited: %s", acts)
	}
}

// TestRevocationReachesTheServersLater: a replica that learns of a revocation tells the servers, whoever revoked.
func TestRevocationReachesTheServersLater(t *testing.T) {
	s := newStage(t)
	mute := s.replica(t, func(o *enrol.Options) { o.Authority = deaf{o.Authority} })
	e, token := request(t, mute, "muc-01")
	k := newKey(t)
	c, err := mute.Join(t.Context(), joining(t, token, "muc-01", k))
	if err != nil {
		t.Fatal(err)
	}
	conn := s.connect(t, k, c)
	_, err = mute.Revoke(t.Context(), bob, e.ID, "x")
	is(t, "revoke while the servers cannot be told", err, enrol.Unavailable)
	if !conn.Connected() {
		t.Fatal("who told them?")
	}
	s.replica(t)
	bustest.Eventually(t, "another replica tells the servers", func() bool { return !conn.Connected() })
}

// TestServersAreToldAgain: a server may come back that was away when somebody was revoked.
func TestServersAreToldAgain(t *testing.T) {
	s := newStage(t)
	var told counted
	s.replica(t, func(o *enrol.Options) {
		told.Authority = o.Authority
		o.Authority = &told
	})
	bustest.Eventually(t, "the servers are told without anything new", func() bool { return told.times.Load() > 2 })
}

type counted struct {
	enrol.Authority
	times atomic.Int32
}

func (c *counted) Reconcile(ctx context.Context, revoked map[string]time.Time) (bool, error) {
	c.times.Add(1)
	return c.Authority.Reconcile(ctx, revoked)
}

type deaf struct{ enrol.Authority }

func (deaf) Reconcile(context.Context, map[string]time.Time) (bool, error) {
	return false, errors.New("no way to the system account")
}

func TestATokenGetsNothingElse(t *testing.T) {
	s := newStage(t)
	service := s.replica(t)
	_, token := request(t, service, "muc-01")
	k := newKey(t)
	try := func(what string, j enrol.Join, kind enrol.Kind) {
		t.Helper()
		_, err := service.Join(t.Context(), j)
		is(t, what, err, kind)
	}
	good := joining(t, token, "muc-01", k)
	try("no token", joining(t, "", "muc-01", k), enrol.Unauthorised)
	try("not a token", joining(t, "mjt_x", "muc-01", k), enrol.Unauthorised)
	try("wildcard for the id", joining(t, "mjt_>>>>>>>>>>>>>>>>_x", "muc-01", k), enrol.Unauthorised)
	try("unknown enrolment", joining(t, "mjt_aaaaaaaaaaaaaaaa"+token[20:], "muc-01", k), enrol.Unauthorised)
	try("wrong secret", joining(t, token[:len(token)-1]+"_", "muc-01", k), enrol.Unauthorised)
	try("no secret", joining(t, token[:21], "muc-01", k), enrol.Unauthorised)
	try("another site", joining(t, token, "ber-02", k), enrol.Invalid)
	stranger := good
	stranger.PublicKey = newKey(t).Public()
	try("somebody else's key", stranger, enrol.Invalid)
	stranger = good
	stranger.PublicKey = "UABC"
	try("no key", stranger, enrol.Invalid)
	stranger = good
	stranger.Signature = nil
	try("no signature", stranger, enrol.Invalid)
	if l := service.List(); len(l) != 1 || l[0].State != enrol.Open {
		t.Fatalf("after the attempts: %+v", l)
	}
	first, err := service.Join(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	try("used by another key", joining(t, token, "muc-01", newKey(t)), enrol.Conflict)
	again, err := service.Join(t.Context(), good)
	if err != nil || !again.Expires.Equal(first.Expires) {
		t.Errorf("the answer was lost and asked for again: %+v, %v", again, err)
	}
	if l := service.List(); len(l[0].Keys) != 1 {
		t.Errorf("keys: %+v", l[0].Keys)
	}

	_, old := request(t, service, "ham-03")
	s.set(time.Now().Add(enrol.DefaultTokenTTL + time.Second))
	try("expired", joining(t, old, "ham-03", newKey(t)), enrol.Conflict)
	try("used, and the token has expired", good, enrol.Conflict)
	revoked, token := request(t, service, "ham-03")
	if _, err := service.Revoke(t.Context(), ada, revoked.ID, "typo"); err != nil {
		t.Fatal(err)
	}
	try("revoked", joining(t, token, "ham-03", newKey(t)), enrol.Conflict)
}

func TestTheSecretIsNotKept(t *testing.T) {
	s := newStage(t)
	_, token := request(t, s.replica(t), "muc-01")
	s.Down(t)
	secret := token[21:]
	if len(secret) != 43 {
		t.Fatalf("the secret has %d characters", len(secret))
	}
	found := 0
	err := filepath.WalkDir(s.Dir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), secret) {
			t.Errorf("%s holds the secret", path)
		}
		if strings.Contains(string(b), "tokenSHA256") {
			found++
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("looked into nothing: %d, %v", found, err)
	}
}

func TestOfManyWhoJoinAtOnceOneWins(t *testing.T) {
	const rounds, racers = 5, 6
	s := newStage(t)
	replicas := []*enrol.Service{s.replica(t), s.replica(t)}
	for range rounds {
		_, token := request(t, replicas[0], "muc-01")
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range racers {
			j := joining(t, token, "muc-01", newKey(t))
			wg.Go(func() {
				_, err := replicas[i%2].Join(t.Context(), j)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else {
					is(t, "a loser", err, enrol.Conflict)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Fatalf("%d won", won)
		}
	}
}

func TestApprovalIsSomebodyElses(t *testing.T) {
	s := newStage(t)
	service := s.replica(t, func(o *enrol.Options) { o.Approval = true })
	e, token := request(t, service, "muc-01")
	k := newKey(t)
	_, err := service.Join(t.Context(), joining(t, token, "muc-01", k))
	is(t, "before the approval", err, enrol.Forbidden)
	_, err = service.Approve(t.Context(), ada, e.ID)
	is(t, "by who requested it", err, enrol.Forbidden)
	_, err = service.Approve(t.Context(), bob, "aaaaaaaaaaaaaaaa")
	is(t, "of nothing", err, enrol.NotFound)
	if e, err = service.Approve(t.Context(), bob, e.ID); err != nil || e.State != enrol.Open || e.Approved.Name != "Bob" {
		t.Fatalf("%+v, %v", e, err)
	}
	_, err = service.Approve(t.Context(), bob, e.ID)
	is(t, "twice", err, enrol.Conflict)
	if _, err := service.Join(t.Context(), joining(t, token, "muc-01", k)); err != nil {
		t.Error(err)
	}
	late, _ := request(t, service, "muc-01")
	s.set(time.Now().Add(enrol.DefaultTokenTTL + time.Second))
	_, err = service.Approve(t.Context(), bob, late.ID)
	is(t, "too late", err, enrol.Conflict)
}

func TestACredentialIsRenewedWithTheOldOne(t *testing.T) {
	s := newStage(t)
	service := s.replica(t)
	e, token := request(t, service, "muc-01")
	first, second := newKey(t), newKey(t)
	c, err := service.Join(t.Context(), joining(t, token, "muc-01", first))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if life := c.Expires.Sub(begin); c.RenewFrom.Sub(begin) < life/2 || c.RenewFrom.After(c.Expires) {
		t.Errorf("renew from %s until %s", c.RenewFrom, c.Expires)
	}
	s.set(c.RenewFrom)
	try := func(what string, r enrol.Renewal, kind enrol.Kind) {
		t.Helper()
		_, err := service.Renew(t.Context(), r)
		is(t, what, err, kind)
	}
	good := renewal(t, e.ID, first, second, s.Now())
	forged := good
	forged.Signature = sign(t, newKey(t), enrol.RenewalText(e.ID, first.Public(), second.Public(), s.Now()))
	try("signed by another key", forged, enrol.Unauthorised)
	forged = good
	forged.NewKey = newKey(t).Public()
	try("for another key", forged, enrol.Unauthorised)
	forged = good
	forged.Proof = good.Signature
	try("without the new key", forged, enrol.Invalid)
	try("for the same key", renewal(t, e.ID, first, first, s.Now()), enrol.Invalid)
	try("by a key that never joined", renewal(t, e.ID, newKey(t), second, s.Now()), enrol.Unauthorised)
	try("of another enrolment", renewal(t, "aaaaaaaaaaaaaaaa", first, second, s.Now()), enrol.Unauthorised)
	try("signed long ago", renewal(t, e.ID, first, second, s.Now().Add(-time.Hour)), enrol.Unauthorised)
	try("signed in the future", renewal(t, e.ID, first, second, s.Now().Add(time.Hour)), enrol.Unauthorised)
	for range 2 {
		next, err := service.Renew(t.Context(), good)
		if err != nil || !next.Expires.After(c.Expires) {
			t.Fatalf("%+v, %v", next, err)
		}
		bustest.Publish(t, s.connect(t, second, next), bustest.Revision("muc-01", 1, 300))
	}
	bustest.Publish(t, s.connect(t, first, c), bustest.Revision("muc-01", 2, 300))
	// A planner that was away for too long has to join again.
	s.set(c.Expires.Add(time.Second))
	try("with an expired credential", renewal(t, e.ID, first, newKey(t), s.Now()), enrol.Unauthorised)
	if got, err := service.Get(t.Context(), e.ID); err != nil || got.State != enrol.Joined || len(got.Keys) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	s.set(c.Expires.Add(enrol.DefaultCredentialTTL))
	if got, err := service.Get(t.Context(), e.ID); err != nil || got.State != enrol.Expired {
		t.Errorf("%+v, %v", got, err)
	}
	s.set(time.Now())
	for n := 0; ; n++ {
		if _, err := service.Renew(t.Context(), renewal(t, e.ID, second, newKey(t), s.Now())); err != nil {
			is(t, "too many", err, enrol.Conflict)
			if n < 2 {
				t.Errorf("after %d", n)
			}
			break
		}
		if n > 20 {
			t.Fatal("there is no end")
		}
	}
}

func TestRequestsAreChecked(t *testing.T) {
	s := newStage(t)
	service := s.replica(t)
	for what, f := range map[string]func() error{
		"site":       func() error { _, _, err := service.Request(t.Context(), ada, "a.b", 0, ""); return err },
		"short life": func() error { _, _, err := service.Request(t.Context(), ada, "a", time.Second, ""); return err },
		"long life": func() error {
			_, _, err := service.Request(t.Context(), ada, "a", enrol.MaxTokenTTL+1, "")
			return err
		},
		"note": func() error {
			_, _, err := service.Request(t.Context(), ada, "a", 0, strings.Repeat("x", 501))
			return err
		},
		"reason": func() error { _, err := service.Revoke(t.Context(), ada, "a", strings.Repeat("x", 501)); return err },
	} {
		is(t, what, f(), enrol.Invalid)
	}
	_, err := service.Get(t.Context(), "../../x")
	is(t, "id", err, enrol.NotFound)
	for what, o := range map[string]enrol.Options{"no URL": {}, "short credentials": {NATS: []string{"x"}, CredentialTTL: time.Minute}} {
		if _, err := enrol.New(o); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func TestTheBucketIsDescribed(t *testing.T) {
	b, err := os.ReadFile("../../api/asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o := enrol.Bucket()
	want := fmt.Sprintf("  %s:\n    description: %s. The join token is kept as a hash.\n    history: %d\n    maxValue: %d\n", o.Name, o.Description, o.History, o.MaxValue)
	if !strings.Contains(string(b), want) {
		t.Errorf("api/asyncapi.yaml does not hold\n%s", want)
	}
}
