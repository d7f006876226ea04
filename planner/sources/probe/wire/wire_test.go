package wire

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		endpoint string
		port     int
		want     string
	}{
		{"pg-1.example", 5432, "pg-1.example:5432"},
		{"PG-1.Example.:6000", 5432, "pg-1.example:6000"},
		{"zk1:2181,zk2,zk1:2181/chroot", 2181, "zk1:2181 zk2:2181"},
		{"zk1:2181:3888:participant", 1, "zk1:2181"},
		{"jdbc:postgresql://a:1,b/db?user=u&password=p", 5432, "a:1 b:5432"},
		{"postgres://u:p%40@h/db", 5432, "h:5432"},
		{"postgres://u:p@ss/w@h:7/db", 5432, "h:7"},
		{"jdbc:sqlserver://h:1433;databaseName=x;user=u;password=p@q", 1433, "h:1433"},
		{"https://twx.example", 0, "twx.example:443"},
		{"http://twx.example/Thingworx", 0, "twx.example:80"},
		{"fs.example:/export/prod", 2049, "fs.example:2049"},
		{`\\fs.example\share`, 445, ""},
		{"//fs.example/share", 445, "fs.example:445"},
		{"[2001:db8::1]:5433", 5432, "[2001:db8::1]:5433"},
		{"2001:db8::1", 5432, "[2001:db8::1]:5432"},
		{"", 1, ""},
		{"jdbc:h2:file:/data", 1, ""},
		{`jdbc:sqlserver://h\inst;databaseName=x`, 1433, ""},
		{"host", 0, ""},
		{"host:0", 1, ""},
		{"host:70000", 1, ""},
		{"ho st", 1, ""},
		{"[::1", 1, ""},
		{"[zz]:1", 1, ""},
		{" , ,", 1, ""},
		{strings.Repeat("a", 300), 1, ""},
		{strings.Repeat("a", 20000), 1, ""},
	} {
		got, err := Addresses(c.endpoint, c.port)
		if s := strings.Join(got, " "); s != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v; want %q", c.endpoint, s, err, c.want)
		}
	}
	var many strings.Builder
	for i := range 100 {
		many.WriteString("h" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ",")
	}
	if _, err := Addresses(many.String(), 1); err == nil {
		t.Error("any number of members is taken")
	}
}

// FuzzAddresses: whatever comes out can be dialled, and reads as itself.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"a:1,b", "jdbc:postgresql://u:p@h:1/db?x=y", "[::1]:2", "zk:1:2:observer"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Addresses(s, 5432)
		if err != nil {
			if len(s) > 3 && strings.Contains(err.Error(), s) {
				t.Errorf("the error repeats %q", s)
			}
			return
		}
		for _, a := range got {
			again, err := Address(a, 0)
			if err != nil || again != a {
				t.Errorf("%q from %q reads as %q, %v", a, s, again, err)
			}
		}
	})
}

func TestVersion(t *testing.T) {
	for s, ok := range map[string]bool{"15.18": true, "1.6.7~rc0": true, "9": true, "": false, "v1": false, "1 2": false, "1\n": true, "1;x": false, strings.Repeat("1", 50): false} {
		if _, got := Version(s); got != ok {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestPercentile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var samples []time.Duration
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 1000), 1, 60).Draw(t, "samples") {
			samples = append(samples, time.Duration(n))
		}
		q := rapid.Float64Range(0.01, 1).Draw(t, "q")
		p := Percentile(samples, q)
		atMost, below := 0, 0
		for _, s := range samples {
			if s <= p {
				atMost++
			}
			if s < p {
				below++
			}
		}
		n := float64(len(samples))
		if float64(atMost) < q*n || float64(below) >= q*n {
			t.Fatalf("%v of %v is %v: %d at most, %d below", q, samples, p, atMost, below)
		}
	})
	if Percentile(nil, 0.5) != 0 {
		t.Error("no samples have a percentile")
	}
}

func flood(c net.Conn) {
	block := make([]byte, 1<<16)
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

func TestExchangeIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		server func(net.Conn)
		want   string
	}{
		"drip":      {sourcetest.Drip(""), "did not answer in time"},
		"half open": {sourcetest.Silent, "did not answer in time"},
		"flood":     {flood, "answered with more than the limit"},
		"hang up":   {func(net.Conn) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := sourcetest.Serve(t, c.server)
			d := NewDialer(1)
			e := d.Exchange(Limits{Timeout: 100 * time.Millisecond, Bytes: 1 << 20, Dials: 1})
			conn, err := e.Dial(context.Background(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Time{}); err != nil { // a library's reset does not lift the bound
				t.Fatal(err)
			}
			begin := time.Now()
			n, err := io.Copy(io.Discard, conn)
			if got := Explain(err); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if n > 1<<20 || time.Since(begin) > 30*time.Second {
				t.Errorf("%d bytes in %s", n, time.Since(begin))
			}
			if _, err := e.Dial(context.Background(), "tcp", address); !errors.Is(err, ErrDials) {
				t.Errorf("a second connection: %v", err)
			}
			e.Close()
			// The slot is free again, once.
			if _, err := Connect(context.Background(), d, address, time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSlotsAreShared(t *testing.T) {
	address, n := sourcetest.Serve(t, sourcetest.Silent)
	d := NewDialer(1)
	e := d.Exchange(Limits{Timeout: time.Minute, Bytes: 1, Dials: 1})
	if _, err := e.Dial(context.Background(), "tcp", address); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Connect(ctx, d, address, time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a connection beyond the slots: %v", err)
	}
	if n.Load() > 1 {
		t.Error("the server saw two")
	}
	e.Close()
}

func TestContextEndsARead(t *testing.T) {
	address, _ := sourcetest.Serve(t, sourcetest.Silent)
	ctx, cancel := context.WithCancel(context.Background())
	e := NewDialer(1).Exchange(Limits{Timeout: time.Minute, Bytes: 10, Dials: 1})
	defer e.Close()
	c, err := e.Dial(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the read went on")
	}
}

func TestSampleStops(t *testing.T) {
	calls := 0
	fail := errors.New("no")
	times, err := Sample(context.Background(), 100, 0, func() (time.Duration, error) { calls++; return 0, fail })
	if calls != 3 || len(times) != 0 || !errors.Is(err, fail) {
		t.Errorf("%d calls, %v, %v", calls, times, err)
	}
	calls = 0
	times, err = Sample(context.Background(), 7, 0, func() (time.Duration, error) { calls++; return 1, nil })
	if calls != 7 || len(times) != 7 || err != nil {
		t.Errorf("%d calls, %v, %v", calls, times, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	times, err = Sample(ctx, 7, time.Hour, func() (time.Duration, error) { return 1, nil })
	if len(times) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", times, err)
	}
}

func TestExplainRepeatsNothing(t *testing.T) {
	const secret = "s3cret"
	for _, err := range []error{
		errors.New(secret), &net.DNSError{Name: secret, Err: secret}, &net.OpError{Op: secret, Err: errors.New(secret)},
		x509.HostnameError{Certificate: &x509.Certificate{}, Host: secret},
		x509.UnknownAuthorityError{},
		x509.CertificateInvalidError{},
		io.EOF, os.ErrDeadlineExceeded, context.Canceled,
	} {
		if got := Explain(err); got == "" || strings.Contains(got, secret) {
			t.Errorf("%T: %q", err, got)
		}
	}
	if Explain(nil) != "" || Fail("x").Error() != "x" {
		t.Error("own failures keep their words")
	}
}

func TestResolve(t *testing.T) {
	for address, want := range map[string]string{"127.0.0.1:5": "127.0.0.1:5", "[::1]:5": "[::1]:5"} {
		if got, err := Resolve(context.Background(), address, time.Second); err != nil || got != want {
			t.Errorf("%s: %s, %v", address, got, err)
		}
	}
	if got, err := Resolve(context.Background(), "localhost:5", 10*time.Second); err != nil || Host(got) == "localhost" {
		t.Errorf("localhost: %s, %v", got, err)
	}
	if _, err := Resolve(context.Background(), "nonsense", time.Second); err == nil {
		t.Error("an address without port resolves")
	}
}

func TestSecretsAndCertificates(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if got, err := Secret(file("a", "p w\r\n\n")); err != nil || got != "p w" {
		t.Errorf("%q, %v", got, err)
	}
	for _, path := range []string{file("b", "\n"), dir, filepath.Join(dir, "none"), file("big", strings.Repeat("x", 1<<20+1))} {
		if _, err := Secret(path); err == nil || strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := (TLS{CA: file("c", "s3cret")}).Config("h", VerifyFull); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a file without certificate: %v", err)
	}
	if _, err := (TLS{CA: filepath.Join(dir, "none")}).Config("h", VerifyFull); err == nil {
		t.Error("a missing authority is no failure")
	}
	for mode, refused := range map[Mode]bool{"": false, Disable: true, Prefer: true, Require: true, VerifyCA: false, VerifyFull: false, "other": true} {
		if err := (TLS{Mode: mode, CA: "x"}).Check(); (err != nil) != refused {
			t.Errorf("%s with an authority: %v", mode, err)
		}
	}
	c, err := TLS{ServerName: "n"}.Config("h", VerifyFull)
	if err != nil || c.ServerName != "n" || c.InsecureSkipVerify {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := (TLS{}).Config("h", Disable); c != nil || err != nil {
		t.Error("disable gives a configuration")
	}
}
