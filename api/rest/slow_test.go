package rest_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

// TestBodyThatNeverComes: a caller who announces a body and sends none is given up, signed in or not.
func TestBodyThatNeverComes(t *testing.T) {
	o := resttest.Options(resttest.NewHolder(resttest.Sample(3)), nil)
	o.BodyTime = 50 * time.Millisecond
	server := httptest.NewServer(resttest.Handler(o))
	defer server.Close()
	for name, request := range map[string]string{
		"upload":                   "PUT /api/v1/sites/plant-001/inventory HTTP/1.1\r\nAuthorization: Bearer " + resttest.Token(rest.Admin) + "\r\nContent-Type: application/json\r\n",
		"upload without a token":   "PUT /api/v1/sites/plant-001/inventory HTTP/1.1\r\nContent-Type: application/json\r\n",
		"session":                  "POST /api/v1/session HTTP/1.1\r\nContent-Type: application/json\r\n",
		"body where none is taken": "GET /healthz HTTP/1.1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(c, "%sHost: x\r\nContent-Length: 1000\r\n\r\n{", request); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			if resp, err := http.ReadResponse(r, nil); err == nil {
				_ = resp.Body.Close()
			}
			for {
				if _, err := r.ReadByte(); err != nil {
					if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
						t.Error("the connection is still open")
					}
					return
				}
			}
		})
	}
}
