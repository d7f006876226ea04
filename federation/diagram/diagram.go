// Package diagram draws who shares what: clusters, the infrastructure that several of them use, and the uses between them, as data, as
// Graphviz DOT and as Mermaid. It is pure and knows nothing of scopes: the caller gives it what its reader may see.
package diagram

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Kinds of node beside those of infrastructure.
const (
	KindCluster = "cluster"
	KindOthers  = "other-sites" // clusters of sites that the reader may not see
	KindSite    = "site"        // a folded drawing: the clusters of one site
	KindRegion  = "region"      // a folded drawing: the clusters of one region
)

// Graph is the relation. Nodes are in order of region, site, kind and id, edges in order of their ends.
type Graph struct {
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`
}

// Node is a cluster or an infrastructure.
type Node struct {
	ID          string   `json:"id"`   // site/cluster or site/infrastructure
	Kind        string   `json:"kind"` // cluster, other-sites or a kind of infrastructure
	Label       string   `json:"label"`
	Site        string   `json:"site,omitempty"`
	Region      string   `json:"region,omitempty"` // provider/region, several joined; empty when not known
	Environment string   `json:"environment,omitempty"`
	Aliases     []string `json:"aliases,omitempty"` // further names of an infrastructure
	Clusters    int      `json:"clusters"`          // how many clusters it stands for; 0 for an infrastructure
}

// Edge says that a cluster uses an infrastructure.
type Edge struct {
	From string `json:"from"` // the cluster
	To   string `json:"to"`   // the infrastructure
	// Clusters is how many clusters it stands for.
	Clusters int `json:"clusters"`
}

// Cluster is a cluster to be drawn.
type Cluster struct {
	ID          string // site/cluster
	Regions     []string
	Environment string
}

// Infrastructure is one to be drawn, with its users.
type Infrastructure struct {
	ID      string // site/id
	Kind    string
	Aliases []string
	Region  string
	Tenants []string // site/cluster
	Others  int      // further users, of sites that the reader may not see
}

// New puts the graph together. Clusters that no infrastructure names are left out, and so are infrastructures without users.
func New(infrastructures []Infrastructure, cluster func(id string) Cluster) *Graph {
	g := &Graph{Nodes: []Node{}, Edges: []Edge{}}
	known := map[string]bool{}
	for _, x := range infrastructures {
		if len(x.Tenants)+x.Others == 0 {
			continue
		}
		site, name, _ := strings.Cut(x.ID, "/")
		g.Nodes = append(g.Nodes, Node{ID: x.ID, Kind: x.Kind, Label: name, Site: site, Region: x.Region, Aliases: x.Aliases})
		for _, id := range x.Tenants {
			g.Edges = append(g.Edges, Edge{id, x.ID, 1})
			if known[id] {
				continue
			}
			known[id] = true
			c := cluster(id)
			site, name, _ := strings.Cut(id, "/")
			g.Nodes = append(g.Nodes, Node{ID: id, Kind: KindCluster, Label: name, Site: site, Region: strings.Join(c.Regions, ", "), Environment: c.Environment, Clusters: 1})
		}
		if x.Others > 0 {
			id := x.ID + " others"
			g.Nodes = append(g.Nodes, Node{ID: id, Kind: KindOthers, Label: count(x.Others, "cluster") + " of other sites", Clusters: x.Others})
			g.Edges = append(g.Edges, Edge{id, x.ID, x.Others})
		}
	}
	g.sort()
	return g
}

func (g *Graph) sort() {
	slices.SortFunc(g.Nodes, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(g.Edges, func(a, b Edge) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
}

// Bounds beyond which a drawing is folded: a person follows some hundred lines at most, and Mermaid refuses more than 500 edges and
// 50,000 characters unless it is told otherwise.
const (
	maxNodes = 120
	maxEdges = 240
)

// Fold returns a graph that a person can read: the graph itself while it is small, else with the clusters of each site as one node,
// else those of each region; note says what was folded, "" for nothing. Infrastructure that one folded node alone uses is left out, since
// it is counted in the label.
func (g *Graph) Fold() (folded *Graph, note string) {
	if g.small() {
		return g, ""
	}
	sites := g.by(KindSite, func(n *Node) string { return cmp.Or(n.Site, n.ID) })
	if sites.small() {
		return sites, "The clusters of a site are one node, and what only they share is left out."
	}
	return g.by(KindRegion, func(n *Node) string { return cmp.Or(n.Region, unknownRegion) }), "The clusters of a region are one node, and what only they share is left out."
}

func (g *Graph) small() bool { return len(g.Nodes) <= maxNodes && len(g.Edges) <= maxEdges }

const unknownRegion = "region not known"

// by joins the clusters of one name, and the infrastructures of one kind between the same ones.
func (g *Graph) by(kind string, name func(*Node) string) *Graph {
	group := map[string]string{} // of each cluster
	nodes := map[string]*Node{}
	places := map[string][]string{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Clusters == 0 {
			continue
		}
		id := kind + " " + name(n)
		if n.Kind == KindOthers {
			id = "other sites"
		}
		group[n.ID] = id
		if nodes[id] == nil {
			nodes[id] = &Node{ID: id, Kind: kind, Label: name(n)}
			if n.Kind == KindOthers {
				nodes[id].Kind, nodes[id].Label = KindOthers, "other sites"
			}
		}
		nodes[id].Clusters += n.Clusters
		places[id] = append(places[id], n.Region)
	}
	weights := map[string]map[string]int{} // by infrastructure and group
	for _, e := range g.Edges {
		if weights[e.To] == nil {
			weights[e.To] = map[string]int{}
		}
		weights[e.To][group[e.From]] += e.Clusters
	}
	joined := map[string]*Node{}
	edges := map[[2]string]int{}
	used := map[string]bool{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		users := weights[n.ID]
		if n.Clusters > 0 || len(users) < 2 {
			continue
		}
		between := make([]string, 0, len(users))
		for u := range users {
			between = append(between, u)
		}
		slices.Sort(between)
		id := n.Kind + " of " + strings.Join(between, " and ")
		if kind == KindSite {
			id = n.ID
		}
		if joined[id] == nil {
			c := *n
			c.ID = id
			joined[id] = &c
		} else {
			joined[id].Aliases = append(joined[id].Aliases, n.ID)
		}
		for u, w := range users {
			edges[[2]string{u, id}] += w
			used[u] = true
		}
	}
	out := &Graph{Nodes: []Node{}, Edges: []Edge{}}
	for id, n := range nodes {
		if !used[id] {
			continue
		}
		slices.Sort(places[id])
		if distinct := slices.Compact(places[id]); n.Kind != KindOthers {
			n.Region = strings.Join(slices.DeleteFunc(distinct, func(r string) bool { return r == "" }), ", ")
		}
		n.Label += " (" + count(n.Clusters, "cluster") + ")"
		out.Nodes = append(out.Nodes, *n)
	}
	for _, n := range joined {
		if n.Label = n.Site + "/" + n.Label; kind == KindRegion && len(n.Aliases) > 0 {
			n.Label = "and " + count(len(n.Aliases), "other") + " like " + n.Label
		}
		n.Site = ""
		out.Nodes = append(out.Nodes, *n)
	}
	for e, w := range edges {
		out.Edges = append(out.Edges, Edge{e[0], e[1], w})
	}
	out.sort()
	return out
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
