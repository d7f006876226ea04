package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// fullDisk is what the planner on a small disk is told.
type fullDisk struct {
	Dir, URL, Credentials, Inbox, Site string
}

// TestDiskFullAtThePlanner fills a real file system of 256 KiB with the outbox while the hub is away. What was queued stays
// and is delivered; what could not be queued is told; afterwards delivered revisions make room for new ones.
func TestDiskFullAtThePlanner(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: "127.0.0.1:0"})
	o := server.SiteOptions(t, "plant-0")
	server.Down(t)
	body, err := json.Marshal(fullDisk{Dir: t.TempDir(), URL: o.URL, Credentials: o.CredentialsFile, Inbox: o.InboxPrefix, Site: "plant-0"})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+roleFullDisk, "MERIDIAN_FAULTS_SETTINGS="+string(body))
	// A file system of its own needs a mount namespace, which anybody but root gets within a user namespace only.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a planner in a mount namespace: %v", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() || lines.Text() != "full" {
		t.Fatalf("the planner says %q: %v\n%s", lines.Text(), cmd.Wait(), &problems)
	}
	server.Up(t)
	var queued []string
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &queued) != nil {
		t.Fatalf("the planner says %q: %v\n%s", lines.Text(), cmd.Wait(), &problems)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &problems)
	}
	if len(queued) < 8 {
		t.Errorf("only %d revisions were queued", len(queued))
	}
	count(t, server.Connect(t), r.View, nil, &plant{site: "plant-0", revisions: queued})
}

// playFullDisk is the planner. It says "full" when the disk is, and at last which revisions it queued.
func playFullDisk() error {
	var s fullDisk
	if err := json.Unmarshal([]byte(os.Getenv("MERIDIAN_FAULTS_SETTINGS")), &s); err != nil {
		return err
	}
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", s.Dir, "tmpfs", 0, "size=256k"); err != nil {
		return fmt.Errorf("mount a small file system: %w", err)
	}
	regions, err := geo.Builtin()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := bus.Connect(ctx, bus.Options{URL: s.URL, CredentialsFile: s.Credentials, InboxPrefix: s.Inbox, ReconnectWait: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	defer conn.Close()
	src := &source{site: s.Site, pad: 8 << 10, at: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)}
	a, err := agent.New(agent.Options{
		Site: s.Site, Dir: filepath.Join(s.Dir, "state"), Version: "1.0.0", Source: src, Hub: conn, Regions: regions,
		Assess: func(s *inventory.Site, at time.Time) (*assess.Assessment, error) {
			return &assess.Assessment{At: at}, nil
		},
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	p := &fullPlanner{ctx: ctx, agent: a, source: src}
	if err := p.work(); err != nil {
		return err
	}
	body, err := json.Marshal(p.queued)
	if err != nil {
		return err
	}
	fmt.Println(string(body))
	cancel()
	return errors.Join(<-ended, a.Close())
}

type fullPlanner struct {
	ctx    context.Context
	agent  *agent.Agent
	source *source
	queued []string
}

func (p *fullPlanner) work() error {
	if err := p.wait("the first state is queued", func(s agent.Status) bool { return s.Collected != nil }); err != nil {
		return err
	}
	p.queued = append(p.queued, p.agent.Status().Collected.Revision)
	// The hub is away: revisions pile up until the disk is full.
	for n := 0; ; n++ {
		full, err := p.next()
		if err != nil {
			return err
		}
		if full {
			break
		}
		if n > 1000 {
			return errors.New("the disk does not fill")
		}
	}
	fmt.Println("full")
	delivered := func(s agent.Status) bool { return s.Outbox.Queued == 0 }
	if err := p.wait("everything is delivered", delivered); err != nil {
		return err
	}
	for range 5 {
		if full, err := p.next(); err != nil || full {
			return errors.Join(err, fmt.Errorf("the disk is still full: %v", full))
		}
	}
	return p.wait("the new ones are delivered", delivered)
}

// next has the planner see another state and tells whether the disk was too full for it.
func (p *fullPlanner) next() (full bool, err error) {
	p.source.mu.Lock()
	p.source.n++
	observed := p.source.at.Add(time.Duration(p.source.n) * time.Millisecond)
	p.source.mu.Unlock()
	asked := time.Now()
	p.agent.Refresh(false)
	err = p.wait("the next state is queued or refused", func(s agent.Status) bool {
		if s.Collected != nil && s.Collected.ObservedAt.Equal(observed) {
			if !slices.Contains(p.queued, s.Collected.Revision) {
				p.queued = append(p.queued, s.Collected.Revision)
			}
			return true
		}
		full = s.LastError != nil && strings.Contains(s.LastError.What, "the disk is full") && s.LastError.At.After(asked)
		return full
	})
	return full, err
}

func (p *fullPlanner) wait(what string, holds func(agent.Status) bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds(p.agent.Status()) {
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			return fmt.Errorf("not within %s: %s: %+v", patience, what, p.agent.Status())
		}
	}
	return nil
}
