package rule

import (
	"slices"
	"strings"
)

// LeftOut names the rules whose findings on the subjects of one cluster, or on what concerns none, were not kept, because they
// pass or the rule does not apply. Each list is of rule ids in order, separated by spaces, an id once for each finding.
type LeftOut struct {
	Cluster             string // id within the site, empty for what concerns none
	Pass, NotApplicable string
}

// leftOut collects by cluster. Rules run cluster by cluster, so that the cluster is nearly always the last one.
type leftOut struct{ of []leftOutOf }

type leftOutOf struct {
	cluster       string
	pass, without []string
}

func (l *leftOut) add(f *latest) {
	if f.verdict != Pass && f.verdict != NotApplicable {
		return
	}
	n := len(l.of) - 1
	for ; n >= 0 && l.of[n].cluster != f.subject.Cluster; n-- {
	}
	if n < 0 {
		n = len(l.of)
		const room = 64
		l.of = append(l.of, leftOutOf{cluster: f.subject.Cluster, pass: make([]string, 0, room), without: make([]string, 0, room)})
	}
	if of := &l.of[n]; f.verdict == Pass {
		of.pass = append(of.pass, f.rule.ID)
	} else {
		of.without = append(of.without, f.rule.ID)
	}
}

// lists are in order of cluster.
func (l *leftOut) lists() []LeftOut {
	slices.SortFunc(l.of, func(a, b leftOutOf) int { return strings.Compare(a.cluster, b.cluster) })
	out := make([]LeftOut, len(l.of))
	for i := range l.of {
		of := &l.of[i]
		slices.Sort(of.pass)
		slices.Sort(of.without)
		out[i] = LeftOut{of.cluster, strings.Join(of.pass, " "), strings.Join(of.without, " ")}
	}
	return out
}
