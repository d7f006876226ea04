package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// about tells which part a query to Resource Graph is for.
func about(t testing.TB, r *http.Request, word string) bool {
	t.Helper()
	if r.URL.Path != graphPath {
		return false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return strings.Contains(string(body), word)
}

const databaseQuery = "microsoft.dbforpostgresql/flexibleservers"

func throttle(w http.ResponseWriter, header, after string) bool {
	w.Header().Set(header, after)
	refuse(w, http.StatusTooManyRequests, "RateLimiting")
	return true
}

func TestThrottledThenAnswered(t *testing.T) {
	c := newSky(t)
	var times atomic.Int32
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		return about(t, r, databaseQuery) && times.Add(1) <= 2 && throttle(w, "Retry-After-Ms", "1")
	}
	s, _ := c.source(t, plant(), Options{})
	r := result(t, s)
	expect(t, r, nil)
	if times.Load() != 3 || r.Site.Infra("pg-plant") == nil {
		t.Errorf("asked %d times, database %v", times.Load(), r.Site.Infra("pg-plant"))
	}
}

func TestThrottledForGood(t *testing.T) {
	for name, after := range map[string]struct {
		header, value string
		times         int32
	}{
		"again and again":           {"Retry-After-Ms", "1", 3},
		"longer than is waited for": {"Retry-After", "3600", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newSky(t)
			var times atomic.Int32
			c.hook = func(w http.ResponseWriter, r *http.Request) bool {
				return about(t, r, databaseQuery) && times.Add(1) > 0 && throttle(w, after.header, after.value)
			}
			s, _ := c.source(t, plant(), Options{})
			r := result(t, s)
			expect(t, r, map[string]inventory.SourceStatus{partDatabases: inventory.SourceFailed, partAssignment: inventory.SourcePartial})
			if got := status(t, r, partDatabases).Detail; !strings.Contains(got, "3 subscriptions: throttled by Azure (429, RateLimiting)") {
				t.Error(got)
			}
			if times.Load() != after.times || r.Site.Infra("pg-plant") != nil || len(r.Site.Clusters) != 2 {
				t.Errorf("asked %d times; %d clusters", times.Load(), len(r.Site.Clusters))
			}
		})
	}
}

// What Azure fails to tell for a while is not gone: the whole inventory of before stays in force, and says so.
func TestInventoryStaysWhileAzureFails(t *testing.T) {
	c := newSky(t)
	var down atomic.Bool
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !down.Load() || !about(t, r, databaseQuery) {
			return false
		}
		refuse(w, http.StatusServiceUnavailable, "ServerBusy")
		return true
	}
	s, at := c.source(t, plant(), Options{})
	whole := result(t, s)
	down.Store(true)
	for range holdFor - 1 {
		at.move(DefaultInterval)
		r := result(t, s)
		expect(t, r, map[string]inventory.SourceStatus{partDatabases: inventory.SourceFailed, partAssignment: inventory.SourcePartial, partInventory: inventory.SourcePartial})
		if r.Site != whole.Site || !strings.Contains(status(t, r, partInventory).Detail, "the inventory of 2026-11-20T08:00:00Z stays in force") {
			t.Errorf("%+v", r.Sources)
		}
	}
	at.move(DefaultInterval)
	if r := result(t, s); r.Site == whole.Site || r.Site.Infra("pg-plant") != nil {
		t.Error("an inventory that is too old stays in force")
	}
	down.Store(false)
	at.move(DefaultInterval)
	r := result(t, s)
	expect(t, r, nil)
	if r.Site.Infra("pg-plant") == nil || !r.Site.ObservedAt.Equal(at.Now()) {
		t.Error("the inventory does not come back")
	}
}

func TestForbiddenSubscription(t *testing.T) {
	c := newSky(t)
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == graphPath && strings.Contains(strings.Join(asked(t, r), " "), subC) {
			refuse(w, http.StatusForbidden, "AuthorizationFailed")
			return true
		}
		return false
	}
	s, _ := c.source(t, plant(), Options{})
	r := result(t, s)
	partial := inventory.SourcePartial
	expect(t, r, map[string]inventory.SourceStatus{partDatabases: partial, partMachines: partial, partBalancers: partial, partStorage: partial})
	for _, p := range []string{partDatabases, partMachines, partBalancers, partStorage} {
		if got := status(t, r, p).Detail; !strings.Contains(got, "subscription "+subC+": not allowed (403, AuthorizationFailed); give the credential the role Reader") {
			t.Errorf("%s: %s", p, got)
		}
	}
	if len(r.Site.Clusters) != 1 || r.Site.Infra("pg-plant") == nil {
		t.Errorf("%d clusters; the other subscriptions are lost", len(r.Site.Clusters))
	}
}

func TestSubscriptionThatTheCredentialDoesNotSee(t *testing.T) {
	c := newSky(t)
	unseen := "dddddddd-dddd-dddd-dddd-dddddddddddd"
	config := plant()
	config.Subscriptions = []string{strings.ToUpper(subA), subB, unseen}
	s, _ := c.source(t, config, Options{})
	r := result(t, s)
	expect(t, r, map[string]inventory.SourceStatus{partSubscriptions: inventory.SourcePartial})
	if got := status(t, r, partSubscriptions).Detail; !strings.Contains(got, "2 subscriptions; subscription "+unseen+": the credential does not see it") {
		t.Error(got)
	}
	if len(r.Site.Clusters) != 1 {
		t.Errorf("%d clusters; the one of a subscription that was not named came in", len(r.Site.Clusters))
	}
	config.Subscriptions = []string{unseen}
	s, _ = c.source(t, config, Options{})
	if _, err := s.Result(t.Context()); err == nil || !strings.Contains(err.Error(), "sees none of the subscriptions") {
		t.Error(err)
	}
}

// Resource Graph leaves out silently what the credential may not read, so that "none" is only believed after ARM has said so.
func TestForbiddenTypes(t *testing.T) {
	c := newSky(t)
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		for _, end := range []string{subA + "/providers/Microsoft.NetApp/netAppAccounts", "/configurations/max_connections", subB + "/locations"} {
			if strings.HasSuffix(r.URL.Path, end) {
				refuse(w, http.StatusForbidden, "AuthorizationFailed")
				return true
			}
		}
		if strings.HasSuffix(r.URL.Path, "Microsoft.Network/applicationGateways") {
			refuse(w, http.StatusConflict, "MissingSubscriptionRegistration")
			return true
		}
		return false
	}
	s, at := c.source(t, plant(), Options{})
	r := result(t, s)
	partial := inventory.SourcePartial
	expect(t, r, map[string]inventory.SourceStatus{partDatabases: partial, partStorage: partial, partZones: partial})
	for part, want := range map[string]string{
		partStorage:   "subscription " + subA + ", Microsoft.NetApp/netAppAccounts: not allowed (403, AuthorizationFailed); give the credential the role Reader; whether there are any is not known",
		partDatabases: `max_connections of "pg-plant": not allowed (403, AuthorizationFailed)`,
		partZones:     "subscription " + subB + ": not allowed (403, AuthorizationFailed)",
	} {
		if got := status(t, r, part).Detail; !strings.Contains(got, want) {
			t.Errorf("%s: %s", part, got)
		}
	}
	pg := r.Site.Infra("pg-plant")
	if pg == nil || pg.MaxConnections != 3437 || pg.Placement.Zone != "2" || pg.Placement.PhysicalZone != "" {
		t.Fatalf("%+v", pg)
	}
	for _, p := range r.Site.Provenance {
		if strings.HasSuffix(p.Path, "/maxConnections") && p.Source != "sku-default" {
			t.Errorf("the default of the size is said to come from %s", p.Source)
		}
	}
	before := c.count("GET /subscriptions/" + subB + "/providers/Microsoft.Network/loadBalancers")
	at.move(DefaultInterval)
	result(t, s)
	if after := c.count("GET /subscriptions/" + subB + "/providers/Microsoft.Network/loadBalancers"); before != 1 || after != 1 {
		t.Errorf("an empty type is asked for %d times, then %d", before, after)
	}
	if n := c.count("GET /subscriptions/" + subA + "/providers/Microsoft.NetApp/netAppAccounts"); n != 2 {
		t.Errorf("a forbidden type is asked for %d times in two collections", n)
	}
}

// Named resource groups are all that is looked at, also where it is checked that there are none of a type.
func TestResourceGroups(t *testing.T) {
	c := newSky(t)
	c.groups = []string{subA + "/resourcegroups/rg-twx-prod", subB + "/resourcegroups/rg-data"}
	config := plant()
	config.ResourceGroups = []string{"RG-twx-prod", "rg-data"}
	s, _ := c.source(t, config, Options{})
	r := result(t, s)
	expect(t, r, nil)
	if len(r.Site.Clusters) != 1 || r.Site.Infra("pg-plant") == nil || r.Unrelated != 0 {
		t.Errorf("%d clusters, %d unrelated", len(r.Site.Clusters), r.Unrelated)
	}
	if n := c.count("GET /subscriptions/" + subA + "/providers/Microsoft.NetApp/netAppAccounts"); n != 0 {
		t.Error("the whole subscription is asked")
	}
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, subA+"/resourcegroups/rg-twx-prod/providers/Microsoft.NetApp/netAppAccounts") {
			return false
		}
		refuse(w, http.StatusForbidden, "AuthorizationFailed")
		return true
	}
	s, _ = c.source(t, config, Options{})
	if got := status(t, result(t, s), partStorage); got.Status != inventory.SourcePartial || !strings.Contains(got.Detail, "subscription "+subA+", resource group rg-twx-prod, Microsoft.NetApp/netAppAccounts: not allowed") {
		t.Errorf("%+v", got)
	}
}

// What Resource Graph does not show yet comes from ARM.
func TestResourceGraphIsBehind(t *testing.T) {
	c := newSky(t)
	row := `{"id":"/subscriptions/` + subC + `/resourceGroups/rg-c/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-twx-new","name":"pg-twx-new","type":"Microsoft.DBforPostgreSQL/flexibleServers","location":"westeurope","sku":{"name":"Standard_D4ds_v5","tier":"GeneralPurpose"},"properties":{"availabilityZone":"1"}}`
	c.arm[strings.ToLower("/subscriptions/"+subC+"/providers/Microsoft.DBforPostgreSQL/flexibleServers")] = []byte(`{"value":[` + row + `]}`)
	id := "/subscriptions/" + subC + "/resourceGroups/rg-c/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-twx-new"
	c.arm[strings.ToLower(id)] = []byte(strings.Replace(row, `"availabilityZone":"1"`, `"availabilityZone":"1","highAvailability":{"mode":"SameZone","standbyAvailabilityZone":"1"}`, 1))
	c.arm[strings.ToLower(id+"/configurations/max_connections")] = []byte(`{"id":"` + id + `/configurations/max_connections","name":"max_connections","type":"Microsoft.DBforPostgreSQL/flexibleServers/configurations","properties":{"value":"900"}}`)
	s, _ := c.source(t, plant(), Options{})
	r := result(t, s)
	expect(t, r, nil)
	pg := r.Site.Infra("pg-twx-new")
	if pg == nil || pg.HighAvailability == nil || pg.HighAvailability.Mode != inventory.HASameZone || pg.MaxConnections != 900 || pg.Placement.PhysicalZone != "westeurope-az1" {
		t.Errorf("%+v", pg)
	}
}

func TestDeletedBetweenListAndGet(t *testing.T) {
	c := newSky(t)
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/pg-plant/configurations/max_connections") && !strings.HasSuffix(r.URL.Path, "/twx-cx-prod/virtualMachines") {
			return false
		}
		refuse(w, http.StatusNotFound, "ResourceNotFound")
		return true
	}
	s, _ := c.source(t, Config{Names: []NameRule{{Pattern: "^pg-plant"}}}, Options{})
	r := result(t, s)
	if pg := r.Site.Infra("pg-plant"); pg == nil || pg.Identity.Endpoint != "" || len(pg.Replicas) != 1 {
		t.Errorf("the deleted server is still there, or its replica is not: %+v", pg)
	}
	if got := status(t, r, partDatabases); got.Status != inventory.SourcePartial || !strings.Contains(got.Detail, "1 deleted while they were collected") || !strings.Contains(got.Detail, `"pg-plant-r" replicates "pg-plant"`) {
		t.Errorf("%+v", got)
	}
	if got := status(t, r, partMachines); got.Status != inventory.SourceOK || !strings.Contains(got.Detail, "1 deleted while they were collected") {
		t.Errorf("%+v", got)
	}
	for _, cluster := range r.Site.Clusters {
		if nodes := cluster.Nodes(inventory.ConnectionServer); len(nodes) != 0 {
			t.Errorf("nodes of a deleted scale set: %+v", nodes)
		}
	}
}

func TestNoAnswerInTime(t *testing.T) {
	c := newSky(t)
	c.hook = func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/locations") {
			return false
		}
		<-r.Context().Done()
		return true
	}
	config := plant()
	config.Timeout = inventory.Duration(2 * time.Second)
	s, _ := c.source(t, config, Options{})
	var err error
	if s.client, err = newClient(&azfake.TokenCredential{}, s.config, c, policy.RetryOptions{MaxRetries: -1, TryTimeout: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	r := result(t, s)
	expect(t, r, map[string]inventory.SourceStatus{partZones: inventory.SourceFailed})
	if got := status(t, r, partZones).Detail; !strings.Contains(got, "no answer in time") {
		t.Error(got)
	}
}

// The budget ends a collection that Azure drags out; the caller's own end is no outcome of a collection.
func TestBudgetAndCancel(t *testing.T) {
	c := newSky(t)
	reached := make(chan struct{}, 16)
	c.hook = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != graphPath {
			return false
		}
		reached <- struct{}{}
		<-r.Context().Done()
		return false
	}
	s, _ := c.source(t, plant(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	if _, err := s.Result(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	s.config.Budget = inventory.Duration(100 * time.Millisecond)
	if _, err := s.Result(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("past the budget: %v", err)
	}
	c.hook = nil
	s.config.Budget = inventory.Duration(DefaultBudget)
	expect(t, result(t, s), nil)
}

func TestHugeAnswers(t *testing.T) {
	c := newSky(t)
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if !about(t, r, databaseQuery) {
			return false
		}
		_, _ = io.WriteString(w, `{"count":1,"totalRecords":1,"resultTruncated":"false","data":["`)
		_, _ = io.WriteString(w, strings.Repeat("x", maxAnswer))
		_, _ = io.WriteString(w, `"]}`)
		return true
	}
	s, _ := c.source(t, plant(), Options{})
	r := result(t, s)
	expect(t, r, map[string]inventory.SourceStatus{partDatabases: inventory.SourceFailed, partAssignment: inventory.SourcePartial})
	if got := status(t, r, partDatabases).Detail; !strings.Contains(got, "larger than 32 MiB") {
		t.Error(got)
	}
}

func TestListsWithoutEnd(t *testing.T) {
	c := newSky(t)
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case about(t, r, "microsoft.network/loadbalancers"):
			_, _ = io.WriteString(w, `{"count":0,"totalRecords":9,"resultTruncated":"false","data":[],"$skipToken":"more"}`)
		case strings.HasSuffix(r.URL.Path, "/twx-cx-prod/virtualMachines"):
			_, _ = fmt.Fprintf(w, `{"value":[],"nextLink":"https://management.azure.com%s?page=2"}`, r.URL.Path)
		default:
			return false
		}
		return true
	}
	s, _ := c.source(t, plant(), Options{})
	r := result(t, s)
	if got := status(t, r, partBalancers); got.Status != inventory.SourceFailed || !strings.Contains(got.Detail, "more resources than one collection reads") {
		t.Errorf("%+v", got)
	}
	if got := status(t, r, partMachines); got.Status != inventory.SourcePartial || !strings.Contains(got.Detail, "more resources than one collection reads") {
		t.Errorf("%+v", got)
	}
}

// The token must not follow a link to another server.
func TestNextPageElsewhere(t *testing.T) {
	for _, link := range []string{"https://evil.example/subscriptions", "http://management.azure.com/subscriptions", "//evil.example/", "/subscriptions?page=2"} {
		c := newSky(t)
		c.hook = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/twx-cx-prod/virtualMachines") {
				return false
			}
			_, _ = io.WriteString(w, `{"value":[],"nextLink":"`+link+`"}`)
			return true
		}
		s, _ := c.source(t, plant(), Options{})
		r := result(t, s)
		if got := status(t, r, partMachines); got.Status != inventory.SourcePartial || !strings.Contains(got.Detail, "the next page lies on another server") {
			t.Errorf("%s: %+v", link, got)
		}
	}
}

func TestAnswersOfAnotherShape(t *testing.T) {
	for name, body := range map[string]string{"no JSON": "<html>" + secret + "</html>", "a list": `["` + secret + `"]`, "no rows": `{"data":{"x":"` + secret + `"}}`, "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			c := newSky(t)
			c.hook = func(w http.ResponseWriter, r *http.Request) bool {
				if about(t, r, databaseQuery) || strings.HasSuffix(r.URL.Path, "/locations") {
					_, _ = io.WriteString(w, body)
					return true
				}
				return false
			}
			s, _ := c.source(t, plant(), Options{})
			r := result(t, s)
			if got := status(t, r, partDatabases); got.Status != inventory.SourceFailed {
				t.Errorf("%+v", got)
			}
			if got := status(t, r, partZones); got.Status != inventory.SourceFailed {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestNothingAnswers(t *testing.T) {
	c := newSky(t)
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/subscriptions" {
			return false
		}
		refuse(w, http.StatusInternalServerError, "InternalServerError")
		return true
	}
	s, _ := c.source(t, plant(), Options{})
	if _, err := s.Result(t.Context()); err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "3 subscriptions: Azure failed (500, InternalServerError)") {
		t.Error(err)
	}
	c.server.Close()
	if _, err := s.Result(t.Context()); err == nil || strings.Contains(err.Error(), "127.0.0.1") || !strings.Contains(err.Error(), "Azure cannot be reached") {
		t.Error(err)
	}
}

// What a credential says about its failure may hold anything; what comes out is its kind, the code and the remedy.
func TestCredentialFails(t *testing.T) {
	c := newSky(t)
	s, _ := c.source(t, plant(), Options{})
	broken := &azfake.TokenCredential{}
	broken.SetError(errors.New("AADSTS7000215: Invalid client secret " + secret + "x provided"))
	var err error
	if s.client, err = newClient(&credential{inner: broken, kind: credentialEnvironment}, s.config, c, policy.RetryOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Result(t.Context())
	want := "list the subscriptions: credential environment gives no token (AADSTS7000215); set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH"
	if err == nil || err.Error() != want || inventory.Scrub(want) != want {
		t.Errorf("%v, want %s; scrubbed %s", err, want, inventory.Scrub(want))
	}
}
