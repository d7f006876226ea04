package conf_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/services/internal/conf"
)

func TestTLSWithClientCertificates(t *testing.T) {
	cert, key := bustest.Certificate(t)
	clientCert, clientKey := bustest.Certificate(t)
	strangerCert, strangerKey := bustest.Certificate(t)
	config, err := conf.ServerTLS(cert, key, clientCert)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") }))
	s.TLS = config
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	defer s.Close()
	for name, c := range map[string]struct {
		ca, cert, key string
		in            bool
	}{
		"the right ones":         {cert, clientCert, clientKey, true},
		"no client certificate":  {cert, "", "", false},
		"stranger's certificate": {cert, strangerCert, strangerKey, false},
		"server not trusted":     {"", clientCert, clientKey, false},
	} {
		encrypted, err := conf.ClientTLS(c.ca, c.cert, c.key)
		if err != nil {
			t.Fatal(name, err)
		}
		transport := &http.Transport{TLSClientConfig: encrypted}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != c.in {
			t.Errorf("%s: %v", name, err)
		}
		transport.CloseIdleConnections()
	}
	text := bustest.WriteFile(t, "text", []byte("no certificate"))
	for name, f := range map[string]func() error{
		"server certificate": func() error { _, err := conf.ServerTLS(text, text, ""); return err },
		"client authorities": func() error { _, err := conf.ServerTLS(cert, key, text); return err },
		"missing file":       func() error { _, err := conf.ServerTLS(cert, key, text+"x"); return err },
		"authorities":        func() error { _, err := conf.ClientTLS(text, "", ""); return err },
		"client certificate": func() error { _, err := conf.ClientTLS("", cert, ""); return err },
	} {
		if f() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
