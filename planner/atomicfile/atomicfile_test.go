package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func writers() map[string]func(string, ...[]byte) error {
	return map[string]func(string, ...[]byte) error{"Write": Write, "WriteUnsynced": WriteUnsynced}
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		out = append(out, f.Name())
	}
	return out
}

func existing(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	// WriteFile's mode is subject to the umask.
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReplacesForTheOwnerAlone(t *testing.T) {
	for name, write := range writers() {
		t.Run(name, func(t *testing.T) {
			path := existing(t, "longer than what comes")
			if err := write(path, []byte("af"), []byte("ter")); err != nil {
				t.Fatal(err)
			}
			if got := text(t, path); got != "after" {
				t.Errorf("content %q", got)
			}
			if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"f"}) {
				t.Errorf("the folder holds %v", got)
			}
		})
	}
}

func TestWritesBesideTheFileOfAPlainName(t *testing.T) {
	t.Chdir(t.TempDir())
	// A temporary file in the system's folder could not be made.
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	if err := Write("f", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := text(t, "f"); got != "x" {
		t.Errorf("content %q", got)
	}
}

func TestKeepsAnOpenFileWhole(t *testing.T) {
	path := existing(t, "before")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := Write(path, []byte("after")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 16)
	if n, err := f.Read(b); err != nil || string(b[:n]) != "before" {
		t.Errorf("who had it open reads %q, %v", b[:n], err)
	}
}

func TestReplacesALink(t *testing.T) {
	path := existing(t, "elsewhere")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("here")); err != nil {
		t.Fatal(err)
	}
	if there, here := text(t, path), text(t, link); there != "elsewhere" || here != "here" {
		t.Errorf("the link's file holds %q, the link %q", there, here)
	}
}

// A crash at either sync must find what is promised: first the file is whole under another name, then it has its own.
func TestSyncsTheFileThenTheFolder(t *testing.T) {
	path := existing(t, "before")
	var steps []string
	err := replace(path, func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		what := "folder"
		if !info.IsDir() {
			what = text(t, f.Name())
			// Owners of a folder recognise by this what a crash has left.
			if dir, name := filepath.Split(f.Name()); filepath.Clean(dir) != filepath.Dir(path) || !strings.HasPrefix(name, ".f-") {
				t.Errorf("the temporary file is %s", f.Name())
			}
		}
		steps = append(steps, what+" while "+text(t, path))
		return nil
	}, [][]byte{[]byte("after")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"after while before", "folder while after"}
	if runtime.GOOS == "windows" {
		want = want[:1]
	}
	if !slices.Equal(steps, want) {
		t.Errorf("synced %q, want %q", steps, want)
	}
}

func TestAFailureLeavesTheFileOfBefore(t *testing.T) {
	failed := errors.New("the disk is full")
	path := existing(t, "before")
	if err := replace(path, func(*os.File) error { return failed }, [][]byte{[]byte("after")}); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if got := text(t, path); got != "before" {
		t.Errorf("content %q", got)
	}
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"f"}) {
		t.Errorf("the folder holds %v", got)
	}

	// A folder in its place cannot be replaced by a file.
	folder := filepath.Join(t.TempDir(), "f")
	if err := os.MkdirAll(filepath.Join(folder, "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(folder, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
	if got := names(t, filepath.Dir(folder)); !slices.Equal(got, []string{"f"}) {
		t.Errorf("the folder holds %v", got)
	}
	if err := Write(filepath.Join(t.TempDir(), "none", "f"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder gives %v", err)
	}
}

func TestTellsThatTheFolderWasNotSynced(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // It has no call to sync a folder.
	}
	failed := errors.New("input/output error")
	path := existing(t, "before")
	err := replace(path, func(f *os.File) error {
		if info, err := f.Stat(); err != nil || !info.IsDir() {
			return err
		}
		return failed
	}, [][]byte{[]byte("after")})
	if !errors.Is(err, failed) || text(t, path) != "after" {
		t.Errorf("got %v with content %q", err, text(t, path))
	}
}
