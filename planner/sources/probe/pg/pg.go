// Package pg asks PostgreSQL servers and pgpool-II who they are: role, replication, version, connections, and how long a
// query takes. It sends SELECT and SHOW only and works with a user who may do nothing but log in; what such a user does
// not see is reported as missing. planner/sources/probe calls it.
package pg

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// Bounds of one connection's answers.
const (
	maxAnswer  = 1 << 20
	maxMessage = 64 << 10
	maxRows    = 256
)

// Access is how to log in.
type Access struct {
	User, Password, Database string
	TLS                      func(host string) (*tls.Config, error)
	Fallback                 bool // without TLS when the server has none
	Verified                 bool // TLS proves who the server is, so that it may be sent the password itself
}

// Asker asks servers.
type Asker struct {
	Dialer  *wire.Dialer
	Timeout time.Duration // for logging in, and for each question after it
	Samples int           // round trips measured on one server
	Pause   time.Duration // between two of them
}

// Replica is one standby as its primary sees it.
type Replica struct {
	Address string // without port; "" when hidden from the user or a socket
	State   string // streaming, catchup, …; "" when hidden from the user
	Sync    string // sync, async, quorum, potential; "" when hidden
}

// Server is what one address answered.
type Server struct {
	Address        string
	Err            error // nothing was learned
	Standby        bool
	Version        string // "" when it does not look like one
	MaxConnections int
	Reserved       int // of them, for superusers
	InUse          int // sessions at the moment
	Replicas       []Replica
	Receiving      string // a standby's receiver: streaming, …; "" when it has none or hides it
	Hidden         bool   // the user may not see the state of replication
	Encrypted      bool
	Missing        []string // what could not be learned, each a continuation of "host:port …"
	RoundTrips     []time.Duration
}

const (
	askServer = `SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('server_version'), pg_catalog.current_setting('max_connections'),
 pg_catalog.current_setting('superuser_reserved_connections'), (SELECT coalesce(pg_catalog.sum(numbackends), 0) FROM pg_catalog.pg_stat_database)`
	askReplicas = `SELECT pg_catalog.host(client_addr), state, sync_state FROM pg_catalog.pg_stat_replication ORDER BY 1 LIMIT 256`
	askReceiver = `SELECT status FROM pg_catalog.pg_stat_wal_receiver LIMIT 1`
	askNothing  = `SELECT 1`
	askPool     = `SHOW pool_nodes`
)

// Ask logs in once and learns what there is. With sample, round trips are measured on the same connection when the server
// is the primary, which is the one ThingWorx talks to.
func (a *Asker) Ask(ctx context.Context, address string, access Access, sample bool) *Server {
	s := &Server{Address: address}
	c, err := a.open(ctx, address, access)
	if err != nil {
		s.Err = err
		return s
	}
	defer c.close(ctx)
	_, s.Encrypted = c.pg.Conn().(*tls.Conn)
	_, rows, err := c.ask(ctx, askServer)
	if err != nil {
		s.Err = err
		return s
	}
	if len(rows) != 1 || len(rows[0]) != 5 || rows[0][0] != "t" && rows[0][0] != "f" {
		s.Err = errNotPostgreSQL
		return s
	}
	row := rows[0]
	s.Standby = row[0] == "t"
	version, _, _ := strings.Cut(row[1], " ") // 15.18 (Debian 15.18-0+deb12u1)
	s.Version, _ = wire.Version(version)
	s.MaxConnections, s.Reserved, s.InUse = number(row[2]), number(row[3]), number(row[4])
	a.replication(ctx, c, s)
	if sample && !s.Standby {
		a.sample(ctx, c, s)
	}
	return s
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return n
}

func (a *Asker) replication(ctx context.Context, c *session, s *Server) {
	question := askReplicas
	if s.Standby {
		question = askReceiver
	}
	_, rows, err := c.ask(ctx, question)
	if err != nil {
		s.Missing = append(s.Missing, "replication: "+Explain(err))
		return
	}
	for _, row := range rows {
		switch {
		case s.Standby && len(row) == 1:
			s.Receiving = word(row[0])
			s.Hidden = s.Hidden || row[0] == ""
		case !s.Standby && len(row) == 3:
			r := Replica{State: word(row[1]), Sync: word(row[2])}
			if wire.ValidHost(row[0]) {
				r.Address = row[0]
			}
			s.Replicas = append(s.Replicas, r)
			s.Hidden = s.Hidden || row[1] == ""
		}
	}
}

// word keeps the few words PostgreSQL has for the state of replication.
func word(s string) string {
	switch s {
	case "startup", "catchup", "streaming", "backup", "stopping", "starting", "restarting", "waiting", "async", "potential", "sync", "quorum":
		return s
	}
	return ""
}

// sample measures a query that reads nothing: the way there and back, and what the server takes to answer at all.
func (a *Asker) sample(ctx context.Context, c *session, s *Server) {
	times, err := wire.Sample(ctx, a.Samples, a.Pause, func() (time.Duration, error) {
		begin := time.Now()
		_, _, err := c.ask(ctx, askNothing)
		return time.Since(begin), err
	})
	s.RoundTrips = times
	if err != nil {
		s.Missing = append(s.Missing, "round trips: "+Explain(err))
	}
}

// Pool asks pgpool-II for its backends. The round trips are those of queries through it.
func (a *Asker) Pool(ctx context.Context, address string, access Access, sample bool) ([]PoolNode, *Server) {
	s := &Server{Address: address}
	c, err := a.open(ctx, address, access)
	if err != nil {
		s.Err = err
		return nil, s
	}
	defer c.close(ctx)
	columns, rows, err := c.ask(ctx, askPool)
	var nodes []PoolNode
	if err == nil {
		nodes, err = PoolNodes(columns, rows)
	}
	if err != nil {
		s.Err = err
		return nil, s
	}
	if sample {
		a.sample(ctx, c, s)
	}
	return nodes, s
}

type session struct {
	pg       *pgconn.PgConn
	exchange *wire.Exchange
}

func (a *Asker) open(ctx context.Context, address string, access Access) (*session, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	// Everything the environment or a home directory could add is set below.
	config, err := pgconn.ParseConfig("host=localhost port=5432 user=nobody password=none dbname=postgres sslmode=disable target_session_attrs=any connect_timeout=0 min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer")
	if err != nil {
		return nil, wire.Fail("was not asked: a PG… variable of the planner's environment is in the way")
	}
	secure, err := access.TLS(host)
	if err != nil {
		return nil, err
	}
	e := a.Dialer.Exchange(wire.Limits{Timeout: a.Timeout, Bytes: maxAnswer, Dials: 1})
	config.Host, config.Port, config.TLSConfig, config.Fallbacks = host, uint16(port), secure, nil
	config.User, config.Password, config.Database = access.User, access.Password, access.Database
	if config.Database == "" {
		config.Database = "postgres"
	}
	if secure != nil && access.Fallback {
		e = a.Dialer.Exchange(wire.Limits{Timeout: a.Timeout, Bytes: maxAnswer, Dials: 2})
		config.Fallbacks = []*pgconn.FallbackConfig{{Host: host, Port: uint16(port)}}
	}
	if !access.Verified {
		config.RequireAuth = "!password" // no server that has not proved who it is gets the password itself
	}
	config.RuntimeParams = map[string]string{"application_name": "meridian-planner"}
	config.SSLNegotiation, config.KerberosSpn, config.KerberosSrvName = "", "", ""
	config.MaxProtocolMessageBodyLen = maxMessage
	config.DialFunc = e.Dial
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.OnNotice, config.OnNotification = nil, nil
	c, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		e.Close()
		return nil, err
	}
	return &session{c, e}, nil
}

// ask sends one question in the simple protocol, which poolers of every kind understand, and returns its only result.
func (s *session) ask(ctx context.Context, question string) (columns []string, rows [][]string, err error) {
	s.exchange.Renew()
	results := s.pg.Exec(ctx, question)
	for results.NextResult() {
		r := results.ResultReader()
		for _, f := range r.FieldDescriptions() {
			columns = append(columns, f.Name)
		}
		for r.NextRow() {
			if len(rows) == maxRows {
				s.exchange.Close()
				return nil, nil, wire.ErrTooMuch
			}
			values := r.Values()
			row := make([]string, len(values))
			for i, v := range values {
				row[i] = string(v)
			}
			rows = append(rows, row)
		}
	}
	if err := results.Close(); err != nil {
		return nil, nil, err
	}
	return columns, rows, nil
}

// close says good-bye within the time of one question.
func (s *session) close(ctx context.Context) {
	s.exchange.Renew()
	_ = s.pg.Close(ctx) // it may be gone already
	s.exchange.Close()
	<-s.pg.CleanupDone()
}

var errNotPostgreSQL = wire.Fail("answered with something else than PostgreSQL does")

// Explain is wire.Explain with PostgreSQL's error codes. A message of the server is never repeated.
func Explain(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		var connect *pgconn.ConnectError
		text := wire.Explain(err)
		if errors.As(err, &connect) && strings.HasPrefix(text, "failed") {
			return "could not be logged in to: it asks for a kind of log-in this configuration does not allow, refuses TLS, or is no PostgreSQL"
		}
		return text
	}
	switch e.Code {
	case "28P01", "28000":
		return "refused the user or the password, or pg_hba.conf has no line for the planner"
	case "3D000":
		return "does not have the database"
	case "53300":
		return "has no connection left (max_connections)"
	case "57P03":
		return "is starting up, shutting down or recovering"
	case "42501":
		return "does not let the user see it: grant pg_monitor"
	case "42704", "42601":
		return "does not know the question: it is another product or version"
	case "57P01", "57P02":
		return "was shut down"
	}
	if len(e.Code) == 5 && alphanumeric(e.Code) {
		return "answered with the error " + e.Code
	}
	return "answered with an error"
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'A' || s[i] > 'Z') {
			return false
		}
	}
	return true
}
