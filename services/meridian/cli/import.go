package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/compose"
	"github.com/meridian-federation/meridian/planner/sources/folder"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/kubernetes"
	"github.com/meridian-federation/meridian/planner/sources/terraform"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

type importCommand struct {
	Paths  []string      `arg:"" name:"path" help:"Exported files and folders of them."`
	From   string        `help:"What wrote the files: ${enum}." enum:"azure,terraform,hostconfig,kubernetes,compose,auto" default:"auto"`
	Site   string        `help:"Id of the site; derived from the files when absent." placeholder:"ID"`
	Output output.Format `short:"o" help:"yaml and json print the SiteInventory, table and csv the database servers with their regions." enum:"table,csv,json,yaml" default:"yaml"`
	Report bool          `help:"Tell about every file on stderr, not only about those with problems."`
}

// Run prints the inventory on stdout and what was not understood on stderr. The exit code says whether all, a part or
// nothing was understood.
func (c *importCommand) Run(e *Environment) error {
	regions, err := geo.Builtin()
	if err != nil {
		return err
	}
	files, err := folder.Collect(c.Paths)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("the paths hold no file")
	}
	result := c.read(files, importer.Options{Site: c.Site, At: e.Now().UTC().Truncate(time.Second), Regions: regions})
	c.report(e.Stderr, &result)
	if err := c.write(e.Stdout, &result); err != nil {
		return err
	}
	return &exit{code: result.ExitCode()}
}

// read asks the sources in their order whether a file is theirs: settings may stand in a manifest, and a Terraform state
// holds Azure resources too.
func (c *importCommand) read(files []importer.File, o importer.Options) importer.Result {
	switch c.From {
	case "azure":
		return azure.Import(files, o)
	case "terraform":
		return terraform.Import(files, o)
	case "hostconfig":
		return hostconfig.Import(files, o)
	case "kubernetes":
		return kubernetes.Import(files, o)
	case "compose":
		return compose.Import(files, o)
	default:
		deployments := []deployment.Reader{kubernetes.Read, compose.Read, hostconfig.Read}
		return deployment.Import(files, o, deployments, terraform.Read, azure.Read)
	}
}

func (c *importCommand) write(w io.Writer, r *importer.Result) error {
	switch c.Output {
	case output.Table:
		return importer.WriteDatabaseRegions(w, importer.DatabaseRegions(r))
	case output.CSV:
		return databaseSheet(importer.DatabaseRegions(r)).Write(w, output.CSV)
	}
	if r.Site == nil {
		return nil
	}
	if c.Output == output.JSON {
		return output.WriteJSON(w, r.Site)
	}
	return output.WriteYAML(w, r.Site)
}

func (c *importCommand) report(w io.Writer, r *importer.Result) {
	counts := map[importer.Status]int{}
	resources, used := 0, 0
	for i := range r.Files {
		f := &r.Files[i]
		counts[f.Status]++
		resources += f.Resources
		used += f.Used
		if c.Report || f.Status != importer.Understood {
			fmt.Fprintf(w, "%s: %s: %s, %s, %d used\n", f.Path, f.Status, f.Kind, count(f.Resources, "resource"), f.Used)
		}
		for _, p := range f.Problems {
			fmt.Fprintln(w, p.String())
		}
		if c.Report {
			for _, n := range f.Notes {
				fmt.Fprintln(w, n.String())
			}
		}
	}
	for _, u := range r.Unassigned {
		fmt.Fprintln(w, unassigned(&u))
	}
	for _, p := range r.Notes {
		fmt.Fprintln(w, p.String())
	}
	fmt.Fprintf(w, "%s: %d understood, %d in part, %d refused; %s, %d in the inventory\n",
		count(len(r.Files), "file"), counts[importer.Understood], counts[importer.Partial], counts[importer.Refused], count(resources, "resource"), used)
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// unassigned is what nothing ties to a cluster, with its place and what would help.
func unassigned(u *importer.Unassigned) string {
	what := "not assigned to a cluster: " + u.Type
	if u.Name != "" {
		what += " " + strconv.Quote(u.Name)
	}
	p := document.Problem{File: u.File, What: what + ": " + u.Reason, Remedy: u.Remedy}
	if line, ok := strings.CutPrefix(u.Path, "line "); ok {
		if n, err := strconv.Atoi(line); err == nil {
			p.Line = n
		}
	} else {
		p.Path = u.Path
	}
	return p.String()
}

func databaseSheet(rows []importer.DatabaseRegion) output.Sheet {
	s := output.Sheet{Columns: []output.Column{
		{Name: "file"}, {Name: "server"}, {Name: "engine"}, {Name: "region"}, {Name: "zone"}, {Name: "mode"}, {Name: "standbyZone"}, {Name: "role"}, {Name: "source"},
	}}
	for _, r := range rows {
		s.Rows = append(s.Rows, []string{r.File, r.Server, r.Engine, r.Region, r.Zone, string(r.Mode), r.Standby, r.Role, r.Source})
	}
	return s
}
