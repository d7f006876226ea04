// Package words says values of the API as a table of the command line does.
package words

import (
	"fmt"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Instant is a time, or that it is not known.
func Instant(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

// Protocol is the bus protocol of a planner, empty when it is not known.
func Protocol(p gen.Planner) string {
	if p.Protocol == 0 {
		return ""
	}
	return strconv.Itoa(p.Protocol)
}

// Support says whether the server supports the site's planner, and whether it is the only one.
func Support(s *gen.SiteRow) string {
	switch {
	case len(s.Rivals) > 1:
		return fmt.Sprintf("%d planners", len(s.Rivals))
	case s.Planner.Instance == "":
		return "no planner"
	case s.Planner.Behind:
		return "behind"
	}
	return "yes"
}

// Match says whether two regions agree.
func Match(match *bool) string {
	switch {
	case match == nil:
		return "unknown"
	case *match:
		return "yes"
	default:
		return "no"
	}
}

// Severity says none where nothing fails; what is unknown has a column of its own.
func Severity(s *rules.Severity) string {
	if s == nil {
		return "none"
	}
	return string(*s)
}

// Coverage says what an answer rests on.
func Coverage(c assess.Coverage) string {
	return fmt.Sprintf("rests on %d sites, %d fresh and %d not; %d of %d facts known", c.Sites, c.Fresh, c.Stale, c.FactsKnown, c.FactsNeeded)
}

// Count says how many of something there are.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// OrUnknown is a text, or that it is not known.
func OrUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
