//go:build linux

// Package probetest starts real servers on loopback for the tests of the probes and of the planner: a ZooKeeper ensemble, a
// PostgreSQL primary with its standby, pgpool-II, and a proxy that delays. The programs are Debian's packages, which
// deployments/tools/servers installs. Everything it starts ends with the test that started it.
package probetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long anything real may take on a slow machine.
const Patience = time.Minute

// Need skips a test, or fails it in CI, where a program is not installed.
func Need(t *testing.T, patterns ...string) string {
	t.Helper()
	for _, p := range patterns {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
		if found, _ := filepath.Glob(p); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	text := fmt.Sprintf("%s is not installed: run deployments/tools/servers", patterns[0])
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

// Loopback returns an address of 127/8 that hardly anybody else uses, so that a port found free on it stays free.
func Loopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 2+rand.IntN(250))
}

// FreePort returns a port that nobody listens on.
func FreePort(t *testing.T, host string) int {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// At joins a host and a port.
func At(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// Process is a child of the test, ended by its own id.
type Process struct {
	t      *testing.T
	Name   string
	cmd    *exec.Cmd
	Output *output // what it said last
	done   chan struct{}
	end    syscall.Signal // asks it to end and to take its children along
}

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b.Len() > 1<<20 {
		o.b.Reset()
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.b.String()
	return s[max(0, len(s)-3000):]
}

// credentials of the user a server runs as: PostgreSQL and pgpool-II refuse root.
func credentials(t *testing.T) (uid, gid int, drop bool) {
	t.Helper()
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid(), false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("the package postgresql makes a user postgres: %v", err)
	}
	uid, errU := strconv.Atoi(u.Uid)
	gid, errG := strconv.Atoi(u.Gid)
	if err := errors.Join(errU, errG); err != nil {
		t.Fatal(err)
	}
	return uid, gid, true
}

// Folder is a temporary folder that the servers' user owns.
func Folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "probe-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the servers' folder stays behind: %v", err)
		}
	})
	return dir
}

// Own gives files to the servers' user.
func Own(t *testing.T, paths ...string) {
	t.Helper()
	if uid, gid, drop := credentials(t); drop {
		for _, p := range paths {
			if err := os.Chown(p, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Write writes a file, with the folders around it.
func Write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func command(t *testing.T, asServer bool, dir string, env []string, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C", "HOME=" + dir}, env...)
	// The test may be killed; its children must not outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if uid, gid, drop := credentials(t); drop && asServer {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return cmd
}

// finish runs a program to its end.
func finish(t *testing.T, dir string, env []string, path string, args ...string) {
	t.Helper()
	out, err := command(t, true, dir, env, path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(path), err, out)
	}
}

// Start starts a server that ends with the test.
func Start(t *testing.T, end syscall.Signal, asServer bool, dir, path string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, end: end, Name: filepath.Base(path), Output: &output{}, done: make(chan struct{})}
	p.cmd = command(t, asServer, dir, nil, path, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.Output, p.Output
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the servers are killed, which Wait reports as an error
	}()
	t.Cleanup(func() {
		p.Stop(p.end)
		// Children that outlive their parent are in its group, which this test made.
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s said at last:\n%s", p.Name, p.Output)
		}
	})
	return p
}

// Stop sends a signal and waits for the end, with SIGKILL after a while.
func (p *Process) Stop(s syscall.Signal) {
	p.t.Helper()
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Signal(s) // it may have ended just now
	select {
	case <-p.done:
	case <-time.After(Patience / 2):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Ended reports whether it has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Until polls until it gives no error.
func Until(t *testing.T, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
