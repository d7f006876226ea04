package file

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle   = 200 * time.Millisecond // quiet time after which a change counts as finished
	patience = 2 * time.Second        // longest wait for quiet
	poll     = 30 * time.Second       // network file systems announce nothing
	look     = 2 * time.Second        // instead of poll where the system has no watcher left to give
)

// Watch calls changed whenever the documents at path, a file or a folder, differ from what they were at the last call,
// until ctx ends, and returns nil then. A burst of writes, and the rename by which editors and Kubernetes replace files,
// is one change. The path need not exist yet. Where the system gives no watcher, since each process of a user may have a
// hundred or so only, it looks at the path every two seconds instead. changed runs on Watch's own goroutine; it is not called for the state at the start.
func Watch(ctx context.Context, path string, changed func()) error {
	return watchWhen(ctx, &watch{path: filepath.Clean(path)}, fsnotify.NewWatcher, func() {}, changed)
}

// WatchTree is Watch for a folder with everything in it, whatever the files are called and however deep they lie.
func WatchTree(ctx context.Context, path string, changed func()) error {
	return watchWhen(ctx, &watch{path: filepath.Clean(path), deep: true}, fsnotify.NewWatcher, func() {}, changed)
}

// watchWhen watches and calls armed once it will notice changes.
func watchWhen(ctx context.Context, t *watch, newWatcher func() (*fsnotify.Watcher, error), armed, changed func()) error {
	every := poll
	var events chan fsnotify.Event
	var errs chan error
	if w, err := newWatcher(); err == nil {
		defer w.Close()
		t.watcher, events, errs = w, w.Events, w.Errors
	} else {
		every = look
	}
	t.arm()
	last := t.fingerprint()
	armed()
	check := func() {
		t.arm()
		if now := t.fingerprint(); now != last {
			last = now
			changed()
		}
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	quiet := time.NewTimer(settle)
	quiet.Stop()
	var first time.Time // of the burst under way, zero when there is none
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			check()
		case <-quiet.C:
			first = time.Time{}
			check()
		case e, open := <-events:
			if !open {
				return fmt.Errorf("watch %s: the watcher stopped", t.path)
			}
			t.forget(e)
			if first.IsZero() {
				first = time.Now()
			}
			if time.Since(first) < patience {
				quiet.Reset(settle)
			}
		case _, open := <-errs:
			if !open {
				return fmt.Errorf("watch %s: the watcher stopped", t.path)
			}
			// Announcements were lost, and so whatever there is now must be looked at.
			quiet.Reset(settle)
		}
	}
}

type watch struct {
	path    string
	deep    bool
	watcher *fsnotify.Watcher // nil where the system gives none
}

// arm watches the path and the closest folder above it that exists. Both matter: the folder above announces that the path was
// replaced, the folder itself what happens in it. A file itself is not watched, because editors put another in its place.
func (t *watch) arm() {
	if t.watcher == nil {
		return
	}
	if info, err := os.Stat(t.path); err == nil && info.IsDir() {
		t.add(t.path)
		t.walk(func(path string, d fs.DirEntry) {
			if d.IsDir() {
				t.add(path)
			}
		})
	}
	for dir := filepath.Dir(t.path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			t.add(dir)
			return
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

// maxEntries bounds what a tree is looked at for: an import reads no more.
const maxEntries = 20_000

// walk visits what a deep watch looks at. What cannot be read is left out until it can.
func (t *watch) walk(visit func(path string, d fs.DirEntry)) {
	if !t.deep {
		return
	}
	n := 0
	_ = filepath.WalkDir(t.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a folder that vanishes between two looks
		}
		if n++; n > maxEntries {
			return fs.SkipAll
		}
		visit(path, d)
		return nil
	})
}

// add leaves failures to the poll: a folder may vanish between two looks, and the number of watches is limited by the system.
func (t *watch) add(dir string) { _ = t.watcher.Add(dir) }

// forget drops the watch on a folder that was moved away, so that arm can watch the one that takes its name.
func (t *watch) forget(e fsnotify.Event) {
	if e.Has(fsnotify.Rename) || e.Has(fsnotify.Remove) {
		for _, dir := range t.watcher.WatchList() {
			if dir == e.Name {
				_ = t.watcher.Remove(dir)
			}
		}
	}
}

// fingerprint changes when a document at the path appears, vanishes, is replaced or written to.
func (t *watch) fingerprint() string {
	var b strings.Builder
	note := func(path string) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&b, "%s\x00%d\x00%d\x00%s\n", path, info.Size(), info.ModTime().UnixNano(), info.Mode())
		} else {
			fmt.Fprintf(&b, "%s\x00missing\n", path)
		}
	}
	info, err := os.Stat(t.path)
	if err != nil || !info.IsDir() {
		note(t.path)
		return b.String()
	}
	if t.deep {
		t.walk(func(path string, d fs.DirEntry) {
			if !d.IsDir() {
				note(path)
			}
		})
		return b.String()
	}
	entries, err := os.ReadDir(t.path)
	if err != nil {
		return "unreadable"
	}
	for _, e := range entries {
		if IsDocument(e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			note(filepath.Join(t.path, e.Name()))
		}
	}
	return b.String()
}
