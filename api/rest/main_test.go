package rest_test

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// server is a handler with a token to ask it with.
type server struct {
	t *testing.T
	h http.Handler
}

func newServer(t *testing.T, change ...func(*rest.Options)) *server {
	t.Helper()
	o := resttest.Options(resttest.NewHolder(resttest.Sample(12)), changefeed.New(64))
	for _, f := range change {
		f(&o)
	}
	h, err := rest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &server{t, h}
}

type answer struct {
	*httptest.ResponseRecorder
	body string
}

func (s *server) do(method, target, body string, headers ...string) answer {
	s.t.Helper()
	var r io.Reader = http.NoBody
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, target, r)
	req.Header.Set("X-Request-Id", "test-request")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, req)
	return answer{w, w.Body.String()}
}

func as(role rest.Role) []string { return []string{"Authorization", "Bearer " + resttest.Token(role)} }

func scoped() []string { return []string{"Authorization", "Bearer " + resttest.ScopedToken()} }

func (s *server) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, "/api/v1"+path, "", append(as(rest.Admin), headers...)...)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a fixture
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s:\nwant %s\ngot  %s", file, want, got)
	}
}
