package notify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

var instants = regexp.MustCompile(`2026-11-20[T ]08:[0-9:.]+( UTC|Z)|digest-WEBHOOK-[0-9]+|site-lost-[0-9a-f]+`)

func refuses(t *testing.T, r *replica, pointer string, f func(*notify.Change)) {
	t.Helper()
	c := notify.Change{Spec: notify.Spec{Name: "x", Events: notify.Kinds()}, URL: "https://example.com"}
	f(&c)
	_, _, err := r.Create(t.Context(), person(), c)
	var e *notify.Error
	if !errors.As(err, &e) || e.Kind != notify.Invalid || e.Pointer != pointer {
		t.Errorf("%+v: %v, want a mistake at %s", c, err, pointer)
	}
}

func TestMistakesInAWebhook(t *testing.T) {
	r := newWorld(t).replica(t)
	header := func(name, value string) func(*notify.Change) {
		return func(c *notify.Change) { c.Headers = map[string]string{name: value} }
	}
	refuses(t, r, "/name", func(c *notify.Change) { c.Name = " " })
	refuses(t, r, "/name", func(c *notify.Change) { c.Name = "a\r\nb" })
	refuses(t, r, "/events", func(c *notify.Change) { c.Events = nil })
	refuses(t, r, "/events/0", func(c *notify.Change) { c.Events = []notify.Kind{"finding.exploded"} })
	refuses(t, r, "/events/0", func(c *notify.Change) { c.Events = []notify.Kind{notify.Test} })
	refuses(t, r, "/template", func(c *notify.Change) { c.Template = "fax" })
	refuses(t, r, "/filter", func(c *notify.Change) { c.Filter = "colour = red" })
	refuses(t, r, "/filter", func(c *notify.Change) { c.Filter = "site =" })
	refuses(t, r, "/headers", header("X\r\nY", "z"))
	refuses(t, r, "/headers", header("X-Y", "a\r\nHost: evil"))
	for _, name := range []string{"Host", "content-type", "Webhook-Signature", "ce-id", "Transfer-Encoding", "Proxy-Authorization"} {
		refuses(t, r, "/headers", header(name, "x"))
	}
}

// TestGoldenMessages pins what goes over the wire, for each template of a finding, of a site and of a digest. Names of
// sites hold what templates could take for markup.
func TestGoldenMessages(t *testing.T) {
	w := newWorld(t)
	w.counts = notify.Counts{Total: 4, Critical: 1, High: 2, Unknown: 1, Waived: 1}
	r := w.replica(t)
	for _, template := range notify.Templates() {
		for name, digest := range map[string]*notify.Schedule{"single": nil, "digest": {Every: time.Minute}} {
			sink := newReceiver(t, nil)
			e, _ := r.webhook(t, sink.URL, func(c *notify.Change) {
				c.Template, c.Digest, c.Filter = template, digest, "severity >= low"
			})
			at := w.clock.Now()
			opened := notify.Event{
				ID: "finding-opened-1", Kind: notify.FindingOpened, At: at, Site: "muc-01", SiteName: "Munich *<!channel>* [x](http://evil)", Regions: []string{"northeurope", "westeurope"},
				Cluster: "prod", Severity: rules.Critical, Finding: "f1", Rule: "COL-001", Title: "Database in another region", Verdict: rules.Fail, Confidence: rules.Official,
				Message: "The round trip is 18 ms & more.", Remedy: "Move the database.",
			}
			if err := r.Tell(t.Context(), opened, notify.NewEvent(notify.SiteLost, "ber-02", at, "Nothing has been heard for 24h.")); err != nil {
				t.Fatal(err)
			}
			want := 2
			if digest != nil {
				want = 1
				w.clock.forward(time.Minute)
			}
			eventually(t, "messages", func() any { return len(sink.all()) }, want)
			var b bytes.Buffer
			for _, m := range sink.all() {
				b.WriteString(normal(t, m, e.ID))
			}
			path := filepath.Join("testdata", string(template)+"-"+name+".txt")
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(golden, b.Bytes()) {
				t.Errorf("%s differs; run with -update and look at the difference:\n%s", path, b.String())
			}
			if err := r.Delete(t.Context(), person(), e.ID, e.Revision); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// normal writes a message without what differs from run to run.
func normal(t *testing.T, m received, webhook string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.header)) {
		if name != "Content-Length" && name != "Accept-Encoding" && name != "Webhook-Signature" && name != "Webhook-Timestamp" && name != "Ce-Time" {
			b.WriteString(name + ": " + m.header.Get(name) + "\n")
		}
	}
	var body any
	if err := json.Unmarshal(m.body, &body); err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	encoder := json.NewEncoder(&indented)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(body); err != nil {
		t.Fatal(err)
	}
	b.WriteString(indented.String())
	return masked(b.String(), webhook)
}

// masked takes the id of the webhook and the instants of digests out, which the test's clock moves on.
func masked(s, webhook string) string {
	s = strings.ReplaceAll(s, webhook, "WEBHOOK")
	return instants.ReplaceAllString(s, "INSTANT")
}

// TestSignatures: a vector of the Standard Webhooks specification, computed by its reference libraries, and what a receiver
// refuses.
func TestSignatures(t *testing.T) {
	secret, err := notify.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const id, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`
	at := time.Unix(1614265330, 0)
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := notify.Sign(secret, id, at, []byte(body)); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	for _, c := range []struct {
		name, id, timestamp, signature, body string
		now                                  time.Time
		good                                 bool
	}{
		{"good", id, "1614265330", want, body, at, true},
		{"one of several", id, "1614265330", "v1,AAAA " + want, body, at, true},
		{"within the window", id, "1614265330", want, body, at.Add(notify.ReplayWindow), true},
		{"replayed later", id, "1614265330", want, body, at.Add(notify.ReplayWindow + time.Second), false},
		{"from the future", id, "1614265330", want, body, at.Add(-notify.ReplayWindow - time.Second), false},
		{"another id", id + "x", "1614265330", want, body, at, false},
		{"another time", id, "1614265331", want, body, at, false},
		{"another body", id, "1614265330", want, body + " ", at, false},
		{"no time", id, "soon", want, body, at, false},
		{"no signature", id, "1614265330", "", body, at, false},
	} {
		if err := notify.Verify(secret, c.id, c.timestamp, c.signature, []byte(c.body), c.now); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, bad := range []string{"", "whsec_", "whsec_!!", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)), "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		if _, err := notify.ParseSecret(bad); err == nil {
			t.Errorf("secret %q is taken", bad)
		}
	}
}
