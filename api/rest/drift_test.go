package rest

import (
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/diagram"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/rules"
)

// TestSchemasDescribeTheGoTypes walks the Go types that answers are made of beside their schemas, so that neither gains
// or loses a field without the other.
func TestSchemasDescribeTheGoTypes(t *testing.T) {
	c, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	w := walker{t: t, seen: map[string]bool{}}
	for name, v := range map[string]any{
		"Assessment": assess.Assessment{}, "SiteInventory": inventory.Site{}, "Rejection": fleet.Rejection{}, "Region": geo.Region{},
		"Rule": rules.Entry{}, "Architecture": catalog.Architecture{}, "SiteRow": gen.SiteRow{}, "ClusterDetail": gen.ClusterDetail{},
		"SiteDetail": gen.SiteDetail{}, "ClusterRecommendation": gen.ClusterRecommendation{}, "Tenancy": gen.Tenancy{},
		"InfrastructureDetail": gen.InfrastructureDetail{}, "TenancyGraph": diagram.Graph{}, "SimulationRequest": whatif.Request{}, "Simulation": whatif.Answer{}, "FleetPlan": advice.Plan{},
	} {
		w.compare(name, c.doc.Components.Schemas[name], reflect.TypeOf(v))
	}
}

type walker struct {
	t    *testing.T
	seen map[string]bool
}

func (w *walker) compare(at string, ref *openapi3.SchemaRef, typ reflect.Type) {
	if ref == nil {
		w.t.Errorf("%s: no schema", at)
		return
	}
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ == reflect.TypeFor[recommend.Packed]() {
		typ = reflect.TypeFor[recommend.Recommendation]() // whose document it is written as
	}
	s := ref.Value
	if len(s.AllOf) == 1 {
		s = s.AllOf[0].Value
	}
	if typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array {
		if s.Items == nil {
			w.t.Errorf("%s: the schema is no array", at)
			return
		}
		w.compare(at+"[]", s.Items, typ.Elem())
		return
	}
	if typ.Kind() != reflect.Struct || typ.String() == "time.Time" || s.AdditionalProperties.Has != nil {
		return
	}
	if w.seen[typ.String()] {
		return
	}
	w.seen[typ.String()] = true
	fields := map[string]reflect.StructField{}
	collect(typ, fields)
	var required []string
	for name, f := range fields {
		p := s.Properties[name]
		if p == nil {
			w.t.Errorf("%s: %s has %s, the schema not", at, typ, name)
			continue
		}
		if tag := f.Tag.Get("json"); !strings.Contains(tag, ",omit") {
			required = append(required, name)
		}
		w.compare(at+"."+name, p, f.Type)
	}
	for name := range s.Properties {
		if _, ok := fields[name]; !ok {
			w.t.Errorf("%s: the schema has %s, %s not", at, name, typ)
		}
	}
	sort.Strings(required)
	got := slices.Clone(s.Required)
	sort.Strings(got)
	if !slices.Equal(required, got) {
		w.t.Errorf("%s: %s always has %v, the schema requires %v", at, typ, required, got)
	}
}

func collect(typ reflect.Type, out map[string]reflect.StructField) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			collect(f.Type, out)
		case name != "-" && f.IsExported():
			out[name] = f
		}
	}
}
