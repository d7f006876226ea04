//go:build linux && (amd64 || arm64) && !nochdb

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

const supported = true

// process is one child and the write end of the pipe that keeps it alive.
type process struct {
	cmd    *exec.Cmd
	alive  io.WriteCloser
	output string
	exited chan struct{}
	err    error // of Wait; readable once exited is closed
}

// spawn starts this executable again as the child that becomes ClickHouse. lock is inherited, so that the folder stays
// locked until the child of a dead parent is gone too.
func spawn(dir, library string, lock *os.File) (*process, error) {
	p := &process{output: filepath.Join(dir, outputFile), exited: make(chan struct{})}
	out, err := os.OpenFile(p.output, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the output of ClickHouse: %w", err)
	}
	defer func() { _ = out.Close() }()                            // The child has its own copy.
	cmd := exec.Command("/proc/self/exe", childArgument, library, //nolint:noctx // The child outlives the context of Start; process.end stops it.
		"--config-file="+filepath.Join(dir, configFile), "--path="+filepath.Join(dir, dataDir), "--query", "SYSTEM START LISTEN TCP")
	cmd.Args[0] = "meridian-clickhouse"
	cmd.Dir = dir
	// asyncpreemptoff: Go's preemption signal must not interrupt the foreign code.
	cmd.Env = []string{"HOME=" + dir, "TERM=dumb", "TZ=UTC", "LANG=C.UTF-8", "PATH=/usr/bin:/bin", "GODEBUG=asyncpreemptoff=1"}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // An interrupt at the terminal is for the parent, which then stops the child.
	if p.alive, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	p.cmd = cmd
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// state describes the end of an exited child. ClickHouse's exit code is 0 even after errors.
func (p *process) state() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}

// end closes the pipe, waits for the child and kills it when it takes longer than grace. It reports whether it killed.
func (p *process) end(grace time.Duration) (killed bool) {
	_ = p.alive.Close() // The pipe carries no data; a second close is harmless.
	if grace > 0 {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.exited:
			return false
		case <-timer.C:
		}
	}
	err := p.cmd.Process.Kill()
	<-p.exited
	return err == nil
}

// tail returns the end of what the child printed, for errors, with a leading ": " when there is any.
func (p *process) tail() string {
	const most = 2000
	data, err := os.ReadFile(p.output)
	if err != nil {
		return ""
	}
	if len(data) > most {
		data = data[len(data)-most:]
	}
	text := strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, string(data)))
	if text == "" {
		return ""
	}
	return ": " + text
}

// lockDir takes the folder's lock. When its holder is dead the child of that holder is about to end, which is waited for.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the ClickHouse folder: %w", err)
	}
	deadline := time.Now().Add(2 * stopTimeout)
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		pid, alive := holder(f)
		if !errors.Is(err, unix.EWOULDBLOCK) || alive || time.Now().After(deadline) || !pause(ctx, 20*time.Millisecond) {
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = fmt.Errorf("%w (process %d): stop it first, or choose another folder", ErrInUse, pid)
			}
			return nil, errors.Join(fmt.Errorf("lock the ClickHouse folder %s: %w", dir, err), f.Close())
		}
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the ClickHouse folder: %w", err), f.Close())
	}
	return f, nil
}

func holder(f *os.File) (pid int, alive bool) {
	buffer := make([]byte, 16)
	n, err := f.ReadAt(buffer, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false
	}
	if pid, err = strconv.Atoi(string(buffer[:n])); err != nil {
		return 0, false
	}
	err = unix.Kill(pid, 0)
	return pid, err == nil || errors.Is(err, unix.EPERM)
}

func trusted(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid()) && info.Mode().Perm()&0o002 == 0
}
