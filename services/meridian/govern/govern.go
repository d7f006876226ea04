// Package govern lays out waivers, versions of the policy, the audit and tokens for the terminal, and reads what people
// type about them. It asks no server; the command line gives it what was answered.
package govern

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/audit"
	versions "github.com/meridian-federation/meridian/federation/policy"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

// Expiry reads until when a waiver is wanted: an instant, a day (its end, UTC), or a duration from now like 90d or 36h.
func Expiry(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return now.UTC().AddDate(0, 0, n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.UTC().Add(d), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time until when: write it like 2026-12-31, 2026-12-31T12:00:00Z, 90d or 36h", text)
}

// Subject reads what a waiver is for: a site, site/cluster, or an infrastructure, which is a site/id too.
func Subject(text, infrastructure string) waiver.Match {
	site, cluster, _ := strings.Cut(text, "/")
	m := waiver.Match{Site: site, Cluster: cluster, Infrastructure: infrastructure}
	if infrastructure != "" && site == "" {
		m.Site, _, _ = strings.Cut(infrastructure, "/")
	}
	return m
}

// MatchText says in one line what a waiver is for.
func MatchText(m waiver.Match) string {
	var out []string
	add := func(name, value string) {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	if m.Site != "" && m.Cluster != "" {
		out = append(out, m.Site+"/"+m.Cluster)
	} else if m.Site != "" {
		out = append(out, m.Site)
	}
	add("infrastructure", m.Infrastructure)
	for _, k := range slices.Sorted(maps.Keys(m.Tags)) {
		add("tag."+k, m.Tags[k])
	}
	add("country", m.Country)
	add("region", m.Region)
	return strings.Join(out, " ")
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// WaiverColumns are those of WaiverRow.
func WaiverColumns() []output.Column {
	return []output.Column{
		{Name: "waiver"},
		{Name: "rule"},
		{Name: "for"},
		{Name: "state"},
		{Name: "expires"},
		{Name: "note"},
		{Name: "owner"},
		{Name: "requested by"},
		{Name: "decided by"},
		{Name: "ticket", Wide: true},
		{Name: "reason"},
	}
}

// WaiverRow is a waiver in a table.
func WaiverRow(w *gen.Waiver) []string {
	note := ""
	switch {
	case w.Unused:
		note = "unused"
	case w.Expiring:
		note = "expiring"
	}
	return []string{w.Id, w.Rule, MatchText(w.Match), string(w.State), instant(w.Expires), note, w.Owner, w.Requested.Name, w.Decided.Name, w.Ticket, w.Reason}
}

// PolicyColumns are those of PolicyRow.
func PolicyColumns() []output.Column {
	return []output.Column{{Name: "version"}, {Name: "name"}, {Name: "in force"}, {Name: "hash"}, {Name: "written"}, {Name: "by"}, {Name: "activated"}, {Name: "activated by"}, {Name: "why"}}
}

// PolicyRow is a version in a table.
func PolicyRow(v *gen.PolicyVersion) []string {
	active := "no"
	if v.Active {
		active = "yes"
	}
	var last gen.Deed
	if n := len(v.Activations); n > 0 {
		last = v.Activations[n-1]
	}
	return []string{v.Id, v.Name, active, v.Hash, instant(v.Created.At), v.Created.Name, instant(last.At), last.Name, cmp.Or(last.Note, v.Created.Note)}
}

// PreviewDocument shows what a version would change: the counts, then every finding.
func PreviewDocument(p *gen.PolicyPreview) output.Document {
	counts := output.Sheet{Title: "By severity", Columns: []output.Column{{Name: "severity"}, {Name: "would open"}, {Name: "would close"}}, Empty: "No finding would open or close."}
	for _, n := range p.Severities {
		counts.Rows = append(counts.Rows, []string{string(n.Severity), strconv.Itoa(n.Opened), strconv.Itoa(n.Closed)})
	}
	list := output.Sheet{
		Title: "Findings", Columns: []output.Column{{Name: "change"}, {Name: "severity"}, {Name: "site"}, {Name: "cluster"}, {Name: "rule"}, {Name: "message"}},
		Empty: "No finding would change.",
	}
	add := func(change string, changes []versions.Change) {
		for _, c := range changes {
			severity := string(c.Severity)
			if c.Before != "" {
				severity = string(c.Before) + " > " + severity
			}
			list.Rows = append(list.Rows, []string{change, severity, c.Subject.Site, c.Subject.Cluster, c.Rule, c.Message})
		}
	}
	add("opens", p.Opened)
	add("closes", p.Closed)
	add("changes", p.Changed)
	add("unknown", p.Unknown)
	return output.Document{Value: p, Sheets: []output.Sheet{counts, list}}
}

// Difference is one place in which two versions differ.
type Difference struct {
	Path string `json:"path"` // JSON pointer
	From string `json:"from"` // JSON, empty where there is nothing
	To   string `json:"to"`
}

// Diff compares two versions value by value, in the order of their places.
func Diff(from, to *gen.PolicyVersion) ([]Difference, error) {
	values := [2]map[string]string{}
	for i, v := range []*gen.PolicyVersion{from, to} {
		text, err := json.Marshal(v.Policy)
		if err != nil {
			return nil, fmt.Errorf("write version %s: %w", v.Id, err)
		}
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			return nil, fmt.Errorf("read version %s: %w", v.Id, err)
		}
		values[i] = map[string]string{}
		flatten("", tree, values[i])
	}
	places := map[string]struct{}{}
	for _, m := range values {
		for k := range m {
			places[k] = struct{}{}
		}
	}
	out := []Difference{}
	for _, k := range slices.Sorted(maps.Keys(places)) {
		if a, b := values[0][k], values[1][k]; a != b {
			out = append(out, Difference{k, a, b})
		}
	}
	return out, nil
}

func flatten(path string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			flatten(path+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(k), x, into)
		}
	case []any:
		for i, x := range v {
			flatten(path+"/"+strconv.Itoa(i), x, into)
		}
	default:
		text, _ := json.Marshal(v) // A text, a number, a truth value or nothing.
		into[path] = string(text)
	}
}

// DiffSheet shows differences.
func DiffSheet(list []Difference) output.Sheet {
	s := output.Sheet{Columns: []output.Column{{Name: "place"}, {Name: "from"}, {Name: "to"}}, Value: list, Empty: "The versions decide alike."}
	for _, d := range list {
		s.Rows = append(s.Rows, []string{d.Path, d.From, d.To})
	}
	return s
}

// AuditColumns are those of AuditRow.
func AuditColumns() []output.Column {
	return []output.Column{
		{Name: "at"},
		{Name: "who"},
		{Name: "role"},
		{Name: "act"},
		{Name: "outcome"},
		{Name: "site"},
		{Name: "target"},
		{Name: "remote", Wide: true},
		{Name: "request", Wide: true},
		{Name: "id", Wide: true},
		{Name: "why"},
	}
}

// AuditRow is an entry in a table.
func AuditRow(e *audit.Entry) []string {
	outcome := string(e.Outcome)
	if e.Status != 0 {
		outcome += " " + strconv.Itoa(e.Status)
	}
	return []string{instant(e.At), cmp.Or(e.Name, e.By, "nobody"), e.Role, e.Act, outcome, e.Site, e.Target, e.Remote, e.RequestID, e.ID, e.Why}
}

// TokenColumns are those of TokenRow.
func TokenColumns() []output.Column {
	return []output.Column{{Name: "token"}, {Name: "name"}, {Name: "role"}, {Name: "sees"}, {Name: "state"}, {Name: "expires"}, {Name: "made by"}}
}

// TokenRow is a token in a table.
func TokenRow(t *gen.ApiToken) []string {
	sees := slices.Clone(t.Scope.Sites)
	for _, k := range slices.Sorted(maps.Keys(t.Scope.Tags)) {
		sees = append(sees, "tag."+k+"="+t.Scope.Tags[k])
	}
	for _, r := range t.Scope.Regions {
		sees = append(sees, "region="+r)
	}
	return []string{t.Id, t.Name, string(t.Role), cmp.Or(strings.Join(sees, " "), "all sites"), string(t.State), instant(t.Expires), t.Created.Name}
}

// Waive reads a file of waivers, if one is named, and decides on the findings of every site at the instant of its judgement, as the server does.
func Waive(file string, parts []*assess.Assessment, sites []*inventory.Site) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the waivers: %w", err)
	}
	list, err := waiver.Parse(file, text, waiver.Limits{})
	if err != nil {
		return err
	}
	set, byID := waiver.NewSet(list), map[string]inventory.Identity{}
	for _, s := range sites {
		byID[s.Site.ID] = s.Site
	}
	for _, a := range parts {
		waiver.Apply(set.Of(byID[a.Inventories[0].Site]), a, func(id string) inventory.Identity { return byID[id] })
	}
	return nil
}
