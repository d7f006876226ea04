package recognise

// Result is the reference architecture a cluster comes nearest to.
type Result struct {
	Architecture string      `json:"architecture"`       // catalogue id; "" when the cluster has no part to judge by
	Name         string      `json:"name,omitempty"`     // the architecture's title
	Overlays     []string    `json:"overlays,omitempty"` // shared-infrastructure, distributed
	Distance     float64     `json:"distance"`           // 0 is a perfect instance, 1 has nothing in common
	Missing      []Deviation `json:"missing,omitempty"`
	Extra        []Deviation `json:"extra,omitempty"`
	Misplaced    []Misplaced `json:"misplaced,omitempty"`
}

// Deviation is a part of which the cluster has a count other than the architecture asks for.
type Deviation struct {
	Kind string `json:"kind"`
	Have int    `json:"have"`
	Need int    `json:"need"`
	Why  string `json:"why,omitempty"`
}

// Misplaced is a part that exists but violates a required separation or togetherness.
type Misplaced struct {
	Kind string `json:"kind"`
	Node string `json:"node,omitempty"`
	Why  string `json:"why"`
}
