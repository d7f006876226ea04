package rule

import "time"

// Verdict is a rule's judgement on one subject.
type Verdict string

// Verdicts. Unknown means a needed fact is missing; it is neither pass nor fail.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	Unknown       Verdict = "unknown"
	NotApplicable Verdict = "not-applicable"
)

// Severity says how bad a failing finding is.
type Severity string

// Severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

// Severities lists all severities, worst first. The array is a copy.
func Severities() [5]Severity { return [5]Severity{Critical, High, Medium, Low, Info} }

// NoSeverity is the rank of what is not a severity.
const NoSeverity = 5

// Rank orders severities: 0 is critical, 4 is info, 5 anything else.
func (s Severity) Rank() int {
	for i, x := range Severities() {
		if s == x {
			return i
		}
	}
	return NoSeverity
}

// Confidence says what a rule rests on.
type Confidence string

// Confidences: stated by PTC or Microsoft, our inference, the owner's policy, or a rule of the user's own.
const (
	Official Confidence = "official"
	Inferred Confidence = "inferred"
	ByPolicy Confidence = "policy"
	UserRule Confidence = "user"
)

// Subject is what a finding is about. Site is always set; Cluster and Infrastructure when the rule judges one.
// Cluster is the id within the site; Infrastructure is site/id.
type Subject struct {
	Site           string `json:"site"`
	Cluster        string `json:"cluster,omitempty"`
	Infrastructure string `json:"infrastructure,omitempty"`
	Node           string `json:"node,omitempty"`
}

// Finding is one rule's verdict on one subject.
type Finding struct {
	ID         string     `json:"id"` // stable over time: hash of rule and subject
	Rule       string     `json:"rule"`
	Title      string     `json:"title"`
	Verdict    Verdict    `json:"verdict"`
	Severity   Severity   `json:"severity"`
	Confidence Confidence `json:"confidence"`
	Subject    Subject    `json:"subject"`
	Message    string     `json:"message"`            // what, where, why
	Evidence   Evidence   `json:"evidence,omitempty"` // the facts the verdict rests on
	Missing    []string   `json:"missing,omitempty"`  // the facts an unknown verdict lacks
	Remedy     string     `json:"remedy,omitempty"`   // what to do; on fail and unknown
	Reference  string     `json:"reference,omitempty"`
	// FirstSeen is when the finding first failed or was unknown; FailingSince when the present unbroken failure began.
	// A change to unknown keeps both, pass clears FailingSince. A finding never seen before takes the instant its evidence was observed.
	FirstSeen    *time.Time `json:"firstSeen,omitempty"`
	FailingSince *time.Time `json:"failingSince,omitempty"`
	Waiver       *Waiver    `json:"waiver"`
}

// Waiver is the overlay on a failing finding that its owner accepted for a time.
type Waiver struct {
	ID      string    `json:"id"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
}

// Outcome is what an extra rule says about one subject.
type Outcome struct {
	Verdict  Verdict
	Message  string
	Evidence map[string]any
	Missing  []string
}
