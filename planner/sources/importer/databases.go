package importer

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// DatabaseRegion is one row of the table of database servers: what one file says about one server.
type DatabaseRegion struct {
	File    string           `json:"file"`
	Server  string           `json:"server"`
	Engine  string           `json:"engine"` // also of products ThingWorx does not run on, to tell them apart
	Region  string           `json:"region"` // code, or as written when no known region
	Known   bool             `json:"known"`  // the region is a known one
	Zone    string           `json:"zone,omitempty"`
	Mode    inventory.HAMode `json:"mode,omitempty"` // "" when not known
	Standby string           `json:"standbyZone,omitempty"`
	Role    string           `json:"role,omitempty"`
	Source  string           `json:"source,omitempty"` // server it replicates or was made from
	Asked   bool             `json:"asked,omitempty"`  // a request or a plan, not an observation
}

// DatabaseRegions returns a row for every database server of every file, in the order of the files.
func DatabaseRegions(r *Result) []DatabaseRegion { return r.Databases }

// WriteDatabaseRegions prints the rows as a table with aligned columns; "-" stands for what is not known, and a region
// in parentheses is none of the region table.
func WriteDatabaseRegions(w io.Writer, rows []DatabaseRegion) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(t, "SERVER\tENGINE\tREGION\tZONE\tHA\tROLE\tSOURCE\tFILE"); err != nil {
		return fmt.Errorf("print the database table: %w", err)
	}
	for _, r := range rows {
		region := r.Region
		if !r.Known && region != "" {
			region = "(" + region + ")"
		}
		mode := string(r.Mode)
		if r.Standby != "" {
			mode += " " + r.Standby
		}
		file := r.File
		if r.Asked {
			file += " (asked for)"
		}
		if _, err := fmt.Fprintln(t, strings.Join([]string{dash(r.Server), r.Engine, dash(region), dash(r.Zone), dash(strings.TrimSpace(mode)), dash(r.Role), dash(r.Source), file}, "\t")); err != nil {
			return fmt.Errorf("print the database table: %w", err)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the database table: %w", err)
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
