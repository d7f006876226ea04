package rule

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Tuned is a rule's catalogue entry under a policy. Durations are in seconds, percentages in shares of one.
type Tuned struct {
	Disabled bool
	Severity Severity // "" leaves the rule's own
	Grace    time.Duration
	Values   [MaxParameters]float64 // in the order of Entry.Parameters
}

// MaxParameters is the most parameters a rule may have.
const MaxParameters = 3

// Defaults returns the entry as it is without a policy. A default that cannot be read counts as zero; a test excludes that
// for the built-in entries.
func (e *Entry) Defaults() Tuned {
	t := Tuned{Grace: time.Duration(e.Grace)}
	for i, p := range e.Parameters {
		t.Values[i], _ = ParseParameter(p.Kind, p.Default)
	}
	return t
}

// ParseParameter reads a parameter by its kind. Spaces between digits and before a unit are allowed; d stands for 24h.
func ParseParameter(kind ParameterKind, text string) (float64, error) {
	s := strings.ReplaceAll(strings.TrimSpace(text), " ", "")
	switch kind {
	case DurationParameter:
		days, ok := strings.CutSuffix(s, "d")
		if n, err := strconv.ParseFloat(days, 64); ok && err == nil && n >= 0 && n <= 36500 {
			return n * 24 * 3600, nil
		}
		if d, err := time.ParseDuration(s); err == nil && d >= 0 {
			return d.Seconds(), nil
		}
		return 0, fmt.Errorf("%q is not a duration; write a number and a unit, for example 20ms, 24h or 7d", text)
	case PercentParameter:
		share, ok := strings.CutSuffix(s, "%")
		if n, err := strconv.ParseFloat(share, 64); ok && err == nil && n >= 0 && n <= 100 {
			return n / 100, nil
		}
		return 0, fmt.Errorf("%q is not a percentage; write a number from 0 to 100 and %%, for example 10%%", text)
	default:
		if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 && !math.IsInf(n, 0) {
			return n, nil
		}
		return 0, fmt.Errorf("%q is not a number of zero or more", text)
	}
}
