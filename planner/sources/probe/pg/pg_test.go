package pg

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cret-Qx"

// table makes columns and rows of psql's output.
func table(s string) (columns []string, rows [][]string) {
	for line := range strings.Lines(s) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "|")
		if columns == nil {
			columns = cells
		} else {
			rows = append(rows, cells)
		}
	}
	return columns, rows
}

func TestPoolNodes(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []PoolNode
	}{
		"4.3": {
			" node_id | hostname | port | status | pg_status | role | pg_role | replication_state\n 0|a.example|5432|up|up|primary|primary|\n 1|b|5433|up|down|standby|unknown|streaming\n 2|c|5432|down|down|standby|unknown|\n",
			[]PoolNode{{0, "a.example:5432", true, true, "primary", ""}, {1, "b:5433", false, true, "standby", "streaming"}, {2, "c:5432", false, true, "standby", ""}},
		},
		"3.x":            {"node_id|hostname|port|status|lb_weight|role\n0|db1|5432|3|0.5|standby\n1|db2|5432|2|0.5|primary\n", []PoolNode{{0, "db1:5432", false, true, "standby", ""}, {1, "db2:5432", true, true, "primary", ""}}},
		"socket, ragged": {"hostname|port|status|role\n/tmp|11002|up|main\n::1|1|odd\nx y|1|up|primary|more\n", []PoolNode{{0, "", true, true, "", ""}, {1, "[::1]:1", false, false, "", ""}, {2, "", true, true, "primary", ""}}},
	} {
		got, err := PoolNodes(table(c.text))
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %+v, want %+v", name, got[i], c.want[i])
			}
		}
	}
	if _, err := PoolNodes(table("a|b\n1|2\n")); err == nil {
		t.Error("any columns do")
	}
	if _, err := PoolNodes([]string{"hostname", "port", "status", "role"}, make([][]string, maxNodes+1)); !errors.Is(err, wire.ErrTooMuch) {
		t.Error("any number of rows does")
	}
}

func FuzzPoolNodes(f *testing.F) {
	f.Add("node_id|hostname|port|status|role|pg_status\n0|a|5432|up|primary|up\n1|::1|x|3|\n")
	f.Add("hostname|port|status|role\n")
	f.Fuzz(func(t *testing.T, s string) {
		nodes, err := PoolNodes(table(s))
		if err != nil {
			return
		}
		for _, n := range nodes {
			if n.Address != "" {
				if a, err := wire.Address(n.Address, 0); err != nil || a != n.Address {
					t.Errorf("address %q", n.Address)
				}
			}
			if n.ID < 0 || n.Role != role(n.Role) || n.Up && !n.Known {
				t.Errorf("%+v", n)
			}
		}
	})
}

// session lets a client in without a password and answers each of its queries.
func served(answer func(b *pgproto3.Backend, query string)) func(net.Conn) {
	return func(c net.Conn) {
		b := pgproto3.NewBackend(c, c)
		if _, err := b.ReceiveStartupMessage(); err != nil {
			return
		}
		b.Send(&pgproto3.AuthenticationOk{})
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		if b.Flush() != nil {
			return
		}
		for {
			m, err := b.Receive()
			if err != nil {
				return
			}
			if q, ok := m.(*pgproto3.Query); ok {
				answer(b, q.String)
				if b.Flush() != nil {
					return
				}
			}
		}
	}
}

func row(b *pgproto3.Backend, cells ...string) {
	d := &pgproto3.RowDescription{}
	r := &pgproto3.DataRow{}
	for _, c := range cells {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{Name: []byte("c")})
		r.Values = append(r.Values, []byte(c))
	}
	b.Send(d)
	b.Send(r)
	b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
}

func access() Access {
	return Access{User: "u", Password: secret, TLS: func(string) (*tls.Config, error) { return nil, nil }}
}

func TestFaults(t *testing.T) {
	clear := func(c net.Conn) {
		b := pgproto3.NewBackend(c, c)
		if _, err := b.ReceiveStartupMessage(); err != nil {
			return
		}
		b.Send(&pgproto3.AuthenticationCleartextPassword{})
		_ = b.Flush()
		got, _ := io.ReadAll(c)
		if strings.Contains(string(got), secret) {
			t.Error("a server that has not proved who it is got the password")
		}
	}
	for name, c := range map[string]struct {
		server func(net.Conn)
		want   string
	}{
		"silent":         {sourcetest.Silent, "did not answer in time"},
		"garbage":        {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nx: "+secret+"\r\n\r\n") }, ""},
		"hangs up":       {func(net.Conn) {}, ""},
		"cleartext":      {clear, "a kind of log-in this configuration does not allow"},
		"endless string": {served(func(b *pgproto3.Backend, _ string) { row(b, strings.Repeat("x", maxMessage+1)) }), ""},
		"other columns":  {served(func(b *pgproto3.Backend, _ string) { row(b, "1") }), "something else than PostgreSQL"},
		"not a truth":    {served(func(b *pgproto3.Backend, _ string) { row(b, "1", "2", "3", "4", "5") }), "something else than PostgreSQL"},
		"an error": {served(func(b *pgproto3.Backend, _ string) {
			b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "XX000", Message: secret})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		}), "answered with the error XX000"},
		"an odd error": {served(func(b *pgproto3.Backend, _ string) {
			b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: secret, Message: secret})
		}), "answered with an error"},
		"endless rows": {served(func(b *pgproto3.Backend, _ string) {
			b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("c")}}})
			for range 1 << 14 {
				b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte("t")}})
			}
		}), "more than the limit"},
		"drip": {sourcetest.Drip("N\x00\x00\x00\xc8S"), "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			address, n := sourcetest.Serve(t, c.server)
			a := &Asker{Dialer: wire.NewDialer(1), Timeout: 500 * time.Millisecond, Samples: 3}
			begin := time.Now()
			s := a.Ask(context.Background(), address, access(), true)
			text := Explain(s.Err)
			if s.Err == nil || text == "" || !strings.Contains(text, c.want) || strings.Contains(text, secret) {
				t.Errorf("%q (%v), want %q", text, s.Err, c.want)
			}
			if n.Load() != 1 || time.Since(begin) > 30*time.Second {
				t.Errorf("%d connections in %s", n.Load(), time.Since(begin))
			}
		})
	}
}

// TestSamplesAreCounted: no more queries than configured, and what a server answers is taken only in the shape expected.
func TestSamplesAreCounted(t *testing.T) {
	var queries, nothing atomic.Int64
	address, n := sourcetest.Serve(t, served(func(b *pgproto3.Backend, q string) {
		queries.Add(1)
		switch q {
		case askServer:
			row(b, "f", "15.1 "+secret, "100", "-3", "many")
		case askReplicas:
			row(b, secret+" x", secret, secret)
		default:
			nothing.Add(1)
			row(b, "1")
		}
	}))
	a := &Asker{Dialer: wire.NewDialer(1), Timeout: 10 * time.Second, Samples: 7}
	s := a.Ask(context.Background(), address, access(), true)
	if s.Err != nil || s.Version != "15.1" || s.MaxConnections != 100 || s.Reserved != 0 || s.InUse != 0 || len(s.RoundTrips) != 7 || len(s.Replicas) != 1 || s.Replicas[0] != (Replica{}) {
		t.Errorf("%+v", s)
	}
	if n.Load() != 1 || queries.Load() != 9 || nothing.Load() != 7 {
		t.Errorf("%d connections, %d queries, %d samples", n.Load(), queries.Load(), nothing.Load())
	}
}

func TestExplainCodes(t *testing.T) {
	for code, want := range map[string]string{
		"28P01": "refused the user", "3D000": "database", "53300": "max_connections", "57P03": "starting up", "42501": "pg_monitor", "42704": "another product", "57P01": "shut down", "0A000": "error 0A000", "<x>": "an error",
	} {
		if got := Explain(&pgconn.PgError{Code: code, Message: secret, Detail: secret}); !strings.Contains(got, want) || strings.Contains(got, secret) {
			t.Errorf("%s: %q", code, got)
		}
	}
}

// FuzzAnswers: whatever a server answers, the outcome is a failure in this program's words or values of the shapes expected.
func FuzzAnswers(f *testing.F) {
	seed := func(messages ...pgproto3.BackendMessage) {
		var out []byte
		for _, m := range messages {
			var err error
			if out, err = m.Encode(out); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(out)
	}
	cells := func(values ...string) *pgproto3.DataRow {
		r := &pgproto3.DataRow{}
		for _, v := range values {
			r.Values = append(r.Values, []byte(v))
		}
		return r
	}
	columns := &pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, 5)}
	ready := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	done := &pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")}
	seed(&pgproto3.AuthenticationOk{}, ready, columns, cells("f", "15.1", "100", "3", "7"), done, ready)
	seed(&pgproto3.AuthenticationOk{}, &pgproto3.ParameterStatus{Name: "a", Value: "b"}, ready, &pgproto3.ErrorResponse{Code: "XX000"}, ready)
	seed(&pgproto3.AuthenticationMD5Password{}, &pgproto3.ErrorResponse{Code: "28P01"})
	seed(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}})
	f.Fuzz(func(t *testing.T, answer []byte) {
		if strings.Contains(string(answer), secret) {
			return
		}
		address, _ := sourcetest.Serve(t, func(c net.Conn) {
			_, _ = c.Write(answer)
			_ = c.(*net.TCPConn).CloseWrite()
			sourcetest.Silent(c)
		})
		a := &Asker{Dialer: wire.NewDialer(1), Timeout: 2 * time.Second, Samples: 1}
		s := a.Ask(t.Context(), address, access(), true)
		if text := Explain(s.Err); s.Err != nil && text == "" || strings.Contains(text, secret) {
			t.Errorf("%v is told as %q", s.Err, text)
		}
		if _, ok := wire.Version(s.Version); s.Version != "" && !ok || s.MaxConnections < 0 || s.InUse < 0 || s.Reserved < 0 {
			t.Errorf("%+v", s)
		}
	})
}
