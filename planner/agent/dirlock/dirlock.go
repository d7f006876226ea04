// Package dirlock keeps two processes out of one directory. The lock belongs to the open file, so it ends with the
// process however that dies; the file itself stays. planner/agent guards its state directory with it, api/bus/embedded
// its store.
package dirlock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrHeld is returned when another process, or another part of this one, holds the lock.
var ErrHeld = errors.New("the directory is in use")

// fileName is the name of the lock file within the directory.
const fileName = "lock"

// Lock is a held lock.
type Lock struct{ file *os.File }

// Acquire locks an existing directory or fails at once with ErrHeld, naming the process that holds it where that is known.
func Acquire(dir string) (*Lock, error) {
	path := filepath.Join(dir, fileName)
	f, err := open(path)
	if errors.Is(err, ErrHeld) {
		if pid := holder(path); pid != "" {
			return nil, fmt.Errorf("lock %s: %w by process %s", dir, ErrHeld, pid)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, ErrHeld)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := mark(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return &Lock{file: f}, nil
}

// Release gives the directory free. The lock must not be used afterwards.
func (l *Lock) Release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("release the lock: %w", err)
	}
	return nil
}

// mark writes the process id for the message another process will show.
func mark(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return ""
	}
	pid := strings.TrimSpace(string(b))
	if _, err := strconv.Atoi(pid); err != nil {
		return ""
	}
	return pid
}
