package sizing

// Size is a size class of PTC's hardware table.
type Size string

// Sizes of PTC's table, smallest first. Beyond means the workload exceeds every published or assumed limit of Large.
const (
	Small  Size = "small"
	Medium Size = "medium"
	Large  Size = "large"
	Beyond Size = "beyond"
)

// Result is what PTC's formulas say about a workload.
type Result struct {
	Things            int                `json:"things"`
	WPS               float64            `json:"wps"`               // property writes per second
	RequestsPerSecond float64            `json:"requestsPerSecond"` // user load R
	ConnectionServers int                `json:"connectionServers"` // needed for the things, without spare
	FoundationNodes   int                `json:"foundationNodes"`   // needed for the peak, without spare
	Size              Size               `json:"size"`
	DecidedBy         string             `json:"decidedBy"`          // things | wps | requests
	Headroom          map[string]float64 `json:"headroom,omitempty"` // per criterion: share of the chosen size's limit still free, 0..1
	Foundation        Hardware           `json:"foundation"`         // each node
	Database          Hardware           `json:"database"`
	Assumptions       []string           `json:"assumptions,omitempty"`
	Known             bool               `json:"known"` // false: the inventory gives no workload, nothing above holds
}

// Hardware is a machine size.
type Hardware struct {
	CPU       float64 `json:"cpu"`
	MemoryGiB float64 `json:"memoryGiB"`
	SKU       string  `json:"sku,omitempty"`
}
