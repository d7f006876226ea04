package report

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

const unknownText = "not known"

func instantText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func optionalInstant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func orUnknown(s string) string {
	if s == "" {
		return unknownText
	}
	return s
}

// percent writes a probability with as many digits as tell it from 100 %.
func percent(p float64) string {
	if p <= 0 {
		return "0 %"
	}
	for digits := 2; digits < 12; digits++ {
		text := strconv.FormatFloat(100*p, 'f', digits, 64)
		if !strings.HasPrefix(text, "100") {
			return text + " %"
		}
	}
	if p < 1 {
		return ">99.9999999999 %"
	}
	return "100 %"
}

// share writes n of total in whole percent, never rounded up to 100 or down to 0.
func share(n, total int) string {
	switch {
	case total == 0:
		return "–"
	case n == total:
		return "100 %"
	case n > 0 && n*100 < total:
		return "<1 %"
	}
	return strconv.Itoa(n*100/total) + " %"
}

// evidence writes the facts as name=value, sorted by name.
func evidence(e rules.Evidence) []string {
	m := e.Facts()
	out := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, name+" = "+valueText(m[name]))
	}
	return out
}

func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = valueText(v[i])
		}
		return strings.Join(parts, ", ")
	}
	text, _ := json.Marshal(v) // It was JSON before.
	return string(text)
}

func matchText(r assess.Regions) string {
	switch {
	case r.Match == nil:
		return unknownText
	case *r.Match:
		return "yes"
	}
	return "no"
}

func roundTripText(r assess.Regions) string {
	if r.RoundTrip == nil {
		return ""
	}
	return r.RoundTrip.P95.String() + " " + r.RoundTrip.Source
}

func distanceText(r assess.Regions) string {
	if r.DistanceKm == nil {
		return ""
	}
	return strconv.Itoa(*r.DistanceKm) + " km"
}

// subjectText names a finding's subject within its site.
func subjectText(f *Finding) string {
	var parts []string
	for _, p := range []struct{ what, id string }{
		{"cluster", f.Subject.Cluster}, {"infrastructure", f.Subject.Infrastructure}, {"node", f.Subject.Node},
	} {
		if p.id != "" {
			parts = append(parts, p.what+" "+p.id)
		}
	}
	if len(parts) == 0 {
		return "site " + f.Subject.Site
	}
	return strings.Join(parts, ", ")
}

// verdictText is the verdict as shown: a waiver in force shows.
func verdictText(f *Finding) string {
	if f.Waived {
		return "waived"
	}
	return string(f.Verdict)
}
