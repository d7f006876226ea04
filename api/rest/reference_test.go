package rest_test

import (
	"net/http"
	"testing"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// TestBuiltinReferenceData serves the rule pack, the catalogue and the schema that ship with the product.
func TestBuiltinReferenceData(t *testing.T) {
	c, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(o *rest.Options) {
		o.Rules, o.Architectures, o.Schema = rules.Builtin().Entries(), c.All(), inventory.Schema()
	})
	_, router := specRouter(t)
	for path, least := range map[string]int{"/rules?limit=1000": 60, "/architectures": 7, "/regions?limit=1000": 50} {
		a := s.get(path)
		conforms(t, router, http.MethodGet, "/api/v1"+path, as(rest.Admin), a)
		if got := decode[anyList](t, a).Total; got < least {
			t.Errorf("%s: %d", path, got)
		}
	}
	for _, e := range rules.Builtin().Entries() {
		conforms(t, router, http.MethodGet, "/api/v1/rules/"+e.ID, as(rest.Admin), s.get("/rules/"+e.ID))
	}
	conforms(t, router, http.MethodGet, "/api/v1/schemas/site-inventory.json", nil, s.get("/schemas/site-inventory.json"))
}
