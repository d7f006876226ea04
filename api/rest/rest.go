package rest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/meridian-federation/meridian/api/rest/answers"
	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/govern"
	"github.com/meridian-federation/meridian/api/rest/limit"
	"github.com/meridian-federation/meridian/api/rest/meter"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/api/rest/seal"
	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Options are what the handler needs. View, Regions and Auth must be given; the rest has defaults or switches
// its operations off.
type Options struct {
	View          func() fleet.View // the current view; called for every request
	Regions       *geo.Table
	Rules         []rules.Entry
	Architectures []catalog.Architecture
	Schema        []byte // JSON Schema of SiteInventory

	// Assess judges one record with all verdicts, also those that the record's own assessment leaves out.
	Assess func(ctx context.Context, r *fleet.Record) (*assess.Assessment, error)

	// PutInventory hands a checked document to the stream and returns its revision once the stream has acknowledged it. A
	// *Error or *document.Error is told to the caller; any other error is answered with 503.
	PutInventory func(ctx context.Context, site string, body []byte) (revision string, err error)
	// Report makes a compliance report. A *Error is told to the caller; any other error is answered with 500.
	Report func(ctx context.Context, r ReportRequest) (Report, error)
	Past   Past // nil answers of the present only
	// SetHeartbeat has a site's planner beat at another interval. Errors as of PutInventory.
	SetHeartbeat func(ctx context.Context, site string, interval time.Duration) error
	Supported    Supported
	Changes      changefeed.Source
	// Branch puts changes over a view; allowed tells which sites the caller may change. nil answers no simulations.
	Branch func(ctx context.Context, v fleet.View, r *whatif.Request, allowed func(site string) bool) (*whatif.Branch, error)
	// FleetPlan recommends for the sites of a view that within names; nil makes no plans.
	FleetPlan func(ctx context.Context, v fleet.View, within func(site string) bool) (*advice.Plan, error)
	// Enrolments let planners in; nil lets none.
	Enrolments Enrolments
	Webhooks   govern.Webhooks                 // nil sends no notifications
	Ready      func(ctx context.Context) error // nil is always ready

	// Waivers, Policies and Tokens are kept by the hub; nil switches their operations off.
	Waivers  govern.Waivers
	Policies *govern.Policies
	Tokens   govern.AccessTokens
	Audit    govern.Audit // told of every write; nil keeps none

	Auth          Authenticator
	SessionKey    []byte        // SessionKeySize bytes, the same on every replica; random when empty
	SessionTTL    time.Duration // 12 hours when 0
	SecureCookies bool          // TLS ends in front of this process
	Rate          limit.Rate

	Web       fs.FS           // the web client, index.html at its root; nil serves none
	Heartbeat time.Duration   // of event streams; 15 s when 0
	BodyTime  time.Duration   // within which a body must have come; a minute when 0
	Closing   <-chan struct{} // closed when the process drains: open event streams end
	Version   string
	Clock     func() time.Time
	Logger    *slog.Logger
	Registry  *prometheus.Registry
}

// Supported is what this server is and which planners it supports.
type Supported struct {
	Protocol       int // of the bus
	OldestProtocol int
	OldestPlanner  string // major.minor, "" supports all that can be read
}

// api implements the generated server.
type api struct {
	Options
	*govern.Server
	contract *contract
	sessions *seal.Sessions
	limits   *limit.Limits
	joins    *limit.Limits // failures of planners that want a credential, by address
	cache    *answers.Cache[*representation]
	metrics  *meter.Metrics
	reader   *read.Reader
	pasts    *read.Pasts
	openapi  *representation
	schema   *representation
}

// New returns the handler of everything the server answers: the API, health, metrics and the web client.
func New(o Options) (http.Handler, error) {
	a, err := newAPI(o)
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) { a.respond(c, callOf(c.Request().Context()), err) }
	e.Use(a.observe)
	if err := a.routes(e); err != nil {
		return nil, err
	}
	return otelhttp.NewHandler(headAsGet(e), "http", otelhttp.WithFilter(traced)), nil
}

func newAPI(o Options) (*api, error) {
	if o.View == nil || o.Regions == nil || o.Auth == nil {
		return nil, errors.New("rest: View, Regions and Auth are needed")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.SessionTTL == 0 {
		o.SessionTTL = 12 * time.Hour
	}
	if o.BodyTime == 0 {
		o.BodyTime = time.Minute
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = heartbeat
	}
	a := &api{Options: o, limits: limit.New(o.Rate), joins: limit.New(joinFailures()), cache: answers.New[*representation](), reader: read.New(o.Regions, o.Rules, o.Architectures)}
	a.pasts = read.NewPasts(
		func(ctx context.Context, at read.Instant) (fleet.View, error) {
			return o.Past.View(ctx, at.At, at.Then)
		},
		func() *read.Reader { return read.New(o.Regions, o.Rules, o.Architectures) })
	var err error
	if a.contract, err = loadContract(); err != nil {
		return nil, err
	}
	if a.sessions, err = seal.New(o.SessionKey, o.SessionTTL, o.SecureCookies); err != nil {
		return nil, err
	}
	if a.metrics, err = meter.New(o.Registry); err != nil {
		return nil, err
	}
	a.Server = a.governing()
	a.openapi = represent(jsonType, a.contract.json)
	if o.Schema != nil {
		a.schema = represent("application/schema+json", o.Schema)
	}
	return a, nil
}

func (a *api) snapshot(c *call) *read.Snapshot { return a.reader.Snapshot(a.View(), c.scope) }

// uncached are reads whose answers do not depend on the state's index alone.
func uncached() []string {
	return []string{
		"getMe", "streamEvents", "getComplianceReport", "listEnrolments", "getEnrolment", "listWaivers", "getWaiver", "listPolicies", "getPolicy", "previewPolicy", "listAudit", "listTokens",
		"listChanges", "listDifferences", "getTrends",
		"listWebhooks", "getWebhook", "getWebhookDeliveries", "listDeadLetters",
	}
}

// routes registers every operation of the contract with its guard and its validation.
func (a *api) routes(e *echo.Echo) error {
	chains := map[string][]echo.MiddlewareFunc{}
	for id, r := range a.contract.routes {
		r.body = id == "putSiteInventory"
		cacheable := !r.public && !r.writes() && !slices.Contains(uncached(), id)
		chains[id] = []echo.MiddlewareFunc{a.guard(r.operation, cacheable), a.validate(r)}
	}
	server := gen.NewStrictHandler(a, []gen.StrictMiddlewareFunc{a.audited, guardedOnly})
	gen.RegisterHandlersWithOptions(e, server, gen.RegisterHandlersOptions{BaseURL: basePath, OperationMiddlewares: chains})
	e.PUT(basePath+"/sites/:site/inventory", a.putInventory, chains["putSiteInventory"]...)
	e.GET("/healthz", a.health)
	e.GET("/readyz", a.readiness)
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{})))
	if a.Web != nil {
		if _, err := fs.Stat(a.Web, "index.html"); err != nil {
			return fmt.Errorf("web client: %w", err)
		}
		e.GET("/*", a.spa)
	}
	return nil
}

// headAsGet answers HEAD with the headers of GET; net/http drops the body. An event stream has no end and so no HEAD.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && r.URL.Path != basePath+"/events" {
			get := *r
			get.Method = http.MethodGet
			r = &get
		}
		next.ServeHTTP(w, r)
	})
}

// traced leaves out what is asked every few seconds and says nothing.
func traced(r *http.Request) bool {
	switch r.URL.Path {
	case "/healthz", "/readyz", "/metrics", basePath + "/events":
		return false
	}
	return true
}
