package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/rules"
)

// Kind is what an event is about.
type Kind string

// Kinds of event. A finding is opened when it begins to fail or to be unknown, and again when its waiver ends.
const (
	FindingOpened  Kind = "finding.opened"
	FindingChanged Kind = "finding.changed" // severity, or between fail and unknown
	FindingClosed  Kind = "finding.closed"
	FindingWaived  Kind = "finding.waived"

	SiteLive  Kind = "site.live"
	SiteLate  Kind = "site.late"
	SiteStale Kind = "site.stale"
	SiteLost  Kind = "site.lost"

	InventoryRejected Kind = "inventory.rejected"

	WaiverExpiring Kind = "waiver.expiring"
	WaiverExpired  Kind = "waiver.expired"

	EnrolmentRequested Kind = "enrolment.requested"
	EnrolmentApproved  Kind = "enrolment.approved"
	EnrolmentJoined    Kind = "enrolment.joined"
	EnrolmentRevoked   Kind = "enrolment.revoked"

	// Test is sent on demand only.
	Test Kind = "test"
	// Digest is a message about several events.
	Digest Kind = "digest"
)

// Kinds are those that a webhook can ask for.
func Kinds() []Kind {
	return []Kind{
		FindingOpened, FindingChanged, FindingClosed, FindingWaived, SiteLive, SiteLate, SiteStale, SiteLost, InventoryRejected,
		WaiverExpiring, WaiverExpired, EnrolmentRequested, EnrolmentApproved, EnrolmentJoined, EnrolmentRevoked,
	}
}

// Severity is how bad an event that is about no finding is: of silence what DQ-001 says of the same state, the others are
// assumptions.
func (k Kind) Severity() rules.Severity {
	switch k {
	case SiteStale, SiteLost, InventoryRejected, WaiverExpired:
		return rules.High
	case SiteLate, WaiverExpiring:
		return rules.Medium
	}
	return rules.Info
}

// Event is one thing that happened. Its JSON is the data of a CloudEvent.
type Event struct {
	ID   string    `json:"id"` // the same in every replica and every attempt: receivers recognise a repetition by it
	Kind Kind      `json:"kind"`
	At   time.Time `json:"at"` // when it happened, by the stream's clock

	Site           string            `json:"site"`
	SiteName       string            `json:"siteName,omitempty"`
	Country        string            `json:"country,omitempty"`
	Regions        []string          `json:"regions"` // of the cluster where there is one, else of the site
	Tags           map[string]string `json:"tags,omitempty"`
	Cluster        string            `json:"cluster,omitempty"`
	Infrastructure string            `json:"infrastructure,omitempty"`
	Node           string            `json:"node,omitempty"`

	Severity   rules.Severity   `json:"severity"`
	Finding    string           `json:"finding,omitempty"` // id
	Rule       string           `json:"rule,omitempty"`
	Title      string           `json:"title,omitempty"`
	Verdict    rules.Verdict    `json:"verdict,omitempty"` // what it is now; of a closed finding what it was last
	Confidence rules.Confidence `json:"confidence,omitempty"`
	Waived     bool             `json:"waived,omitempty"`
	// Before is the severity and verdict that receivers were told last, of a finding that changed.
	Before  string `json:"before,omitempty"`
	Message string `json:"message,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	// Damped tells that further changes of this finding are held back until it has been quiet for a while.
	Damped bool   `json:"damped,omitempty"`
	Link   string `json:"link,omitempty"`
}

// NewEvent makes an event that is about no finding. What together with kind, site and instant tells it from others goes
// into its id.
func NewEvent(kind Kind, site string, at time.Time, message string, parts ...string) Event {
	return Event{
		ID: eventID(kind, append([]string{site, at.UTC().Format(time.RFC3339Nano)}, parts...)...), Kind: kind, At: at.UTC(), Site: site,
		Severity: kind.Severity(), Message: message,
	}
}

func eventID(kind Kind, parts ...string) string {
	sum := sha256.Sum256([]byte(string(kind) + "\x00" + strings.Join(parts, "\x00")))
	return strings.ReplaceAll(string(kind), ".", "-") + "-" + hex.EncodeToString(sum[:12])
}

// subject is what the event is about; deliveries about one subject keep their order.
func (e *Event) subject() string {
	parts := []string{"sites", e.Site}
	if e.Cluster != "" {
		parts = append(parts, "clusters", e.Cluster)
	}
	if e.Finding != "" {
		parts = append(parts, "findings", e.Finding)
	}
	return strings.Join(parts, "/")
}

// headline says what happened, in one line and without markup.
func (e *Event) headline() string {
	where := e.Site
	if e.SiteName != "" && e.SiteName != e.Site {
		where = e.SiteName + " (" + e.Site + ")"
	}
	if e.Cluster != "" {
		where += ", cluster " + e.Cluster
	}
	what := map[Kind]string{
		FindingOpened: "opened", FindingChanged: "changed", FindingClosed: "closed", FindingWaived: "waived",
		SiteLive: "is live", SiteLate: "is late", SiteStale: "is stale", SiteLost: "is lost", InventoryRejected: "inventory rejected",
		WaiverExpiring: "waiver expiring", WaiverExpired: "waiver expired", EnrolmentRequested: "enrolment requested",
		EnrolmentApproved: "enrolment approved", EnrolmentJoined: "planner joined", EnrolmentRevoked: "enrolment revoked", Test: "test",
	}[e.Kind]
	switch {
	case e.Finding != "":
		return fmt.Sprintf("%s %s: %s at %s", e.Rule, what, e.Title, where)
	case strings.HasPrefix(string(e.Kind), "site."):
		return fmt.Sprintf("Site %s %s", where, what)
	}
	return fmt.Sprintf("%s: %s", where, what)
}

// summary is the content of a digest.
type summary struct {
	ID     string    `json:"id"`
	Kind   Kind      `json:"kind"`
	At     time.Time `json:"at"` // when it was sent, which is when Counts were true
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Filter string    `json:"filter"`
	Counts Counts    `json:"counts"` // what the findings list answers for the filter at At
	Events []Event   `json:"events"` // the first of them, oldest first
	Number int       `json:"number"` // of all events since the digest before
	// More tells that there were more events than were counted.
	More bool   `json:"more,omitempty"`
	Link string `json:"link,omitempty"`
}

func (d *summary) headline() string {
	atLeast := ""
	if d.More {
		atLeast = "at least "
	}
	return fmt.Sprintf("%s%d changes; open now: %d (%d critical, %d high, %d medium, %d low, %d info, %d unknown), %d waived",
		atLeast, d.Number, d.Counts.Total, d.Counts.Critical, d.Counts.High, d.Counts.Medium, d.Counts.Low, d.Counts.Info, d.Counts.Unknown, d.Counts.Waived)
}

// delivery is one entry of a lane.
type delivery struct {
	ID     string    `json:"id"`
	Event  *Event    `json:"event,omitempty"`
	Digest time.Time `json:"digest,omitzero"` // instead: the digest that is due at this instant
	Again  int       `json:"again,omitempty"` // how often it was taken out of the dead letters
}

func (d *delivery) encode() ([]byte, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode delivery %s: %w", d.ID, err)
	}
	return body, nil
}

// queueID tells a delivery from the same one after it was taken out of the dead letters.
func (d *delivery) queueID() string {
	if d.Again == 0 {
		return d.ID
	}
	return fmt.Sprintf("%s:%d", d.ID, d.Again)
}
