package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

type availabilityCommand struct {
	Paths []string `arg:"" name:"path" help:"Inventories (YAML or JSON) and folders of them."`
	policyFlag
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (availabilityCommand) Help() string {
	return "serving is the exact chance that users and things are served, full that the time-series store works as well. A part's share is the " +
		"part of the unavailability that would vanish if it never failed. Clusters that share infrastructure, a machine, a zone or a region " +
		"are listed in pairs with the chance that both are down. csv has the clusters only."
}

// clusterAvailability is one cluster in the answer.
type clusterAvailability struct {
	ID string `json:"id"`
	availability.Result
}

type availabilityAnswer struct {
	Clusters []clusterAvailability `json:"clusters"`
	Joint    []availability.Joint  `json:"joint"`
}

// Run computes the availability of each cluster and of each pair that shares something.
func (c *availabilityCommand) Run(e *Environment) error {
	engine, pol, err := judge(catalogFlag{}, rulesFlag{}, c.policyFlag)
	if err != nil {
		return err
	}
	read, err := e.read(engine, c.Paths, e.present())
	if err != nil {
		return err
	}
	chances := pol.Availability.WithDefaults()
	tenants := read.tenants(engine.Sizes)
	answer := availabilityAnswer{Clusters: []clusterAvailability{}, Joint: availability.Pairs(tenants, chances)}
	incomplete := read.refused > 0
	for _, t := range tenants {
		r := availability.Cluster(t.Site, t.Cluster, t.Need, chances)
		incomplete = incomplete || !r.Known
		answer.Clusters = append(answer.Clusters, clusterAvailability{t.Site.Key(t.Cluster), r})
	}
	for _, j := range answer.Joint {
		incomplete = incomplete || j.Unknown
	}
	d := output.Document{Value: answer, Sheets: []output.Sheet{answer.clusterSheet(), answer.jointSheet()}}
	if err := d.Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if c.Output.ForPeople() {
		if assumed := c.assumed(pol); len(assumed) > 0 {
			fmt.Fprintf(e.Stderr, "assumed, since no policy gives them: the chances of %s\n", strings.Join(assumed, ", "))
		}
		fmt.Fprintf(e.Stderr, "%s of %s; %s with something shared; %s refused\n",
			words.Count(len(answer.Clusters), "cluster"), words.Count(len(read.sites), "site"), words.Count(len(answer.Joint), "pair"), words.Count(read.refused, "file"))
	}
	if incomplete {
		return &exit{code: ExitIncomplete}
	}
	return nil
}

// assumed lists the chances that no policy of the owner's gives. The default policy writes the assumptions out as if it did.
func (c *availabilityCommand) assumed(p *policy.Policy) []string {
	if c.Policy == "" {
		return policy.Availability{}.Assumptions()
	}
	return p.Availability.Assumptions()
}

func (a *availabilityAnswer) clusterSheet() output.Sheet {
	s := output.Sheet{
		Title: "Clusters",
		Columns: []output.Column{
			{Name: "cluster"}, {Name: "serving"}, {Name: "full"}, {Name: "downtime/year"}, {Name: "missing facts", Wide: true}, {Name: "assumed", Wide: true}, {Name: "contributions"},
		},
		Empty: "No clusters.",
	}
	for i := range a.Clusters {
		c := &a.Clusters[i]
		row := []string{c.ID, "unknown", "unknown", "unknown", strings.Join(c.Unknown, "; "), strings.Join(c.Assumptions, "; "), ""}
		if c.Known {
			row[1], row[2], row[3], row[6] = exact(c.Serving), exact(c.Full), c.DowntimePerYear, contributions(c.Contributions)
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func (a *availabilityAnswer) jointSheet() output.Sheet {
	s := output.Sheet{
		Title:   "Pairs that share something",
		Columns: []output.Column{{Name: "cluster"}, {Name: "and"}, {Name: "both down"}, {Name: "if independent", Wide: true}},
		Empty:   "No two clusters share infrastructure, a machine, a zone or a region.",
	}
	down := map[string]float64{}
	for i := range a.Clusters {
		down[a.Clusters[i].ID] = 1 - a.Clusters[i].Serving
	}
	for _, j := range a.Joint {
		both := "unknown"
		if !j.Unknown {
			both = strconv.FormatFloat(j.AllDown, 'g', 4, 64)
		}
		s.Rows = append(s.Rows, []string{j.Clusters[0], j.Clusters[1], both, strconv.FormatFloat(down[j.Clusters[0]]*down[j.Clusters[1]], 'g', 4, 64)})
	}
	return s
}

// exact writes a chance to the millionth of a percent: what people compare in nines.
func exact(p float64) string { return strconv.FormatFloat(p, 'f', 8, 64) }

// contributions lists the parts that matter, in whole percent; JSON and YAML have all of them.
func contributions(list []availability.Contribution) string {
	var out []string
	for _, c := range list {
		if c.Share >= 0.005 {
			out = append(out, c.Part+" "+strconv.FormatFloat(c.Share*100, 'f', 0, 64)+" %")
		}
	}
	return strings.Join(out, ", ")
}
