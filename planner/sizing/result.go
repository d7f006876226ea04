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

// Criteria by which a size is chosen; the names in Result.DecidedBy, Result.Headroom and Reserve. CriterionConnections is
// what the connection servers carry; it bounds a Reserve and never chooses a size.
const (
	CriterionThings      = "things"
	CriterionWPS         = "wps"
	CriterionRequests    = "requests"
	CriterionConnections = "connections"
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

	Sizes         Criteria  `json:"sizes,omitzero"`
	NearThreshold bool      `json:"nearThreshold,omitempty"` // writes are just below a size's threshold, whether or not that raised the size
	Timeseries    *Hardware `json:"timeseries,omitempty"`    // InfluxDB single node or each data node, when the cluster uses InfluxDB
	Pack          string    `json:"pack,omitempty"`          // name and version of the data pack
}

// Criteria holds the size that each criterion asks for by itself. WPS includes the raise of a high-availability database.
type Criteria struct {
	Things   Size `json:"things"`
	WPS      Size `json:"wps"`
	Requests Size `json:"requests"`
}

// Hardware is a machine size. The SKU is given for Azure only, where domain knowledge maps PTC's figures to one.
type Hardware struct {
	CPU        float64 `json:"cpu"`
	MemoryGiB  float64 `json:"memoryGiB"`
	SKU        string  `json:"sku,omitempty"`
	StorageGiB float64 `json:"storageGiB,omitempty"`
}
