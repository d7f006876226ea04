//go:build linux && (amd64 || arm64) && !nochdb

package embedded

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// childArgument is the hidden first argument of the child.
const childArgument = "clickhouse-child"

// Main turns the process into the ClickHouse child when it was started as one, and never returns then. Otherwise it does
// nothing. Call it first in main and in TestMain, before flags are parsed.
func Main() {
	if len(os.Args) < 3 || os.Args[1] != childArgument {
		return
	}
	if err := child(os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "ClickHouse child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child runs clickhouse-local out of the library until its terminal is closed.
func child(library string, args []string) error {
	runtime.LockOSThread()
	// Only the parent's end of the pipe stops the child, so that the parent can close its connections first.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	if err := terminal(); err != nil {
		return err
	}
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load %s: %w", library, err)
	}
	function, err := purego.Dlsym(handle, "chdb_query_cmdline")
	if err != nil {
		return fmt.Errorf("%s is not the expected library: %w", library, err)
	}
	var run func(argc int32, argv **byte) uintptr
	purego.RegisterFunc(&run, function)
	var argv []*byte
	for _, a := range append([]string{"clickhouse-local", "--interactive"}, args...) {
		argv = append(argv, cString(a))
	}
	argv = append(argv, nil)
	run(int32(len(argv)-1), &argv[0]) // The result says nothing, even after errors; their text is on stderr.
	return nil
}

// terminal makes file descriptor 0 a pseudo terminal that is closed once the parent is gone.
//
// With anything but a terminal on descriptor 0, clickhouse-local ends the whole process on the first exception in a
// connection handler: a port scan or a query cancelled by its client would do (ClickHouse issue 115666, fixed after
// 26.7). With --interactive and a terminal it stays at its prompt instead and serves.
func terminal() error {
	pipe, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return fmt.Errorf("keep the parent's pipe: %w", err)
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open a pseudo terminal: %w", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock the pseudo terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("ask for the pseudo terminal's number: %w", err)
	}
	tty, err := unix.Open(fmt.Sprintf("/dev/pts/%d", number), unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open the pseudo terminal's other end: %w", err)
	}
	if err := unix.Dup3(tty, 0, 0); err != nil {
		return fmt.Errorf("put the pseudo terminal on descriptor 0: %w", err)
	}
	if err := unix.Close(tty); err != nil {
		return fmt.Errorf("close the pseudo terminal's spare descriptor: %w", err)
	}
	go followParent(os.NewFile(uintptr(pipe), "parent"), master)
	return nil
}

// followParent ends the process when the parent closes its end of the pipe or dies: end of file at the prompt, which is a
// clean stop, and a kill when that takes too long.
func followParent(pipe io.Reader, master *os.File) {
	_, _ = io.Copy(io.Discard, pipe) // Any end, also a failed read, means that the parent is gone.
	for range 2 {
		_, _ = master.Write([]byte{4}) // ^D
		time.Sleep(50 * time.Millisecond)
	}
	_ = master.Close()
	time.Sleep(2 * stopTimeout)
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
}

func cString(s string) *byte {
	b := append([]byte(s), 0)
	return &b[0]
}
