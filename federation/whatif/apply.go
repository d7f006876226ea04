package whatif

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/simulate"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func (b *Branch) apply(c *Change, allowed func(string) bool) error {
	site, cluster, _ := strings.Cut(c.Cluster, "/")
	for _, id := range []string{site, c.Site, c.Into} {
		if _, ok := b.Site(id); id != "" && (!ok || !allowed(id)) {
			return b.noSite(id, allowed)
		}
	}
	switch c.Do {
	case MoveDatabase:
		return b.moveDatabase(site, cluster, c.To)
	case Lose:
		return b.lose(c.What, allowed)
	case Merge:
		return b.merge(c.Site, c.Into)
	case Upgrade:
		if c.Site != "" {
			site = c.Site
		}
		return b.upgrade(site, cluster, c.Version)
	case Set:
		return b.set(c)
	}
	return fmt.Errorf("%q is no change", c.Do)
}

// noSite names the site that may have been meant, of those the caller may change: others are not told of.
func (b *Branch) noSite(id string, allowed func(string) bool) error {
	var known []string
	for r := range b.Sites("") {
		if allowed(r.ID) {
			known = append(known, r.ID)
		}
	}
	return fmt.Errorf("there is no site %s%s", id, orNearest(document.Nearest(id, known)))
}

func noCluster(s *inventory.Site, id string) error {
	known := make([]string, len(s.Clusters))
	for i := range s.Clusters {
		known[i] = s.Clusters[i].ID
	}
	return fmt.Errorf("site %s has no cluster %q%s", s.Site.ID, id, orNearest(document.Nearest(id, known)))
}

// edit returns a copy of a site's document that is the branch's from now on.
func (b *Branch) edit(id string) *inventory.Site {
	r, _ := b.Site(id)
	if b.changed[id] {
		return r.Inventory
	}
	next := *r
	next.Inventory = inventory.Clone(r.Inventory)
	b.over[id], b.changed[id] = &next, true
	return next.Inventory
}

func clusterOf(s *inventory.Site, id string) (*inventory.Cluster, error) {
	for i := range s.Clusters {
		if s.Clusters[i].ID == id {
			return &s.Clusters[i], nil
		}
	}
	return nil, noCluster(s, id)
}

// moveDatabase moves the database that a cluster uses, under all its names, as one thing.
func (b *Branch) moveDatabase(site, cluster, to string) error {
	r, _ := b.Site(site)
	c, err := clusterOf(r.Inventory, cluster)
	if err != nil {
		return err
	}
	used := c.Used(inventory.AsDatabase)
	if len(used) == 0 || r.Inventory.Infra(used[0].Infrastructure) == nil {
		return fmt.Errorf("%s/%s lists no database", site, cluster)
	}
	id := used[0].Infrastructure
	provider, region, ok := strings.Cut(to, "/")
	if !ok {
		provider, region = "", to
	}
	if provider == "" {
		provider = r.Inventory.Infra(id).Placement.Provider
	}
	if b.base.Engine.Regions.Knows(provider) {
		if _, known := b.base.Engine.Regions.Find(provider, region); !known {
			return fmt.Errorf("%s has no region %q%s", provider, region, orNearest(b.base.Engine.Regions.Nearest(provider, region)))
		}
	}
	names := []string{site + "/" + id}
	for _, s := range tenancy.Of(r.Inventory, assess.Neighbours(r.Inventory, inventories(b.Site), b.listingNow)) {
		if all := append([]string{s.Infrastructure}, s.Aliases...); slices.Contains(all, names[0]) {
			names = all
		}
	}
	for _, name := range names {
		owner, id, _ := strings.Cut(name, "/")
		relocate(b.edit(owner), id, provider, region)
	}
	b.steps = append(b.steps, fmt.Sprintf("The database %s/%s moves to %s with all its nodes.", site, id, region))
	b.assume("a database that moves keeps its size, its mode of availability and its replicas; its zones in the new region are not known")
	return nil
}

func orNearest(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", name)
}

// listingNow is listing while changes are still being made.
func (b *Branch) listingNow(k tenancy.Key) []string {
	b.keys = map[tenancy.Key][]string{}
	b.index()
	return b.listing(k)
}

func (b *Branch) assume(text string) {
	if !slices.Contains(b.assumed, text) {
		b.assumed = append(b.assumed, text)
	}
}

// relocate puts an infrastructure and its nodes elsewhere. A machine that also runs something that stays is left behind; what was
// measured and observed of the old place no longer holds.
func relocate(s *inventory.Site, id, provider, region string) {
	stays := map[string]bool{}
	at := -1
	note := func(nodes []inventory.Node) {
		for i := range nodes {
			stays[nodes[i].Machine] = true
		}
	}
	for i := range s.Clusters {
		for k := range s.Clusters[i].Components {
			note(s.Clusters[i].Components[k].Nodes)
		}
	}
	for i := range s.Infrastructure {
		if s.Infrastructure[i].ID == id {
			at = i
			continue
		}
		note(s.Infrastructure[i].Nodes)
		note(s.Infrastructure[i].PgPool)
	}
	x := &s.Infrastructure[at]
	place := inventory.Placement{Provider: provider, Region: region}
	x.Placement = place
	if x.HighAvailability != nil {
		x.HighAvailability.StandbyZone = ""
	}
	for _, nodes := range [][]inventory.Node{x.Nodes, x.PgPool} {
		for i := range nodes {
			nodes[i].Placement = place
			if stays[nodes[i].Machine] {
				nodes[i].Machine = ""
			}
		}
	}
	s.Probes = slices.DeleteFunc(s.Probes, func(p inventory.Probe) bool { return p.To == id || p.To == s.Site.ID+"/"+id })
	below := "/infrastructure/" + strconv.Itoa(at) + "/"
	s.Provenance = slices.DeleteFunc(s.Provenance, func(p inventory.Provenance) bool {
		return strings.HasPrefix(p.Path, below) && strings.Contains(p.Path, "lacement")
	})
}

func (b *Branch) lose(what string, allowed func(string) bool) error {
	f, err := simulate.ParseFailure(what)
	if err != nil {
		return err
	}
	if f.Kind != simulate.Region && f.Kind != simulate.Zone {
		site, _, _ := strings.Cut(f.ID, "/")
		if _, ok := b.Site(site); !ok || !allowed(site) {
			return b.noSite(site, allowed)
		}
	}
	b.lost = append(b.lost, f)
	b.steps = append(b.steps, fmt.Sprintf("The %s %s is lost.", f.Kind, f.ID))
	return nil
}

func (b *Branch) upgrade(site, cluster, version string) error {
	s := b.edit(site)
	n := 0
	for i := range s.Clusters {
		c := &s.Clusters[i]
		if cluster != "" && c.ID != cluster {
			continue
		}
		n++
		c.ThingworxVersion = version
		for k := range c.Components {
			for j := range c.Components[k].Nodes {
				if v := &c.Components[k].Nodes[j].Settings.ThingworxVersion; *v != "" {
					*v = version
				}
			}
		}
		b.steps = append(b.steps, fmt.Sprintf("%s/%s runs ThingWorx %s.", site, c.ID, version))
	}
	if n == 0 {
		return noCluster(s, cluster)
	}
	return nil
}

// set puts a value at a JSON pointer of a site's document.
func (b *Branch) set(c *Change) error {
	s := b.edit(c.Site)
	text, err := inventory.Canonical(s)
	if err != nil {
		return err
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return err
	}
	if !strings.HasPrefix(c.Pointer, "/") {
		return fmt.Errorf("the pointer %q does not begin with a slash", c.Pointer)
	}
	tokens := strings.Split(c.Pointer[1:], "/")
	for i, t := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	next, err := put(tree, tokens, c.Value)
	if err != nil {
		return fmt.Errorf("pointer %s of site %s: %w", c.Pointer, c.Site, err)
	}
	if text, err = json.Marshal(next); err != nil {
		return fmt.Errorf("pointer %s of site %s: %w", c.Pointer, c.Site, err)
	}
	if identity, ok := tree["site"].(map[string]any); ok && identity["id"] != c.Site {
		return errors.New("a site keeps its id; merge it into another one instead")
	}
	parsed, err := inventory.Parse("site "+c.Site, text, b.base.Engine.Regions)
	if err != nil {
		return err
	}
	r := *b.over[c.Site]
	r.Inventory = parsed
	b.over[c.Site] = &r
	if c.Value == nil {
		b.steps = append(b.steps, fmt.Sprintf("%s of site %s is removed.", c.Pointer, c.Site))
		return nil
	}
	value, err := json.Marshal(c.Value)
	if err != nil {
		return err
	}
	b.steps = append(b.steps, fmt.Sprintf("%s of site %s is %s.", c.Pointer, c.Site, inventory.Scrub(string(value))))
	return nil
}

// put returns the tree with the value at the tokens. Objects on the way are made where they are missing.
func put(tree any, tokens []string, value any) (any, error) {
	if len(tokens) == 0 {
		return value, nil
	}
	switch node := tree.(type) {
	case nil:
		return put(map[string]any{}, tokens, value)
	case map[string]any:
		next, err := put(node[tokens[0]], tokens[1:], value)
		if err != nil {
			return nil, err
		}
		if next == nil {
			delete(node, tokens[0])
		} else {
			node[tokens[0]] = next
		}
		return node, nil
	case []any:
		if tokens[0] == "-" {
			next, err := put(nil, tokens[1:], value)
			return append(node, next), err
		}
		at, err := position(node, tokens[0])
		if err != nil {
			return nil, err
		}
		next, err := put(node[at], tokens[1:], value)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return slices.Delete(node, at, at+1), nil
		}
		node[at] = next
		return node, nil
	}
	return nil, fmt.Errorf("there is nothing below a plain value at %q", tokens[0])
}

// position finds an item of a list by its place, or by what it is called.
func position(list []any, token string) (int, error) {
	if at, err := strconv.Atoi(token); err == nil && at >= 0 && at < len(list) {
		return at, nil
	}
	for _, field := range []string{"id", "name", "infrastructure", "kind"} {
		for i, item := range list {
			if m, ok := item.(map[string]any); ok && m[field] == token {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("the list of %d has no item %q", len(list), token)
}

// merge moves all clusters and infrastructure of one site into another; the first is gone. What both list becomes one, what has the same
// name and is something else gets another name, and names that mean something only within the site that is gone identify nothing in the
// other.
func (b *Branch) merge(from, into string) error {
	s := inventory.Clone(b.edit(from))
	t := b.edit(into)
	renamed := map[string]string{}
	taken := map[string]bool{}
	for i := range t.Infrastructure {
		taken[t.Infrastructure[i].ID] = true
	}
	for i := range s.Infrastructure {
		x := &s.Infrastructure[i]
		id := x.ID
		if same := sameIn(t, from, x); same != "" {
			renamed[id] = same
			continue
		}
		x.ID = free(taken, x.ID, from)
		renamed[id] = x.ID
		if forget(from, x) {
			b.assume("names and addresses that mean something only within a site that is merged do not identify its infrastructure in the other")
		}
		alone(x.Nodes, from)
		alone(x.PgPool, from)
		t.Infrastructure = append(t.Infrastructure, *x)
	}
	clusters := map[string]bool{}
	for i := range t.Clusters {
		clusters[t.Clusters[i].ID] = true
	}
	for i := range s.Clusters {
		c := s.Clusters[i]
		c.ID = free(clusters, c.ID, from)
		for k := range c.Components {
			alone(c.Components[k].Nodes, from)
		}
		for k := range c.Uses {
			if id, ok := renamed[c.Uses[k].Infrastructure]; ok {
				c.Uses[k].Infrastructure = id
			}
		}
		t.Clusters = append(t.Clusters, c)
	}
	for _, spoke := range b.spokes(from) {
		if spoke != from {
			hub := b.edit(spoke)
			if hub.Site.Hub = into; spoke == into {
				hub.Site.Hub = ""
			}
		}
	}
	b.over[from], b.changed[from] = nil, true
	b.steps = append(b.steps, fmt.Sprintf("Site %s becomes part of %s, with %d clusters and what they use.", from, into, len(s.Clusters)))
	b.assume("a site that is merged keeps its machines where they are; what was measured at it is not taken over")
	return nil
}

// free returns an id that is not taken yet and takes it.
func free(taken map[string]bool, id, site string) string {
	next := id
	for n := 0; taken[next]; n++ {
		if next = site + "-" + id; n > 0 {
			next = site + "-" + strconv.Itoa(n) + "-" + id
		}
	}
	taken[next] = true
	return next
}

// alone keeps machines of two sites apart.
func alone(nodes []inventory.Node, site string) {
	for i := range nodes {
		if nodes[i].Machine != "" {
			nodes[i].Machine = site + "." + nodes[i].Machine
		}
	}
}

// sameIn returns the id under which a site lists what another site's x is.
func sameIn(t *inventory.Site, from string, x *inventory.Infrastructure) string {
	keys := tenancy.KeysOf(from, x)
	for i := range t.Infrastructure {
		y := &t.Infrastructure[i]
		if slices.ContainsFunc(tenancy.KeysOf(t.Site.ID, y), func(k tenancy.Key) bool { return slices.Contains(keys, k) }) {
			return y.ID
		}
	}
	return ""
}

// forget drops the names of x that mean something within its site only, and reports whether there were any.
func forget(site string, x *inventory.Infrastructure) bool {
	local := func(name string) bool {
		y := inventory.Infrastructure{Kind: x.Kind, Engine: x.Engine, Identity: inventory.ResourceIdentity{Endpoint: name}}
		return slices.ContainsFunc(inventory.Keys(site, &y), func(k string) bool { return strings.HasPrefix(k, "site/") })
	}
	n := len(x.Identity.Addresses)
	x.Identity.Addresses = slices.DeleteFunc(x.Identity.Addresses, local)
	found := len(x.Identity.Addresses) < n
	for _, name := range []*string{&x.Identity.Endpoint, &x.FailoverEndpoint} {
		if local(*name) {
			*name, found = "", true
		}
	}
	return found
}
