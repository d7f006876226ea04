// Package azure reads what people export from Azure (az … -o json and -o table, ARM bodies, Resource Graph answers,
// API examples) and hands the resources to package importer, which builds the SiteInventory. It works offline on bytes:
// it calls no cloud, reads no clock, and copies no value but names, places, sizes and product codes, so that passwords,
// keys and connection strings of an export never reach the result. `meridian import --from azure` and the daemon's
// offline source call it.
package azure

import (
	"bytes"
	"path"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// Names of this source in provenance: of values observed, of values a request asked for, and of physical zones, which are
// what a subscription's list of regions says about the logical zone of a resource.
const (
	Source        = "azure"
	SourceRequest = "azure-request"
	SourceZones   = "azure-locations"
)

const provider = "azure"

// Import reads the files and assembles one document. Every file has a report; none is skipped.
func Import(files []importer.File, opts importer.Options) importer.Result {
	return importer.Import(files, opts, Read)
}

// Read reads one file; it is the importer.Reader of this source.
func Read(f importer.File) (importer.FileReport, []importer.Resource) {
	r := read(f)
	if r.report.Status != importer.Refused {
		r.report.Source = r.source()
	}
	return r.report, r.resources
}

// Recognises reports whether a file is one this source understands at least in part, and as what.
func Recognises(f importer.File) (kind string, ok bool) {
	r := read(f)
	return r.report.Kind, r.report.Status != importer.Refused
}

// reader reads one file.
type reader struct {
	tree      *tree.Document
	report    importer.FileReport
	resources []importer.Resource
	asked     bool        // values of a request
	request   *tree.Value // body of the request beside a response, which tells what a server was made from
}

func read(f importer.File) *reader {
	r := &reader{report: importer.FileReport{Path: f.Name}}
	if f.Unreadable != "" {
		r.refuse("unreadable file", f.Unread())
		return r
	}
	text, problem := tree.DecodeText(f.Data)
	if problem != nil {
		r.refuse("unreadable text", *problem)
		return r
	}
	if looksLikeTable(text) {
		r.table(string(text))
		return r
	}
	doc, problem := tree.Parse(text)
	if problem != nil {
		if start := bytes.TrimLeft(text, " \t\r\n"); len(start) > 0 && start[0] != '{' && start[0] != '[' {
			problem.What, problem.Remedy = unread(f.Name)
		}
		r.refuse("text that is no export", *problem)
		return r
	}
	r.tree = doc
	for _, p := range doc.Twice {
		r.report.Problem(p)
	}
	r.recognise(doc.Root, "")
	return r
}

func (r *reader) refuse(kind string, p document.Problem) {
	r.report.Kind = kind
	r.report.Refuse(p)
	r.resources = nil
}

func (r *reader) problem(v *tree.Value, pointer, what, remedy string) {
	if r.report.Full() {
		r.report.Problem(document.Problem{})
		return
	}
	r.report.Problem(r.tree.At(v, pointer, what, remedy))
}

func (r *reader) note(v *tree.Value, pointer, what string) {
	r.report.Note(r.tree.At(v, pointer, what, ""))
}

func (r *reader) source() string {
	if r.asked {
		return SourceRequest
	}
	return Source
}

// ID is a resource id taken apart.
type ID struct {
	Key          string // lower case, without trailing slash
	Subscription string
	Group        string
	Kind         string // resource type in lower case
	Names        []string
	Usable       bool // names one resource of one real subscription
}

// ParseID takes an ARM id apart; ok is false for text that is none. Extension resources have the type of their last
// provider.
func ParseID(s string) (id ID, ok bool) {
	s = strings.TrimRight(s, "/")
	parts := strings.Split(s, "/")
	if len(parts) < 3 || parts[0] != "" || len(parts) > 64 {
		return ID{}, false
	}
	id.Key = strings.ToLower(s)
	last := -1
	for i := 1; i+1 < len(parts); i++ {
		switch strings.ToLower(parts[i]) {
		case "subscriptions":
			if i == 1 {
				id.Subscription = parts[i+1]
			}
		case "resourcegroups":
			if i == 3 {
				id.Group = parts[i+1]
			}
		case "providers":
			last = i
		}
	}
	switch {
	case last >= 0:
		kind := []string{parts[last+1]}
		for i := last + 2; i+1 < len(parts); i += 2 {
			kind = append(kind, parts[i])
			id.Names = append(id.Names, parts[i+1])
		}
		if id.Kind = strings.ToLower(strings.Join(kind, "/")); !typeName(id.Kind) {
			return ID{}, false
		}
	case id.Group != "" && len(parts) == 5:
		id.Kind, id.Names = "microsoft.resources/resourcegroups", []string{id.Group}
	case id.Subscription != "" && len(parts) == 3:
		id.Kind, id.Names = "microsoft.resources/subscriptions", []string{id.Subscription}
	default:
		return ID{}, false
	}
	id.Usable = guid(id.Subscription) && !importer.Placeholder(s)
	return id, true
}

// Parent is the key of the resource n levels above: 1 for the account of a child.
func (id ID) Parent(levels int) string {
	parts := strings.Split(id.Key, "/")
	if n := len(parts) - 2*levels; n > 0 {
		return strings.Join(parts[:n], "/")
	}
	return ""
}

// reference reads the key of a resource that is named by id, "" when it is none.
func reference(v *tree.Value) string {
	id, ok := ParseID(v.Text())
	if !ok {
		return ""
	}
	return id.Key
}

func guid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range strings.ToLower(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// unread says of a text that is neither JSON nor a table of the Azure command line what it is and what to give instead.
func unread(name string) (what, remedy string) {
	switch strings.ToLower(path.Ext(name)) {
	case ".bicep", ".bicepparam":
		return "the source of a Bicep template, which is not read", "export what runs with az resource list -o json, or compile it with az bicep build"
	case ".tf", ".tfvars", ".hcl":
		return "the source of a Terraform configuration, which is not read", "export the state with terraform show -json, or give the state file"
	}
	return "in no format that is read", "export from Azure with az … -o json and from Terraform with terraform show -json; leave configuration files their names, like zoo.cfg"
}
