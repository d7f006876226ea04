package rest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

// sink is a response writer that costs as little as possible.
type sink struct {
	h http.Header
	n int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { s.n += len(b); return len(b), nil }

// BenchmarkLists compares lists over 10,000 sites with a bare echo handler that sends the same bytes, with the view at
// rest and with one site changing every ten milliseconds.
func BenchmarkLists(b *testing.B) {
	view := resttest.Sample(10000)
	holder := resttest.NewHolder(view)
	o := resttest.Options(holder, nil)
	h := resttest.Handler(o)
	for name, target := range map[string]string{
		"sites": "/api/v1/sites", "findings": "/api/v1/findings?filter=severity%3E%3Dhigh+and+rule~COL-*", "cluster": "/api/v1/clusters/plant-001/prod",
	} {
		ask := func(h http.Handler) int {
			req := httptest.NewRequest(http.MethodGet, target, http.NoBody)
			req.Header.Set("Authorization", "Bearer "+resttest.Token(rest.Admin))
			w := &sink{h: http.Header{}}
			h.ServeHTTP(w, req)
			return w.n
		}
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, target, http.NoBody)
		req.Header.Set("Authorization", "Bearer "+resttest.Token(rest.Admin))
		h.ServeHTTP(rec, req)
		body := rec.Body.Bytes()
		e := echo.New()
		e.GET("/*", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", body) })
		b.Run(name+"-bare", func(b *testing.B) {
			for b.Loop() {
				ask(e)
			}
		})
		b.Run(name+"-at-rest", func(b *testing.B) {
			for b.Loop() {
				if ask(h) != len(body) {
					b.Fatal("another answer")
				}
			}
		})
		b.Run(name+"-changing", func(b *testing.B) {
			next := time.Now()
			for b.Loop() {
				if now := time.Now(); now.After(next) {
					b.StopTimer()
					changed := *holder.View().(*resttest.View)
					changed.At++
					records := append(changed.Records[:0:0], changed.Records...)
					r := *records[changed.At%10000]
					records[changed.At%10000] = &r
					changed.Records = records
					holder.Set(&changed)
					next = time.Now().Add(10 * time.Millisecond)
					b.StartTimer()
				}
				ask(h)
			}
		})
	}
}
