package zk

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	srvrLeader = "Zookeeper version: 3.9.2-e454e8c7283100c7caec6dcae2bc82aaecb63023, built on 2024-02-12 20:59 UTC\nLatency min/avg/max: 0/0.5/12\nReceived: 9\nMode: leader\nNode count: 7\n"
	mntrLeader = "zk_version\t3.9.2-e454, built on x\nzk_server_state\tleader\nzk_learners\t3\nzk_synced_observers\t1\nzk_synced_followers\t2.0\nbroken\n"
	conf       = "clientPort=2181\ndataDir=/d\nserverId=%d\nmembership: \nserver.1=zk1:2888:3888:participant;0.0.0.0:2181\nserver.2=zk2:2888:3888:participant;[::]:2182\nserver.3=[2001:db8::3]:2888:3888|10.0.0.3:2888:3888:observer;2183\nserver.x=y\nserver.4=\nversion=0\n"
)

func TestParse(t *testing.T) {
	s, err := ParseSrvr(srvrLeader)
	if err != nil || s.Version != "3.9.2" || s.Mode != Leader {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = ParseSrvr("Zookeeper version: 3.5.3-beta-8ce24f9e, built on x\nMode: observer\n"); err != nil || s.Version != "3.5.3-beta" || s.Mode != Observer {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = ParseSrvr("Zookeeper version: 3.8.0-${mvngit.commit.id}, built\nMode: chief\n"); err != nil || s.Version != "3.8.0" || s.Mode != "" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = ParseSrvr("ClickHouse Keeper version: v26.1.2-stable\nMode: leader\n"); err != nil || !s.Keeper || s.Version != "" {
		t.Errorf("%+v, %v", s, err)
	}
	m, err := ParseMntr(mntrLeader)
	if err != nil || m.Version != "3.9.2" || m.Mode != Leader || m.Followers != 2 || m.Synced != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err = ParseMntr("zk_version 3.4.9-1 x\nzk_server_state follower\nzk_followers -7\nzk_synced_followers many\n"); err != nil || m.Followers != -1 || m.Synced != -1 || m.Mode != Follower {
		t.Errorf("%+v, %v", m, err)
	}
	c, err := ParseConf(fmt.Sprintf(conf, 2))
	if err != nil || c.ServerID != 2 || c.ClientPort != 2181 || len(c.Members) != 3 || c.Voters() != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	for i, want := range []Member{{1, "zk1", "zk1:2181", false}, {2, "zk2", "zk2:2182", false}, {3, "2001:db8::3", "[2001:db8::3]:2183", true}} {
		if c.Members[i] != want {
			t.Errorf("%+v, want %+v", c.Members[i], want)
		}
	}
	for answer, want := range map[string]error{
		"srvr is not executed because it is not in the whitelist.\n":  errNotAllowed,
		"This ZooKeeper instance is not currently serving requests\n": errNotServing,
		"HTTP/1.1 400 Bad Request\r\n\r\n":                            errNotZK,
		"":                                                            errNotZK,
		strings.Repeat("a:b\n", maxLines+1) + "Zookeeper version: 3.8.0-1\n": wire.ErrTooMuch,
	} {
		if _, err := ParseSrvr(answer); err != want { //nolint:errorlint // the very values are promised
			t.Errorf("%.40q: %v", answer, err)
		}
		if len(answer) < 100 && want != wire.ErrTooMuch { //nolint:errorlint // as above
			if _, err := ParseMntr(answer); err == nil {
				t.Errorf("mntr takes %q", answer)
			}
			if _, err := ParseConf(answer); err == nil {
				t.Errorf("conf takes %q", answer)
			}
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{srvrLeader, mntrLeader, conf, "server.1=[::1]:1:2;[::1]:3", "server.1=a|b|c;d;e", "Mode:leader\nZookeeper version:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		if s, err := ParseSrvr(answer); err == nil && s.Version != "" {
			if _, ok := wire.Version(s.Version); !ok {
				t.Errorf("version %q", s.Version)
			}
		}
		if m, err := ParseMntr(answer); err == nil && (m.Followers > 1000 || m.Synced > 1000 || mode(string(m.Mode)) != m.Mode) {
			t.Errorf("%+v", m)
		}
		c, err := ParseConf(answer)
		if err != nil {
			return
		}
		if len(c.Members) > maxMembers || c.Voters() > len(c.Members) {
			t.Errorf("%d members", len(c.Members))
		}
		for _, m := range c.Members {
			if !wire.ValidHost(m.Host) {
				t.Errorf("host %q", m.Host)
			}
			if m.Client != "" {
				if a, err := wire.Address(m.Client, 0); err != nil || a != m.Client {
					t.Errorf("client %q", m.Client)
				}
			}
		}
	})
}

// fake answers words with the texts given; what has none hangs until the other side leaves.
func fake(t *testing.T, answers map[Word]string) (string, *atomic.Int64) {
	t.Helper()
	return sourcetest.Serve(t, func(c net.Conn) {
		word := make([]byte, 4)
		if _, err := io.ReadFull(c, word); err != nil {
			return
		}
		if answer, ok := answers[Word(word)]; ok {
			_, _ = io.WriteString(c, answer)
			return
		}
		sourcetest.Silent(c)
	})
}

func member1(id int, srvr, mntr string) map[Word]string {
	return map[Word]string{Srvr: srvr, Mntr: mntr, Conf: fmt.Sprintf(conf, id), Ruok: "imok"}
}

func follower(version string) (srvr, mntr string) {
	return "Zookeeper version: " + version + ", built on x\nMode: follower\n", "zk_version\t" + version + "\nzk_server_state\tfollower\n"
}

func TestAskAndJudge(t *testing.T) {
	asker := &Asker{Dialer: wire.NewDialer(1), Timeout: 300 * time.Millisecond}
	ask := func(members ...map[Word]string) *Ensemble {
		var servers []*Server
		for _, m := range members {
			address, n := fake(t, m)
			servers = append(servers, asker.Ask(context.Background(), address))
			if n.Load() > 4 {
				t.Errorf("%d connections to one server", n.Load())
			}
		}
		return Judge(servers)
	}
	sf, mf := follower("3.9.2-e454")
	so, mo := follower("3.8.4-1")
	leader := member1(1, srvrLeader, mntrLeader)
	for name, c := range map[string]struct {
		members  []map[Word]string
		answered int
		leader   bool
		problems []string // each is part of one problem; as many as there are
	}{
		"all well": {[]map[Word]string{leader, member1(2, sf, mf), member1(3, strings.Replace(sf, "follower", "observer", 1), strings.Replace(mf, "follower", "observer", 1))}, 3, true, nil},
		"one is silent": {
			[]map[Word]string{leader, member1(2, sf, mf), {}},
			2, true,
			[]string{"did not answer in time"},
		},
		"garbage":         {[]map[Word]string{leader, member1(2, sf, mf), {Srvr: "SSH-2.0-OpenSSH_9.2\r\n"}}, 2, true, []string{"something else than ZooKeeper"}},
		"hangs up":        {[]map[Word]string{leader, member1(2, sf, mf), {Srvr: ""}}, 2, true, []string{"closed the connection"}},
		"huge":            {[]map[Word]string{leader, member1(2, sf, mf), {Srvr: strings.Repeat("x", maxAnswer+1)}}, 2, true, []string{"more than the limit"}},
		"other versions":  {[]map[Word]string{leader, member1(2, so, mo), member1(3, sf, mf)}, 3, true, []string{"different versions: 3.8.4, 3.9.2"}},
		"two leaders":     {[]map[Word]string{leader, member1(2, srvrLeader, mntrLeader), member1(3, sf, mf)}, 3, false, []string{"several servers say they lead"}},
		"no leader":       {[]map[Word]string{member1(1, sf, mf), member1(2, sf, mf), member1(3, sf, mf)}, 3, false, []string{"3 followers answer and no leader"}},
		"one twice":       {[]map[Word]string{leader, member1(2, sf, mf), member1(2, sf, mf)}, 3, true, []string{"one server under two addresses"}},
		"unknown address": {[]map[Word]string{leader, member1(2, sf, mf)}, 2, true, []string{"the ensemble has 3 members, 2 addresses are known"}},
		"other members": {
			[]map[Word]string{leader, {Srvr: sf, Mntr: mf, Ruok: "imok", Conf: "clientPort=1\nserverId=2\nserver.2=a:1:2\n"}},
			2, true,
			[]string{"list different members"},
		},
		"behind": {
			[]map[Word]string{member1(1, srvrLeader, strings.Replace(mntrLeader, "followers\t2.0", "followers\t1", 1)), member1(2, sf, mf), member1(3, sf, mf)},
			3, true,
			[]string{"1 of 2 followers have caught up"},
		},
		"another leader's follower": {
			[]map[Word]string{member1(1, srvrLeader, "zk_server_state\tleader\nzk_followers\t1\n"), member1(2, sf, mf), member1(3, sf, mf)},
			3, true,
			[]string{"some follow another"},
		},
		"each alone": {
			[]map[Word]string{member1(0, "Zookeeper version: 3.9.2-1\nMode: standalone\n", "zk_a 1\nzk_b 2\n"), member1(0, "Zookeeper version: 3.9.2-1\nMode: standalone\n", "zk_a 1\nzk_b 2\n")},
			2, false,
			[]string{"each by itself"},
		},
		"words forbidden": {
			[]map[Word]string{{Srvr: "srvr is not executed because it is not in the whitelist.", Mntr: "mntr is not executed because it is not in the whitelist.", Conf: "conf is not executed because it is not in the whitelist.", Ruok: "no"}},
			0, false,
			[]string{"srvr does not allow", "mntr does not allow", "conf does not allow", "something else"},
		},
		"no quorum": {[]map[Word]string{{Srvr: "This ZooKeeper instance is not currently serving requests", Mntr: "This ZooKeeper instance is not currently serving requests", Conf: fmt.Sprintf(conf, 1), Ruok: "imok"}}, 0, false, []string{"no quorum", "no quorum"}},
		"keeper":    {[]map[Word]string{{Srvr: "ClickHouse Keeper version: v1.2\nMode: leader\n", Mntr: "zk_version\tv1.2\nzk_server_state\tleader\n", Conf: "x", Ruok: "imok"}}, 1, true, []string{"conf answered with something else", "is ClickHouse Keeper"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := ask(c.members...)
			if e.Answered != c.answered || (e.Leader != "") != c.leader || len(e.Problems) != len(c.problems) {
				t.Errorf("%d answered, leader %q, problems %q", e.Answered, e.Leader, e.Problems)
			}
			for _, want := range c.problems {
				if !strings.Contains(strings.Join(e.Problems, "\n"), want) {
					t.Errorf("%q is not in %q", want, e.Problems)
				}
			}
		})
	}
}

func TestADeadServerCostsOneTimeout(t *testing.T) {
	address, n := fake(t, nil)
	s := (&Asker{Dialer: wire.NewDialer(1), Timeout: 100 * time.Millisecond}).Ask(context.Background(), address)
	if s.Err == nil || n.Load() != 1 || s.Serving() || s.Version() != "" {
		t.Errorf("%d connections, %+v", n.Load(), s)
	}
}
