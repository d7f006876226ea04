//go:build unix

package outbox

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// TestMain lets the test binary play the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("OUTBOX_TEST_FILL"); dir != "" {
		fill(dir)
		return
	}
	os.Exit(m.Run())
}

// fill queues and acknowledges until it is killed, and says what is queued after Add has returned.
func fill(dir string) {
	b, err := Open(Options{Dir: dir, MaxEntries: 100000})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for n := 1; ; n++ {
		e, _, err := b.Add(revision(n), body(n))
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(e.Sequence, n)
		if n%5 == 0 {
			if err := b.Acknowledge(e.Sequence-2, uint64(n)); err != nil {
				fmt.Println("error", err)
				return
			}
		}
	}
}

func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	said := map[uint64]int{} // number by sequence
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "OUTBOX_TEST_FILL="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(40+round*17)*time.Millisecond, func() { _ = cmd.Process.Kill() }) // ended already: nothing to do
		lines := 0
		for s := bufio.NewScanner(out); s.Scan(); {
			sequence, number, ok := bytes.Cut(s.Bytes(), []byte(" "))
			seq, errSeq := strconv.ParseUint(string(sequence), 10, 64)
			n, errN := strconv.Atoi(string(number))
			if !ok || errSeq != nil || errN != nil {
				t.Fatalf("round %d: %s", round, s.Text())
			}
			said[seq] = n
			lines++
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process ended by itself")
		}
		kill.Stop()
		b := must(t, Options{Dir: dir, MaxEntries: 100000})
		here := map[uint64]bool{}
		for _, e := range b.Entries() {
			here[e.Sequence] = true
			read, err := b.read(e)
			if err != nil {
				t.Fatalf("round %d: sequence %d: %v", round, e.Sequence, err)
			}
			if n, ok := said[e.Sequence]; ok && (read.Revision != revision(n) || !bytes.Equal(read.Body, body(n))) {
				t.Fatalf("round %d: sequence %d holds %s, want %s", round, e.Sequence, read.Revision, revision(n))
			}
		}
		for seq := range said {
			if !here[seq] {
				t.Errorf("round %d: sequence %d was reported as queued and is gone", round, seq)
			}
		}
		if s := b.Stats(); s.Damaged != 0 {
			t.Errorf("round %d: %+v", round, s)
		}
		t.Logf("round %d: %d queued before the kill, %d here", round, lines, len(here))
	}
}
