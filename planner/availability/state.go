package availability

// State says what has failed in a system. Everything else is up.
type State struct {
	Elements []bool // by index of System.Elements
	Units    []bool // by index of System.Units; a unit that failed by itself, with its elements still up
}

// Whole returns the state in which nothing has failed.
func (s *System) Whole() *State {
	return &State{Elements: make([]bool, len(s.Elements)), Units: make([]bool, len(s.Units))}
}

// Up reports whether a unit is up.
func (s *System) Up(st *State, unit int32) bool {
	u := &s.Units[unit]
	return !st.Units[unit] && !st.Elements[u.Own] && (u.Zone < 0 || !st.Elements[u.Zone]) && (u.Region < 0 || !st.Elements[u.Region])
}

// Count returns how many units of a group are up.
func (s *System) Count(st *State, group int32) int {
	n := 0
	for _, u := range s.Groups[group].Units {
		if s.Up(st, u) {
			n++
		}
	}
	return n
}

// Satisfied reports whether enough units of a group are up.
func (s *System) Satisfied(st *State, group int32) bool {
	return s.Count(st, group) >= s.Groups[group].Need
}

// Judge tells whether a cluster serves in a state, and whether its service is full. It is the definition whose
// probability Result computes.
func (s *System) Judge(st *State, cluster int32) (serving, full bool) {
	c := &s.Clusters[cluster]
	for _, g := range c.Serving {
		if !s.Satisfied(st, g) {
			return false, false
		}
	}
	for _, g := range c.Extra {
		if !s.Satisfied(st, g) {
			return true, false
		}
	}
	return true, true
}
