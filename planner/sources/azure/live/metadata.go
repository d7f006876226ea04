package live

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Self is where the planner itself runs, as Azure's instance metadata service says.
type Self struct {
	Region       string `json:"region"` // code, "" when none of the region table
	Zone         string `json:"zone,omitempty"`
	PhysicalZone string `json:"physicalZone,omitempty"`
	Subscription string `json:"subscription"`
	Machine      string `json:"machine"`
	// Node is cluster/node of the inventory when the planner's machine is one of its nodes.
	Node string `json:"node,omitempty"`

	key string
}

const (
	metadataAddress = "http://169.254.169.254"
	metadataPath    = "/metadata/instance/compute?api-version=2021-02-01"

	// metadataTimeout is short because there is no service to answer outside Azure.
	metadataTimeout = 2 * time.Second
	maxMetadata     = 1 << 20
)

// metadataClient asks the service directly: it is link-local, so a proxy would answer for the proxy's own machine.
func metadataClient() *http.Client {
	return &http.Client{
		Timeout: metadataTimeout,
		Transport: &http.Transport{
			Proxy: nil, DialContext: (&net.Dialer{Timeout: metadataTimeout}).DialContext, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// metadata returns nil when nothing answers, or something that knows no such path, which is so outside Azure; an answer that
// is not Azure's is an error. The answer holds user data, custom data and tags as well; they are not decoded.
func metadata(ctx context.Context, send transporter, address string, regions importer.Regions) (*Self, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+metadataPath, http.NoBody)
	if err != nil {
		return nil, errShape
	}
	req.Header.Set("Metadata", "true")
	resp, err := send.Do(req)
	if err != nil {
		return nil, nil // Nobody is there.
	}
	defer resp.Body.Close() // nothing was written
	if resp.StatusCode != http.StatusOK {
		return nil, nil
	}
	var answer struct {
		Location, Zone, SubscriptionID, ResourceID, Name string
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxMetadata)).Decode(&answer); err != nil || !guid(answer.SubscriptionID) {
		return nil, errShape
	}
	self := &Self{Zone: importer.Token(answer.Zone), Subscription: answer.SubscriptionID, Machine: importer.Host(answer.Name)}
	if id, ok := azure.ParseID(answer.ResourceID); ok {
		self.key = id.Key
	}
	if regions != nil {
		if region, ok := regions.Find("azure", answer.Location); ok {
			self.Region = region.Code
		}
	}
	return self, nil
}
