package folder

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestCollect(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.json", []byte("[]"))
	write("sub/a.json", []byte("{}"))
	write("sub/noext", nil)
	write(".git/config", []byte("x"))
	write(".env", []byte("x"))
	big, err := os.Create(filepath.Join(dir, "big.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(big.Truncate(MaxFileBytes+1), big.Close()); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "sub", "file-link.json": "b.json", "dangling": "nothing"} {
		if err := os.Symlink(filepath.Join(dir, to), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Collect([]string{filepath.Join(dir, "b.json"), dir})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range files {
		rel, err := filepath.Rel(dir, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.ToSlash(rel)] = f.Unreadable + string(f.Data)
	}
	for name, want := range map[string]string{
		"b.json": "[]", "sub/a.json": "{}", "sub/noext": "", ".env": "x", ".git": "a hidden folder is not entered", "big.json": "larger than", "link": "behind a symbolic link", "file-link.json": "[]", "dangling": "no such file",
	} {
		if text, ok := got[name]; !ok || !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", name, text, want)
		}
	}
	if len(got) != 9 || len(files) != 9 {
		t.Errorf("%d files, %v", len(files), got)
	}
	if _, err := Collect([]string{filepath.Join(dir, "absent")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one that says the argument does not exist", err)
	}
	if runtime.GOOS != "windows" {
		if files, err = Collect([]string{os.DevNull}); err != nil || len(files) != 1 || files[0].Unreadable != "not a regular file" {
			t.Errorf("%+v, %v", files, err)
		}
	}
}
