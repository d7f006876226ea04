package availability

import "strings"

// Result is one cluster's availability. Probabilities are exact under the model of the package.
type Result struct {
	Serving         float64        `json:"serving"`
	Full            float64        `json:"full"`
	DowntimePerYear string         `json:"downtimePerYear"` // of serving, e.g. 6h2m; a year has 365 days
	Contributions   []Contribution `json:"contributions"`   // of the parts the cluster has, greatest share first

	// Known is false when no Foundation node is listed, or the cluster is too entangled to compute: the figures say nothing.
	Known       bool     `json:"known"`
	Unknown     []string `json:"unknown,omitempty"`     // facts that are missing; what is missing is taken as up unless said otherwise
	Assumptions []string `json:"assumptions,omitempty"` // readings taken where the inventory contradicts itself or the policy is silent
}

// Favoured returns the facts of Unknown that were taken in the cluster's favour, so that Serving is at most what is told.
// Facts about full service alone are left out.
func (r *Result) Favoured() []string {
	var out []string
	for _, u := range r.Unknown {
		fact, reading, _ := strings.Cut(u, "; ")
		if (reading == takenUp || reading == takenOff) && !strings.HasPrefix(fact, metaNodes) && !strings.HasPrefix(fact, dataNodes) {
			out = append(out, fact)
		}
	}
	return out
}

// Readings of missing facts, and the beginnings of those that bear on full service only.
const (
	takenUp   = "taken as up"
	takenOff  = "taken as off"
	metaNodes = "meta nodes of "
	dataNodes = "data nodes of "
)

// Contribution is the share of a cluster's unavailability (1 - serving) that would vanish if the part never failed.
// Part is load-balancer, connection-server, foundation, zookeeper, ignite, database, storage or timeseries (always 0, since
// it counts for full service only); Weakest also names single elements as machine:site/name,
// zone:provider/region/zone, region:provider/region, infrastructure:site/id and node:site/owner/name.
type Contribution struct {
	Part  string  `json:"part"`
	Share float64 `json:"share"`
}

// Joint is the chance that both clusters of a pair that shares something are down together.
type Joint struct {
	Clusters [2]string `json:"clusters"` // site/cluster, sorted
	AllDown  float64   `json:"allDown"`
	Unknown  bool      `json:"unknown,omitempty"` // the pair is too entangled to compute; AllDown says nothing
}
