package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/embedded"
)

func server(t *testing.T, o embedded.Options) *embedded.Server {
	t.Helper()
	o.Dir = t.TempDir()
	s, err := embedded.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestServerWithoutSpaceIsTold(t *testing.T) {
	s := server(t, embedded.Options{MaxStoreBytes: 300 << 10})
	c := bustest.Dial(t, bus.Options{URL: s.URL(), CredentialsFile: s.CredentialsFile(), WaitConnected: true})
	if err := c.EnsureStreams(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	var err error
	for n := 1; n < 50 && err == nil; n++ {
		_, err = c.PublishInventory(t.Context(), bustest.Incompressible("muc-01", n, 60<<10))
	}
	if !errors.Is(err, bus.ErrFull) {
		t.Fatalf("got %v", err)
	}
}

func testContext(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), 300*time.Millisecond)
}

func TestTLSWithClientCertificates(t *testing.T) {
	cert, key := bustest.Certificate(t)
	clientCert, clientKey := bustest.Certificate(t)
	strangerCert, strangerKey := bustest.Certificate(t)
	s := server(t, embedded.Options{Listen: "0.0.0.0:0", CertFile: cert, KeyFile: key, ClientCAFile: clientCert})
	o := bus.Options{URL: s.URL(), CredentialsFile: s.CredentialsFile(), WaitConnected: true, CAFile: cert, CertFile: clientCert, KeyFile: clientKey}
	c := bustest.Dial(t, o)
	if err := c.EnsureStreams(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*bus.Options){
		"server not trusted":             func(o *bus.Options) { o.CAFile = "" },
		"stranger's certificate":         func(o *bus.Options) { o.CertFile, o.KeyFile = strangerCert, strangerKey },
		"no client certificate":          func(o *bus.Options) { o.CertFile, o.KeyFile = "", "" },
		"certificate without credential": func(o *bus.Options) { o.CredentialsFile = "" },
	} {
		bad := o
		change(&bad)
		ctx, cancel := testContext(t)
		if c, err := bus.Connect(ctx, bad); err == nil {
			t.Errorf("%s: connected", name)
			c.Close()
		}
		cancel()
	}
}

func TestCredentialFilesAreExplained(t *testing.T) {
	for name, o := range map[string]bus.Options{
		"seed missing":       {SeedFile: "/nonexistent/seed"},
		"password missing":   {User: "u"},
		"password file gone": {User: "u", PasswordFile: "/nonexistent/password"},
		"password empty":     {User: "u", PasswordFile: bustest.WriteFile(t, "password", []byte("\n"))},
	} {
		o.URL = "nats://127.0.0.1:1"
		if c, err := bus.Connect(t.Context(), o); err == nil {
			t.Errorf("%s: accepted", name)
			c.Close()
		}
	}
	o := bus.Options{URL: "nats://127.0.0.1:1", User: "u", PasswordFile: bustest.WriteFile(t, "password", []byte("p\n"))}
	c, err := bus.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestPlainTextLeavesTheMachineOnlyWhereItIsAllowed(t *testing.T) {
	for url, refused := range map[string]bool{
		"nats://10.0.0.1:4222": true, "10.0.0.1:4222": true, "nats://127.0.0.1:1,nats://nats.example.com:4222": true, "ws://nats.example.com": true, "nats://": true,
		"nats://127.0.0.1:1": false, "nats://[::1]:1": false, "localhost:1": false, "tls://192.0.2.1:1": false, "tls://192.0.2.1:1,nats://192.0.2.2:1": false,
	} {
		c, err := bus.Connect(t.Context(), bus.Options{URL: url})
		if err == nil {
			c.Close()
		}
		if errors.Is(err, bus.ErrInvalid) != refused {
			t.Errorf("%s: %v", url, err)
		}
	}
	c, err := bus.Connect(t.Context(), bus.Options{URL: "nats://192.0.2.1:1", PlainText: true})
	if err != nil {
		t.Fatalf("allowed: %v", err)
	}
	c.Close()
}

// TestTLSIsNotGivenUp: a server that offers no TLS, or somebody in between who says so, does not get the credential.
func TestTLSIsNotGivenUp(t *testing.T) {
	s := server(t, embedded.Options{})
	for name, o := range map[string]bus.Options{
		"by scheme":    {URL: strings.Replace(s.URL(), "nats://", "tls://", 1)},
		"by authority": {URL: s.URL(), CAFile: func() string { cert, _ := bustest.Certificate(t); return cert }()},
	} {
		o.CredentialsFile, o.WaitConnected = s.CredentialsFile(), true
		ctx, cancel := testContext(t)
		if c, err := bus.Connect(ctx, o); err == nil {
			t.Errorf("%s: connected without TLS", name)
			c.Close()
		}
		cancel()
	}
}
