package operation

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// configured are the facts of a cluster that its settings files give, by the path beneath it. Placements are COL-009's.
var configured = regexp.MustCompile(`^/(?:thingworxVersion|clusteredMode|settings/[^/]+|uses/\d+/(?:namespace|igniteBasePath|connectionServerBasePath|database|schema|path)|components/\d+/(?:mode|basePath|nodes/\d+/settings/[^/]+))$`)

// contradictions are the facts of a cluster's configuration of which the sources, or two files of one source, say different
// things.
func contradictions(j *rule.Judge, c *facts.Cluster) []string {
	prefix := "/clusters/" + strconv.Itoa(c.Index)
	var out []string
	var tree any
	for i := range j.View.Provenance {
		p := &j.View.Provenance[i]
		path, ok := strings.CutPrefix(p.Path, prefix)
		if !ok || p.Declared == "" && len(p.Overruled) == 0 || !configured.MatchString(path) {
			continue
		}
		if tree == nil {
			if data, err := json.Marshal(c.Cluster); err != nil || json.Unmarshal(data, &tree) != nil {
				return nil // never: the cluster was decoded from JSON
			}
		}
		value, known := scalar(tree, path)
		if !known {
			continue // an expression stands in the place of the value
		}
		var others []string
		if p.Declared != "" && p.Declared != value {
			others = append(others, p.Declared+" as declared")
		}
		for _, o := range p.Overruled {
			if o.Value != value {
				others = append(others, o.Value+" by "+o.Source)
			}
		}
		if len(others) > 0 {
			out = append(out, fmt.Sprintf("%s is %s by %s and %s", named(c, path), value, p.Source, rule.Joined(others)))
		}
	}
	slices.Sort(out)
	return out
}

// named is a fact in words: the field, and the infrastructure or the node that it is about.
func named(c *facts.Cluster, path string) string {
	parts := strings.Split(path[1:], "/")
	field := parts[len(parts)-1]
	index := func(i int) int {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return 0 // never: the pattern has digits there
		}
		return n
	}
	switch {
	case parts[0] == "uses":
		return field + " of " + c.Cluster.Uses[index(1)].Infrastructure
	case len(parts) == 3:
		return field + " of the " + string(c.Components[index(1)].Kind)
	case len(parts) > 3:
		return field + " of " + c.Components[index(1)].Nodes[index(3)].Name
	}
	return field
}

// scalar is a single value of a JSON tree as provenance writes it.
func scalar(v any, pointer string) (string, bool) {
	for token := range strings.SplitSeq(pointer[1:], "/") {
		switch at := v.(type) {
		case map[string]any:
			v = at[token]
		case []any:
			n, err := strconv.Atoi(token)
			if err != nil || n >= len(at) {
				return "", false
			}
			v = at[n]
		default:
			return "", false
		}
	}
	switch v := v.(type) {
	case string:
		return v, v != ""
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
