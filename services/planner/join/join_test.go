package join_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/trust"
	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/resttest"
	"github.com/meridian-federation/meridian/federation/enrol"
	"github.com/meridian-federation/meridian/services/planner/join"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// federation is a hub's REST over TLS with enrolment on a real message bus.
type federation struct {
	bus     *bustest.Server
	service *enrol.Service
	server  *httptest.Server
	// lose makes the server throw away that many answers to planners.
	lose atomic.Int32
}

func start(t *testing.T, change ...func(*enrol.Options)) *federation {
	t.Helper()
	f := &federation{bus: bustest.Start(t)}
	bucket, err := bus.OpenBucket[enrol.Enrolment](t.Context(), f.bus.Hub(t), bus.StreamOptions{}, enrol.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	o := enrol.Options{
		Store: bucket, Authority: f.bus.Authority(t), Verify: trust.Verify, Audit: func(context.Context, enrol.Event) {},
		NATS: []string{f.bus.URL()}, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	if f.service, err = enrol.New(o); err != nil {
		t.Fatal(err)
	}
	bustest.Background(t, f.service.Run)
	ro := resttest.Options(resttest.NewHolder(resttest.Sample(1)), nil)
	ro.Enrolments, ro.Clock = f.service, time.Now
	handler := resttest.Handler(ro)
	f.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.lose.Add(-1) >= 0 {
			handler.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	}))
	f.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(f.server.Close)
	return f
}

func (f *federation) options(t *testing.T, site string) join.Options {
	t.Helper()
	return join.Options{Server: f.server.URL, Site: site, Dir: t.TempDir(), HTTP: f.server.Client(), Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
}

func (f *federation) token(t *testing.T, site string) (string, enrol.Enrolment) {
	t.Helper()
	e, token, err := f.service.Request(t.Context(), enrol.Person{ID: "a", Name: "Ada"}, site, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	return token, e
}

func (f *federation) connect(t *testing.T, i *join.Identity) *bus.Conn {
	t.Helper()
	return bustest.Dial(t, bus.Options{
		URL: strings.Join(i.NATS, ","), CredentialsFile: i.CredentialsFile(), CAFile: i.AuthorityFile(), InboxPrefix: bus.InboxPrefix(i.Site), WaitConnected: true,
		ReconnectWait: 50 * time.Millisecond,
	})
}

func TestAPlannerJoinsWhateverGetsLost(t *testing.T) {
	f := start(t)
	o := f.options(t, "muc-01")
	token, _ := f.token(t, "muc-01")
	if _, err := join.Load(o.Dir); err != join.ErrNotJoined { //nolint:errorlint // Nothing wraps it.
		t.Fatal(err)
	}
	f.lose.Store(1)
	if _, err := join.Join(t.Context(), o, token+"\n"); client.CodeOf(err) != client.Unavailable {
		t.Fatalf("the answer is lost: %v", err)
	}
	f.lose.Store(0)
	i, err := join.Join(t.Context(), o, token)
	if err != nil {
		t.Fatal(err)
	}
	bustest.Publish(t, f.connect(t, i), bustest.Revision("muc-01", 1, 300))
	loaded, err := join.Load(o.Dir)
	if err != nil || loaded.Enrolment != i.Enrolment || loaded.Site != "muc-01" || !loaded.Expires.Equal(i.Expires) {
		t.Fatalf("%+v, %v", loaded, err)
	}
	err = filepath.WalkDir(filepath.Join(o.Dir, "identity"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	// The renewal's answer gets lost too; the old credential is in force until the new one is there.
	before, err := os.ReadFile(i.CredentialsFile())
	if err != nil {
		t.Fatal(err)
	}
	f.lose.Store(1)
	if err := loaded.Renew(t.Context(), o); err == nil {
		t.Fatal("renewed without an answer")
	}
	if after, err := os.ReadFile(i.CredentialsFile()); err != nil || string(after) != string(before) {
		t.Fatalf("the credential in force changed: %v", err)
	}
	f.lose.Store(0)
	if err := loaded.Renew(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(i.CredentialsFile()); err != nil || string(after) == string(before) {
		t.Fatalf("the credential did not change: %v", err)
	}
	bustest.Publish(t, f.connect(t, loaded), bustest.Revision("muc-01", 2, 300))
	if l := f.service.List(); len(l) != 1 || len(l[0].Keys) != 2 {
		t.Errorf("%+v", l)
	}
}

func TestTheCredentialIsRenewedInTimeAndTaken(t *testing.T) {
	f := start(t, func(o *enrol.Options) { o.Authority = shortLived{o.Authority, new(atomic.Int32)} })
	o := f.options(t, "muc-01")
	token, _ := f.token(t, "muc-01")
	i, err := join.Join(t.Context(), o, token)
	if err != nil {
		t.Fatal(err)
	}
	// The servers end the first credential within seconds, as they do at the end of its life.
	conn := f.connect(t, i)
	if err := i.Renew(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the connection is made again with the new credential", func() bool {
		st := conn.Status()
		return st.Reconnects > 0 && st.Connected
	})
	bustest.Eventually(t, "it works", func() bool {
		_, err := conn.PublishInventory(t.Context(), bustest.Revision("muc-01", 1, 300))
		return err == nil
	})
}

// shortLived issues credentials for three seconds, and from the second on for as long as is asked.
type shortLived struct {
	enrol.Authority
	issued *atomic.Int32
}

func (s shortLived) Issue(site, key string, expires time.Time) (string, error) {
	if s.issued.Add(1) == 1 {
		expires = time.Now().Add(3 * time.Second)
	}
	return s.Authority.Issue(site, key, expires)
}

func TestTheCredentialIsKept(t *testing.T) {
	later := func() time.Time { return time.Now().Add(enrol.DefaultCredentialTTL * 3 / 4) }
	f := start(t, func(o *enrol.Options) { o.Now = later })
	o := f.options(t, "muc-01")
	token, _ := f.token(t, "muc-01")
	i, err := join.Join(t.Context(), o, token)
	if err != nil {
		t.Fatal(err)
	}
	if until := time.Until(i.RenewFrom); until < enrol.DefaultCredentialTTL {
		t.Fatalf("due in %s", until)
	}
	i.RenewFrom = later() // what is due now is renewed now
	o.Now = later
	bustest.Background(t, func(ctx context.Context) error { return i.Keep(ctx, o) })
	bustest.Eventually(t, "the renewal", func() bool {
		l := f.service.List()
		return len(l) == 1 && len(l[0].Keys) == 2
	})
}

func TestAPlannerWaitsForItsApproval(t *testing.T) {
	f := start(t, func(o *enrol.Options) { o.Approval = true })
	token, e := f.token(t, "muc-01")
	ctx, cancel := context.WithCancel(t.Context())
	tried := make(chan struct{}, 10)
	o := f.options(t, "muc-01")
	o.Logger = slog.New(heard{slog.DiscardHandler, tried})
	done := make(chan error, 1)
	go func() {
		_, err := join.Until(ctx, o, token)
		done <- err
	}()
	select {
	case <-tried:
	case err := <-done:
		t.Fatalf("gave up: %v", err)
	case <-time.After(bustest.Patience):
		t.Fatal("does not try")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if _, err := f.service.Approve(t.Context(), enrol.Person{ID: "b", Name: "Bob"}, e.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := join.Until(t.Context(), o, token); err != nil {
		t.Error(err)
	}
	if _, err := join.Until(t.Context(), f.options(t, "muc-01"), token); client.CodeOf(err) != client.Conflict {
		t.Errorf("a used token: %v", err)
	}
}

// heard tells of every warning.
type heard struct {
	slog.Handler
	c chan struct{}
}

func (h heard) Enabled(context.Context, slog.Level) bool { return true }

func (h heard) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		h.c <- struct{}{}
	}
	return nil
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	f := start(t)
	token, _ := f.token(t, "muc-01")
	var seen atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	defer elsewhere.Close()
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer redirecting.Close()
	for what, change := range map[string]func(*join.Options){
		"plain text to another machine": func(o *join.Options) { o.Server = "http://192.0.2.1" },
		"an unknown authority":          func(o *join.Options) { o.HTTP = nil },
		"a redirect":                    func(o *join.Options) { o.Server = redirecting.URL },
		"no address":                    func(o *join.Options) { o.Server = "meridian" },
		"another scheme":                func(o *join.Options) { o.Server = "ftp://127.0.0.1" },
	} {
		o := f.options(t, "muc-01")
		change(&o)
		if _, err := join.Join(t.Context(), o, token); err == nil {
			t.Errorf("%s: joined", what)
		}
	}
	if _, err := join.Join(t.Context(), f.options(t, "muc-01"), "hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no token: %v", err)
	}
	if seen.Load() != 0 {
		t.Error("the redirect was followed")
	}
	if l := f.service.List(); l[0].State != enrol.Open {
		t.Errorf("%+v", l)
	}
}

func TestGuessingIsSlowed(t *testing.T) {
	f := start(t)
	token, _ := f.token(t, "muc-01")
	o := f.options(t, "muc-01")
	wrong := token[:21] + strings.Repeat("A", 43)
	unauthorised, limited := 0, false
	for range 12 {
		_, err := join.Join(t.Context(), o, wrong)
		switch client.CodeOf(err) {
		case client.Unauthorised:
			unauthorised++
		case client.Unavailable:
			limited = true
		}
	}
	if unauthorised != 10 || !limited {
		t.Errorf("%d guesses were looked at, limited %t", unauthorised, limited)
	}
	if _, err := join.Join(t.Context(), o, token); client.CodeOf(err) != client.Unavailable {
		t.Errorf("the right token from the same address: %v", err)
	}
}
