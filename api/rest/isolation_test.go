package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/resttest"
	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/tenancy"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// plant marks everything that people name in a site's document, so that each mark that comes out tells whose it is. What identifies
// what two sites share, and the hub's id, which spokes name themselves, stay.
func plant(s *inventory.Site, mark string) {
	m := func(p *string) {
		if *p != "" {
			*p = mark + strings.TrimPrefix(*p, "/")
		}
	}
	path := func(p *string) {
		if *p != "" {
			*p = "/" + mark + *p
		}
	}
	if s.Site.Role != inventory.RoleHub {
		m(&s.Site.ID)
	}
	s.Site.Name, s.Site.Tags = mark+"name", map[string]string{"division": mark + "tag"}
	nodes := func(list []inventory.Node) {
		for i := range list {
			n := &list[i]
			m(&n.Name)
			m(&n.Machine)
			n.SKU, n.Placement.Provider, n.Placement.Region, n.Placement.Zone = mark+"sku", "on-premise", mark+"region", mark+"zone"
			m(&n.Settings.PlatformID)
		}
	}
	for i := range s.Clusters {
		c := &s.Clusters[i]
		m(&c.ID)
		c.ThingworxVersion = "9.5.1-" + mark
		for k := range c.Components {
			path(&c.Components[k].BasePath)
			nodes(c.Components[k].Nodes)
		}
		for k := range c.Uses {
			u := &c.Uses[k]
			m(&u.Infrastructure)
			path(&u.Namespace)
			path(&u.IgniteBasePath)
			path(&u.ConnectionServerBasePath)
			m(&u.Database)
			m(&u.Schema)
			path(&u.Path)
		}
	}
	for i := range s.Infrastructure {
		x := &s.Infrastructure[i]
		m(&x.ID)
		x.Name, x.SKU, x.Version = mark+"infrastructure", mark+"sku", "15.4-"+mark
		x.Placement = inventory.Placement{Provider: "on-premise", Region: mark + "region", Zone: mark + "zone"}
		x.Identity.Addresses = append(x.Identity.Addresses, mark+"address.example")
		nodes(x.Nodes)
		nodes(x.PgPool)
	}
	s.Probes, s.Provenance = nil, nil
	s.Sources = []inventory.Source{{Name: "azure", Status: inventory.SourcePartial, Detail: mark + "detail"}}
}

// marks are the planted sites: Berlin and Hamburg share ZooKeeper and database, both are spokes of the headquarters.
var marks = map[string]string{"ber-02": "zqber", "ham-03": "zqham", "hq-01": "zqhq"}

func idOf(site string) string {
	if site == "hq-01" {
		return site
	}
	return marks[site] + site
}

// planted judges the planted sites together; change alters their documents first.
func planted(t *testing.T, change func(*inventory.Site)) *resttest.View {
	t.Helper()
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var sites []*inventory.Site
	for site, mark := range marks {
		data, err := os.ReadFile("../../deployments/demo/" + site + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		s, err := inventory.Parse(site, data, engine.Regions)
		if err != nil {
			t.Fatal(err)
		}
		plant(s, mark)
		if change != nil {
			change(s)
		}
		sites = append(sites, inventory.Normalise(s, engine.Regions))
	}
	v := &resttest.View{At: 1}
	for _, a := range engine.Sites(sites, assess.View{At: resttest.Now(), HubInView: true}) {
		i := slices.IndexFunc(sites, func(s *inventory.Site) bool { return s.Site.ID == a.Inventories[0].Site })
		v.Records = append(v.Records, &fleet.Record{
			ID: sites[i].Site.ID, Revision: a.Inventories[0].Revision, Inventory: sites[i], Assessment: a, Liveness: fleet.Live, AcceptedAt: resttest.Now(), HeardAt: resttest.Now(),
		})
		for k := range a.Tenancy {
			if x := &a.Tenancy[k]; len(x.Tenants) > 1 && strings.HasPrefix(x.Infrastructure, sites[i].Site.ID+"/") {
				v.Shared = append(v.Shared, x)
			}
		}
	}
	return v
}

func plantedServer(t *testing.T, v *resttest.View) *server {
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	relation := tenancy.New()
	for _, r := range v.Records {
		relation.Set(r.Inventory)
	}
	return newServer(t, func(o *rest.Options) {
		o.Branch = func(_ context.Context, v fleet.View, r *whatif.Request, allowed func(string) bool) (*whatif.Branch, error) {
			return whatif.New(whatif.Base{View: v, Engine: engine, Listing: relation.Sites, Spokes: relation.Spokes}, r, allowed)
		}
		o.View = resttest.NewHolder(v).View
		o.FleetPlan = func(_ context.Context, v fleet.View, within func(string) bool) (*advice.Plan, error) {
			effort, err := advice.DefaultEffort()
			if err != nil {
				return nil, err
			}
			return advice.Fleet(whatif.Base{View: v, Engine: engine, Listing: relation.Sites, Spokes: relation.Spokes}, advice.Options{Effort: effort, Within: within}), nil
		}
		tokens := []rest.Token{{Name: "all", SHA256: rest.HashToken("all"), Role: rest.Admin}, {Name: "none", SHA256: rest.HashToken("none"), Role: rest.Admin, Sites: []string{}}}
		for site := range marks {
			tokens = append(tokens, rest.Token{Name: site, SHA256: rest.HashToken(site), Role: rest.Admin, Sites: []string{idOf(site)}})
		}
		auth, err := rest.NewTokens(tokens...)
		if err != nil {
			t.Fatal(err)
		}
		o.Auth = auth
	})
}

// plantedTargets are reads of everything, by the addresses of every site.
func plantedTargets(v *resttest.View) []string {
	out := []string{
		"/sites", "/sites?sort=severity", "/clusters", "/findings", "/findings?all=true", "/findings?sort=severity", "/region-mismatches", "/recommendations", "/tenancy",
		"/tenancy/graph", "/tenancy/graph?format=dot", "/tenancy/graph?format=mermaid", "/infrastructure", "/infrastructure?limit=1", "/tenancy?limit=1", "/rejections", "/me", "/regions", "/plans/fleet",
	}
	for _, r := range v.Records {
		out = append(out, "/sites/"+r.ID, "/sites/"+r.ID+"/inventory", "/sites/"+r.ID+"/assessment", "/sites/"+r.ID+"/assessment?all=true")
		for i := range r.Inventory.Clusters {
			out = append(out, "/clusters/"+r.ID+"/"+r.Inventory.Clusters[i].ID)
		}
		for i := range r.Inventory.Infrastructure {
			out = append(out, "/infrastructure/"+r.ID+"/"+r.Inventory.Infrastructure[i].ID)
		}
	}
	return out
}

// TestIsolation asks everything within every scope. What a scope does not hold stays out of names, messages, evidence, advice, graphs,
// cursors, and errors.
func TestIsolation(t *testing.T) {
	v := planted(t, nil)
	s := plantedServer(t, v)
	seen := map[string]int{}
	for _, target := range plantedTargets(v) {
		all := s.do(http.MethodGet, "/api/v1"+target, "", "Authorization", "Bearer all").body
		for site, mark := range marks {
			seen[site] += strings.Count(all, mark)
		}
		for _, scope := range []string{"ber-02", "ham-03", "hq-01", "none"} {
			a := s.do(http.MethodGet, "/api/v1"+target, "", "Authorization", "Bearer "+scope)
			for site, mark := range marks {
				// An error repeats the address that was asked for.
				if body := strings.ReplaceAll(a.body, strings.TrimPrefix(target, "/"), ""); site != scope && a.Code == http.StatusOK && strings.Contains(body, mark) {
					at := strings.Index(body, mark)
					t.Errorf("%s within %s tells of %s: …%s…", target, scope, site, body[max(0, at-160):min(len(body), at+60)])
				}
				if owner := strings.Contains(target, "/"+idOf(site)+"/") || strings.HasSuffix(target, "/"+idOf(site)); owner && (a.Code == http.StatusOK) != (site == scope) {
					t.Errorf("%s within %s: %d", target, scope, a.Code)
				}
			}
		}
	}
	for site, n := range seen {
		if n < 50 {
			t.Errorf("%s is marked %d times in what an administrator sees: the test looks at too little", site, n)
		}
	}
}

// TestScopeCountsItsOwnOnly: totals and coverage are those of the scope, and a filter finds out nothing that the answer hides.
func TestScopeCountsItsOwnOnly(t *testing.T) {
	s := plantedServer(t, planted(t, nil))
	for _, list := range []string{"/sites", "/clusters", "/findings", "/recommendations", "/tenancy", "/infrastructure"} {
		if got := decode[anyList](t, s.do(http.MethodGet, "/api/v1"+list, "", "Authorization", "Bearer none")); got.Total != 0 || got.Coverage != (assess.Coverage{}) {
			t.Errorf("%s of nobody: %+v", list, got)
		}
		if got := decode[anyList](t, s.do(http.MethodGet, "/api/v1"+list, "", "Authorization", "Bearer ham-03")); got.Total == 0 || got.Coverage.Sites != 1 {
			t.Errorf("%s of Hamburg: total %d, %+v", list, got.Total, got.Coverage)
		}
	}
	for list, filters := range map[string][]string{
		"/findings":       {"message~*zqber*", "missing~*zqber*", "infrastructure~*zqber*", "site~zqber*"},
		"/tenancy":        {"region~zqber*", "alias~zqber*", "tenant~zqber*", "infrastructure~zqber*", "site~zqber*"},
		"/infrastructure": {"region~zqber*", "alias~zqber*", "tenant~zqber*", "infrastructure~zqber*", "name~zqber*", "version~*zqber*", "site~zqber*"},
		"/clusters":       {"databaseRegion~zqber*", "region~zqber*"},
	} {
		for _, f := range filters {
			if got := decode[anyList](t, s.do(http.MethodGet, "/api/v1"+list+"?filter="+url.QueryEscape(f), "", "Authorization", "Bearer ham-03")).Total; got != 0 {
				t.Errorf("%s: %q selects %d within Hamburg", list, f, got)
			}
		}
	}
	shared := decode[gen.TenancyList](t, s.do(http.MethodGet, "/api/v1/tenancy", "", "Authorization", "Bearer ham-03"))
	for _, x := range shared.Items {
		if x.OtherTenants == 0 || len(x.Tenants) != 1 {
			t.Errorf("%+v", x)
		}
	}
}

// TestScopedTagsKeepStill: what changes out of sight changes no ETag.
func TestScopedTagsKeepStill(t *testing.T) {
	before := planted(t, nil)
	after := planted(t, func(s *inventory.Site) {
		if s.Site.ID != idOf("ber-02") {
			return
		}
		s.Site.Name, s.Site.Tags = "zqberother", map[string]string{"plant": "zqberother"}
		s.Sources[0].Detail = "zqberother"
		for i := range s.Clusters {
			for k := range s.Clusters[i].Components {
				for n := range s.Clusters[i].Components[k].Nodes {
					s.Clusters[i].Components[k].Nodes[n].SKU = "zqberother"
				}
			}
		}
		for i := range s.Infrastructure {
			s.Infrastructure[i].Name = "zqberother"
		}
	})
	after.At = 2
	a, b := plantedServer(t, before), plantedServer(t, after)
	changed := false
	for _, target := range plantedTargets(before) {
		tag := func(s *server, token string) string {
			return s.do(http.MethodGet, "/api/v1"+target, "", "Authorization", "Bearer "+token).Header().Get("ETag")
		}
		changed = changed || tag(a, "all") != tag(b, "all")
		for _, scope := range []string{"ham-03", "hq-01", "none"} {
			if x, y := tag(a, scope), tag(b, scope); x != y {
				t.Errorf("%s within %s: %s becomes %s though nothing in sight changed", target, scope, x, y)
			}
		}
	}
	if !changed {
		t.Error("nothing changed at all")
	}
}

// TestSimulationsWithinAScope: a scope changes its own sites only, and what that does to others stays out of the answer.
func TestSimulationsWithinAScope(t *testing.T) {
	_, router := specRouter(t)
	v := planted(t, nil)
	s := plantedServer(t, v)
	post := func(token, changes string) answer {
		a := s.do(http.MethodPost, "/api/v1/simulations", `{"changes":[`+changes+`]}`, "Authorization", "Bearer "+token, "Content-Type", "application/json")
		conforms(t, router, http.MethodPost, "/api/v1/simulations", []string{"Content-Type", "application/json"}, a)
		return a
	}
	ham, ber := idOf("ham-03"), idOf("ber-02")
	for _, changes := range []string{
		`{"do":"upgrade","site":"` + ham + `","version":"9.9.9"}`,
		`{"do":"move-database","cluster":"` + ham + `/zqhamprod","to":"elsewhere"}`,
		`{"do":"lose","what":"region:on-premise/zqhamregion"}`,
		`{"do":"lose","what":"infrastructure:` + ham + `/zqhamzk-central"}`,
		`{"do":"lose","what":"site:` + ham + `"}`,
		`{"do":"set","site":"` + ham + `","pointer":"/clusters/zqhamprod/uses/zqhamdb/database","value":"zqberthingworx"}`,
		`{"do":"set","site":"` + ham + `","pointer":"/infrastructure/zqhamdb/identity","value":{"endpoint":"own.example"}}`,
	} {
		own, all := post("ham-03", changes), post("all", changes)
		if own.Code != http.StatusOK || all.Code != http.StatusOK {
			t.Errorf("%s: %d %s; %d %s", changes, own.Code, own.body, all.Code, all.body)
			continue
		}
		// What the caller wrote comes back.
		for _, mark := range []string{"zqber", "zqhq"} {
			if at := strings.Index(strings.ReplaceAll(own.body, "zqberthingworx", ""), mark); at >= 0 {
				t.Errorf("%s tells Hamburg of others: …%s…", changes, own.body[max(0, at-200):min(len(own.body), at+80)])
			}
		}
		if got := decode[whatif.Answer](t, own).Judged; got > 1 {
			t.Errorf("%s: %d sites of Hamburg's are concerned", changes, got)
		}
	}
	if got := decode[whatif.Answer](t, post("all", `{"do":"move-database","cluster":"`+ham+`/zqhamprod","to":"elsewhere"}`)); got.Judged != 2 {
		t.Errorf("%d sites are concerned", got.Judged)
	}
	for _, changes := range []string{`{"do":"upgrade","site":"%s","version":"9.9.9"}`, `{"do":"merge","site":"` + ham + `","into":"%s"}`, `{"do":"lose","what":"site:%s"}`, `{"do":"lose","what":"machine:%s/vm"}`, `{"do":"move-database","cluster":"%s/x","to":"y"}`} {
		foreign, nowhere := post("ham-03", fmt.Sprintf(changes, ber)), post("ham-03", fmt.Sprintf(changes, "nowhere"))
		if foreign.Code != http.StatusUnprocessableEntity || strings.ReplaceAll(foreign.body, ber, "nowhere") != nowhere.body {
			t.Errorf("a site out of scope is told from none: %d %s, %s", foreign.Code, foreign.body, nowhere.body)
		}
	}
	if a := post("ham-03", `{"do":"lose","what":"region:on-premise/zqberregion"}`); strings.Contains(strings.ReplaceAll(a.body, "zqberregion", ""), "zqber") {
		t.Errorf("%s", a.body)
	}
	for _, bad := range []string{`{"do":"fly"}`, `{"do":"upgrade"}`, `{"do":"set","site":"` + ham + `","pointer":"/clusters/zqhamprod/environment","value":"moon"}`} {
		if a := post("ham-03", bad); a.Code != http.StatusBadRequest && a.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", bad, a.Code, a.body)
		}
	}
}

// TestFleetPlan asks a server with real sites for the plan, which has to follow the contract.
func TestFleetPlan(t *testing.T) {
	_, router := specRouter(t)
	s := plantedServer(t, planted(t, nil))
	a := s.do(http.MethodGet, "/api/v1/plans/fleet", "", "Authorization", "Bearer all")
	conforms(t, router, http.MethodGet, "/api/v1/plans/fleet", nil, a)
	if p := decode[advice.Plan](t, a); len(p.Queue) == 0 || len(p.Separations) == 0 || p.Sites != 3 {
		t.Errorf("%+v", p)
	}
}
