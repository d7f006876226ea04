package simulate

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the kind of thing that fails.
type Kind string

// Kinds of failure. The id of a node is site/cluster/name or site/infrastructure/name, of a machine site/machine, of a
// zone provider/region/zone, of a region provider/region, of an infrastructure site/id, of a site its id.
const (
	Node           Kind = "node"
	Machine        Kind = "machine"
	Zone           Kind = "zone"
	Region         Kind = "region"
	Infrastructure Kind = "infrastructure"
	Site           Kind = "site"
)

// Kinds lists all kinds, in the order in which a cause is told: the widest first.
func Kinds() []Kind { return []Kind{Site, Region, Zone, Machine, Infrastructure, Node} }

// Failure names one thing that fails.
type Failure struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}

// String formats as ParseFailure reads.
func (f Failure) String() string { return string(f.Kind) + ":" + f.ID }

// ParseFailure reads KIND:ID, for example zone:azure/westeurope/1.
func ParseFailure(text string) (Failure, error) {
	kind, id, ok := strings.Cut(text, ":")
	f := Failure{Kind(strings.TrimSpace(kind)), strings.TrimSpace(id)}
	switch {
	case !ok || f.ID == "":
		return Failure{}, fmt.Errorf("read failure %q: write KIND:ID, for example machine:muc-01/vm-a", text)
	case !slices.Contains(Kinds(), f.Kind):
		return Failure{}, fmt.Errorf("read failure %q: unknown kind %q; use one of %s", text, kind, kindList())
	}
	return f, nil
}

func kindList() string {
	names := make([]string, 0, 6)
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// UnknownError reports a failure of something that no inventory in view lists.
type UnknownError struct {
	Failure Failure
	Nearest []string // up to three known ids of the kind, nearest first
}

// Error implements error.
func (e *UnknownError) Error() string {
	text := fmt.Sprintf("no %s %q is listed", e.Failure.Kind, e.Failure.ID)
	if len(e.Nearest) > 0 {
		text += "; nearest: " + strings.Join(e.Nearest, ", ")
	}
	return text
}

// longestID bounds the text that is compared with known ids; nothing as long is a misspelling of one.
const longestID = 256

// nearest returns up to three of the ids with the smallest edit distance, ties in order.
func nearest(id string, ids []string) []string {
	type near struct {
		id       string
		distance int
	}
	if len(id) > longestID {
		return nil
	}
	best := make([]near, 0, 4)
	for _, known := range ids {
		// A length that differs more than the worst kept distance cannot do better.
		if len(best) == 3 && abs(len(known)-len(id)) > best[2].distance {
			continue
		}
		n := near{known, distance(id, known)}
		at, _ := slices.BinarySearchFunc(best, n, func(a, b near) int {
			if a.distance != b.distance {
				return a.distance - b.distance
			}
			return strings.Compare(a.id, b.id)
		})
		best = slices.Insert(best, at, n)
		best = best[:min(len(best), 3)]
	}
	out := make([]string, len(best))
	for i := range best {
		out[i] = best[i].id
	}
	return out
}

func abs(n int) int { return max(n, -n) }

// distance is the number of bytes to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
