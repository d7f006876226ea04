package embedded

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// LibraryEnv names the environment variable that holds the path of libchdb.so.
const LibraryEnv = "MERIDIAN_CHDB"

// FindLibrary returns the path of libchdb.so: the one given, else the one of MERIDIAN_CHDB, else the first found under
// deployments/embedded-clickhouse of the working directory, of the executable's folder and its parent, or as
// DIR/libchdb.so in one of dirs. The error is ErrNoLibrary with the places looked at and the remedy.
func FindLibrary(given string, dirs ...string) (string, error) {
	named := given
	if named == "" {
		named = os.Getenv(LibraryEnv)
	}
	if named != "" {
		if err := usable(named, false); err != nil {
			return "", missing(named + ": " + err.Error())
		}
		path, err := filepath.Abs(named)
		if err != nil {
			return "", missing(err.Error())
		}
		return path, nil
	}
	var tried string
	for _, path := range candidates(dirs) {
		err := usable(path, true)
		if err == nil {
			return path, nil
		}
		tried += "\n  " + path
		if !os.IsNotExist(err) {
			tried += ": " + err.Error()
		}
	}
	return "", missing("looked at" + tried)
}

func missing(detail string) error {
	return fmt.Errorf("%w; fetch it with `npm ci --ignore-scripts` in deployments/embedded-clickhouse, or name it in %s, "+
		"or use a ClickHouse server of your own with --clickhouse; %s", ErrNoLibrary, LibraryEnv, detail)
}

func candidates(dirs []string) []string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	packaged := filepath.Join("deployments", "embedded-clickhouse", "node_modules", "@chdb", "lib-linux-"+arch+"-gnu", "libchdb.so")
	var out []string
	if dir, err := os.Getwd(); err == nil {
		out = append(out, filepath.Join(dir, packaged))
	}
	if exe, err := os.Executable(); err == nil {
		dir := filepath.Dir(exe)
		out = append(out, filepath.Join(dir, packaged), filepath.Join(filepath.Dir(dir), packaged), filepath.Join(dir, "libchdb.so"))
	}
	for _, dir := range dirs {
		out = append(out, filepath.Join(dir, "libchdb.so"), filepath.Join(dir, packaged))
	}
	return out
}

// complete checks that the file holds what its own table of contents says. Loading one that was cut short, by a full disk or
// a broken download, would crash the child.
func complete(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return missing(path + ": " + err.Error())
	}
	f, err := elf.Open(path)
	if err != nil {
		return missing(path + " is no library, or a part of one: " + err.Error())
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Off+p.Filesz > uint64(info.Size()) { //nolint:gosec // sizes of files are not negative
			return missing(fmt.Sprintf("%s is cut short: it has %d bytes, its head speaks of %d", path, info.Size(), p.Off+p.Filesz))
		}
	}
	return nil
}

// usable checks that path is a file. One that was only found must also be ours: loading a library is running it, and the
// working directory may belong to somebody else.
func usable(path string, found bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if found && !trusted(info) {
		return fmt.Errorf("%s can be changed by others; name it explicitly if you trust it", path)
	}
	return nil
}
