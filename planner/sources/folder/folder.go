// Package folder collects the files of an import from the arguments of a command or the configuration of a daemon. It alone
// reads them for the sources of files; what is in them is not its concern.
package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Limits of what one import reads.
const (
	MaxFileBytes = 64 << 20  // one file
	MaxFiles     = 20_000    // of one import
	MaxBytes     = 512 << 20 // of one import, all files together
)

// Collect reads the files and, recursively, the folders named, in the order of the arguments and by name within a
// folder; a file named twice is read once. It reads every regular file whatever its name. What a folder holds and
// cannot be read (a socket, a folder behind a symbolic link, a file above the limit) comes back with the reason, and so
// do hidden folders, which are not entered. The error is about an argument that does not exist or about the limits of
// one import.
func Collect(paths []string) ([]importer.File, error) {
	c := collector{seen: map[string]bool{}}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("collect files: %w", err)
		}
		if !info.IsDir() {
			if err := c.add(p, info); err != nil {
				return nil, err
			}
			continue
		}
		if err := filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error { return c.visit(p, name, d, err) }); err != nil {
			return nil, fmt.Errorf("collect files in %s: %w", p, err)
		}
	}
	return c.files, nil
}

type collector struct {
	files []importer.File
	seen  map[string]bool
	bytes int64
}

func (c *collector) visit(root, name string, d fs.DirEntry, err error) error {
	if err != nil {
		if name == root {
			return err
		}
		return c.refuse(name, "cannot be read: "+reason(err))
	}
	if d.IsDir() {
		if name != root && strings.HasPrefix(d.Name(), ".") {
			if err := c.refuse(name, "a hidden folder is not entered; name it as an argument to import it"); err != nil {
				return err
			}
			return fs.SkipDir
		}
		return nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return c.refuse(name, "cannot be read: "+reason(err))
	}
	if info.IsDir() {
		return c.refuse(name, "a folder behind a symbolic link is not entered; name it as an argument to import it")
	}
	return c.add(name, info)
}

func (c *collector) add(name string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return c.refuse(name, "not a regular file")
	case info.Size() > MaxFileBytes:
		return c.refuse(name, "larger than the "+strconv.Itoa(MaxFileBytes>>20)+" MiB one file may have")
	}
	if c.bytes += info.Size(); c.bytes > MaxBytes {
		return fmt.Errorf("collect files: more than %d MiB in one import; import fewer files at a time", MaxBytes>>20)
	}
	if !c.fresh(name) {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return c.put(importer.File{Name: name, Unreadable: "cannot be read: " + reason(err)})
	}
	return c.put(importer.File{Name: name, Data: data})
}

func (c *collector) refuse(name, why string) error {
	if !c.fresh(name) {
		return nil
	}
	return c.put(importer.File{Name: name, Unreadable: why})
}

func (c *collector) fresh(name string) bool {
	key := filepath.Clean(name)
	if c.seen[key] {
		return false
	}
	c.seen[key] = true
	return true
}

func (c *collector) put(f importer.File) error {
	if len(c.files) == MaxFiles {
		return fmt.Errorf("collect files: more than %d files in one import; import fewer at a time", MaxFiles)
	}
	c.files = append(c.files, f)
	return nil
}

// reason is the cause alone, because the name of the file stands beside it.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}
