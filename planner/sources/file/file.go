// Package file reads SiteInventory documents that people and other programs leave as files, and watches for their
// changes. It judges nothing beyond what inventory.Parse refuses, and returns sites as written: the caller normalises.
// The planner daemon, the import at start-up and the offline commands call it.
package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Document is one file that should hold a SiteInventory.
type Document struct {
	Path     string             `json:"path"`
	Site     *inventory.Site    `json:"site,omitempty"` // nil when there are problems
	Problems []document.Problem `json:"problems,omitempty"`
}

// Ignored is an entry of a folder that was not read, and why.
type Ignored struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Reading is everything found at the paths given to Read. Nothing is left out: an entry is a document or ignored.
type Reading struct {
	Documents []Document `json:"documents"` // folders' entries sorted by name, in the order of the paths given
	Ignored   []Ignored  `json:"ignored,omitempty"`
}

// Sites returns the sites that were read without a problem, in the order of their documents.
func (r *Reading) Sites() []*inventory.Site {
	var out []*inventory.Site
	for _, d := range r.Documents {
		if d.Site != nil {
			out = append(out, d.Site)
		}
	}
	return out
}

// Err returns the problems of all documents as one *document.Error, nil when there are none.
func (r *Reading) Err() error {
	var all []document.Problem
	for _, d := range r.Documents {
		all = append(all, d.Problems...)
	}
	if len(all) == 0 {
		return nil
	}
	return document.NewError(all)
}

// Read reads files and folders of files (*.yaml, *.yml, *.json; folders in folders are not entered). A file that cannot be read
// or is invalid becomes a document with problems and stops no other. A file named twice is read once. A site id that two
// files claim is a problem of both, since nothing tells which of them is right. In a folder, a symbolic link is followed only to a
// target within that folder.
func Read(regions *geo.Table, paths ...string) *Reading {
	r := &reader{regions: regions}
	for _, p := range paths {
		r.path(p)
	}
	r.refuseDuplicates()
	return &r.Reading
}

type reader struct {
	Reading
	regions *geo.Table
	seen    []os.FileInfo
}

// opener opens one file, either as named by the caller or confined to a folder.
type opener interface {
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
}

type anywhere struct{}

func (anywhere) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }
func (anywhere) Open(name string) (*os.File, error)    { return os.Open(name) }

func (r *reader) path(p string) {
	info, err := os.Stat(p)
	switch {
	case err != nil:
		r.fail(p, "the path cannot be read: "+reason(err), "check that it exists and may be read")
	case info.IsDir():
		r.folder(p)
	default:
		r.file(anywhere{}, p, p)
	}
}

func (r *reader) folder(dir string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		r.fail(dir, "the folder cannot be opened: "+reason(err), "check that it may be read")
		return
	}
	defer root.Close() // nothing was written through it
	entries, err := os.ReadDir(dir)
	if err != nil {
		r.fail(dir, "the folder cannot be listed: "+reason(err), "check that it may be read")
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
			r.ignore(name, "its name begins with a dot")
		case e.IsDir():
			r.ignore(name, "folders within a folder are not read; name it to read it")
		case !IsDocument(e.Name()):
			r.ignore(name, "its name does not end in .yaml, .yml or .json")
		default:
			r.file(root, e.Name(), name)
		}
	}
}

// IsDocument reports whether a file of this name is read when its folder is.
func IsDocument(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(name)))
}

func (r *reader) ignore(path, why string) {
	r.Ignored = append(r.Ignored, Ignored{Path: path, Reason: why})
}

func (r *reader) fail(path, what, remedy string) {
	r.Documents = append(r.Documents, Document{Path: path, Problems: []document.Problem{{File: path, What: what, Remedy: remedy}}})
}

// file reads name by way of o; path is what people know it as.
func (r *reader) file(o opener, name, path string) {
	info, err := o.Stat(name)
	if err != nil {
		r.fail(path, "the file cannot be read: "+reason(err), "a link must lead to a file in the same folder, and the file must be readable")
		return
	}
	if info.IsDir() {
		r.ignore(path, "it is a link to a folder")
		return
	}
	if !info.Mode().IsRegular() {
		// Opening a pipe would wait for its writer.
		r.fail(path, "this is not a regular file", "")
		return
	}
	for _, other := range r.seen {
		if os.SameFile(other, info) {
			r.ignore(path, "it is the same file as one read before")
			return
		}
	}
	r.seen = append(r.seen, info)
	data, err := readLimited(o, name)
	if err != nil {
		r.fail(path, "the file cannot be read: "+reason(err), "")
		return
	}
	d := Document{Path: path}
	site, err := inventory.Parse(path, data, r.regions)
	var bad *document.Error
	switch {
	case errors.As(err, &bad):
		d.Problems = bad.Problems
	case err != nil:
		d.Problems = []document.Problem{{File: path, What: err.Error()}}
	default:
		d.Site = site
	}
	r.Documents = append(r.Documents, d)
}

// readLimited reads one byte more than a document may have, so that the parser can tell the limit.
func readLimited(o opener, name string) (data []byte, err error) {
	f, err := o.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if size := info.Size(); size > inventory.MaxDocument {
		return nil, fmt.Errorf("it has %d bytes, the limit is %d", size, inventory.MaxDocument)
	}
	return io.ReadAll(io.LimitReader(f, inventory.MaxDocument+1))
}

// reason is the cause of an error without the path, which the message has already.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

func (r *reader) refuseDuplicates() {
	byID := map[string][]int{}
	for i, d := range r.Documents {
		if d.Site != nil {
			byID[d.Site.Site.ID] = append(byID[d.Site.Site.ID], i)
		}
	}
	for id, docs := range byID {
		if len(docs) < 2 {
			continue
		}
		for _, i := range docs {
			var others []string
			for _, j := range docs {
				if j != i {
					others = append(others, r.Documents[j].Path)
				}
			}
			d := &r.Documents[i]
			d.Site = nil
			d.Problems = []document.Problem{{
				File: d.Path, Path: "/site/id", What: fmt.Sprintf("the site id %q is also claimed by %s", id, strings.Join(others, ", ")),
				Remedy: "give each site an id of its own, or remove the file that is out of date",
			}}
		}
	}
}
