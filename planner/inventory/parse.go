package inventory

import (
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
)

// MaxDocument is the largest SiteInventory read, in bytes.
const MaxDocument = 8 << 20

// MaxAhead is how far an inventory may be ahead of the reader's clock.
const MaxAhead = 10 * time.Minute

var siteDecoder = document.NewDecoder[Site]()

// Parse reads one SiteInventory document (YAML or JSON), refuses unknown keys and invalid values, and returns it as
// written, but for secrets: user info and unknown options of endpoints are dropped. name is used in error messages.
// The error is a *document.Error that lists every problem with its place and remedy.
func Parse(name string, data []byte, regions *geo.Table) (*Site, error) {
	if len(data) > MaxDocument {
		return nil, document.NewError([]document.Problem{{
			File: name, What: fmt.Sprintf("the document has %d bytes, the limit is %d", len(data), MaxDocument),
			Remedy: "split the site in two, or leave out what planning does not need",
		}})
	}
	s, places, err := siteDecoder.Decode(name, data)
	if s == nil {
		return nil, err
	}
	var problems document.Collector
	problems.AddError(err)
	validate(s, regions, places, &problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	dropSecrets(s)
	return s, nil
}

// CheckTime refuses an inventory that was observed more than MaxAhead after now. The error is a *document.Error.
func CheckTime(s *Site, now time.Time) error {
	if ahead := s.ObservedAt.Sub(now); ahead > MaxAhead {
		return document.NewError([]document.Problem{{
			Path: "/observedAt",
			What: fmt.Sprintf("observedAt %s is %s ahead of the clock here (%s)", s.ObservedAt.UTC().Format(time.RFC3339), ahead.Round(time.Second), now.UTC().Format(time.RFC3339)),
			// Every judgement of age rests on this instant.
			Remedy: "set the clock of the machine that wrote it",
		}})
	}
	return nil
}
