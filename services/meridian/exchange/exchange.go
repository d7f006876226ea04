// Package exchange writes findings for other tools: SARIF for code scanning, JUnit for pipelines. It judges nothing and
// reads only the files that the findings came from, to say in which line they are.
package exchange

import (
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Export is what goes to other tools: findings, and what could not be read.
type Export struct {
	Findings []rules.Finding
	Entries  []rules.Entry // of the rules that judged, as far as they are known here
	At       time.Time
	Sites    []string
	Places   *Places // nil when no file lists the subjects
	Problems []document.Problem
}

func (x *Export) entry(id string) (rules.Entry, bool) {
	for i := range x.Entries {
		if x.Entries[i].ID == id {
			return x.Entries[i], true
		}
	}
	return rules.Entry{}, false
}

func (x *Export) place(s rules.Subject) (Place, bool) {
	if x.Places == nil {
		return Place{}, false
	}
	return x.Places.Of(s)
}

// Subject writes a subject the way people say it: the cluster, or the infrastructure, or the site, and the node.
func Subject(s rules.Subject) string {
	out := s.Site
	if s.Cluster != "" {
		out += "/" + s.Cluster
	}
	if s.Infrastructure != "" {
		if s.Cluster == "" {
			out = s.Infrastructure
		} else {
			out += " " + s.Infrastructure
		}
	}
	if s.Node != "" {
		out += " " + s.Node
	}
	return out
}
