package availability

// Together asks for both clusters in one question, whatever they share.
func (s *System) Together(a, b int32) (float64, bool) { return newJoiner(s).together(a, b) }

// Plan is how a cluster's serving is computed: the outcomes visited in all and held at a time, and how many places are held.
func (s *System) Plan(cluster int) (work, states float64, held int) {
	var r runner
	q := s.serving(cluster)
	r.gather(&q)
	p := r.choose(&q)
	return p.work, p.states, len(r.held)
}

// PlanHolding is the work with as few places held as can be, and with all.
func (s *System) PlanHolding(cluster int) (few, all float64) {
	var r runner
	q := s.serving(cluster)
	r.gather(&q)
	few = r.plan(&q, false).work
	r.sort()
	return few, r.plan(&q, true).work
}

func (s *System) serving(cluster int) question {
	q := question{sys: s, labels: labels{count: 1, classes: 1, after: anyPart[:]}}
	for _, g := range s.Clusters[cluster].Serving {
		q.demands = append(q.demands, demand{g, 0})
	}
	return q
}
