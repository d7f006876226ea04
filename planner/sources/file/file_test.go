package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func site(id string) string {
	return "apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: 2026-11-20T08:00:00Z\nsite: {id: " + id + "}\n"
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func regions(t testing.TB) *geo.Table {
	t.Helper()
	tb, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// summary is one line a document or ignored entry, without the folder's name.
func summary(dir string, r *Reading) string {
	var lines []string
	for _, d := range r.Documents {
		switch {
		case d.Site != nil:
			lines = append(lines, d.Path+" is "+d.Site.Site.ID)
		default:
			for _, p := range d.Problems {
				lines = append(lines, p.String())
			}
		}
	}
	for _, i := range r.Ignored {
		lines = append(lines, i.Path+" ignored: "+i.Reason)
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), dir, "D")
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/b.yaml", site("b"))
	write(t, dir+"/a.yml", site("a"))
	write(t, dir+"/c.JSON", `{"apiVersion":"meridian/v1","kind":"SiteInventory","observedAt":"2026-11-20T08:00:00Z","site":{"id":"c"}}`)
	write(t, dir+"/bad.yaml", site("B")+"clustr: []\n")
	write(t, dir+"/broken.json", `{"apiVersion":`)
	write(t, dir+"/notes.txt", "notes")
	write(t, dir+"/.hidden.yaml", site("h"))
	write(t, dir+"/sub/d.yaml", site("d"))
	write(t, dir+"/empty.yaml", "")
	got := summary(dir, Read(regions(t), dir))
	want := `D/a.yml is a
D/b.yaml is b
D/bad.yaml:4:12: /site/id: "B" is not a valid id; use 1 to 63 lower-case letters, digits and dashes, and begin with a letter or digit
D/bad.yaml:5:1: /clustr: unknown key "clustr"; did you mean "clusters"?
D/broken.json:1:15: the document ends where a value is expected; close every bracket that is open
D/c.JSON is c
D/empty.yaml: the document is empty
D/.hidden.yaml ignored: its name begins with a dot
D/notes.txt ignored: its name does not end in .yaml, .yml or .json
D/sub ignored: folders within a folder are not read; name it to read it`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r := Read(regions(t), dir)
	var e *document.Error
	if !errors.As(r.Err(), &e) || len(e.Problems) != 4 || len(r.Sites()) != 3 || r.Sites()[0].Site.ID != "a" {
		t.Errorf("%d sites, %v", len(r.Sites()), r.Err())
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir+"/x/a.yaml", site("a"))
	b := write(t, dir+"/anything", site("b"))
	got := summary(dir, Read(regions(t), b, dir+"/x", a, dir+"/none.yaml"))
	want := "D/anything is b\nD/x/a.yaml is a\nD/none.yaml: the path cannot be read: no such file or directory; check that it exists and may be read\nD/x/a.yaml ignored: it is the same file as one read before"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r := Read(regions(t)); len(r.Documents)+len(r.Ignored) != 0 || r.Err() != nil {
		t.Error("nothing was read into something")
	}
}

func TestDuplicateSites(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/1.yaml", site("a"))
	write(t, dir+"/2.yaml", site("a"))
	write(t, dir+"/3.yaml", site("b"))
	write(t, dir+"/4.yaml", site("a"))
	got := summary(dir, Read(regions(t), dir))
	want := `D/1.yaml: /site/id: the site id "a" is also claimed by D/2.yaml, D/4.yaml; give each site an id of its own, or remove the file that is out of date
D/2.yaml: /site/id: the site id "a" is also claimed by D/1.yaml, D/4.yaml; give each site an id of its own, or remove the file that is out of date
D/3.yaml is b
D/4.yaml: /site/id: the site id "a" is also claimed by D/1.yaml, D/2.yaml; give each site an id of its own, or remove the file that is out of date`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	secret := write(t, outside+"/secret.yaml", site("secret"))
	write(t, dir+"/..data/a.yaml", site("a"))
	for name, target := range map[string]string{
		"a.yaml": "..data/a.yaml", "out.yaml": secret, "up.yaml": "../" + filepath.Base(outside) + "/secret.yaml", "loop.yaml": "loop.yaml", "dangling.yaml": "none", "folder.yaml": "..data",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := Read(regions(t), dir)
	if len(r.Sites()) != 1 || r.Sites()[0].Site.ID != "a" {
		t.Errorf("%s", summary(dir, r))
	}
	for _, name := range []string{"out.yaml", "up.yaml", "loop.yaml", "dangling.yaml"} {
		if !slices.ContainsFunc(r.Documents, func(d Document) bool { return filepath.Base(d.Path) == name && len(d.Problems) == 1 }) {
			t.Errorf("%s has no problem", name)
		}
	}
	if !strings.Contains(summary(dir, r), "D/folder.yaml ignored: it is a link to a folder") {
		t.Error("the link to a folder is not told")
	}
	if r := Read(regions(t), filepath.Join(dir, "out.yaml")); len(r.Sites()) != 1 {
		t.Error("a link that the caller names is not followed")
	}
}

func TestHazards(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/pipe.yaml", 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(dir + "/big.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(inventory.MaxDocument+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	got := summary(dir, Read(regions(t), dir))
	want := fmt.Sprintf("D/big.yaml: the file cannot be read: it has %d bytes, the limit is %d\nD/pipe.yaml: this is not a regular file", inventory.MaxDocument+1, inventory.MaxDocument)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// watching runs Watch until the test ends and returns a function that waits for the next call.
func watching(t *testing.T, path string) (next func(what string)) {
	t.Helper()
	return watchingWith(t, path, fsnotify.NewWatcher)
}

func watchingWith(t *testing.T, path string, newWatcher func() (*fsnotify.Watcher, error)) (next func(what string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	calls, done, armed := make(chan struct{}, 100), make(chan error, 1), make(chan struct{})
	go func() {
		done <- watchWhen(ctx, &watch{path: filepath.Clean(path)}, newWatcher, func() { close(armed) }, func() { calls <- struct{}{} })
	}()
	<-armed
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func(what string) {
		t.Helper()
		select {
		case <-calls:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: no change was told", what)
		}
	}
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/sites/a.yaml"
	write(t, path, site("a"))
	t.Run("file", func(t *testing.T) {
		next := watching(t, path)
		write(t, path, site("a")+"# 1\n")
		next("write")
		if err := os.Rename(write(t, dir+"/sites/.a.yaml.swp", site("a")+"# two\n"), path); err != nil {
			t.Fatal(err)
		}
		next("rename over it")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		next("removal")
		write(t, path, site("a"))
		next("creation")
		if err := os.Rename(dir+"/sites", dir+"/old"); err != nil {
			t.Fatal(err)
		}
		next("its folder is moved away")
		write(t, path, site("a")+"# 3\n")
		next("its folder is made anew")
		write(t, path, site("a")+"# four\n")
		next("write in the new folder")
	})
	t.Run("folder", func(t *testing.T) {
		next := watching(t, dir+"/sites")
		write(t, dir+"/sites/b.json", "{}")
		next("new file")
		for i := range 20 {
			write(t, dir+"/sites/b.json", strings.Repeat(" ", i)+"{}")
		}
		next("burst")
		if err := os.Rename(dir+"/sites/b.json", dir+"/sites/c.json"); err != nil {
			t.Fatal(err)
		}
		next("rename")
	})
	t.Run("without a watcher", func(t *testing.T) {
		next := watchingWith(t, path, func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE })
		write(t, path, site("a")+"# looked at\n")
		next("write")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		next("removal")
		write(t, path, site("a"))
		next("creation")
	})
	t.Run("not yet", func(t *testing.T) {
		next := watching(t, dir+"/later/on/sites")
		write(t, dir+"/later/on/sites/a.yaml", site("a"))
		next("folders are made")
	})
	t.Run("config map", func(t *testing.T) {
		mount := dir + "/mount"
		write(t, mount+"/..1/a.yaml", site("a"))
		write(t, mount+"/..2/a.yaml", site("a")+"# changed\n")
		for name, target := range map[string]string{"..data": "..1", "a.yaml": "..data/a.yaml"} {
			if err := os.Symlink(target, mount+"/"+name); err != nil {
				t.Fatal(err)
			}
		}
		next := watching(t, mount)
		if err := os.Symlink("..2", mount+"/..data_tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(mount+"/..data_tmp", mount+"/..data"); err != nil {
			t.Fatal(err)
		}
		next("the link to the data is replaced")
	})
}

func TestWatchTree(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/hosts/twx-1/platform-settings.json", "{}")
	ctx, cancel := context.WithCancel(context.Background())
	calls, done, armed := make(chan struct{}, 100), make(chan error, 1), make(chan struct{})
	go func() {
		done <- watchWhen(ctx, &watch{path: dir + "/hosts", deep: true}, fsnotify.NewWatcher, func() { close(armed) }, func() { calls <- struct{}{} })
	}()
	<-armed
	next := func(what string) {
		t.Helper()
		select {
		case <-calls:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: no change was told", what)
		}
	}
	write(t, dir+"/hosts/twx-1/platform-settings.json", "{ }")
	next("write in a folder below")
	write(t, dir+"/hosts/twx-2/conf/zoo.cfg", "tickTime=1")
	next("new folder")
	write(t, dir+"/hosts/twx-2/conf/zoo.cfg", "tickTime=22")
	next("write in the new folder")
	if err := os.RemoveAll(dir + "/hosts/twx-2"); err != nil {
		t.Fatal(err)
	}
	next("removal")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWatchTellsOnlyChanges(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.yaml", site("a"))
	next := watching(t, dir)
	write(t, dir+"/notes.txt", "not a document")
	write(t, dir+"/a.yaml", site("a")+"# changed\n")
	next("write")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Watch(ctx, dir, func() { t.Error("nothing changed") }); err != nil {
		t.Error(err)
	}
}
