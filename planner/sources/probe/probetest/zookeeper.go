//go:build linux

package probetest

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Ensemble is three ZooKeeper servers.
type Ensemble struct {
	Nodes   []*Process
	Address map[string]string // by name
}

// StartEnsemble starts three ZooKeeper servers zk1, zk2, zk3.
func StartEnsemble(t *testing.T) *Ensemble {
	t.Helper()
	java := Need(t, "java")
	jar := Need(t, "/usr/share/java/zookeeper.jar")
	host, dir := Loopback(), Folder(t)
	e := &Ensemble{Address: map[string]string{}}
	var members strings.Builder
	ports := make([]int, 3)
	for i := range ports {
		ports[i] = FreePort(t, host)
		fmt.Fprintf(&members, "server.%d=%s:%d:%d:participant;%s:%d\n", i+1, host, FreePort(t, host), FreePort(t, host), host, ports[i])
	}
	for i := range ports {
		name := fmt.Sprintf("zk%d", i+1)
		data := filepath.Join(dir, name)
		Write(t, filepath.Join(data, "myid"), fmt.Sprint(i+1))
		words := "srvr,mntr,conf,ruok"
		if i == 2 {
			words = "srvr,mntr,conf" // one that does not allow a word
		}
		cfg := Write(t, filepath.Join(dir, name+".cfg"), fmt.Sprintf("tickTime=500\ninitLimit=20\nsyncLimit=10\ndataDir=%s\nadmin.enableServer=false\n4lw.commands.whitelist=%s\n%s", data, words, members.String()))
		e.Nodes = append(e.Nodes, Start(t, syscall.SIGKILL, false, dir, java, "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", cfg))
		e.Address[name] = At(host, ports[i])
	}
	return e
}
