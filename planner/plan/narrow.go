package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/recommend"
)

type architecture = catalog.Architecture

// narrow returns the catalogue with what the constraints leave of it, and why the rest is left out.
func narrow(c *catalog.Catalog, k *Constraints) (*catalog.Catalog, []recommend.Rejected, error) {
	var excluded []recommend.Rejected
	files := map[string][]byte{}
	for _, a := range c.All() {
		if because := exclude(&a, k); because != "" {
			excluded = append(excluded, recommend.Rejected{Architecture: a.ID, Because: because})
			continue
		}
		if k.Database != "" && !a.Overlay {
			d, _ := a.Database(k.Database)
			a.Databases = []catalog.DatabaseChoice{d}
		}
		data, err := file(&a)
		if err != nil {
			return nil, nil, err
		}
		files[a.ID] = data
	}
	if len(excluded) == 0 && k.Database == "" {
		return c, nil, nil
	}
	out, err := catalog.Load(files)
	if err != nil {
		return nil, nil, fmt.Errorf("narrow the catalogue to the constraints: %w", err)
	}
	return out, excluded, nil
}

func exclude(a *architecture, k *Constraints) string {
	if a.Overlay {
		return ""
	}
	if k.OperatedBy != "" && len(a.OperatedBy) > 0 && !slices.Contains(a.OperatedBy, k.OperatedBy) {
		return fmt.Sprintf("it is not operated by %s", k.OperatedBy)
	}
	if k.Database == "" {
		return ""
	}
	if _, ok := a.Database(k.Database); !ok {
		var engines []string
		for _, d := range a.Databases {
			engines = append(engines, string(d.Engine))
		}
		return fmt.Sprintf("its database is not %s, but one of %s", k.Database, strings.Join(engines, ", "))
	}
	return ""
}

// file writes an architecture as a file of the catalogue, the only form in which one can be put in.
func file(a *architecture) ([]byte, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("write architecture %s: %w", a.ID, err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("write architecture %s: %w", a.ID, err)
	}
	parts, _ := fields["parts"].([]any)
	for i := range a.Parts {
		p, ok := parts[i].(map[string]any)
		if !ok {
			continue
		}
		for key, e := range map[string]catalog.Expression{"min": a.Parts[i].Min, "max": a.Parts[i].Max, "recommend": a.Parts[i].Recommend, "multipleOf": a.Parts[i].MultipleOf} {
			if text := e.String(); text != "" {
				p[key] = text
			}
		}
	}
	if data, err = json.Marshal(fields); err != nil {
		return nil, fmt.Errorf("write architecture %s: %w", a.ID, err)
	}
	return data, nil
}
