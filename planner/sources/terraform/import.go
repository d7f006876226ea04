// Package terraform reads Terraform states (version 3 and 4), `terraform show -json` of states and plans, and the lists
// of planned resources that policy tools write, and hands the Azure resources in them to package importer. Values of a
// plan are marked as planned and give way to observed ones. It runs no Terraform, reads no clock, and copies no value
// but names, places, sizes and product codes. `meridian import --from terraform` calls it.
package terraform

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// Names of this source in provenance: of a state's values, and of a plan's.
const (
	Source     = "terraform"
	SourcePlan = "terraform-plan"
)

const (
	provider   = "azure"
	showRemedy = "write the state or plan with terraform show -json"
)

// Import reads the files and assembles one document. Every file has a report; none is skipped.
func Import(files []importer.File, opts importer.Options) importer.Result {
	return importer.Import(files, opts, Read)
}

// Read reads one file; it is the importer.Reader of this source.
func Read(f importer.File) (importer.FileReport, []importer.Resource) {
	r := &reader{report: importer.FileReport{Path: f.Name}, foreign: map[string]int{}}
	if f.Unreadable != "" {
		r.report.Kind = "unreadable file"
		r.report.Refuse(f.Unread())
		return r.report, nil
	}
	doc, problem := tree.Parse(f.Data)
	if problem != nil {
		r.report.Kind = "text that is no state"
		problem.Remedy = showRemedy
		if start := bytes.TrimLeft(f.Data, " \t\r\n\ufeff"); len(start) > 0 && start[0] < utf8.RuneSelf && start[0] != '{' && start[0] != '[' {
			problem.What = "not JSON: source text (HCL, Bicep) names resources and holds no resolved values"
		}
		r.report.Refuse(*problem)
		return r.report, nil
	}
	r.tree = doc
	for _, p := range doc.Twice {
		r.report.Problem(p)
	}
	r.recognise(doc.Root)
	r.finish()
	if r.report.Status != importer.Refused {
		r.report.Source = r.source()
	}
	return r.report, r.resources
}

// reader reads one file.
type reader struct {
	tree      *tree.Document
	report    importer.FileReport
	resources []importer.Resource
	planned   bool
	foreign   map[string]int // resources of providers that are not read
	balancers []item         // probes and rules, which belong to a load balancer
	shares    []item
	votes     []vote // of a load balancer's rules, by the balancer's place among the resources
}

// vote collects what the rules of one load balancer say about sticky sessions.
type vote struct{ on, off bool }

func (r *reader) refuse(kind string, v *tree.Value, what, remedy string) {
	r.report.Kind = kind
	r.report.Refuse(r.tree.At(v, "", what, remedy))
	r.resources = nil
}

func (r *reader) recognise(v *tree.Value) {
	version, _ := v.Get("version").Float()
	switch {
	case v.Kind() == tree.Array && v.Len() > 0 && resourceShape(v.Item(0)):
		r.report.Kind, r.planned = "list of planned resources", true
		r.list(v, "")
	case wrapped(v) != nil:
		r.report.Kind, r.planned = "list of planned resources, in the answer of a policy tool", true
		r.list(wrapped(v), "/result/0/expressions/0/value")
	case v.Kind() != tree.Object:
		r.refuse("JSON value", v, "the document is "+v.Kind().String()+", not a state or plan", showRemedy)
	case v.Get("planned_values").Kind() == tree.Object:
		r.report.Kind, r.planned = "plan", true
		r.module(v.Get("planned_values", "root_module"), "/planned_values/root_module", 0)
	case v.Get("values").Kind() == tree.Object && v.Has("format_version"):
		r.report.Kind = "state shown as JSON"
		r.module(v.Get("values", "root_module"), "/values/root_module", 0)
	case v.Has("format_version", "terraform_version"):
		r.report.Kind = "state shown as JSON, empty"
	case version == 4 && v.Get("resources").Kind() == tree.Array:
		r.report.Kind = "state version 4"
		r.four(v.Get("resources"))
	case (version == 3 || version == 2 || version == 1) && v.Get("modules").Kind() == tree.Array:
		r.report.Kind = "state version " + strconv.Itoa(int(version))
		r.three(v.Get("modules"))
	case v.Has("$schema", "contentVersion"):
		r.refuse("ARM template or its parameters", v, "an ARM template, not a Terraform document", "import it with --from azure")
	case v.Has("terraform_version"):
		r.refuse("Terraform document", v, "a version or shape that is not known; it has the keys "+v.KeyNames(12), showRemedy)
	default:
		r.refuse("unknown JSON", v, "neither a state nor a plan; it has the keys "+v.KeyNames(12), showRemedy)
	}
}

// wrapped returns the resources in the answer of Open Policy Agent to a query of a plan.
func wrapped(v *tree.Value) *tree.Value {
	result := v.Get("result")
	if result.Kind() != tree.Array || result.Len() != 1 {
		return nil
	}
	expressions := result.Item(0).Get("expressions")
	if expressions.Kind() != tree.Array || expressions.Len() != 1 {
		return nil
	}
	value := expressions.Item(0).Get("value")
	if value.Kind() == tree.Array && (value.Len() == 0 || resourceShape(value.Item(0))) {
		return value
	}
	return nil
}

func resourceShape(v *tree.Value) bool { return v.Has("type", "values") }

// list reads resources as `terraform show -json` writes them.
func (r *reader) list(v *tree.Value, ptr string) {
	for i := range v.Members() {
		res, at := v.Item(i), ptr+"/"+strconv.Itoa(i)
		if !resourceShape(res) {
			r.unknown(res, at)
			continue
		}
		r.read(res.Get("type"), res.Get("values"), at+"/values")
	}
}

// module reads a module and those in it.
func (r *reader) module(v *tree.Value, ptr string, depth int) {
	r.list(v.Get("resources"), ptr+"/resources")
	children := v.Get("child_modules")
	for i := range children.Members() {
		if depth < tree.MaxDepth {
			r.module(children.Item(i), ptr+"/child_modules/"+strconv.Itoa(i), depth+1)
		}
	}
}

func (r *reader) four(v *tree.Value) {
	for i := range v.Members() {
		res, at := v.Item(i), "/resources/"+strconv.Itoa(i)
		instances := res.Get("instances")
		if instances.Kind() != tree.Array || res.Get("type").Kind() != tree.String {
			r.unknown(res, at)
			continue
		}
		for j := range instances.Members() {
			in, path := instances.Item(j), at+"/instances/"+strconv.Itoa(j)
			switch {
			case in.Get("attributes").Kind() == tree.Object:
				r.read(res.Get("type"), in.Get("attributes"), path+"/attributes")
			case in.Get("attributes_flat").Kind() == tree.Object:
				r.read(res.Get("type"), tree.Unflatten(in.Get("attributes_flat")), path+"/attributes_flat")
			default:
				r.unknown(in, path)
			}
		}
	}
}

func (r *reader) three(v *tree.Value) {
	for i := range v.Members() {
		resources := v.Item(i).Get("resources")
		for j, m := range resources.Members() {
			res, at := resources.Item(j), "/modules/"+strconv.Itoa(i)+"/resources/"+importer.PointerKey(m.Key, j)
			attributes := res.Get("primary", "attributes")
			if attributes.Kind() != tree.Object || res.Get("type").Kind() != tree.String {
				r.unknown(res, at)
				continue
			}
			r.read(res.Get("type"), tree.Unflatten(attributes), at+"/primary/attributes")
		}
	}
}

func (r *reader) source() string {
	if r.planned {
		return SourcePlan
	}
	return Source
}

func (r *reader) unknown(v *tree.Value, ptr string) {
	r.report.Problem(r.tree.At(v, ptr, "an entry is no resource with attributes; it is "+v.Kind().String()+" with "+keysOf(v), showRemedy))
	r.report.Count("unknown", importer.ClassUnknown)
}

func keysOf(v *tree.Value) string {
	if names := v.KeyNames(8); names != "" {
		return "the keys " + names
	}
	return "no keys"
}

// item is one resource: its attributes, nested, whatever the file's version.
type item struct {
	r    *reader
	kind string
	v    *tree.Value
	ptr  string
}

func (r *reader) read(kind, attributes *tree.Value, ptr string) {
	name := typeName(kind.Text())
	owner, _, _ := strings.Cut(name, "_")
	switch owner {
	case "azurerm":
		item{r: r, kind: name, v: attributes, ptr: ptr}.read()
	case "random", "null", "local", "tls", "time", "terraform", "azuread", "http", "external", "template", "archive":
		r.report.Count(name, importer.ClassNotRelevant)
	default:
		r.foreign[owner]++
		r.report.Count(name, importer.ClassUnknown)
	}
}

// typeName returns the type of a resource, "unknown" for text that is none.
func typeName(s string) string {
	if s == "" || len(s) > 120 || strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }) {
		return "unknown"
	}
	return s
}

// finish attaches what belongs to another resource of the file and reports providers that are not read.
func (r *reader) finish() {
	r.votes = make([]vote, len(r.resources))
	for _, i := range r.balancers {
		i.attach()
	}
	for _, i := range r.shares {
		i.share()
	}
	if r.planned && r.report.Status != importer.Refused {
		r.report.Note(document.Problem{What: "values of a plan: asked for and not observed"})
	}
	for _, name := range sortedNames(r.foreign) {
		r.report.Problem(r.tree.At(r.tree.Root, "", "not read: "+strconv.Itoa(r.foreign[name])+" of provider "+importer.Quote(name), "list what runs there in a site file"))
	}
}
