package azure

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// template reads an ARM template: what someone asks to be deployed. Parameters are resolved by their default value and
// variables by their value; every other expression stays unknown and is named.
func (r *reader) template(v *tree.Value, ptr string) {
	r.kind("ARM template")
	r.asked = true
	r.report.Note(document.Problem{What: "values of a template: asked for and not observed"})
	r.deployment(v, ptr, 0)
}

// maxNested bounds deployments within deployments and variables made of variables.
const maxNested = 8

func (r *reader) deployment(v *tree.Value, ptr string, depth int) {
	resources := v.Get("resources")
	for i, m := range resources.Members() {
		// Language version 2 writes resources as an object by symbolic name.
		at := ptr + "/resources/" + strconv.Itoa(i)
		if m.Key != "" {
			at = ptr + "/resources/" + importer.PointerKey(m.Key, i)
		}
		r.declared(v, resources.Item(i), at, depth)
	}
}

func (r *reader) declared(deployment, v *tree.Value, ptr string, depth int) {
	kind := strings.ToLower(v.Get("type").Text())
	if !typeName(kind) {
		r.unknown(v, ptr, "an entry of the template is no resource; it is "+v.Kind().String())
		return
	}
	if inner := v.Get("properties", "template"); kind == "microsoft.resources/deployments" && inner.Kind() == tree.Object && depth < maxNested {
		r.report.Count(kind, importer.ClassContext)
		r.deployment(inner, ptr+"/properties/template", depth+1)
		return
	} else if kind == "microsoft.resources/deployments" {
		name := ""
		if text := v.Get("name").Text(); !expression(text) && text != "" {
			name = importer.Name(text) + ", "
		}
		r.problem(v, ptr, name+"a deployment that links another template, which is not read", "import the linked template too")
	}
	var open []string
	resolved := tree.Replace(v, func(path []string, text string) (*tree.Value, bool) {
		if !expression(text) {
			return nil, false
		}
		if to := resolve(deployment, text, 0); to != nil {
			return to, true
		}
		if len(path) > 0 && needed(path) {
			open = append(open, path[len(path)-1]+" = "+shownExpression(text))
		}
		return nil, true
	})
	if v.Get("copy").Kind() == tree.Object && classOf(kind) == "" {
		r.problem(v.Get("copy"), ptr+"/copy", "a resource made in a loop; it is counted once", "export the deployed resources with az resource list -o json")
	}
	if len(open) > 0 && (classOf(kind) == "" || neighbour(kind)) {
		r.problem(v, ptr, "expressions that are not resolved, so that these values stay unknown: "+importer.List(open, 6), "export the deployed resources with az resource list -o json")
	}
	r.resource(resolved, ptr)
	children := v.Get("resources")
	for i := range children.Members() {
		r.declared(deployment, children.Item(i), ptr+"/resources/"+strconv.Itoa(i), depth)
	}
}

// needed reports whether a value is one that an inventory would hold.
func needed(path []string) bool {
	last := path[len(path)-1]
	if last == "" && len(path) > 1 {
		last = path[len(path)-2]
	}
	return len(path) <= 4 && !slices.Contains(path, "tags") && slices.Contains([]string{
		"name", "location", "zones", "tier", "capacity", "vmSize", "mode", "version", "availabilityZone", "standbyAvailabilityZone",
		"storageSizeGB", "storageMB", "geoRedundantBackup", "haEnabled", "kind", "createMode", "replicationRole",
	}, last)
}

func expression(s string) bool {
	return strings.HasPrefix(s, "[") && !strings.HasPrefix(s, "[[") && strings.HasSuffix(s, "]")
}

var (
	lookup     = regexp.MustCompile(`^\[\s*(?i:(parameters|variables))\('([^']{1,128})'\)((?:\.[A-Za-z0-9_]+){0,4})\s*\]$`)
	showable   = regexp.MustCompile(`^\[[A-Za-z0-9_.,()' -]{1,100}\]$`)
	secureType = regexp.MustCompile(`^(?i:secure)`)
)

// shownExpression repeats an expression of names and calls, which holds no value.
func shownExpression(s string) string {
	if showable.MatchString(s) {
		return s
	}
	return "an expression of " + strconv.Itoa(len(s)) + " bytes"
}

// resolve answers an expression that only looks up a parameter or variable, nil when it cannot. The default of a secure
// parameter is a secret and is never looked up.
func resolve(deployment *tree.Value, text string, depth int) *tree.Value {
	m := lookup.FindStringSubmatch(text)
	if m == nil || depth > maxNested {
		return nil
	}
	var v *tree.Value
	if strings.EqualFold(m[1], "variables") {
		v = deployment.Get("variables", m[2])
	} else if p := deployment.Get("parameters", m[2]); !secureType.MatchString(p.Get("type").Text()) {
		v = p.Get("defaultValue")
	}
	if m[3] != "" {
		v = v.Get(strings.Split(m[3][1:], ".")...)
	}
	switch {
	case v.Kind() == tree.Missing || v.Kind() == tree.Null:
		return nil
	case v.Kind() == tree.String && expression(v.Text()):
		return resolve(deployment, v.Text(), depth+1)
	}
	return v
}
