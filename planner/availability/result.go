package availability

// Result is one cluster's availability. Probabilities are exact under the model of the package.
type Result struct {
	Serving         float64        `json:"serving"`
	Full            float64        `json:"full"`
	DowntimePerYear string         `json:"downtimePerYear"` // of serving, e.g. 6h2m
	Contributions   []Contribution `json:"contributions"`
}

// Contribution is the share of a cluster's unavailability (1 - serving) that would vanish if the part never failed.
type Contribution struct {
	Part  string  `json:"part"`
	Share float64 `json:"share"`
}

// Joint is the chance that both clusters of a pair that shares something are down together.
type Joint struct {
	Clusters [2]string `json:"clusters"` // site/cluster, sorted
	AllDown  float64   `json:"allDown"`
}
