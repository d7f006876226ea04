package recommend

import (
	"slices"
	"strings"
)

// Recommendation is the architecture a cluster should have, up to three ways to it, and why the others were rejected.
type Recommendation struct {
	Architecture string     `json:"architecture"` // catalogue id of the first option; "" when no option meets the objectives
	Reasons      []string   `json:"reasons"`
	Options      []Option   `json:"options"` // the recommended one first, then cheapest, fewest changes, most available
	Rejected     []Rejected `json:"rejected"`
	Advice       []Advice   `json:"advice,omitempty"` // region mismatch: which side to move, with the cost of each choice
}

// Objective names what an option is best at.
type Objective string

// Objectives of options.
const (
	Cheapest      Objective = "cheapest"
	FewestChanges Objective = "fewest-changes"
	MostAvailable Objective = "most-available"
)

// Option is one feasible variant.
type Option struct {
	Objective    Objective    `json:"objective"`
	Also         []Objective  `json:"also,omitempty"` // what else it is best at
	Architecture string       `json:"architecture"`
	Overlays     []string     `json:"overlays,omitempty"` // shared-infrastructure when a part is shared
	Components   []BillItem   `json:"components"`
	Availability Availability `json:"availability"`
	// CostIndex is relative: 1.0 is the cheapest feasible option of this cluster. It weighs in what a change of the database
	// product takes, as the assumptions say.
	CostIndex float64 `json:"costIndex"`
	// Cost is in Currency under a price file of the user's, absent under the relative cost model.
	Cost        float64  `json:"cost,omitempty"`
	Currency    string   `json:"currency,omitempty"`
	Changes     int      `json:"changes"` // parts that differ from what is there now
	Assumptions []string `json:"assumptions,omitempty"`
	Migration   []Step   `json:"migration"`
}

// BillItem is one line of the bill of components.
type BillItem struct {
	Kind       string  `json:"kind"`
	Count      int     `json:"count"`
	CPU        float64 `json:"cpu,omitempty"` // of each
	MemoryGiB  float64 `json:"memoryGiB,omitempty"`
	StorageGiB float64 `json:"storageGiB,omitempty"`
	SKU        string  `json:"sku,omitempty"`
	Engine     string  `json:"engine,omitempty"`
	Mode       string  `json:"mode,omitempty"` // high availability of a managed database, mode of Ignite
	Redundancy string  `json:"redundancy,omitempty"`
	Provider   string  `json:"provider,omitempty"`
	Region     string  `json:"region,omitempty"`
	Zone       string  `json:"zone,omitempty"`
	SharedOn   string  `json:"sharedOn,omitempty"` // the component it shares machines with
	Shared     bool    `json:"shared,omitempty"`   // used together with other clusters
}

// Availability is an option's computed availability.
type Availability struct {
	Serving float64 `json:"serving"`
	Full    float64 `json:"full"`
}

// Rejected is an architecture that is not recommended, with the reason.
type Rejected struct {
	Architecture string `json:"architecture"`
	Because      string `json:"because"`
}

// Step is one step of a migration from what is to what is recommended.
type Step struct {
	Step         int    `json:"step"`
	Do           string `json:"do"`
	Downtime     string `json:"downtime"`
	Rollback     string `json:"rollback"`
	Precondition string `json:"precondition,omitempty"`
	// Serving is the computed availability of the state the step leaves; Assumed tells that no source gives the downtime.
	Serving float64 `json:"serving,omitempty"`
	Assumed bool    `json:"assumed,omitempty"`
}

func measured(advice []Advice) bool {
	return slices.ContainsFunc(advice, func(a Advice) bool { return !strings.HasSuffix(a.RoundTrip, published) })
}

// Advice is one way to bring ThingWorx and its database together.
type Advice struct {
	Move       string   `json:"move"` // database | thingworx
	To         string   `json:"to"`   // region
	RoundTrip  string   `json:"roundTrip,omitempty"`
	Residency  string   `json:"residency"`            // allowed | forbidden | unknown, with the reason
	Dependants []string `json:"dependants,omitempty"` // what else would have to move or would be far afterwards
	Preferred  bool     `json:"preferred"`
	Why        string   `json:"why"`
}
