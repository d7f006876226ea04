//go:build linux && (amd64 || arm64) && !nochdb

package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/federation/history/historytest"
)

const parentEnv = "EMBEDDED_TEST_PARENT"

func TestMain(m *testing.M) {
	embedded.Main()
	if dir := os.Getenv(parentEnv); dir != "" {
		parent(dir)
	}
	goleak.VerifyTestMain(m)
}

// parent is a process that starts a server, tells its DSN and the child's pid, and waits to be killed.
func parent(dir string) {
	server, err := embedded.Start(context.Background(), embedded.Options{Dir: dir, Library: os.Getenv(embedded.LibraryEnv)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(server.DSN(), server.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

func open(t *testing.T, dsn string) clickhouse.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	options.DialTimeout = time.Second
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func exec1(t *testing.T, conn clickhouse.Conn, statement string) {
	t.Helper()
	if err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(ctx context.Context, conn clickhouse.Conn) (n uint64, err error) {
	err = conn.QueryRow(ctx, "SELECT count() FROM t").Scan(&n)
	return n, err
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// gone reports whether a process has ended; a zombie that nobody waited for has.
func gone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}

func TestServes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "click & house")
	options := embedded.Options{Dir: dir, Library: historytest.Library(t)}
	server, err := embedded.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	conn := open(t, server.DSN())

	t.Run("files are private", func(t *testing.T) {
		for path, want := range map[string]os.FileMode{
			"": os.ModeDir | 0o700, "users.xml": 0o600, "config.xml": 0o600, "output.log": 0o600, "lock": 0o600,
		} {
			info, err := os.Stat(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != want {
				t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
			}
		}
		if strings.Contains(string(must(os.ReadFile(filepath.Join(dir, "users.xml")))), passwordOf(t, server)) {
			t.Error("the password itself is in users.xml")
		}
	})
	t.Run("a second start on the folder is refused", func(t *testing.T) {
		_, err := embedded.Start(t.Context(), options)
		if !errors.Is(err, embedded.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("strangers are refused", func(t *testing.T) {
		for _, login := range []string{"fed:wrong", "fed:", "default:", "default:" + passwordOf(t, server), "admin:x"} {
			stranger := open(t, "clickhouse://"+login+"@"+server.Addr()+"/meridian")
			var exception *clickhouse.Exception
			if err := stranger.Ping(t.Context()); !errors.As(err, &exception) {
				t.Errorf("%s: got %v, want a refusal", login, err)
			}
		}
	})
	t.Run("broken connections do not end the server", func(t *testing.T) {
		for _, garbage := range []string{"", "\x00", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00", strings.Repeat("\xff", 4096)} {
			c, err := net.Dial("tcp", server.Addr())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, garbage); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_ = conn.Exec(ctx, "SELECT sleep(0.5)") // Cancelled on purpose.
			cancel()
		}
		if err := conn.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if server.Restarts() != 0 {
			t.Errorf("%d restarts", server.Restarts())
		}
	})
	t.Run("clock is UTC", func(t *testing.T) {
		var zone string
		if err := conn.QueryRow(t.Context(), "SELECT timezone()").Scan(&zone); err != nil || zone != "UTC" {
			t.Errorf("got %q, %v", zone, err)
		}
	})

	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	pid := server.PID()
	if err := server.Err(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
	<-server.Done()
	if !gone(pid) {
		t.Error("the child is still there after Close")
	}
	if err := server.Err(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Err after Close: %v", err)
	}
}

func passwordOf(t *testing.T, server *embedded.Server) string {
	t.Helper()
	options, err := clickhouse.ParseDSN(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	return options.Auth.Password
}

func TestKilledChildComesBackWithData(t *testing.T) {
	server := historytest.Server(t)
	conn := open(t, server.DSN())
	exec1(t, conn, "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
	exec1(t, conn, "INSERT INTO t SELECT number FROM numbers(1000)")
	for round := 1; round <= 2; round++ {
		if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the pool reads again", func() bool {
			n, err := count(t.Context(), conn)
			return err == nil && n == 1000 && server.Restarts() == round
		})
		if err := server.Err(); err != nil {
			t.Errorf("Err after the restart: %v", err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestChildEndsWithItsParent(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), parentEnv+"="+dir, embedded.LibraryEnv+"="+historytest.Library(t))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dsn, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(rest)
	if err != nil {
		t.Fatal(err)
	}
	conn := open(t, dsn)
	exec1(t, conn, "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
	exec1(t, conn, "INSERT INTO t SELECT number FROM numbers(10)")
	if _, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Library: historytest.Library(t)}); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("start on the folder of another process: %v", err)
	}
	if gone(pid) {
		t.Fatal("the child is not there although its parent is")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the parent was not killed")
	}
	_ = stdin.Close()
	// The connection is still open here, so the child may take its time; a start at once has to wait for it.
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Library: historytest.Library(t)})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child of the dead parent is gone", func() bool { return gone(pid) })
	again := open(t, server.DSN())
	if n, err := count(t.Context(), again); err != nil || n != 10 {
		t.Errorf("after the parent was killed: %d rows, %v", n, err)
	}
	if err := errors.Join(again.Close(), server.Close()); err != nil {
		t.Error(err)
	}
}

// beginning is a copy of a file's first megabyte.
func beginning(t *testing.T, path string) string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "beginning.so"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(out, in, 1<<20)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

func TestStartFails(t *testing.T) {
	library := historytest.Library(t)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	taken := listener.Addr().(*net.TCPAddr).Port
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	cases := []struct {
		name    string
		ctx     context.Context
		options embedded.Options
		want    string
	}{
		{"no folder", t.Context(), embedded.Options{Library: library}, "Dir is empty"},
		{"folder is a file", t.Context(), embedded.Options{Dir: write(t, filepath.Join(t.TempDir(), "f"), 0o600), Library: library}, "folder"},
		{"no library", t.Context(), embedded.Options{Dir: t.TempDir(), Library: "/nonexistent.so"}, "npm ci"},
		{"not a library", t.Context(), embedded.Options{Dir: t.TempDir(), Library: write(t, filepath.Join(t.TempDir(), "l.so"), 0o600)}, "l.so"},
		{"cut short", t.Context(), embedded.Options{Dir: t.TempDir(), Library: beginning(t, library)}, "npm ci"},
		{"port taken", t.Context(), embedded.Options{Dir: t.TempDir(), Library: library, Port: taken, StartTimeout: 700 * time.Millisecond}, "not ready"},
		{"caller gives up", ended, embedded.Options{Dir: t.TempDir(), Library: library}, "context canceled"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server, err := embedded.Start(c.ctx, c.options)
			if err == nil {
				_ = server.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to contain %q", err, c.want)
			}
			if c.options.Dir == "" {
				return
			}
			// Nothing is left that holds the folder: a start with what is right succeeds.
			if _, err := os.Stat(filepath.Join(c.options.Dir, "lock")); err == nil {
				server, err := embedded.Start(t.Context(), embedded.Options{Dir: c.options.Dir, Library: library})
				if err != nil {
					t.Fatal(err)
				}
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
