package branch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

// PlanDocument is a plan for the fleet for the terminal and for files: the queue first, which CSV holds alone.
func PlanDocument(p *advice.Plan) output.Document {
	queue := output.Sheet{Title: "What to mend first", Empty: "Nothing to mend.", Columns: []output.Column{
		{Name: "score"}, {Name: "do"}, {Name: "rule"}, {Name: "severity"}, {Name: "subject"}, {Name: "hours/year"}, {Name: "mismatches"}, {Name: "effort"}, {Name: "closes", Wide: true}, {Name: "why"}, {Name: "steps", Wide: true}, {Name: "not computed because", Wide: true},
	}}
	for i := range p.Queue {
		f := &p.Queue[i]
		hours := "not computed"
		if f.Computed {
			hours = number(f.Hours)
		}
		queue.Rows = append(queue.Rows, []string{number(f.Score), f.Do, f.Rule, string(f.Severity), f.Subject, hours, strconv.Itoa(f.Mismatches), number(f.Effort), consequences(f.Closed), f.Why, strings.Join(f.Steps, " "), f.NotComputed})
	}
	upgrades := output.Sheet{Title: "Upgrades", Empty: "All federated servers run the version of their hub, or there are none.", Columns: []output.Column{{Name: "hub"}, {Name: "to"}, {Name: "wave"}, {Name: "together"}, {Name: "clusters"}, {Name: "why"}, {Name: "blocked by"}}}
	for _, u := range p.Upgrades {
		for i, w := range u.Waves {
			together := "no"
			if w.Together {
				together = "yes"
			}
			upgrades.Rows = append(upgrades.Rows, []string{u.Hub, u.Target, strconv.Itoa(i + 1), together, strings.Join(w.Clusters, " "), w.Why, strings.Join(u.Blocked, "; ")})
		}
	}
	return output.Document{Value: p, Sheets: []output.Sheet{
		queue, proposals("Sharing that should end", "No sharing should end.", p.Separations), proposals("Infrastructure that could be shared", "Nothing that could be shared is.", p.Consolidations), upgrades,
	}}
}

func proposals(title, empty string, list []advice.Proposal) output.Sheet {
	s := output.Sheet{Title: title, Empty: empty, Columns: []output.Column{
		{Name: "infrastructure"}, {Name: "kind"}, {Name: "region"}, {Name: "clusters"}, {Name: "blast radius"}, {Name: "machines"}, {Name: "both down before"}, {Name: "after"}, {Name: "effort"}, {Name: "why"}, {Name: "steps", Wide: true},
	}}
	for i := range list {
		x := &list[i]
		before, after := 0.0, 0.0
		for _, j := range x.Joint {
			before, after = max(before, j.Before), max(after, j.After)
		}
		s.Rows = append(s.Rows, []string{
			strings.Join(x.Infrastructure, " "), x.Kind, x.Region, strings.Join(x.Clusters, " "), fmt.Sprintf("%d -> %d", x.BlastRadius.Before, x.BlastRadius.After), fmt.Sprintf("%+d", x.Machines),
			strconv.FormatFloat(before, 'g', 3, 64), strconv.FormatFloat(after, 'g', 3, 64), number(x.Effort), x.Why, strings.Join(x.Steps, " "),
		})
	}
	return s
}

func consequences(list []advice.Consequence) string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.Rule + " " + c.Subject
	}
	return strings.Join(out, ", ")
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
