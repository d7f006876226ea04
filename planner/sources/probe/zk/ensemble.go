package zk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// Server is what one address answered.
type Server struct {
	Address string
	Err     error // nothing was learned: refused, silent, not ZooKeeper
	Srvr    *Srvrs
	Mntr    *Mntrs
	Conf    *Confs
	OK      bool     // answered ruok with imok
	Missing []string // what could not be learned, each a continuation of "host:port …"
}

// Serving reports whether the server takes part in an ensemble, or stands alone.
func (s *Server) Serving() bool { return s.Mode() != "" }

// Mode is the server's part as srvr, or else mntr, tells it.
func (s *Server) Mode() Mode {
	if s.Srvr != nil && s.Srvr.Mode != "" {
		return s.Srvr.Mode
	}
	if s.Mntr != nil {
		return s.Mntr.Mode
	}
	return ""
}

// Version is the server's release, "" when not told.
func (s *Server) Version() string {
	if s.Srvr != nil && s.Srvr.Version != "" {
		return s.Srvr.Version
	}
	if s.Mntr != nil {
		return s.Mntr.Version
	}
	return ""
}

// Asker asks servers.
type Asker struct {
	Dialer  *wire.Dialer
	Timeout time.Duration                          // for one word
	TLS     func(host string) (*tls.Config, error) // nil, or a nil configuration, speaks without
}

// Ask puts the words to one server, each on a connection of its own. It stops at the first word that finds nobody, so that
// a dead server costs one timeout.
func (a *Asker) Ask(ctx context.Context, address string) *Server {
	s := &Server{Address: address}
	allowed := 0
	for _, word := range []Word{Srvr, Mntr, Conf, Ruok} {
		answer, err := a.word(ctx, address, word)
		if err == nil {
			err = s.take(word, answer)
		}
		if err == nil {
			allowed++
			continue
		}
		if !errors.Is(err, errNotAllowed) && !errors.Is(err, errNotServing) && (allowed == 0 || ctx.Err() != nil) {
			s.Err = err
			return s
		}
		s.Missing = append(s.Missing, string(word)+" "+wire.Explain(err))
	}
	return s
}

func (s *Server) take(word Word, answer string) error {
	switch word {
	case Srvr:
		v, err := ParseSrvr(answer)
		if err == nil {
			s.Srvr = &v
		}
		return err
	case Mntr:
		v, err := ParseMntr(answer)
		if err == nil {
			s.Mntr = &v
		}
		return err
	case Conf:
		v, err := ParseConf(answer)
		if err == nil {
			s.Conf = &v
		}
		return err
	}
	if err := refusal(answer); err != nil {
		return err
	}
	if strings.TrimSpace(answer) != "imok" {
		return errNotZK
	}
	s.OK = true
	return nil
}

func (a *Asker) word(ctx context.Context, address string, word Word) (string, error) {
	e := a.Dialer.Exchange(wire.Limits{Timeout: a.Timeout, Bytes: maxAnswer, Dials: 1})
	defer e.Close()
	var c net.Conn
	c, err := e.Dial(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	if a.TLS != nil {
		config, err := a.TLS(wire.Host(address))
		if err != nil {
			return "", err
		}
		if config != nil {
			secure := tls.Client(c, config)
			if err := secure.HandshakeContext(ctx); err != nil {
				return "", err
			}
			c = secure
		}
	}
	if _, err := io.WriteString(c, string(word)); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return "", err
	}
	if len(answer) == 0 {
		return "", io.ErrUnexpectedEOF
	}
	return string(answer), nil
}

// Ensemble is what all servers of one ensemble together tell.
type Ensemble struct {
	Servers  []*Server // in the order of the addresses
	Answered int       // servers that serve
	Size     int       // servers of the ensemble, observers included: by its configuration, or else the addresses given
	Known    bool      // Size comes from the configuration of all servers that told one, and they agree
	Members  []Member  // when Known
	Leader   string    // address, "" when there is not exactly one
	Version  string    // "" when not told or not one
	Problems []string  // what is missing or does not agree, as it may be shown
}

// Judge puts the answers together.
func Judge(servers []*Server) *Ensemble {
	e := &Ensemble{Servers: servers, Size: len(servers)}
	for _, s := range servers {
		switch {
		case s.Err != nil:
			e.problem("%s %s", s.Address, wire.Explain(s.Err))
		case s.Serving():
			e.Answered++
		}
		for _, m := range s.Missing {
			e.problem("%s: %s", s.Address, m)
		}
		if s.Err == nil && (s.Srvr != nil && s.Srvr.Keeper || s.Mntr != nil && s.Mntr.Keeper) {
			e.problem("%s is ClickHouse Keeper and no ZooKeeper", s.Address)
		}
	}
	e.membership()
	e.leadership()
	e.agreement()
	return e
}

func (e *Ensemble) problem(format string, args ...any) {
	e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
}

// serving are the servers that take part.
func (e *Ensemble) serving() []*Server {
	var out []*Server
	for _, s := range e.Servers {
		if s.Serving() {
			out = append(out, s)
		}
	}
	return out
}

func (e *Ensemble) membership() {
	var told *Server
	for _, s := range e.serving() {
		if s.Conf == nil || s.Mode() == Standalone {
			continue
		}
		if told == nil {
			told = s
			continue
		}
		if !slices.EqualFunc(told.Conf.Members, s.Conf.Members, func(a, b Member) bool { return a.ID == b.ID && a.Observe == b.Observe }) {
			e.problem("%s and %s list different members", told.Address, s.Address)
			return
		}
	}
	if told == nil || len(told.Conf.Members) == 0 {
		return
	}
	e.Known, e.Members, e.Size = true, slices.Clone(told.Conf.Members), len(told.Conf.Members)
	seen := map[int]string{}
	for _, s := range e.serving() {
		if s.Conf == nil || s.Conf.ServerID == 0 {
			continue
		}
		if other, twice := seen[s.Conf.ServerID]; twice {
			e.problem("%s and %s are one server under two addresses, or have one id", other, s.Address)
		}
		seen[s.Conf.ServerID] = s.Address
	}
	if e.Size > len(e.Servers) {
		e.problem("the ensemble has %d members, %d addresses are known", e.Size, len(e.Servers))
	}
}

func (e *Ensemble) leadership() {
	var leaders, alone []string
	followers := 0
	for _, s := range e.serving() {
		switch s.Mode() {
		case Leader:
			leaders = append(leaders, s.Address)
		case Standalone:
			alone = append(alone, s.Address)
		case Follower:
			followers++
		}
	}
	switch {
	case len(leaders) == 1:
		e.Leader = leaders[0]
	case len(leaders) > 1:
		e.problem("several servers say they lead: %s", strings.Join(leaders, ", "))
	case followers > 0:
		e.problem("%d followers answer and no leader", followers)
	}
	if len(alone) > 0 && len(e.Servers) > 1 {
		e.problem("no member of an ensemble, each by itself: %s", strings.Join(alone, ", "))
	}
}

func (e *Ensemble) agreement() {
	var versions []string
	followers := 0
	for _, s := range e.serving() {
		if v := s.Version(); v != "" && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
		if s.Mode() == Follower {
			followers++
		}
	}
	for _, s := range e.serving() {
		if s.Mode() != Leader || s.Mntr == nil || s.Mntr.Followers < 0 {
			continue
		}
		if s.Mntr.Synced >= 0 && s.Mntr.Synced < s.Mntr.Followers {
			e.problem("%d of %d followers have caught up with the leader", s.Mntr.Synced, s.Mntr.Followers)
		}
		if s.Mntr.Followers < followers {
			e.problem("the leader %s has %d followers, %d say they follow: some follow another", s.Address, s.Mntr.Followers, followers)
		}
	}
	if len(versions) == 1 {
		e.Version = versions[0]
	}
	if len(versions) > 1 {
		slices.Sort(versions)
		e.problem("the members run different versions: %s", strings.Join(versions, ", "))
	}
}
