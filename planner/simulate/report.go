package simulate

import (
	"fmt"
	"slices"

	"github.com/meridian-federation/meridian/planner/availability"
)

// State is what a failure leaves of a cluster.
type State string

// States. A degraded cluster serves, but some node or infrastructure it lists is down, or its service is not full.
const (
	Up       State = "up"
	Degraded State = "degraded"
	Down     State = "down"
)

// Cluster is what failures do to one cluster.
type Cluster struct {
	ID    string `json:"id"` // site/cluster
	State State  `json:"state"`
	// Causes are chains from what failed to what it broke, e.g.
	// "zone azure/westeurope/1 -> machine muc-01/vm-a -> zookeeper zk1: 1 of 3 up, majority lost". Of a cluster that is
	// down they are those that stop it; of a degraded one those of everything it lost.
	Causes []string `json:"causes"`
}

// Report is what failures do to all clusters.
type Report struct {
	Failed   []Failure `json:"failed"`
	Clusters []Cluster `json:"clusters"` // in the order of the tenants
	Down     int       `json:"down"`
	Degraded int       `json:"degraded"`
}

// Fail fails all the failures at once. An id that no site lists is an *UnknownError.
func (m *Model) Fail(failures ...Failure) (Report, error) {
	st := m.sys.Whole()
	at := make([]int32, 0, len(failures))
	for _, f := range failures {
		i, err := m.find(f)
		if err != nil {
			return Report{}, fmt.Errorf("simulate %s: %w", f, err)
		}
		at = append(at, i)
		t := &m.targets[i]
		for _, e := range t.elements {
			st.Elements[e] = true
		}
		for _, u := range t.units {
			st.Units[u] = true
		}
	}
	slices.Sort(at) // widest kinds first, as causes are told
	r := Report{Failed: slices.Clone(failures), Clusters: make([]Cluster, len(m.sys.Clusters))}
	if r.Failed == nil {
		r.Failed = []Failure{}
	}
	why := m.reasons(at)
	for c := range m.sys.Clusters {
		r.Clusters[c] = m.judge(st, int32(c), why)
		switch r.Clusters[c].State {
		case Down:
			r.Down++
		case Degraded:
			r.Degraded++
		case Up:
		}
	}
	return r, nil
}

// find resolves a failure to its target.
func (m *Model) find(f Failure) (int32, error) {
	if at, ok := m.byName[f]; ok {
		return at, nil
	}
	var ids []string
	for i := range m.targets {
		if m.targets[i].Kind == f.Kind {
			ids = append(ids, m.targets[i].ID)
		}
	}
	return 0, &UnknownError{Failure: f, Nearest: nearest(f.ID, ids)}
}

// reasons names for every unit down the first of the targets that takes it down.
func (m *Model) reasons(targets []int32) map[int32]int32 {
	why := make(map[int32]int32)
	for _, t := range targets {
		for _, u := range m.targets[t].down {
			if _, ok := why[u]; !ok {
				why[u] = t
			}
		}
	}
	return why
}

// judge tells a cluster's state and causes.
func (m *Model) judge(st *availability.State, c int32, why map[int32]int32) Cluster {
	s := &m.sys.Clusters[c]
	out := Cluster{ID: s.ID(), State: Up, Causes: []string{}}
	serving, full := m.sys.Judge(st, c)
	if !serving {
		out.State = Down
		for _, g := range s.Serving {
			if !m.sys.Satisfied(st, g) {
				out.Causes = m.explain(out.Causes, st, g, why)
			}
		}
		return out
	}
	for _, groups := range [2][]int32{s.Serving, s.Extra} {
		for _, g := range groups {
			if m.sys.Count(st, g) < len(m.sys.Groups[g].Units) {
				out.State = Degraded
				out.Causes = m.explain(out.Causes, st, g, why)
			}
		}
	}
	for _, u := range s.Idle {
		if !m.sys.Up(st, u) {
			out.State = Degraded
			out.Causes = append(out.Causes, m.chain(u, why)+": down, not needed while clustered mode is off")
		}
	}
	if !full {
		out.State = Degraded
	}
	out.Causes = unique(out.Causes)
	return out
}

// explain adds one chain for every unit of the group that is down, or what is wrong with the group as it stands.
func (m *Model) explain(causes []string, st *availability.State, g int32, why map[int32]int32) []string {
	group := &m.sys.Groups[g]
	status := m.status(st, g)
	lost := false
	for _, u := range group.Units {
		if !m.sys.Up(st, u) {
			lost = true
			causes = append(causes, m.chain(u, why)+" -> "+group.What+" "+m.name(u)+": "+status)
		}
	}
	if !lost {
		causes = append(causes, group.What+": "+status)
	}
	return causes
}

// status tells how many units of a group are up and what that means.
func (m *Model) status(st *availability.State, g int32) string {
	group := &m.sys.Groups[g]
	up, of := m.sys.Count(st, g), len(group.Units)
	switch {
	case of == 0:
		return "none listed"
	case up >= group.Need:
		return fmt.Sprintf("%d of %d up", up, of)
	case of < group.Need:
		return fmt.Sprintf("%d of %d up, %d needed at peak", up, of, group.Need)
	case group.Majority && of > 1:
		return fmt.Sprintf("%d of %d up, majority lost", up, of)
	case of == 1:
		return "down"
	}
	return fmt.Sprintf("%d of %d up, %d needed", up, of, group.Need)
}

// chain tells what took a unit down: the failure, and the machine where the failure is wider than that.
func (m *Model) chain(u int32, why map[int32]int32) string {
	t := &m.targets[why[u]]
	out := string(t.Kind) + " " + t.ID
	own := &m.sys.Elements[m.sys.Units[u].Own]
	if own.Kind == availability.Machine && own.B != "" && rank(t.Kind) < rank(Machine) {
		out += " -> machine " + own.A + "/" + own.B
	}
	return out
}

func (m *Model) name(u int32) string {
	if n := m.sys.Units[u].Node; n != "" {
		return n
	}
	return m.sys.Units[u].Owner
}

// unique drops repeated causes, which groups with units in common give.
func unique(causes []string) []string {
	var out []string
	for _, c := range causes {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	if out == nil {
		return []string{}
	}
	return out
}
