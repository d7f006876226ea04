// Package importer is what every source of raw exports shares: the files given, the JSON tree with places, the report
// of what was understood, and the assembly of resources into one SiteInventory. The sources beside it (azure,
// terraform) recognise their formats and hand over resources; they never build the document themselves. It reads
// no file, starts no goroutine, reads no clock, and lets no value into a report that could be a secret.
package importer

import (
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Regions resolves a provider's region names; *geo.Table is one.
type Regions interface {
	Find(provider, name string) (geo.Region, bool)
	Nearest(provider, name string) string
}

// Options are the caller's part of an import.
type Options struct {
	Site    string      // id of the site; "" derives it from the files, see Assemble
	At      time.Time   // the instant of the import, stamped on the document and its provenance
	Regions Regions     // nil knows no region, so that every placement stays unknown
	Hosts   []NamedHost // what the configuration of ThingWorx is known to connect to
	// Selective leaves out infrastructure that nothing ties to ThingWorx and lists it in Result.Unassigned. Set it when the
	// resources are all that an account holds and not what someone chose to export.
	Selective bool
}

// NamedHost is a name or an address that the configuration of a ThingWorx server connects to, like the host of its JDBC URL.
type NamedHost struct {
	Name    string // host name or IP address, with or without a port
	Cluster string // id of the cluster whose configuration it is; "" when not known
	// Elsewhere: it may be outside what is read, so that there is nothing to remark when no resource answers to it.
	Elsewhere bool
}

// Unrelated is the reason of an Unassigned that carries neither tag, name nor host of ThingWorx. Every other reason is about
// a resource that probably belongs to it.
const Unrelated = "nothing ties it to ThingWorx"

// Status says how far one file was understood.
type Status string

// Statuses of a file. A partly understood file contributed what was understood and has problems that name the rest.
const (
	Understood Status = "understood"
	Partial    Status = "partial"
	Refused    Status = "refused"
)

// Class says what became of a resource.
type Class string

// Classes of a resource.
const (
	ClassUsed        Class = "used"         // stands in the inventory or gave it a fact
	ClassUnassigned  Class = "unassigned"   // could belong to ThingWorx, nothing tells; listed in Result.Unassigned
	ClassContext     Class = "context"      // understood, carries no fact of the inventory (a subnet, an availability set)
	ClassNotRelevant Class = "not-relevant" // no part of a ThingWorx site (a cache, a key vault, another database product)
	ClassUnknown     Class = "unknown"      // could not be read; a problem says why
)

// TypeCount counts the resources of one type and class in a file.
type TypeCount struct {
	Type  string `json:"type"`
	Class Class  `json:"class"`
	Count int    `json:"count"`
}

// FileReport tells what became of one file. Nothing in it is copied from the file but names of resources and keys.
type FileReport struct {
	Path      string             `json:"path"`
	Status    Status             `json:"status"`
	Kind      string             `json:"kind"`               // what the file was recognised as, in words
	Resources int                `json:"resources"`          // resources found
	Used      int                `json:"used"`               // of them, those of class used
	Types     []TypeCount        `json:"types,omitempty"`    // sorted by type and class
	Problems  []document.Problem `json:"problems,omitempty"` // what was not understood, in the order of its places
	Notes     []document.Problem `json:"notes,omitempty"`    // understood and worth knowing: defaults taken, spellings repaired

	Source  string `json:"-"` // name in provenance of what read the file; "" when nothing did
	Claimed bool   `json:"-"` // a source that does not hand over resources knows the file as its own, and reports it

	more, moreNotes int               // beyond maxProblems
	counts          map[TypeCount]int // by type and class, with Count 0
}

// Problem adds something that was not understood; beyond a bound it is only counted.
func (r *FileReport) Problem(p document.Problem) {
	p.File = r.Path
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, p)
	} else {
		r.more++
	}
}

// Full reports whether a further problem would only be counted, so that there is no use in describing it.
func (r *FileReport) Full() bool { return len(r.Problems) >= maxProblems }

// Note adds something worth knowing; beyond a bound it is only counted.
func (r *FileReport) Note(p document.Problem) {
	p.File = r.Path
	if len(r.Notes) < maxProblems {
		r.Notes = append(r.Notes, p)
	} else {
		r.moreNotes++
	}
}

// Count adds a resource that carries no fact of an inventory, which is all that is kept of it.
func (r *FileReport) Count(kind string, class Class) {
	if r.counts == nil {
		r.counts = map[TypeCount]int{}
	}
	r.counts[TypeCount{Type: kind, Class: class}]++
}

// Refuse marks a file as refused for a reason and forgets the resources counted.
func (r *FileReport) Refuse(p document.Problem) {
	r.Status = Refused
	r.counts = nil
	r.Problem(p)
}

// Unassigned is a resource that could be part of a cluster but that nothing in the files assigns.
type Unassigned struct {
	File   string `json:"file"`
	Path   string `json:"path,omitempty"` // JSON pointer or line of the file
	Type   string `json:"type"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Remedy string `json:"remedy,omitempty"`

	Key string `json:"-"` // of the resource
}

// Result is the outcome of one import.
type Result struct {
	Site       *inventory.Site    `json:"site,omitempty"` // nil when every file was refused
	Files      []FileReport       `json:"files"`          // in the order given
	Unassigned []Unassigned       `json:"unassigned,omitempty"`
	Notes      []document.Problem `json:"notes,omitempty"` // about several files together: files that disagree, the site id derived
	Databases  []DatabaseRegion   `json:"databases,omitempty"`

	// Keys of the resources that stand in the inventory or gave it a fact, and of those that a tag, name or host ties to
	// ThingWorx whether they do or not.
	Used, Tied map[string]bool `json:"-"`
}

// Status is that of the whole import: understood when every file was, refused when none was, else partial.
func (r *Result) Status() Status {
	understood, refused := 0, 0
	for i := range r.Files {
		switch r.Files[i].Status {
		case Understood:
			understood++
		case Refused:
			refused++
		case Partial:
		}
	}
	switch {
	case refused == len(r.Files):
		return Refused
	case understood == len(r.Files):
		return Understood
	default:
		return Partial
	}
}

// ExitCode is the contract's exit code of `meridian import`: 0 all understood, 3 in part, 2 nothing.
func (r *Result) ExitCode() int {
	switch r.Status() {
	case Understood:
		return 0
	case Refused:
		return 2
	default:
		return 3
	}
}

// Quote returns a value for a message: in quotation marks when it is plainly a name, a region or a product code, else
// only its length, so that a secret in a place where a name belongs is not repeated.
func Quote(s string) string {
	if s == "" {
		return `""`
	}
	if len(s) > 63 || longestRun(s) > 40 {
		return "a value of " + plural(len(s), "byte", "bytes")
	}
	for _, r := range s {
		if !plain(r) {
			return "a value of " + plural(len(s), "byte", "bytes")
		}
	}
	return `"` + s + `"`
}

// Name returns a resource's name for a message, in quotation marks; names may be longer than other values.
func Name(s string) string {
	if s == "" {
		return "a resource without a name"
	}
	if shownName(s) == s {
		return `"` + s + `"`
	}
	return "a name of " + plural(len(s), "byte", "bytes")
}

func shownName(s string) string {
	if len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "a name of " + plural(len(s), "byte", "bytes")
}

// maxName is the length of Azure's longest resource names, those of network resources and resource groups.
const maxName = 90

func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" -_.()<>{}", r)
}

func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r == ' ' || r == '-' || r == '.' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// PointerKey returns a key for a JSON pointer in a message: as it is when it is plainly the name of a resource, else the
// position of its member.
func PointerKey(key string, i int) string {
	if len(key) > maxName || strings.ContainsFunc(key, func(r rune) bool { return !plain(r) && !strings.ContainsRune(`[]"/~`, r) }) || key == "" {
		return strconv.Itoa(i)
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// Placeholder reports whether a value stands for one that a person was to fill in: <region>, {subscription-id}, "...".
func Placeholder(s string) bool {
	if s == "..." || s == "…" {
		return true
	}
	return strings.ContainsAny(s, "<>{}[]")
}
