package diagram

import (
	"fmt"
	"strconv"
	"strings"
)

// DOT writes the graph for Graphviz, folded, with a box for each region and within it for each site. The same graph has the same text.
func (g *Graph) DOT() string {
	folded, note := g.Fold()
	var b strings.Builder
	b.WriteString("digraph tenancy {\n  graph [rankdir=LR, fontname=\"sans-serif\", compound=true, ranksep=1.2, nodesep=0.2")
	if note != "" {
		fmt.Fprintf(&b, ", label=%s, labelloc=t", dotText(note))
	}
	b.WriteString("]\n  node [fontname=\"sans-serif\", fontsize=10]\n  edge [arrowhead=none, color=\"#666666\", fontname=\"sans-serif\", fontsize=9]\n")
	names := folded.boxes(func(depth int, box, title string) {
		fmt.Fprintf(&b, "%ssubgraph cluster_%s {\n%s  label=%s\n", indent(depth), box, indent(depth), dotText(title))
	}, func(depth int) {
		b.WriteString(indent(depth) + "}\n")
	}, func(depth int, name string, n *Node) {
		shape, style := "box", "rounded"
		switch n.Kind {
		case "database", "influxdb":
			shape, style = "cylinder", "solid"
		case "zookeeper":
			shape, style = "hexagon", "solid"
		case "storage":
			shape, style = "folder", "solid"
		case "load-balancer":
			shape, style = "invtrapezium", "solid"
		case KindOthers:
			style = "rounded,dashed"
		}
		fmt.Fprintf(&b, "%s%s [label=%s, shape=%s, style=\"%s\"]\n", indent(depth), name, dotText(n.text()), shape, style)
	})
	for _, e := range folded.Edges {
		fmt.Fprintf(&b, "  %s -> %s", names[e.From], names[e.To])
		if e.Clusters > 1 {
			fmt.Fprintf(&b, " [label=%s]", dotText(strconv.Itoa(e.Clusters)))
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	return b.String()
}

// Mermaid writes the graph as a flowchart, folded, with a box for each region and within it for each site.
func (g *Graph) Mermaid() string {
	folded, note := g.Fold()
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	if note != "" {
		b.WriteString("  %% " + note + "\n")
	}
	names := folded.boxes(func(depth int, box, title string) {
		fmt.Fprintf(&b, "%ssubgraph %s[%s]\n", indent(depth), box, mermaidText(title))
	}, func(depth int) {
		b.WriteString(indent(depth) + "end\n")
	}, func(depth int, name string, n *Node) {
		before, after := "[", "]"
		switch n.Kind {
		case "database", "influxdb":
			before, after = "[(", ")]"
		case "zookeeper":
			before, after = "{{", "}}"
		case "storage":
			before, after = "[/", "/]"
		case "load-balancer":
			before, after = "([", "])"
		case KindOthers:
			before, after = "(", ")"
		}
		fmt.Fprintf(&b, "%s%s%s%s%s\n", indent(depth), name, before, mermaidText(n.text()), after)
	})
	for _, e := range folded.Edges {
		line := "---"
		if e.Clusters > 1 {
			line += "|" + strconv.Itoa(e.Clusters) + "|"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", names[e.From], line, names[e.To])
	}
	return b.String()
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

// text is what stands on a node.
func (n *Node) text() string {
	switch {
	case n.Clusters == 0:
		return n.Kind + " " + n.Label
	case n.Environment != "":
		return n.Label + " (" + n.Environment + ")"
	}
	return n.Label
}

// boxes visits the nodes within their regions and sites and returns the short names it gave them, by id.
func (g *Graph) boxes(open func(depth int, box, title string), end func(depth int), visit func(depth int, name string, n *Node)) map[string]string {
	names := make(map[string]string, len(g.Nodes))
	region, site := "", ""
	regions, sites, depth := 0, 0, 1
	closeTo := func(to int) {
		for depth > to {
			depth--
			end(depth)
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		name := "n" + strconv.Itoa(i+1)
		names[n.ID] = name
		if n.Kind == KindOthers {
			closeTo(1)
			region, site = "", ""
			visit(1, name, n)
			continue
		}
		at := n.Region
		if at == "" {
			at = unknownRegion
		}
		if at != region {
			closeTo(1)
			regions++
			open(depth, "r"+strconv.Itoa(regions), at)
			depth, region, site = 2, at, ""
		}
		if n.Site != site {
			closeTo(2)
			if n.Site != "" {
				sites++
				open(depth, "s"+strconv.Itoa(sites), n.Site)
				depth = 3
			}
			site = n.Site
		}
		visit(depth, name, n)
	}
	closeTo(1)
	return names
}

func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ").Replace(s) + `"`
}

func mermaidText(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;", "\n", " ", "\r", " ").Replace(s) + `"`
}
