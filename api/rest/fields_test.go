package rest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

// TestFields asks for every filter field by a value of the sample and tells how many items it selects.
func TestFields(t *testing.T) {
	s := newServer(t)
	used := map[string]map[string]bool{}
	for _, c := range []struct {
		op, path string
		totals   map[string]int
	}{
		{"listSites", "/sites", map[string]int{
			"site=plant-001": 1, `name="Plant 002"`: 1, "country=US": 4, "role=spoke": 12, "hub=plant-000": 12, "liveness=stale": 3, "observedAt>=2026-11-20T08:58:00Z": 3,
			"acceptedAt<2026-11-20": 0, "revision~*0003": 1, "clusters=2": 3, "severity=critical": 3, "fail>=2": 3, "critical=1": 3, "high=1": 3, "medium=1": 3, "low=0": 12, "info=0": 12, "unknown=1": 3,
			"regionMatch=false": 3, "rule=TEN-006": 3, "region=northeurope": 3, "tag.division=drives": 6, "not has(severity)": 6,
			"plannerVersion=1.0.0": 9, "protocol>=1": 9, "behind=true": 0, "limited=false": 12,
		}},
		{"listClusters", "/clusters", map[string]int{
			"id=plant-003/test": 1, "site=plant-003": 2, "cluster=test": 3, "country=DE": 5, "environment=production": 15, `version="9.6.2"`: 15, "hosting=azure": 15, "operatedBy=self": 15,
			"architecture=ha-cluster": 15, "has(overlay)": 0, "recommended=ha-cluster": 12, "distance<0.2": 15, "regionMatch=true": 9, "region=westeurope": 15, "databaseRegion=northeurope": 3,
			"distanceKm>=870": 3, "serving>0.999": 15, "things=12000": 12, "wps>700": 12, "size=small": 12, "severity>=high": 6, "fail=2": 3, "critical=1": 3, "high=1": 3, "medium=1": 3,
			"low=1": 0, "info=1": 0, "unknown=1": 3, "rule=COL-001": 3, "liveness=live": 12, "tag.division=pumps": 9,
		}},
		{"listFindings", "/findings", map[string]int{
			"id=plant-001-prod-COL-001": 1, "rule=COL-001": 3, "title~*HA-015": 3, "verdict=unknown": 3, "severity=low": 3, "confidence=official": 15, "site=plant-001": 2, "cluster=prod": 15,
			"infrastructure=plant-001/pg-prod": 2, "has(node)": 0, "message~*plant-005*": 2, `missing="region of the database"`: 3, "firstSeen<2026-11-19": 15, "failingSince<2026-11-19": 12,
			"waiver=w-1": 3, "waived=true": 3, "country=SG": 5, "tag.division=drives": 3, "region=westeurope": 15,
		}},
		{"listRegionMismatches", "/region-mismatches", map[string]int{
			"id=plant-001/prod": 1, "site=plant-005": 1, "cluster=prod": 3, "country=US": 1, "environment=production": 3, "region=westeurope": 3, "databaseRegion=northeurope": 3,
			"infrastructure=plant-001/pg-prod": 1, "distanceKm=870": 3, "roundTrip>=20ms": 3, "severity=critical": 3, "waived=true": 0, "has(failingSince)": 3, "liveness=live": 3, "tag.division=pumps": 3,
		}},
		{"listRecommendations", "/recommendations", map[string]int{
			"id=plant-001/prod": 1, "site=plant-003": 2, "cluster=test": 3, "country=DE": 5, "environment=test": 0, "architecture=ha-cluster": 15, "recommended=ha-cluster": 12, "change=false": 12,
			"serving<1": 15, "objective=0.999": 15, "severity=critical": 3, "liveness=stale": 3, "tag.division=drives": 6,
		}},
		{"listTenancy", "/tenancy", map[string]int{
			"infrastructure=plant-000/zk-1": 1, "alias=plant-003/zk-central": 1, "kind=zookeeper": 3, "tenant=plant-004/prod": 1, "site=plant-003": 1, "region=northeurope": 3, "tenants=3": 3, "sites>2": 0,
		}},
		{"listInfrastructure", "/infrastructure", map[string]int{
			"infrastructure=plant-000/zk-1": 1, "alias=plant-003/zk-central": 1, "kind=zookeeper": 3, "name=x": 0, "engine=postgresql": 0, "version=x": 0,
			"tenant=plant-004/prod": 1, "site=plant-003": 1, "region=northeurope": 3, "tenants=3": 3, "shared=true": 0,
		}},
		{"listRejections", "/rejections", map[string]int{
			"site=plant-001": 1, "revision~*bad": 3, "at<2026-11-20T08:30:00Z": 3, "reason=schema": 3, "detail~unknown*": 3, "sequence=91": 1,
		}},
		{"listWaivers", "/waivers", map[string]int{
			"id~w-*": 3, "rule=COL-001": 1, "site=plant-001": 1, "cluster=prod": 0, "infrastructure~*": 0, "country=DE": 1, "region=westeurope": 0, "state=approved": 2,
			"reason~moves*": 3, "owner=\"Plant IT\"": 3, "ticket=CHG-1": 3, "requestedAt<2026-11-20T08:00:00Z": 3, "requestedBy=Somebody": 3, "decidedBy=Other": 2,
			"expires<2027-01-01": 3, "unused=true": 1, "expiring=true": 2,
		}},
		{"listPolicies", "/policies", map[string]int{
			"id=2": 1, "name=strict": 1, "hash~*": 3, "active=true": 1, "createdAt<2026-11-20T08:00:00Z": 2, "createdBy=Somebody": 2, "has(activatedAt)": 1, "activatedBy=Somebody": 1,
		}},
		{"listAudit", "/audit", map[string]int{
			"id=0001-a": 1, "at<2026-11-20T08:30:00Z": 1, "by=p-somebody": 1, "name=Somebody": 1, "role=planner": 1, "act=createSession": 1, "outcome=refused": 1, "status=401": 1,
			"site=plant-003": 1, "target=w-approved": 1, "why~*valid": 1, "requestId=r2": 1, "remote=192.0.2.2": 1,
		}},
		{"listTokens", "/tokens", map[string]int{
			"id=tokengood": 1, "name=portal": 1, "role=admin": 1, "state=revoked": 1, "createdAt<2026-11-20T08:00:00Z": 2, "createdBy=Somebody": 2, "expires>2026-11-20": 2,
		}},
		{"listEnrolments", "/enrolments", map[string]int{
			"id=bbbbbbbbbbbbbbbb": 1, "site=plant-003": 2, "state=joined": 1, "requestedAt<2026-11-20T23:00:00Z": 3, "requestedBy=Ada": 3, "tokenExpires>2026-11-20": 3, "has(expires)": 2,
		}},
		{"listChanges", "/changes?from=2026-11-18T00:00:00Z", map[string]int{
			"at>=2026-11-19": 15, "change=opened": 15, "site=plant-001": 2, "cluster=prod": 15, "infrastructure=plant-001/pg-prod": 2, "has(node)": 0,
			"finding=plant-001-prod-COL-001": 1, "rule=COL-001": 3, "verdict=unknown": 3, "severity=low": 3, "message~*plant-005*": 2, "has(waiver)": 0,
		}},
		{"listDifferences", "/diff?from=2026-11-18T00:00:00Z", map[string]int{
			"kind=fact": 10, "change=joined": 10, "site=plant-002": 3, "cluster=prod": 10, "what=/site/country": 10, "before=FR": 10, "after=DE": 10, "has(rule)": 0, "has(severity)": 0,
		}},
		{"listWebhooks", "/webhooks", map[string]int{
			"id=bbbbbbbbbbbbbbbb": 1, "name=hook": 2, "host~https*": 2, "template=slack": 2, "createdBy=Ada": 2, "createdAt>2026-01-01": 2, "disabled=true": 1,
		}},
		{"listDeadLetters", "/webhooks/bbbbbbbbbbbbbbbb/dead-letters", map[string]int{
			"id=site-lost-2": 1, "at>2026-01-01": 2, "kind=finding.opened": 1, "site=plant-001": 1, "status=500": 1, "has(error)": 1,
		}},
		{"listRules", "/rules", map[string]int{"id=COL-001": 1, "topic=Colocation": 1, "title~*region": 1, "scope=cluster": 2, "severity=critical": 2, "confidence=official": 2}},
		{"listArchitectures", "/architectures", map[string]int{"id=ha-cluster": 1, "title~High*": 1, "overlay=true": 0, "production=true": 1, "highlyAvailable=true": 1, "clustered=false": 1}},
		{"listRegions", "/regions", map[string]int{
			"code=westeurope and provider=azure": 1, `name="West Europe"`: 1, "code=westeurope and geography=Europe": 1, "code=westeurope and country=NL": 1,
			"code=westeurope and zones=true": 1, "code=westeurope and pair=northeurope": 1, "code=westeurope and has(access)": 0,
		}},
	} {
		used[c.op] = map[string]bool{}
		for f, want := range c.totals {
			separator := "?"
			if strings.Contains(c.path, "?") {
				separator = "&"
			}
			a := s.get(c.path + separator + "filter=" + url.QueryEscape(f))
			if a.Code != http.StatusOK {
				t.Errorf("%s %s: %s", c.path, f, a.body)
				continue
			}
			if got := decode[anyList](t, a).Total; got != want {
				t.Errorf("%s %s: %d, want %d", c.path, f, got, want)
			}
			for _, part := range strings.Split(f, " and ") {
				name := strings.TrimSuffix(strings.NewReplacer("not has(", "", "has(", "").Replace(part), ")")
				name = strings.TrimSpace(name[:strings.IndexAny(name+"=", "=<>~!")])
				if strings.HasPrefix(name, "tag.") {
					name = "tag.*"
				}
				used[c.op][name] = true
			}
		}
	}
	fields, err := rest.FilterFields(resttest.Options(resttest.NewHolder(resttest.Sample(1)), nil))
	if err != nil {
		t.Fatal(err)
	}
	for op, names := range fields {
		for _, n := range names {
			if op != "getComplianceReport" && !used[op][n] {
				t.Errorf("%s: field %s has no case", op, n)
			}
		}
	}
}
