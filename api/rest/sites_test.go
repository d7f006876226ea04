package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/resttest"
	"github.com/meridian-federation/meridian/federation/fleet"
)

// TestHeartbeatIsTuned: the interval reaches the planner, what the planner says reaches the caller.
func TestHeartbeatIsTuned(t *testing.T) {
	asked := map[string]time.Duration{}
	var says error
	s := newServer(t, func(o *rest.Options) {
		o.SetHeartbeat = func(_ context.Context, site string, d time.Duration) error {
			asked[site] = d
			return says
		}
	})
	put := func(path, body string, role rest.Role) answer {
		return s.do(http.MethodPut, "/api/v1/sites/"+path+"/heartbeat", body, append(as(role), "Content-Type", "application/json")...)
	}
	if a := put("plant-001", `{"interval":"30s"}`, rest.Planner); a.Code != http.StatusNoContent || asked["plant-001"] != 30*time.Second {
		t.Errorf("%d %s; asked %v", a.Code, a.body, asked)
	}
	clear(asked)
	for name, c := range map[string]struct {
		path, body string
		role       rest.Role
		want       int
	}{
		"a viewer":        {"plant-001", `{"interval":"30s"}`, rest.Viewer, http.StatusForbidden},
		"an unknown site": {"nowhere", `{"interval":"30s"}`, rest.Admin, http.StatusNotFound},
		"no interval":     {"plant-001", `{}`, rest.Admin, http.StatusBadRequest},
		"not a duration":  {"plant-001", `{"interval":"soon"}`, rest.Admin, http.StatusBadRequest},
		"an unknown key":  {"plant-001", `{"interval":"30s","x":1}`, rest.Admin, http.StatusBadRequest},
		"no body":         {"plant-001", ``, rest.Admin, http.StatusBadRequest},
	} {
		if a := put(c.path, c.body, c.role); a.Code != c.want {
			t.Errorf("%s: %d %s, want %d", name, a.Code, a.body, c.want)
		}
	}
	if len(asked) != 0 {
		t.Errorf("planners were asked: %v", asked)
	}
	says = &rest.Error{Code: rest.CodeInvalid, Detail: "the site's planner refused: 1s is not between 5s and 1h0m0s"}
	if a := put("plant-001", `{"interval":"1s"}`, rest.Admin); a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "between 5s") {
		t.Errorf("%d %s", a.Code, a.body)
	}
	says = &rest.Error{Code: rest.CodeUnavailable, Detail: "no planner of the site is connected"}
	if a := put("plant-001", `{"interval":"30s"}`, rest.Admin); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.body, "no planner") {
		t.Errorf("%d %s", a.Code, a.body)
	}
}

// TestVersionsTellWhoIsBehind counts the planners by version and names the sites whose planner is too old; a site's own
// row says the same, and when it entered its state.
func TestVersionsTellWhoIsBehind(t *testing.T) {
	view := resttest.Sample(4)
	old := *view.Records[1]
	old.Planner.Version, old.Planner.Behind, old.Rivals, old.Limited = "0.9.0", true, []string{"a1b2", "c3d4"}, resttest.Now()
	view.Records[1] = &old
	s := newServer(t, func(o *rest.Options) {
		o.View, o.Supported = resttest.NewHolder(view).View, rest.Supported{Protocol: 3, OldestProtocol: 1, OldestPlanner: "1.0"}
	})
	v := decode[gen.VersionReport](t, s.get("/versions"))
	if v.Total != 4 || v.WithoutPlanner != 1 || len(v.Behind) != 1 || v.Behind[0] != old.ID || v.Hub != (gen.HubVersion{Version: "test", Protocol: 3, OldestProtocol: 1, OldestPlanner: "1.0"}) {
		t.Errorf("%+v", v)
	}
	if want := []gen.PlannerVersion{{Version: "0.9.0", Protocol: 1, Sites: 1, Behind: true}, {Version: "1.0.0", Protocol: 1, Sites: 2}}; len(v.Planners) != 2 || v.Planners[0] != want[0] || v.Planners[1] != want[1] {
		t.Errorf("planners %+v, want %+v", v.Planners, want)
	}
	row := decode[gen.SiteDetail](t, s.get("/sites/"+old.ID)).Site
	if !row.Planner.Behind || len(row.Rivals) != 2 || row.LimitedSince == nil || !row.LimitedSince.Equal(resttest.Now()) || row.Entered.Of(fleet.Live).IsZero() {
		t.Errorf("row %+v", row)
	}
	for filter, want := range map[string]int{"behind=true": 1, "limited=true": 1, "plannerVersion=0.9.0": 1} {
		if got := decode[anyList](t, s.get("/sites?filter="+filter)).Total; got != want {
			t.Errorf("%s: %d sites, want %d", filter, got, want)
		}
	}
	if scopedView := decode[gen.VersionReport](t, s.do(http.MethodGet, "/api/v1/versions", "", scoped()...)); scopedView.Total != 1 || len(scopedView.Behind) != 0 {
		t.Errorf("one site's token sees %+v", scopedView)
	}
}
