package rules_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// judgement is a finding without its words.
type judgement struct {
	ID       string
	Verdict  rules.Verdict
	Severity rules.Severity
	Since    string
}

func judgements(fs []rules.Finding) []judgement {
	out := make([]judgement, len(fs))
	for i, f := range fs {
		out[i] = judgement{ID: f.Rule + " " + f.ID, Verdict: f.Verdict, Severity: f.Severity}
		if f.FailingSince != nil {
			out[i].Since = f.FailingSince.String()
		}
	}
	return out
}

func text(t fataler, in rules.Input) string {
	b, err := json.Marshal(struct {
		Site, Neighbours, Shared, Policy, Clusters any
	}{in.Site, in.Neighbours, in.Shared, in.Policy, in.Clusters})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func everyNode(s *inventory.Site, do func(*inventory.Node)) {
	each := func(nodes []inventory.Node) {
		for i := range nodes {
			do(&nodes[i])
		}
	}
	for i := range s.Clusters {
		for k := range s.Clusters[i].Components {
			each(s.Clusters[i].Components[k].Nodes)
		}
	}
	for i := range s.Infrastructure {
		each(s.Infrastructure[i].Nodes)
		each(s.Infrastructure[i].PgPool)
	}
}

// TestLawNoMutation: an evaluation changes nothing it is given, and the same input gives the same findings.
func TestLawNoMutation(t *testing.T) {
	pack := rules.Builtin()
	regions := regionTable(t)
	for _, path := range append(casePaths(t), "testdata/site.yaml") {
		in := readCase(t, path, regions)
		before := text(t, in)
		first, second := pack.Evaluate(in), pack.Evaluate(in)
		if after := text(t, in); after != before {
			t.Errorf("the input changed:\n%s", cmp.Diff(before, after))
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("two evaluations differ:\n%s", diff)
		}
	}
}

// TestLawNames: renaming nodes and machines consistently changes no verdict.
func TestLawNames(t *testing.T) {
	pack := rules.Builtin()
	regions, paths := regionTable(t), append(casePaths(t), "testdata/site.yaml")
	rapid.Check(t, func(t *rapid.T) {
		path := paths[rapid.IntRange(0, len(paths)-1).Draw(t, "world")]
		want := judgements(pack.Evaluate(readCase(t, path, regions)))
		in := readCase(t, path, regions)
		names := map[string]string{}
		rename := func(kind, old string) string {
			if old == "" {
				return ""
			}
			if _, ok := names[kind+old]; !ok {
				names[kind+old] = fmt.Sprintf("%s-%d", rapid.StringMatching(`[a-z]{1,6}`).Draw(t, kind), len(names))
			}
			return names[kind+old]
		}
		for _, s := range append([]*inventory.Site{in.Site}, in.Neighbours...) {
			everyNode(s, func(n *inventory.Node) {
				n.Name, n.Machine = rename(s.Site.ID+" node ", n.Name), rename(s.Site.ID+" machine ", n.Machine)
			})
			for i := range s.Probes {
				parts := strings.Split(s.Probes[i].From, "/")
				parts[len(parts)-1] = rename(s.Site.ID+" node ", parts[len(parts)-1])
				s.Probes[i].From = strings.Join(parts, "/")
			}
		}
		if diff := cmp.Diff(want, judgements(pack.Evaluate(in))); diff != "" {
			t.Fatalf("%s: verdicts change with names:\n%s", path, diff)
		}
	})
}

// TestLawOrder: the order of infrastructures, and of clusters' uses, changes no finding.
func TestLawOrder(t *testing.T) {
	pack := rules.Builtin()
	regions, paths := regionTable(t), append(casePaths(t), "testdata/site.yaml")
	rapid.Check(t, func(t *rapid.T) {
		path := paths[rapid.IntRange(0, len(paths)-1).Draw(t, "world")]
		want := pack.Evaluate(readCase(t, path, regions))
		in := readCase(t, path, regions)
		for _, s := range append([]*inventory.Site{in.Site}, in.Neighbours...) {
			order := make([]int, len(s.Infrastructure))
			for i := range order {
				order[i] = i
			}
			order = rapid.Permutation(order).Draw(t, "order")
			moved := make([]inventory.Infrastructure, len(order))
			for to, from := range order {
				moved[to] = s.Infrastructure[from]
			}
			s.Infrastructure = moved
			for i := range s.Provenance {
				for to, from := range order {
					if rest, ok := strings.CutPrefix(s.Provenance[i].Path, "/infrastructure/"+strconv.Itoa(from)+"/"); ok {
						s.Provenance[i].Path = "/infrastructure/" + strconv.Itoa(to) + "/" + rest
						break
					}
				}
			}
			for i := range s.Clusters {
				s.Clusters[i].Uses = rapid.Permutation(s.Clusters[i].Uses).Draw(t, "uses")
			}
		}
		if diff := cmp.Diff(want, pack.Evaluate(in)); diff != "" {
			t.Fatalf("%s: findings change with the order:\n%s", path, diff)
		}
	})
}

// TestLawCarryOver compares the histories of findings over random assessments with a plain model.
func TestLawCarryOver(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		type history struct{ first, since *time.Time }
		model := map[string]history{}
		var previous []rules.Finding
		for step := range rapid.IntRange(1, 12).Draw(t, "steps") {
			at := start.Add(time.Duration(step) * time.Hour)
			var current []rules.Finding
			next := map[string]history{}
			for _, id := range []string{"a", "b", "c"} {
				if rapid.IntRange(0, 5).Draw(t, "gone") == 0 {
					continue
				}
				f := rules.Finding{ID: id, Rule: id, Severity: rules.High, Verdict: rapid.SampledFrom([]rules.Verdict{rules.Pass, rules.Fail, rules.Unknown, rules.NotApplicable}).Draw(t, id)}
				h := history{}
				if f.Verdict == rules.Fail || f.Verdict == rules.Unknown {
					f.FirstSeen, f.FailingSince = &at, &at
					if h = model[id]; h.first == nil {
						h = history{&at, &at}
					}
				}
				next[id] = h
				current = append(current, f)
			}
			model = next
			current = rapid.Permutation(current).Draw(t, "order")
			before := fmt.Sprintf("%+v %+v", previous, current)
			carried := rules.CarryOver(previous, current)
			if fmt.Sprintf("%+v %+v", previous, current) != before {
				t.Fatal("CarryOver changed an argument")
			}
			if len(carried) != len(current) {
				t.Fatalf("%d findings of %d", len(carried), len(current))
			}
			for i, f := range carried {
				h := model[f.ID]
				if f.ID != current[i].ID || f.Verdict != current[i].Verdict || !cmp.Equal(f.FirstSeen, h.first) || !cmp.Equal(f.FailingSince, h.since) {
					t.Fatalf("step %d: %s has %v and %v, want %v and %v", step, f.ID, f.FirstSeen, f.FailingSince, h.first, h.since)
				}
			}
			if again := rules.CarryOver(carried, carried); !cmp.Equal(again, carried) {
				t.Fatal("carrying over from itself changes something")
			}
			previous = carried
		}
	})
}

func TestCarryOverOfForeignFindings(t *testing.T) {
	at := judgedAt
	fail := rules.Finding{ID: "a", Verdict: rules.Fail, Severity: rules.High, FirstSeen: &at, FailingSince: &at}
	bare := rules.Finding{ID: "a", Verdict: rules.Fail}
	if got := rules.CarryOver([]rules.Finding{bare}, []rules.Finding{fail})[0]; !cmp.Equal(got, fail) {
		t.Errorf("a predecessor without history: %+v", got)
	}
	pass := fail
	pass.Verdict = rules.Pass
	if got := rules.CarryOver(nil, []rules.Finding{pass})[0]; got.FirstSeen != nil || got.FailingSince != nil {
		t.Errorf("a pass with a history: %+v", got)
	}
	graced := fail
	graced.FailingSince, graced.Severity = nil, rules.Info
	graced.Evidence = `{"graceUntil":"soon","severityAfterGrace":"high","judgedAt":"now"}`
	if got := rules.CarryOver([]rules.Finding{fail}, []rules.Finding{graced})[0]; got.Severity != rules.Info {
		t.Errorf("a grace that cannot be read: %+v", got)
	}
	undated := fail
	before := at.Add(-2 * time.Hour)
	since := fail
	since.FailingSince = &before
	undated.Severity = rules.Info
	undated.Evidence = rules.NewEvidence(map[string]any{"graceUntil": at.Add(time.Hour).Format(time.RFC3339), "severityAfterGrace": "high"})
	if got := rules.CarryOver([]rules.Finding{since}, []rules.Finding{undated})[0]; got.Severity != rules.Info || got.Evidence != undated.Evidence {
		t.Errorf("a grace judged at no known instant: %+v", got)
	}
	only := fail
	earlier := at.Add(-2 * time.Hour)
	was := fail
	was.FailingSince = &earlier
	only.Severity = rules.Info
	only.Evidence = rules.NewEvidence(map[string]any{"graceUntil": at.Add(time.Hour).Format(time.RFC3339), "severityAfterGrace": "high", "judgedAt": at.Format(time.RFC3339)})
	if got := rules.CarryOver([]rules.Finding{was}, []rules.Finding{only})[0]; got.Severity != rules.High || got.Evidence != "" {
		t.Errorf("a grace that has run out: %+v", got)
	}
}

// What is not kept is counted all the same, and what is kept is no other.
func TestTallyCountsWhatIsNotKept(t *testing.T) {
	regions := regionTable(t)
	pack := rules.Builtin()
	for _, path := range append(casePaths(t), "testdata/site.yaml") {
		in := readCase(t, path, regions)
		all, tally := pack.Judge(in, true)
		kept, again := pack.Judge(in, false)
		if tally != again {
			t.Errorf("%s: %+v with all findings, %+v without", path, tally, again)
		}
		var want rules.Tally
		var failing []rules.Finding
		for _, f := range all {
			switch f.Verdict {
			case rules.Pass:
				want.Pass++
			case rules.Fail:
				want.Fail++
			case rules.Unknown:
				want.Unknown++
				want.FactsNeeded += max(1, len(f.Missing))
			case rules.NotApplicable:
				want.NotApplicable++
			}
			if f.Verdict == rules.Fail || f.Verdict == rules.Unknown {
				failing = append(failing, f)
			}
		}
		want.FactsKnown = want.Pass + want.Fail
		want.FactsNeeded += want.FactsKnown
		if tally != want {
			t.Errorf("%s: counted %+v, want %+v", path, tally, want)
		}
		if diff := cmp.Diff(failing, kept, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: kept (-want +got):\n%s", path, diff)
		}
	}
}
