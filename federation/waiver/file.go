package waiver

import (
	"errors"
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Kind heads a file of waivers.
const Kind = "Waivers"

// MaxFile is the largest file of waivers read, in bytes.
const MaxFile = 4 << 20

// File is a document of waivers that people write for the command line.
type File struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Waivers    []FileEntry `json:"waivers"`
}

// FileEntry is one waiver of a file: one that somebody approved.
type FileEntry struct {
	ID          string    `json:"id"`
	Rule        string    `json:"rule"`
	Match       Match     `json:"match"`
	Reason      string    `json:"reason"`
	Ticket      string    `json:"ticket"`
	Owner       string    `json:"owner"`
	RequestedBy string    `json:"requestedBy"`
	ApprovedBy  string    `json:"approvedBy"`
	ApprovedAt  time.Time `json:"approvedAt"`
	Expires     time.Time `json:"expires"`
}

// Parse reads a file of approved waivers, YAML or JSON. The error names every problem with its place.
func Parse(name string, data []byte, limits Limits) ([]Waiver, error) {
	if len(data) > MaxFile {
		return nil, document.NewError([]document.Problem{{
			File: name, What: fmt.Sprintf("the document has %d bytes, the limit is %d", len(data), MaxFile), Remedy: "split it, or leave comments out",
		}})
	}
	var f File
	places, err := document.DecodeAt(name, data, &f)
	if places == nil {
		return nil, err
	}
	var problems document.Collector
	problems.AddError(err)
	fail := func(path, what, remedy string) {
		if !problems.Under(path) {
			problems.Add(places.Problem(path, what, remedy))
		}
	}
	if f.APIVersion != inventory.APIVersion {
		fail("/apiVersion", "apiVersion is missing or not "+inventory.APIVersion, "write apiVersion: "+inventory.APIVersion)
	}
	if f.Kind != Kind {
		fail("/kind", "kind is missing or not "+Kind, "write kind: "+Kind)
	}
	out := make([]Waiver, 0, len(f.Waivers))
	ids := map[string]bool{}
	for i := range f.Waivers {
		at := fmt.Sprintf("/waivers/%d", i)
		w, found := f.Waivers[i].waiver(limits)
		for _, p := range found {
			fail(at+p.Path, p.What, p.Remedy)
		}
		if id := w.ID(); ids[id] && len(found) == 0 {
			fail(at+"/id", "another waiver of the file has this id", "give each its own")
		} else if len(found) == 0 {
			ids[id] = true
			out = append(out, w)
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// filePointer is where a file has a field of a Document.
func filePointer(p string) string {
	switch p {
	case "/requested/by":
		return "/requestedBy"
	case "/decided/by":
		return "/approvedBy"
	case "/requested/at", "/decided/at":
		return "/approvedAt"
	}
	return p
}

func (e *FileEntry) waiver(limits Limits) (Waiver, []document.Problem) {
	owner := e.Owner
	if owner == "" {
		owner = e.RequestedBy
	}
	at := e.ApprovedAt.UTC()
	asked, decided := Act{By: e.RequestedBy, Name: e.RequestedBy, At: at}, Act{By: e.ApprovedBy, Name: e.ApprovedBy, At: at}
	w, err := of(Document{
		ID: e.ID, Rule: e.Rule, Match: e.Match, Reason: e.Reason, Ticket: e.Ticket, Owner: owner, Expires: e.Expires, State: Approved,
		Requested: asked, Decided: &decided,
	})
	if err == nil && asked.SamePerson(decided) {
		err = refuse.Because(refuse.Invalid, "the waiver is not valid",
			document.Problem{Path: "/decided/by", What: "who requested a waiver may not approve it", Remedy: "ask somebody else"})
	}
	if err == nil {
		err = tooLong(&w.d, at, limits)
	}
	var invalid *refuse.Error
	if !errors.As(err, &invalid) {
		return w, nil
	}
	for i := range invalid.Problems {
		invalid.Problems[i].Path = filePointer(invalid.Problems[i].Path)
	}
	return w, invalid.Problems
}
