// Package zk asks ZooKeeper servers with the four-letter words srvr, mntr, conf and ruok who they are, and tells whether
// the members of an ensemble agree. It changes nothing on a server and opens no session. planner/sources/probe calls it.
package zk

import (
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// Bounds of an answer. The mntr of a ZooKeeper 3.9 with all metrics has some 60 kB.
const (
	maxAnswer = 256 << 10
	maxLines  = 20000
)

// Word is a four-letter word.
type Word string

// The words asked, each a connection of its own.
const (
	Srvr Word = "srvr"
	Mntr Word = "mntr"
	Conf Word = "conf"
	Ruok Word = "ruok"
)

// Mode is the part a server plays.
type Mode string

// Modes of a server. Any other word a server gives is not known.
const (
	Leader     Mode = "leader"
	Follower   Mode = "follower"
	Observer   Mode = "observer"
	Standalone Mode = "standalone"
)

func mode(s string) Mode {
	switch m := Mode(s); m {
	case Leader, Follower, Observer, Standalone:
		return m
	}
	return ""
}

// Srvrs is what srvr tells.
type Srvrs struct {
	Version string // "" when the answer has none that looks like a version
	Mode    Mode
	Keeper  bool // ClickHouse Keeper answered, which is not ZooKeeper
}

// Mntrs is what mntr tells. Counts are -1 when not told.
type Mntrs struct {
	Version   string
	Mode      Mode
	Followers int // of a leader; observers are none
	Synced    int // of them, those that have caught up
	Keeper    bool
}

// Member is a server of the ensemble as a configuration lists it.
type Member struct {
	ID      int
	Host    string
	Client  string // host:port for clients, "" when the configuration does not tell it
	Observe bool   // does not vote
}

// Confs is what conf tells.
type Confs struct {
	ServerID   int // 0: standalone or not told
	ClientPort int // 0: not told
	Members    []Member
}

// Voters counts the members that vote.
func (c *Confs) Voters() int {
	n := 0
	for _, m := range c.Members {
		if !m.Observe {
			n++
		}
	}
	return n
}

// Failures of an answer, as they may be shown.
var (
	errNotAllowed = wire.Fail("does not allow the word: add it to 4lw.commands.whitelist")
	errNotServing = wire.Fail("is running but not serving requests: it has no quorum")
	errNotZK      = wire.Fail("answered with something else than ZooKeeper does")
)

// refusal tells the answers every word may get.
func refusal(answer string) error {
	head := answer[:min(len(answer), 200)]
	switch {
	case strings.Contains(head, "is not executed because it is not in the whitelist"):
		return errNotAllowed
	case strings.Contains(head, "not currently serving requests"):
		return errNotServing
	}
	return nil
}

func each(answer string, f func(line string)) error {
	n := 0
	for line := range strings.Lines(answer) {
		if n++; n > maxLines {
			return wire.ErrTooMuch
		}
		f(strings.TrimRight(line, "\r\n"))
	}
	return nil
}

// ParseSrvr reads the answer to srvr.
func ParseSrvr(answer string) (Srvrs, error) {
	var s Srvrs
	if err := refusal(answer); err != nil {
		return s, err
	}
	known := 0
	err := each(answer, func(line string) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "Zookeeper version", "ClickHouse Keeper version":
			known++
			s.Version, s.Keeper = version(value)
		case "Mode":
			known++
			s.Mode = mode(value)
		}
	})
	if err != nil {
		return s, err
	}
	if known < 2 {
		return s, errNotZK
	}
	return s, nil
}

// version reads "3.8.0-5a02a05…, built on …": the release before the first dash. ClickHouse Keeper's begins with v.
func version(value string) (release string, keeper bool) {
	value, _, _ = strings.Cut(value, ",")
	value, _, _ = strings.Cut(value, " ")
	if len(value) > 1 && value[0] == 'v' {
		return "", true
	}
	// Releases such as 3.5.3-beta keep their suffix; a commit or build number after the dash goes.
	head, tail, _ := strings.Cut(value, "-")
	if suffix, _, _ := strings.Cut(tail, "-"); suffix == "alpha" || suffix == "beta" {
		head += "-" + suffix
	}
	release, _ = wire.Version(head)
	return release, false
}

// ParseMntr reads the answer to mntr: key and value separated by a tab or spaces.
func ParseMntr(answer string) (Mntrs, error) {
	m := Mntrs{Followers: -1, Synced: -1}
	if err := refusal(answer); err != nil {
		return m, err
	}
	known, learners, observers := 0, -1, 0
	err := each(answer, func(line string) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasPrefix(fields[0], "zk_") {
			return
		}
		known++
		switch fields[0] {
		case "zk_version":
			m.Version, m.Keeper = version(fields[1])
		case "zk_server_state":
			m.Mode = mode(fields[1])
		case "zk_followers":
			m.Followers = count(fields[1])
		case "zk_learners": // since 3.6, observers included
			learners = count(fields[1])
		case "zk_synced_observers":
			observers = max(count(fields[1]), 0)
		case "zk_synced_followers":
			m.Synced = count(fields[1])
		}
	})
	if err != nil {
		return m, err
	}
	if known < 2 {
		return m, errNotZK
	}
	if m.Followers < 0 && learners >= observers {
		m.Followers = learners - observers
	}
	return m, nil
}

// count reads a number that some versions write with a fraction.
func count(s string) int {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 1000 {
		return -1
	}
	return int(f)
}

// maxMembers bounds the members a configuration may list; ensembles have 3 to 7.
const maxMembers = 64

// ParseConf reads the answer to conf: key=value lines, with a line server.N=host:port:port[:role][;[host:]port] for each member.
func ParseConf(answer string) (Confs, error) {
	var c Confs
	if err := refusal(answer); err != nil {
		return c, err
	}
	known := 0
	err := each(answer, func(line string) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			return
		}
		switch {
		case key == "serverId":
			known++
			if id, err := strconv.Atoi(value); err == nil && id >= 0 && id < 1<<31 {
				c.ServerID = id
			}
		case key == "clientPort", key == "dataDir", key == "tickTime":
			known++
			if port, err := strconv.Atoi(value); err == nil && key == "clientPort" && port > 0 && port < 1<<16 {
				c.ClientPort = port
			}
		case strings.HasPrefix(key, "server."):
			if id, err := strconv.Atoi(key[len("server."):]); err == nil && id > 0 && id < 1<<31 && len(c.Members) < maxMembers {
				if m, ok := member(id, value); ok {
					c.Members = append(c.Members, m)
				}
			}
		}
	})
	if err != nil {
		return c, err
	}
	if known == 0 {
		return c, errNotZK
	}
	return c, nil
}

func member(id int, value string) (Member, bool) {
	m := Member{ID: id}
	peer, client, _ := strings.Cut(strings.TrimSpace(value), ";")
	// Several quorum addresses of one server are separated by a bar; the first names it.
	peer, more, _ := strings.Cut(peer, "|")
	m.Observe = strings.HasSuffix(peer, ":observer") || strings.HasSuffix(more, ":observer")
	address, err := wire.Address(peer, 2888)
	if err != nil {
		return m, false
	}
	m.Host = wire.Host(address)
	if client != "" {
		host, port := "", client
		if i := strings.LastIndexByte(client, ':'); i >= 0 {
			host, port = client[:i], client[i+1:]
		}
		// A client address of 0.0.0.0 is every one of the host.
		host = strings.Trim(host, "[]")
		if host == "" || host == "0.0.0.0" || host == "::" || host == "0:0:0:0:0:0:0:0" {
			host = m.Host
		}
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if address, err := wire.Address(host+":"+port, 0); err == nil {
			m.Client = address
		}
	}
	return m, true
}
