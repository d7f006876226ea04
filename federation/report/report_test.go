package report

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

var update = flag.Bool("update", false, "write the golden files")

func at() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func ptr[T any](v T) *T { return &v }

// federation is a small federation with every status.
func federation() Input {
	pack := assess.RulePack{Version: "2026.11", Hash: "sha256:5f0c"}
	assessment := func(site, name string, observed time.Duration, clusters []assess.Cluster, findings ...rules.Finding) *assess.Assessment {
		for i := range findings {
			findings[i].Subject.Site = site
			findings[i].ID = fmt.Sprintf("%s-%s-%d", site, findings[i].Rule, i)
		}
		return &assess.Assessment{
			APIVersion: "meridian/v1", Kind: "Assessment", RulePack: pack, At: at().Add(-time.Hour),
			Inventories: []assess.InventoryRef{{Site: site, Name: name, Revision: "20261120T080000-" + site, ObservedAt: at().Add(-observed)}},
			Coverage:    assess.Coverage{Sites: 1, Fresh: 1, FactsKnown: 41, FactsNeeded: 44}, Clusters: clusters, Findings: findings,
		}
	}
	cluster := func(site, id, is, should, region, database string, serving float64) assess.Cluster {
		c := assess.Cluster{
			ID: site + "/" + id, Site: site, Cluster: id, Environment: inventory.Production,
			Recognised: recognise.Result{Architecture: is, Distance: 0.12}, Regions: assess.Regions{Database: database},
			Availability:   availability.Result{Serving: serving, Full: serving, DowntimePerYear: "6h2m"},
			Recommendation: recommend.Packed{Architecture: should},
		}
		if region != "" {
			c.Regions.ThingWorx = []string{region}
		}
		if region != "" && database != "" {
			c.Regions.Match = ptr(region == database)
		}
		return c
	}
	munich := cluster("muc-01", "prod", "ha-cluster", "ha-cluster", "westeurope", "northeurope", 0.99931)
	munich.Recognised.Missing = []recognise.Deviation{{Kind: "zookeeper", Have: 2, Need: 3, Why: "a majority of 2 is 2"}}
	munich.Recognised.Overlays = []string{"shared-infrastructure"}
	munich.Regions.RoundTrip = &assess.RoundTrip{P95: inventory.Duration(20 * time.Millisecond), Source: "measured"}
	munich.Regions.DistanceKm = ptr(870)
	munich.Recommendation = recommend.Pack(recommend.Recommendation{Architecture: munich.Recommendation.Architecture, Reasons: []string{"High availability is required."}, Advice: []recommend.Advice{{Move: "database", To: "westeurope", Residency: "allowed", Preferred: true, Why: "one database instead of three nodes"}}})
	munich.Sizing = sizing.Result{Assumptions: []string{"Size limits of the hardware table are an assumption."}}
	berlin := cluster("ber-02", "prod", "minimum-footprint", "ha-cluster", "germanywestcentral", "germanywestcentral", 0.9981)
	test := cluster("ber-02", "test", "basic-production", "basic-production", "germanywestcentral", "germanywestcentral", 0.99)
	test.Environment = inventory.Test
	chicago := cluster("chi-01", "prod", "large-production", "large-production", "northcentralus", "northcentralus", 0.9999999999)
	osaka := cluster("osa-01", "prod", "ha-cluster", "", "", "", 0.995)
	old := cluster("ply-07", "prod", "basic-production", "basic-production", "uksouth", "uksouth", 0.99)
	first, since := at().AddDate(0, -2, 0), at().AddDate(0, -1, 0)

	muc := assessment("muc-01", "Munich", 4*time.Hour, []assess.Cluster{munich},
		rules.Finding{
			Rule: "COL-001", Title: "ThingWorx and its database in one region", Verdict: rules.Fail, Severity: rules.Critical, Confidence: rules.Official,
			Subject: rules.Subject{Cluster: "prod", Infrastructure: "muc-01/pg-1"}, Message: "ThingWorx runs in westeurope, its database in northeurope.",
			Evidence: `{"database":"northeurope","match":false,"roundTripMs":20,"thingworx":["westeurope"]}`,
			Remedy:   "Move the database to westeurope.", Reference: "https://support.ptc.com/help/thingworx", FirstSeen: &first, FailingSince: &since,
		},
		rules.Finding{
			Rule: "HA-002", Title: "Odd number of ZooKeeper nodes", Verdict: rules.Fail, Severity: rules.Medium, Confidence: rules.Official,
			Subject: rules.Subject{Infrastructure: "muc-01/zk-1"}, Message: "The ensemble has 2 nodes.", FirstSeen: &first, FailingSince: &since,
		},
		rules.Finding{Rule: "HA-001", Title: "At least three ZooKeeper nodes", Verdict: rules.Pass, Severity: rules.Critical, Subject: rules.Subject{Cluster: "prod"}},
	)
	muc.Tenancy = []tenancy.Shared{{
		Infrastructure: "muc-01/zk-1", Aliases: []string{"ber-02/zk-central"}, Kind: "zookeeper", Tenants: []string{"ber-02/prod", "muc-01/prod"}, Regions: []string{"westeurope"},
	}}
	ber := assessment("ber-02", "Berlin <Spandau>", 2*time.Hour, []assess.Cluster{berlin, test},
		rules.Finding{
			Rule: "HA-006", Title: "Redundant load balancer", Verdict: rules.Fail, Severity: rules.High, Confidence: rules.Official, Subject: rules.Subject{Cluster: "prod"},
			Message: "=HYPERLINK(\"x\") | one *load balancer*, <b>not</b> redundant", FirstSeen: &first, FailingSince: &since,
			Waiver: &rules.Waiver{ID: "W-7", Reason: "Replacement is ordered.", Expires: at().AddDate(0, 1, 0)},
		},
		rules.Finding{
			Rule: "DQ-002", Title: "Sources complete", Verdict: rules.Fail, Severity: rules.Medium, Confidence: rules.Inferred, Message: "azure reported partial.",
			FirstSeen: &first, FailingSince: &since, Waiver: &rules.Waiver{ID: "W-3", Reason: "Was agreed.", Expires: at()},
		},
		rules.Finding{Rule: "SIZ-001", Title: "Connection servers", Verdict: rules.NotApplicable, Severity: rules.High, Subject: rules.Subject{Cluster: "test"}},
	)
	ber.Tenancy = muc.Tenancy
	osa := assessment("osa-01", "大阪", 30*time.Minute, []assess.Cluster{osaka}, rules.Finding{
		Rule: "COL-003", Title: "Regions are known", Verdict: rules.Unknown, Severity: rules.High, Confidence: rules.Inferred, Subject: rules.Subject{Cluster: "prod"},
		Message: "The region of the database is not known.", Missing: []string{"/infrastructure/0/placement/region"}, Remedy: "Give the region in the site file.", FirstSeen: &since,
	})
	osa.RulePack.Version = "2026.10"
	return Input{
		Title: "Drives division, Europe and overseas", At: at(), Policy: "drives-2026",
		Assessments: []*assess.Assessment{
			osa, muc, ber, assessment("chi-01", "Chicago", time.Hour, []assess.Cluster{chicago}), assessment("ply-07", "Plymouth", 100*time.Hour, []assess.Cluster{old}),
		},
		Sites: []Site{
			{ID: "muc-01", Country: "DE", Liveness: "live"},
			{ID: "ber-02", Country: "DE", Liveness: "late"},
			{ID: "chi-01", Country: "US", Liveness: "live"},
			{ID: "osa-01", Country: "JP", Liveness: "live"},
			{ID: "ply-07", Country: "GB", Liveness: "stale"},
			{ID: "lyo-04", Name: "Lyon", Country: "FR", Liveness: "lost"},
		},
	}
}

func build(t testing.TB, in Input) *Report {
	t.Helper()
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t testing.TB, format string, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	r := build(t, federation())
	for _, format := range []string{"html", "csv", "json", "md"} {
		got := write(t, format, r)
		path := filepath.Join("testdata", "report."+format)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got), run with -update if it is meant:\n%s", path, diff)
		}
	}
}

func TestStatuses(t *testing.T) {
	r := build(t, federation())
	got := map[string]Status{}
	for _, c := range r.Clusters {
		got[c.ID] = c.Status
	}
	for _, s := range r.Sites {
		got[s.ID] = s.Status
	}
	want := map[string]Status{
		"muc-01/prod": NonCompliant, "ber-02/prod": Waived, "ber-02/test": Compliant, "chi-01/prod": Compliant, "osa-01/prod": NotKnown, "ply-07/prod": NotKnown,
		"muc-01": NonCompliant, "ber-02": Waived, "chi-01": Compliant, "osa-01": NotKnown, "ply-07": NotKnown, "lyo-04": NotKnown,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	medium := federation()
	medium.Threshold = rules.Medium
	for _, s := range build(t, medium).Sites {
		if s.ID == "ber-02" && s.Status != NonCompliant {
			t.Errorf("an expired waiver still counts: %s", s.Status)
		}
	}
	patient := federation()
	patient.FreshFor = 101 * time.Hour
	for _, s := range build(t, patient).Sites {
		if s.ID == "ply-07" && s.Status != Compliant {
			t.Errorf("fresh for 101 h: %s", s.Status)
		}
	}
	want5 := Tally{Total: 6, Compliant: 2, Waived: 1, NonCompliant: 1, Unknown: 2}
	if r.Summary.Clusters != want5 {
		t.Errorf("%+v, want %+v", r.Summary.Clusters, want5)
	}
	if c := r.Coverage; c.Sites != 6 || c.Fresh != 4 || c.Stale != 1 || c.NoData != 1 {
		t.Errorf("%+v", c)
	}
}

// A finding about an infrastructure alone counts for its users, or for all clusters when they are not known.
func TestInfrastructureFindings(t *testing.T) {
	in := federation()
	ber := in.Assessments[2]
	f := rules.Finding{ID: "x", Rule: "TEN-006", Verdict: rules.Fail, Severity: rules.High, Subject: rules.Subject{Site: "ber-02", Infrastructure: "ber-02/zk-central"}}
	fails := func() (prod, test int) {
		for _, c := range build(t, in).Clusters {
			switch c.ID {
			case "ber-02/prod":
				prod = c.Findings.Fail
			case "ber-02/test":
				test = c.Findings.Fail
			}
		}
		return prod, test
	}
	ber.Findings = append(ber.Findings, f)
	if prod, test := fails(); prod != 1 || test != 0 {
		t.Errorf("known user: prod %d, test %d", prod, test)
	}
	ber.Findings[len(ber.Findings)-1].Subject.Infrastructure = "ber-02/other"
	if prod, test := fails(); prod != 1 || test != 1 {
		t.Errorf("unknown user: prod %d, test %d", prod, test)
	}
}

func TestAllListsEverything(t *testing.T) {
	in := federation()
	few := build(t, in)
	in.All = true
	all := build(t, in)
	if len(few.Findings) != 5 || len(all.Findings) != 7 || few.Summary.Findings.Total() != 7 || all.Summary.Findings != few.Summary.Findings {
		t.Errorf("%d and %d findings of %d", len(few.Findings), len(all.Findings), few.Summary.Findings.Total())
	}
}

func TestNewFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"no instant":        {func(in *Input) { in.At = time.Time{} }, "instant"},
		"bad threshold":     {func(in *Input) { in.Threshold = "fatal" }, "severity"},
		"bad rules":         {func(in *Input) { in.RulesOf = "later" }, "then or now"},
		"nil":               {func(in *Input) { in.Assessments[0] = nil }, "missing"},
		"from the future":   {func(in *Input) { in.At = in.At.Add(-2 * time.Hour) }, "later than the report"},
		"site twice":        {func(in *Input) { in.Assessments = append(in.Assessments, in.Assessments[0]) }, "judged twice"},
		"cluster twice":     {func(in *Input) { a := in.Assessments[0]; a.Clusters = append(a.Clusters, a.Clusters[0]) }, "judged twice"},
		"cluster of no one": {func(in *Input) { in.Assessments[0].Inventories = nil }, "does not name"},
		"evidence":          {func(in *Input) { in.Assessments[1].Findings[0].Evidence = "{" }, "JSON"},
	} {
		in := federation()
		c.change(&in)
		if _, err := New(in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	r := build(t, federation())
	if err := Write(io.Discard, "docx", r); err == nil || !strings.Contains(err.Error(), "csv, html, json, md, pdf, xlsx") {
		t.Errorf("unknown format: %v", err)
	}
	for _, format := range Formats() {
		if err := Write(broken{}, format, r); err == nil {
			t.Errorf("%s: a writer that fails gives no error", format)
		}
		if MediaType(format) == "" {
			t.Errorf("%s has no media type", format)
		}
	}
	if MediaType("docx") != "" {
		t.Error("docx has a media type")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The order in which data arrive changes nothing; any change of content changes the hash.
func TestHash(t *testing.T) {
	want := build(t, federation())
	write(t, "json", want)
	rapid.Check(t, func(rt *rapid.T) {
		in := federation()
		in.Assessments = rapid.Permutation(in.Assessments).Draw(rt, "assessments")
		in.Sites = rapid.Permutation(in.Sites).Draw(rt, "sites")
		for _, a := range in.Assessments {
			a.Findings = rapid.Permutation(a.Findings).Draw(rt, "findings")
			a.Clusters = rapid.Permutation(a.Clusters).Draw(rt, "clusters")
		}
		got, err := New(in)
		if err != nil {
			rt.Fatal(err)
		}
		write(t, "json", got)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Cluster{}, Finding{}, deciding{})); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
	for _, format := range Formats() {
		if !bytes.Equal(write(t, format, want), write(t, format, build(t, federation()))) {
			t.Errorf("%s differs when written again", format)
		}
	}
	// As the method says: the SHA-256 of the JSON with an empty hash.
	bare := *want
	bare.Hash = ""
	text, err := json.Marshal(bare)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if want.Hash != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Error("the hash is not that of the JSON")
	}
	changed := federation()
	changed.Assessments[1].Findings[0].Message += "."
	other := build(t, changed)
	write(t, "json", other)
	if other.Hash == want.Hash {
		t.Error("another message, the same hash")
	}
}

func TestCSV(t *testing.T) {
	r := build(t, federation())
	text := write(t, "csv", r)
	if bytes.Count(text, []byte("\n")) != bytes.Count(text, []byte("\r\n")) {
		t.Error("a line does not end with CRLF")
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	if len(rows) != 1+5+1 { // Header, findings, and the site without data.
		t.Errorf("%d rows", len(rows))
	}
	missing := false
	for _, row := range rows[1:] {
		if row[column["site"]] == "lyo-04" {
			missing = row[column["verdict"]] == "unknown" && row[column["freshness"]] == "no data"
		}
		for i, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("column %s holds %q", rows[0][i], cell)
			}
		}
		if row[column["reportHash"]] != r.Hash {
			t.Error("a row without the hash")
		}
	}
	if !missing {
		t.Error("the site without an assessment is not in the CSV as unknown")
	}
}

func TestGuard(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a=b": "a=b", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "  =1": "'  =1", "\u00a0=1": "'\u00a0=1",
		"＝1": "'＝1", "'=1": "'=1", " ": " ", "ä": "ä", "|cmd": "'|cmd",
	} {
		if got := guard(in); got != want {
			t.Errorf("guard(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHTML(t *testing.T) {
	r := build(t, federation())
	text := string(write(t, "html", r))
	for _, bad := range []string{"<b>not</b>", "Berlin <Spandau>", "<script", "http-equiv", "src=", "@import", "url(", "ZgotmplZ", "<no value>"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, want := range []string{r.Hash, "lyo-04", "2026.10", "sha256:5f0c", "drives-2026", "W-7", "expired", "大阪", "99.99999999 %", "no assessment at or before"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
	if strings.Count(text, "<caption>") != strings.Count(text, "<table>") {
		t.Error("a table without a caption")
	}
	// Well formed, with headings that skip no level and links that lead somewhere.
	ids, links, level := map[string]bool{}, []string{}, 0
	decoder := xml.NewDecoder(strings.NewReader(text[strings.Index(text, "<body>"):strings.Index(text, "</html>")]))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if name := start.Name.Local; len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' {
			if now := int(name[1] - '0'); now > level+1 {
				t.Errorf("heading %s follows level %d", name, level)
			} else {
				level = now
			}
		}
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "id":
				if ids[a.Value] {
					t.Errorf("id %s twice", a.Value)
				}
				ids[a.Value] = true
			case "href", "aria-labelledby":
				links = append(links, strings.TrimPrefix(a.Value, "#"))
			}
		}
	}
	for _, l := range links {
		if !ids[strings.ReplaceAll(l, "%2f", "/")] {
			t.Errorf("nothing at #%s", l)
		}
	}
}

func TestEmptyReport(t *testing.T) {
	r := build(t, Input{At: at()})
	for _, format := range Formats() {
		if len(write(t, format, r)) == 0 {
			t.Errorf("%s is empty", format)
		}
	}
	var back map[string]any
	if err := json.Unmarshal(write(t, "json", r), &back); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"rulePacks", "clusters", "sites", "findings", "sharedInfrastructure", "methodology", "assumptions"} {
		if _, ok := back[list].([]any); !ok {
			t.Errorf("%s is no list: %v", list, back[list])
		}
	}
}

func TestXLSX(t *testing.T) {
	r := build(t, federation())
	data := write(t, "xlsx", r)
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	text := ""
	for _, f := range archive.File {
		names = append(names, f.Name)
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(part, new(struct{ XMLName xml.Name })); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		text += string(part)
	}
	for _, want := range []string{"[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet9.xml"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s in %v", want, names)
		}
	}
	if strings.Contains(text, "<f>") {
		t.Error("the workbook holds a formula")
	}
	for _, want := range []string{r.Hash, "大阪", "=HYPERLINK(&#34;x&#34;)", "<v>6</v>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the workbook does not contain %q", want)
		}
	}
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := columnName(i); got != want {
			t.Errorf("column %d is %s, want %s", i, got, want)
		}
	}
	for text, want := range map[string]bool{"": false, "0": true, "12": true, "007": false, "1.5": false, "-1": false, "1e5": false, "1234567890123456": false} {
		if isCount(text) != want {
			t.Errorf("isCount(%q)", text)
		}
	}
	if got := xmlText("a\x00b\x1fc<" + strings.Repeat("x", maxCell)); strings.ContainsAny(got, "\x00\x1f") || !strings.HasSuffix(got, "see JSON)") || !strings.HasPrefix(got, "abc&lt;x") {
		t.Errorf("got %.20q … %.40q", got, got[len(got)-40:])
	}
}

func TestText(t *testing.T) {
	for p, want := range map[float64]string{
		0: "0 %", 0.5: "50.00 %", 0.99931: "99.93 %", 0.99999: "99.999 %", 0.9999999999: "99.99999999 %", 1: "100 %", 1 - 1e-16: ">99.9999999999 %",
	} {
		if got := percent(p); got != want {
			t.Errorf("percent(%v) = %s, want %s", p, got, want)
		}
	}
	for _, c := range []struct {
		n, total int
		want     string
	}{{0, 0, "–"}, {0, 5, "0 %"}, {5, 5, "100 %"}, {1, 1000, "<1 %"}, {999, 1000, "99 %"}} {
		if got := share(c.n, c.total); got != c.want {
			t.Errorf("share(%d, %d) = %s, want %s", c.n, c.total, got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 min", 59 * time.Minute: "59 min", time.Hour: "1 h", 90 * time.Minute: "1 h 30 min", 24 * time.Hour: "1 d", 73 * time.Hour: "3 d 1 h", -time.Hour: "-1 h",
	} {
		if got := ageText(d); got != want {
			t.Errorf("ageText(%s) = %s, want %s", d, got, want)
		}
	}
	got := evidence(`{"b":[1,"x",true],"a":"y","c":["p","q"],"d":null,"e":1.5,"f":{"x":1000000}}`)
	if want := []string{"a = y", "b = 1, x, true", "c = p, q", "d = null", "e = 1.5", `f = {"x":1000000}`}; !slices.Equal(got, want) {
		t.Errorf("evidence: %q", got)
	}
	parts := statusBar(Tally{Total: 10000, Compliant: 9999, NonCompliant: 1})
	if len(parts) != 2 || parts[0].Width < 5 || parts[1].X+parts[1].Width > chartWidth+0.01 {
		t.Errorf("%+v", parts)
	}
	if statusBar(Tally{}) != nil {
		t.Error("a bar of nothing")
	}
}

// Text of any width and any characters makes pages, and no table line is lost.
func TestPDFTakesAnything(t *testing.T) {
	in := federation()
	long := &in.Assessments[1].Findings[0]
	long.Message = strings.Repeat("word ", 3000) + strings.Repeat("w", 3000) + "\x00\t\r\n\U0001F600\U00010000\ufffe"
	long.Waiver = &rules.Waiver{ID: "W-9", Reason: strings.Repeat("long reason ", 600), Expires: at().AddDate(1, 0, 0)}
	in.Title = strings.Repeat("A long title ", 12)
	in.Filter = strings.Repeat("site=a,", 100)
	if data := write(t, "pdf", build(t, in)); !bytes.HasPrefix(data, []byte("%PDF-")) || len(data) < 10000 {
		t.Errorf("%d bytes", len(data))
	}
}
