package rules_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// whole prepares the input of a site the way an assessment does, without recognition and recommendation.
func whole(t testing.TB, regions *geo.Table, site *inventory.Site, neighbours ...*inventory.Site) rules.Input {
	t.Helper()
	sizes, err := sizing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	in := rules.Input{Site: site, Neighbours: neighbours, Regions: regions, Policy: policy.Default(), At: judgedAt, HubInView: len(neighbours) > 0}
	in.Shared = tenancy.Of(site, neighbours)
	for i := range site.Clusters {
		size := sizing.Cluster(&site.Clusters[i], sizes)
		in.Clusters = append(in.Clusters, rules.ClusterFacts{Sizing: size, Availability: availability.Cluster(site, &site.Clusters[i], max(1, size.FoundationNodes), in.Policy.Availability)})
	}
	return in
}

func readSite(t testing.TB, path string, regions *geo.Table) *inventory.Site {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	site, err := inventory.Parse(path, data, regions)
	if err != nil {
		t.Fatal(err)
	}
	return inventory.Normalise(site, regions)
}

// failing lists what fails as "rule severity".
func failing(fs []rules.Finding) []string {
	out := []string{}
	for _, f := range fs {
		if f.Verdict == rules.Fail {
			out = append(out, f.Rule+" "+string(f.Severity))
		}
	}
	return out
}

func TestWholeSite(t *testing.T) {
	regions := regionTable(t)
	got := rules.Builtin().Evaluate(whole(t, regions, readSite(t, "testdata/site.yaml", regions)))
	if diff := cmp.Diff([]string{"CFG-003 low", "HA-015 medium"}, failing(got)); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	var unknown []string
	for _, f := range got {
		if f.Verdict == rules.Unknown {
			unknown = append(unknown, f.Rule)
		}
	}
	if diff := cmp.Diff([]string{"FED-002", "ARC-001", "FED-001"}, unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	golden(t, "testdata/site.golden.json", got)
}

// TestExamples judges the published example inventories, alone and together. They say themselves what is expected.
func TestExamples(t *testing.T) {
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		t.Skip("MERIDIAN_CORPUS does not name a folder with examples")
	}
	regions, pack, sites := regionTable(t), rules.Builtin(), map[string]*inventory.Site{}
	for _, id := range []string{"ber-02", "ham-03", "hq-01", "muc-01", "sin-04"} {
		sites[id] = readSite(t, filepath.Join(root, "examples", id+".yaml"), regions)
	}
	for _, c := range []struct {
		name   string
		judged []string // the site, then its neighbours
		want   []string
		never  []string // prefixes of rules that must not fail
	}{
		{"muc-01", []string{"muc-01"}, []string{"CFG-003 low", "COL-001 critical", "HA-015 medium"}, []string{"ARC", "TEN", "SIZ"}},
		{"sin-04", []string{"sin-04"}, []string{"COL-004 high", "SIZ-001 high"}, []string{"HA", "TEN", "ARC"}},
		{"ber-02 alone", []string{"ber-02"}, nil, []string{"TEN"}},
		{"ber-02 with ham-03", []string{"ber-02", "ham-03", "hq-01"}, []string{"TEN-001 critical", "TEN-002 critical", "TEN-003 critical"}, []string{"TEN-006", "TEN-004", "FED"}},
		{"ham-03 with ber-02", []string{"ham-03", "ber-02", "hq-01"}, []string{"FED-001 medium", "TEN-001 critical", "TEN-002 critical", "TEN-003 critical", "TEN-006 high"}, []string{"TEN-004", "FED-002"}},
		{"hq-01", []string{"hq-01", "ber-02", "ham-03", "muc-01", "sin-04"}, nil, []string{"FED", "TEN", "HA"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := whole(t, regions, sites[c.judged[0]])
			if len(c.judged) > 1 {
				var neighbours []*inventory.Site
				for _, id := range c.judged[1:] {
					neighbours = append(neighbours, sites[id])
				}
				in = whole(t, regions, sites[c.judged[0]], neighbours...)
			}
			got := failing(pack.Evaluate(in))
			for _, w := range c.want {
				if !slices.Contains(got, w) {
					t.Errorf("%s does not fail; failing are %v", w, got)
				}
			}
			for _, g := range got {
				if rule, _, _ := strings.Cut(g, " "); slices.ContainsFunc(c.never, func(p string) bool { return strings.HasPrefix(rule, p) }) {
					t.Errorf("%s fails", g)
				}
			}
		})
	}
}

func tuned(id string, tune policy.RuleTune) *policy.Policy {
	p := policy.Default()
	p.Rules = map[string]policy.RuleTune{id: tune}
	return p
}

func TestPolicyTunes(t *testing.T) {
	regions, pack, no, yes := regionTable(t), rules.Builtin(), false, true
	in := readCase(t, "testdata/COL-001/fires-published-20ms.yaml", regions)
	one := func(p *policy.Policy) []rules.Finding {
		in.Policy = p
		return only("COL-001", pack.Evaluate(in))
	}
	if got := one(nil); len(got) != 1 || got[0].Severity != rules.Critical {
		t.Fatalf("without policy %+v", got)
	}
	if got := one(tuned("COL-001", policy.RuleTune{Enabled: &no})); len(got) != 0 {
		t.Errorf("disabled, yet %+v", got)
	}
	if got := one(tuned("COL-001", policy.RuleTune{Enabled: &yes, Severity: "low"})); got[0].Severity != rules.Low {
		t.Errorf("severity %s, want low", got[0].Severity)
	}
	if got := one(tuned("COL-001", policy.RuleTune{Parameters: map[string]string{"criticalRoundTrip": "21ms"}})); got[0].Severity != rules.High {
		t.Errorf("severity %s at a limit above the round trip, want high", got[0].Severity)
	}
	if got := one(tuned("COL-001", policy.RuleTune{Severity: "awful", Parameters: map[string]string{"criticalRoundTrip": "soon"}})); got[0].Severity != rules.Critical {
		t.Errorf("severity %s under a policy that makes no sense, want the rule's own", got[0].Severity)
	}
}

func TestGrace(t *testing.T) {
	pack := rules.Builtin()
	in := readCase(t, "testdata/COL-001/fires-published-20ms.yaml", regionTable(t))
	observed := in.Site.ObservedAt
	in.Policy = tuned("COL-001", policy.RuleTune{Grace: inventory.Duration(3 * time.Hour)})
	at := func(after time.Duration) rules.Finding {
		in.At = observed.Add(after)
		return only("COL-001", pack.Evaluate(in))[0]
	}
	young := at(time.Hour)
	if young.Verdict != rules.Fail || young.Severity != rules.Info || young.Evidence.Facts()["graceUntil"] != "2026-11-20T11:00:00Z" || young.Evidence.Facts()["severityAfterGrace"] != "critical" {
		t.Errorf("within its grace: %+v", young)
	}
	for _, after := range []time.Duration{3 * time.Hour, 4 * time.Hour} {
		if old := at(after); old.Severity != rules.Critical || old.Evidence.Facts()["graceUntil"] != nil {
			t.Errorf("%s after it began: %+v", after, old)
		}
	}
	// The failure began earlier than this inventory was observed: the grace counts from there.
	earlier := young
	began := observed.Add(-90 * time.Minute)
	earlier.FirstSeen, earlier.FailingSince = &began, &began
	current := at(time.Hour)
	carried := rules.CarryOver([]rules.Finding{earlier}, []rules.Finding{current})[0]
	if carried.Severity != rules.Info || carried.Evidence.Facts()["graceUntil"] != "2026-11-20T09:30:00Z" {
		t.Errorf("half an hour before the end: %+v", carried)
	}
	began = observed.Add(-2 * time.Hour)
	carried = rules.CarryOver([]rules.Finding{earlier}, []rules.Finding{current})[0]
	if carried.Severity != rules.Critical || carried.Evidence.Facts()["graceUntil"] != nil || carried.Evidence.Facts()["severityAfterGrace"] != nil || carried.Evidence.Facts()["judgedAt"] != nil || carried.Evidence.Facts()["distanceKm"] == nil {
		t.Errorf("at the end: %+v", carried)
	}
	if current.Severity != rules.Info || current.Evidence.Facts()["graceUntil"] == nil {
		t.Errorf("CarryOver changed its argument: %+v", current)
	}
}

func TestValidate(t *testing.T) {
	pack := rules.Builtin()
	if err := pack.Validate(nil); err != nil {
		t.Errorf("no policy: %v", err)
	}
	if err := pack.Validate(tuned("DQ-001", policy.RuleTune{Severity: "low", Grace: inventory.Duration(time.Hour), Parameters: map[string]string{"late": "1.5 d", "stale": "72h"}})); err != nil {
		t.Errorf("valid policy: %v", err)
	}
	for _, c := range []struct {
		name string
		id   string
		tune policy.RuleTune
		want []string // all in the error
	}{
		{"rule", "COL-01", policy.RuleTune{}, []string{"/rules/COL-01", `no rule "COL-01"`, "COL-001"}},
		{"severity", "COL-001", policy.RuleTune{Severity: "Severe"}, []string{"/rules/COL-001/severity", `"Severe"`, "critical"}},
		{"grace", "COL-001", policy.RuleTune{Grace: inventory.Duration(-time.Hour)}, []string{"/rules/COL-001/grace", "negative"}},
		{"parameter", "COL-001", policy.RuleTune{Parameters: map[string]string{"criticalRoundtrip": "1ms"}}, []string{"/rules/COL-001/parameters/criticalRoundtrip", "criticalRoundTrip"}},
		{"pointer", "COL-001", policy.RuleTune{Parameters: map[string]string{"a/b~": "1ms"}}, []string{"/rules/COL-001/parameters/a~1b~0"}},
		{"none", "COL-002", policy.RuleTune{Parameters: map[string]string{"x": "1"}}, []string{"takes none"}},
		{"duration", "COL-001", policy.RuleTune{Parameters: map[string]string{"criticalRoundTrip": "20"}}, []string{`"20" is not a duration`, "20ms"}},
		{"negative", "COL-001", policy.RuleTune{Parameters: map[string]string{"criticalRoundTrip": "-1ms"}}, []string{"not a duration"}},
		{"days", "DQ-001", policy.RuleTune{Parameters: map[string]string{"lost": "-7d"}}, []string{"not a duration"}},
		{"number", "SIZ-001", policy.RuleTune{Parameters: map[string]string{"thingsPerServer": "many"}}, []string{`"many" is not a number`, "100000"}},
		{"infinite", "SIZ-001", policy.RuleTune{Parameters: map[string]string{"thingsPerServer": "Inf"}}, []string{"not a number"}},
		{"nan", "SIZ-001", policy.RuleTune{Parameters: map[string]string{"thingsPerServer": "NaN"}}, []string{"not a number"}},
		{"percent", "SIZ-006", policy.RuleTune{Parameters: map[string]string{"margin": "0.1"}}, []string{`"0.1" is not a percentage`, "10%"}},
		{"percent range", "SIZ-006", policy.RuleTune{Parameters: map[string]string{"margin": "101%"}}, []string{"not a percentage"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := pack.Validate(tuned(c.id, c.tune))
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not contain %q", err, w)
				}
			}
		})
	}
}

func TestHash(t *testing.T) {
	pack := rules.Builtin()
	base := pack.Hash(policy.Default())
	if base != rules.Builtin().Hash(policy.Default()) || len(base) != 32 {
		t.Errorf("hash %q is not stable", base)
	}
	if pack.Hash(tuned("COL-001", policy.RuleTune{Severity: "low"})) == base || pack.Hash(nil) == base {
		t.Error("the hash does not depend on the policy")
	}
	if v := pack.Version(); v != "1.0.0" {
		t.Errorf("version %q", v)
	}
}

func TestFreshness(t *testing.T) {
	pack := rules.Builtin()
	for _, c := range []struct {
		pol  *policy.Policy
		want []time.Duration
	}{
		{nil, []time.Duration{24 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour}},
		{tuned("DQ-001", policy.RuleTune{Parameters: map[string]string{"stale": "2d"}}), []time.Duration{24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour}},
	} {
		if diff := cmp.Diff(c.want, pack.Freshness(c.pol)); diff != "" {
			t.Errorf("ages (-want +got): %s", diff)
		}
	}
}

func extra(id string, scope rules.Scope, verdict rules.Verdict) rules.Extra {
	return rules.Extra{
		Entry:  rules.Entry{ID: id, Title: "A rule of one's own", Scope: scope, Severity: rules.Low, Confidence: rules.UserRule, Remedy: "Do it.", Reference: "us"},
		Digest: "d",
		Judge: func(w *rules.World) rules.Outcome {
			o := rules.Outcome{Verdict: verdict, Message: w.Site.Site.ID}
			if w.Cluster != nil {
				o.Message += "/" + w.Cluster.ID
			}
			if w.Infrastructure != nil {
				o.Message += " " + w.Infrastructure.ID + " as " + string(w.Use.As)
			}
			seen, _ := w.Prepared.(int)
			w.Prepared = seen + 1
			return o
		},
	}
}

func TestWith(t *testing.T) {
	regions, pack := regionTable(t), rules.Builtin()
	in := readCase(t, "testdata/COL-001/silent.yaml", regions)
	bare := readCase(t, "testdata/COL-001/unknown-no-database.yaml", regions)
	more, err := pack.With([]rules.Extra{extra("X-1", rules.OfSite, rules.Fail), extra("A-1", rules.OfCluster, rules.Unknown), extra("Z-1", rules.OfInfrastructure, rules.Pass)})
	if err != nil {
		t.Fatal(err)
	}
	fs := more.Evaluate(in)
	for id, want := range map[string]rules.Finding{
		"X-1": {Verdict: rules.Fail, Message: "muc-01", Remedy: "Do it.", Subject: rules.Subject{Site: "muc-01"}},
		"A-1": {Verdict: rules.Unknown, Message: "muc-01/prod", Remedy: "Do it.", Subject: rules.Subject{Site: "muc-01", Cluster: "prod"}},
		"Z-1": {Verdict: rules.Pass, Message: "muc-01/prod pg as database", Subject: rules.Subject{Site: "muc-01", Cluster: "prod", Infrastructure: "muc-01/pg"}},
	} {
		got := only(id, fs)
		if len(got) != 1 || got[0].Verdict != want.Verdict || got[0].Message != want.Message || got[0].Subject != want.Subject || got[0].Remedy != want.Remedy || got[0].Confidence != rules.UserRule {
			t.Errorf("%s: %+v", id, got)
		}
	}
	if got := only("Z-1", more.Evaluate(bare)); len(got) != 1 || got[0].Verdict != rules.NotApplicable {
		t.Errorf("a cluster that uses nothing: %+v", got)
	}
	if more.Version() == pack.Version() || more.Hash(nil) == pack.Hash(nil) {
		t.Error("version and hash do not tell that there are rules of one's own")
	}
	changed := extra("X-1", rules.OfSite, rules.Fail)
	changed.Digest = "e"
	one, _ := pack.With([]rules.Extra{extra("X-1", rules.OfSite, rules.Fail)})
	two, _ := pack.With([]rules.Extra{changed})
	if one.Hash(nil) == two.Hash(nil) {
		t.Error("the hash does not depend on the source of a rule")
	}
	if same, err := pack.With(nil); err != nil || same.Hash(nil) != pack.Hash(nil) || same.Version() != pack.Version() {
		t.Errorf("no rules added, yet another pack: %v", err)
	}
	noJudge := extra("X-2", rules.OfSite, rules.Pass)
	noJudge.Judge = nil
	many := extra("X-3", rules.OfSite, rules.Pass)
	many.Entry.Parameters = make([]rules.Parameter, 4)
	before := extra("X-4", rules.OfCluster, rules.Fail)
	before.Entry.Versions = &rules.Versions{From: "8.0", Before: "9.0"}
	for _, bad := range [][]rules.Extra{{extra("COL-001", rules.OfSite, rules.Pass)}, {extra("X-1", rules.OfSite, rules.Pass), extra("X-1", rules.OfSite, rules.Pass)}, {noJudge}, {many}} {
		if _, err := pack.With(bad); err == nil || !strings.Contains(err.Error(), bad[0].Entry.ID) {
			t.Errorf("error %v for %s", err, bad[0].Entry.ID)
		}
	}
	old, err := pack.With([]rules.Extra{before})
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]rules.Verdict{"9.6.2": rules.NotApplicable, "7.4": rules.NotApplicable, "8.5.1": rules.Fail, "": rules.Fail} {
		site := *in.Site
		site.Clusters = slices.Clone(site.Clusters)
		site.Clusters[0].ThingworxVersion = version
		with := in
		with.Site = &site
		if got := only("X-4", old.Evaluate(with)); got[0].Verdict != want {
			t.Errorf("version %q: %s, want %s", version, got[0].Verdict, want)
		}
	}
}

// TestWorseOfTwoUses uses one database twice, and one that the inventory does not list.
func TestWorseOfTwoUses(t *testing.T) {
	in := readCase(t, "testdata/TEN-003/fires.yaml", regionTable(t))
	site := *in.Site
	site.Clusters = slices.Clone(site.Clusters)
	uses := site.Clusters[0].Uses
	apart := uses[0]
	apart.Schema = "elsewhere"
	for _, order := range [][]inventory.Use{{uses[0], apart}, {apart, uses[0]}} {
		site.Clusters[0].Uses = order
		in.Site = &site
		got := only("TEN-003", rules.Builtin().Evaluate(in))
		if len(got) != 1 || got[0].Verdict != rules.Fail {
			t.Errorf("schemas %s and %s: %+v", order[0].Schema, order[1].Schema, got)
		}
	}
	site.Clusters[0].Uses = []inventory.Use{{Infrastructure: "gone", As: inventory.AsDatabase}}
	for _, id := range []string{"TEN-003", "COL-001", "COL-003", "TEN-006", "RES-001"} {
		in.Policy = policy.Default()
		in.Policy.Geographies = []policy.GeographyRule{{Allow: []string{"Europe"}}}
		got := only(id, rules.Builtin().Evaluate(in))
		if !slices.ContainsFunc(got, func(f rules.Finding) bool {
			return f.Verdict == rules.Unknown && f.Missing[0] == "infrastructure muc-01/gone"
		}) {
			t.Errorf("%s of an infrastructure that is not listed: %+v", id, got)
		}
	}
}

// TestNothingKnown judges documents that say almost nothing: no rule may panic or pass on what it was not told.
func TestNothingKnown(t *testing.T) {
	pack := rules.Builtin()
	allowed := []string{"DQ-001"} // the site was observed just now
	for _, in := range []rules.Input{
		{Site: &inventory.Site{ObservedAt: judgedAt, Site: inventory.Identity{ID: "a"}, Clusters: []inventory.Cluster{{ID: "x"}}}, At: judgedAt},
		{Site: &inventory.Site{Site: inventory.Identity{ID: "a"}}, At: judgedAt},
		{Site: &inventory.Site{ObservedAt: judgedAt, Site: inventory.Identity{ID: "a", Role: inventory.RoleSpoke, Hub: "a"}}, At: judgedAt},
	} {
		for _, f := range pack.Evaluate(in) {
			if f.Verdict == rules.Pass && !slices.Contains(allowed, f.Rule) {
				t.Errorf("%s passes: %s", f.Rule, f.Message)
			}
		}
	}
	unseen := pack.Evaluate(rules.Input{Site: &inventory.Site{Site: inventory.Identity{ID: "a"}}, At: judgedAt})
	if f := only("DQ-001", unseen)[0]; f.Verdict != rules.Unknown || !f.FailingSince.Equal(judgedAt) {
		t.Errorf("an inventory of no date: %+v", f)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	regions := regionTable(b)
	in, pack := whole(b, regions, readSite(b, "testdata/site.yaml", regions)), rules.Builtin()
	b.ReportAllocs()
	for b.Loop() {
		pack.Evaluate(in)
	}
}
