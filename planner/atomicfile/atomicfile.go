// Package atomicfile writes files as a whole: who reads a path sees all of what was there before or all of what is there
// now, also while it is being written and after a crash. Planners, the hub and the embedded servers keep their state with
// it. It makes no folders and takes no locks: of two who write one path at once, the later rename wins.
package atomicfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Write puts parts, one after another, in place of the file at path. When it returns nil the file is whole and under its
// name also after a power cut. After an error the file of before is there, unless only the folder could not be synced:
// then the new one is in place, and a power cut may bring the old one back.
//
// The file can be read and written by its owner alone (0600), whatever the mode of the one before. A symbolic link at path
// is replaced, not followed. A crash may leave a temporary file in the folder, whose name begins with a dot and the name of
// path's file.
func Write(path string, parts ...[]byte) error {
	return replace(path, (*os.File).Sync, parts)
}

// WriteUnsynced is Write without waiting for the disk, for what is made again or asked for again: readers see a whole file
// while the machine runs and after a crash of the process, but a power cut may leave an old file, an empty one or none.
func WriteUnsynced(path string, parts ...[]byte) error {
	return replace(path, func(*os.File) error { return nil }, parts)
}

func replace(path string, sync func(*os.File) error, parts [][]byte) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "." // CreateTemp would take the system's folder, which a rename may not be able to leave.
	}
	f, err := os.CreateTemp(dir, "."+name+"-*") // Mode 0600.
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Join(parts, nil))
	if err == nil {
		err = sync(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(dir, sync)
}

// syncFolder makes a rename durable. Windows has no such call; its file systems journal renames.
func syncFolder(dir string, sync func(*os.File) error) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(sync(d), d.Close())
}
