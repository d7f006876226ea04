package resttest

import (
	"context"
	"io"
	"net/http"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Token is the secret of a role's token in Options, with the scope of all sites.
func Token(role rest.Role) string { return "secret-of-the-" + string(role) }

// ScopedToken is the secret of a viewer that sees Scope only.
func ScopedToken() string { return "secret-of-one-plant" }

// Scope is what the scoped token sees: a site that shares infrastructure with one it does not see.
func Scope() []string { return []string{SiteID(3)} }

// Options returns options over a holder's view, with tokens for every role, all operations on and no limits.
func Options(h *Holder, feed *changefeed.Feed) rest.Options {
	table, err := geo.Builtin()
	if err != nil {
		panic(err) // excluded by geo's own tests
	}
	tokens := []rest.Token{{Name: "one plant", SHA256: rest.HashToken(ScopedToken()), Role: rest.Viewer, Sites: Scope()}}
	for _, role := range rest.Roles() {
		tokens = append(tokens, rest.Token{Name: string(role), SHA256: rest.HashToken(Token(role)), Role: role})
	}
	auth, err := rest.NewTokens(tokens...)
	if err != nil {
		panic(err) // the tokens above are constant
	}
	o := rest.Options{
		View: h.View, Regions: table, Auth: auth, Clock: Now, Version: "test", Schema: []byte(`{"type":"object"}`),
		Rules: []rules.Entry{
			{ID: "COL-001", Topic: "Colocation", Title: "Database in another region", Scope: rules.OfCluster, Severity: rules.Critical, Confidence: rules.Official, Basis: "PTC", Why: "slow", Remedy: "move", Reference: "PTC"},
			{ID: "HA-001", Topic: "Availability", Title: "Too few ZooKeeper nodes", Scope: rules.OfCluster, Severity: rules.Critical, Confidence: rules.Official, Basis: "PTC", Why: "quorum", Remedy: "add", Reference: "PTC"},
		},
		Architectures: []catalog.Architecture{
			{ID: "development", Order: 1, Title: "Development system", Summary: "One machine.", Text: "For one developer."},
			{ID: "ha-cluster", Order: 4, Title: "High scale + high availability", Summary: "A cluster.", Text: "For plants that must not stop.", Production: true, Clustered: true, HighlyAvailable: true},
		},
		PutInventory: func(context.Context, string, []byte) (string, error) { return "20261120T080000Z-cafe", nil },
		Report: func(_ context.Context, r rest.ReportRequest) (rest.Report, error) {
			types := map[string]string{
				"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8", "json": "application/json", "md": "text/markdown; charset=utf-8", "pdf": "application/pdf",
				"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
			}
			return rest.Report{ContentType: types[r.Format], Name: "compliance." + r.Format, Size: 2, Write: func(w io.Writer) error { _, err := io.WriteString(w, "{}"); return err }}, nil
		},
		FleetPlan: func(context.Context, fleet.View, func(string) bool) (*advice.Plan, error) {
			return &advice.Plan{Consolidations: []advice.Proposal{}, Separations: []advice.Proposal{}, Upgrades: []advice.Upgrade{}, Queue: []advice.Fix{}, Assumptions: []string{"none"}}, nil
		},
		Assess: func(_ context.Context, r *fleet.Record) (*assess.Assessment, error) {
			full := *r.Assessment
			full.Findings = append(append([]rules.Finding(nil), full.Findings...), finding(r, "prod", "ARC-001", rules.Pass, rules.Medium, ""))
			return &full, nil
		},
	}
	Govern(&o)
	o.Enrolments = Enrolments{}
	o.Webhooks = Webhooks{}
	if v, ok := h.View().(*View); ok {
		o.Past = NewPast(v)
	}
	if feed != nil {
		o.Changes = feed
	}
	return o
}

// Handler returns the server of Options.
func Handler(o rest.Options) http.Handler {
	h, err := rest.New(o)
	if err != nil {
		panic(err) // options of a test are complete
	}
	return h
}
