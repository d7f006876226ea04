package importer

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// File is one named file of an import. A file that could not be read has the reason in Unreadable and no Data.
type File struct {
	Name       string
	Data       []byte
	Unreadable string
}

// Unread is why a file has no data.
func (f *File) Unread() document.Problem {
	return document.Problem{What: f.Unreadable, Remedy: "make it a readable file, or leave it out"}
}

// Ordered returns the files in the order of their names, so that the same files give the same document however they are
// listed, and takes out of the names what may be a secret, because reports repeat them. restore puts the reports into the
// order in which the files were given.
func Ordered(files []File) (ordered []File, restore func(reports []FileReport)) {
	at := make([]int, len(files))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(i, j int) int {
		return cmp.Or(strings.Compare(files[i].Name, files[j].Name), bytes.Compare(files[i].Data, files[j].Data))
	})
	ordered = make([]File, len(files))
	for i, from := range at {
		ordered[i] = files[from]
		ordered[i].Name = CleanName(files[from].Name)
	}
	return ordered, func(reports []FileReport) {
		sorted := slices.Clone(reports)
		for i, to := range at {
			reports[to] = sorted[i]
		}
	}
}

// CleanName takes out of a file's name what may be a secret; it keeps the folders and the end of a name, whatever a part of it holds.
func CleanName(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if user, host, ok := strings.Cut(p, "@"); ok && strings.Contains(user, ":") {
			p = host
		}
		if clean := inventory.Scrub(p); clean != p {
			p = cmp.Or(clean, "…")
		}
		parts[i] = p
	}
	return strings.Join(parts, "/")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// List joins names for a message, at most limit of them, and says how many were left out.
func List(names []string, limit int) string {
	if len(names) <= limit {
		return strings.Join(names, ", ")
	}
	return strings.Join(slices.Clone(names[:limit]), ", ") + " and " + plural(len(names)-limit, "other", "others")
}
