package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Bounds of one collection beside those of the client.
const (
	maxSubscriptions = 1000
	batch            = 100  // subscriptions in one query
	parallel         = 4    // plain requests at a time
	maxRequests      = 5000 // plain requests for details
	maxListed        = 500  // resources listed as unassigned
)

// Result is what one collection learned.
type Result struct {
	Site    *inventory.Site
	Sources []inventory.Source // one entry for each part, always the same ones
	// Unassigned are the resources that the inventory does not hold, or holds without a cluster, though they could belong to
	// ThingWorx, each with the reason and the remedy; at most 500 of them.
	Unassigned []importer.Unassigned
	Unrelated  int                // resources that nothing ties to ThingWorx
	Notes      []document.Problem // about the whole, like a host that no resource answers to
	Self       *Self              // nil when the planner does not run on Azure, or that is not known
	At         time.Time

	passing bool // something failed that will probably work another time
}

// discovery is one collection.
type discovery struct {
	*client
	name    string // of the source
	options importer.Options
	rules   *rules
	wanted  []string // subscriptions of the configuration
	groups  []string // resource groups of the configuration
	empty   *empties
	self    *Self

	parts   []*part
	files   []importer.File
	of      []fileOf                     // beside files
	own     map[string]map[string]string // tags that rules read, by resource key
	kinds   map[string]string            // kind of a resource, by its key
	shown   map[string]int               // resources in Resource Graph by "scope type", see scopes
	gone    map[string]bool              // keys of resources deleted since they were listed
	clashes map[string]string            // names of resources that rules contradict each other about, by key
	seen    []importer.Resource          // of the files read last
	zones   map[string]map[string]string // physical zones by "subscription region"
	passing bool
}

// fileOf tells what a file is about.
type fileOf struct {
	part  string
	keys  []string // of its rows
	about string   // key of the resource that all rows are a detail of
}

// run collects once. An error means that nothing could be learned; its text holds no secret.
func (d *discovery) run(ctx context.Context) (*Result, error) {
	d.own, d.kinds, d.shown, d.gone = map[string]map[string]string{}, map[string]string{}, map[string]int{}, map[string]bool{}
	d.clashes, d.zones = map[string]string{}, map[string]map[string]string{}
	subscriptions, err := d.subscriptionsOf(ctx)
	if err != nil {
		return nil, err
	}
	answered := 0
	for _, q := range queries() {
		if d.ask(ctx, q, subscriptions) {
			answered++
		}
	}
	if answered == 0 {
		var why []string
		for _, p := range d.parts {
			why = append(why, p.problems...)
		}
		slices.Sort(why)
		return nil, errors.New("no part of Azure could be read: " + importer.List(slices.Compact(why), maxProblems))
	}
	first := d.assemble()
	d.details(ctx, &first)
	d.zoneMaps(ctx, &first, subscriptions)
	final := d.assemble()
	return d.result(&final), nil
}

func (d *discovery) part(name string) *part {
	for _, p := range d.parts {
		if p.name == name {
			return p
		}
	}
	p := &part{name: name}
	d.parts = append(d.parts, p)
	return p
}

// fail notes why something could not be learned.
func (d *discovery) fail(p *part, what string, c cause) {
	p.problem(what + ": " + c.what)
	d.passing = d.passing || c.passing
}

// subscriptionsOf returns the ids to ask, in lower case.
func (d *discovery) subscriptionsOf(ctx context.Context) ([]string, error) {
	p := d.part(partSubscriptions)
	wanted := lower(d.wanted)
	rows, err := d.list(ctx, "/subscriptions", versionResources)
	var identity *credentialError
	switch {
	case errors.As(err, &identity):
		return nil, fmt.Errorf("list the subscriptions: %w", identity)
	case err != nil && len(wanted) == 0:
		return nil, errors.New("list the subscriptions: " + explain(err).what)
	case err != nil:
		d.fail(p, "the list of subscriptions", explain(err))
		return wanted, nil
	}
	var visible []string
	for _, row := range rows {
		var s struct{ SubscriptionID, State string }
		if json.Unmarshal(row, &s) == nil && guid(s.SubscriptionID) && !strings.EqualFold(s.State, "Deleted") {
			visible = append(visible, strings.ToLower(s.SubscriptionID))
		}
	}
	slices.Sort(visible)
	visible = slices.Compact(visible)
	asked := visible
	if len(wanted) > 0 {
		asked = nil
		for _, id := range wanted {
			if slices.Contains(visible, id) {
				asked = append(asked, id)
			} else {
				p.problem("subscription " + id + ": the credential does not see it; give it the role Reader there, or correct the id")
			}
		}
	}
	if len(asked) > maxSubscriptions {
		p.problem(fmt.Sprintf("only the first %d of %d subscriptions are asked; name those that matter", maxSubscriptions, len(asked)))
		asked = asked[:maxSubscriptions]
	}
	if len(asked) == 0 {
		return nil, errors.New("the credential sees none of the subscriptions: give it the role Reader on those of the site")
	}
	p.told = count(len(asked), "subscription", "subscriptions")
	return asked, nil
}

func lower(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strings.ToLower(id)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ask puts one question to Resource Graph and reports whether anything was answered. A refusal for several subscriptions
// does not tell which is forbidden, so that they are then asked one by one.
func (d *discovery) ask(ctx context.Context, q query, subscriptions []string) bool {
	p := d.part(q.part)
	var answered []string
	var rows []json.RawMessage
	one := func(ids []string) bool {
		found, err := d.query(ctx, q.text(d.groups), ids)
		if err == nil {
			rows, answered = append(rows, found...), append(answered, ids...)
			return true
		}
		why := explain(err)
		if why.forbidden && len(ids) > 1 {
			return false
		}
		rows = append(rows, found...)
		what := "subscription " + ids[0]
		if len(ids) > 1 {
			what = count(len(ids), "subscription", "subscriptions")
		}
		if len(found) > 0 {
			what += ", after " + count(len(found), "resource", "resources")
		}
		d.fail(p, what, why)
		return true
	}
	for ids := range slices.Chunk(subscriptions, batch) {
		if one(ids) {
			continue
		}
		for _, id := range ids {
			one([]string{id})
		}
	}
	d.add(q.part, "Resource Graph", rows)
	if len(answered) == 0 && len(rows) == 0 {
		p.failed = true
		return false
	}
	d.verify(ctx, p, q, answered)
	return true
}

// add takes rows as a file for package azure, and keeps of them what rules and details need. Files are read in the order of
// their names, so that the same answers give the same inventory and the first one's values count.
func (d *discovery) add(part, from string, rows []json.RawMessage) {
	for page := range slices.Chunk(rows, pageRows) {
		of := fileOf{part: part}
		for _, row := range page {
			var r struct {
				ID   string         `json:"id"`
				Kind any            `json:"kind"`
				Tags map[string]any `json:"tags"`
			}
			if err := json.Unmarshal(row, &r); err != nil {
				r.ID = "" // Package azure reports a row of another shape.
			}
			id, _ := azure.ParseID(r.ID)
			of.keys = append(of.keys, id.Key)
			if id.Key == "" {
				continue
			}
			subscription := "/subscriptions/" + strings.ToLower(id.Subscription)
			d.shown[subscription+" "+id.Kind]++
			d.shown[subscription+"/resourcegroups/"+strings.ToLower(id.Group)+" "+id.Kind]++
			if kind, ok := r.Kind.(string); ok {
				d.kinds[id.Key] = kind
			}
			if own := d.rules.wanted(r.Tags); own != nil {
				d.own[id.Key] = own
			}
		}
		d.files = append(d.files, importer.File{Name: fmt.Sprintf("answer %04d, %s, %s", len(d.files)+1, from, strings.TrimPrefix(part, "azure/")), Data: array(page)})
		d.of = append(d.of, of)
	}
}

func array(rows []json.RawMessage) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, row := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(row)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// request is one plain request and its outcome.
type request struct {
	part    *part
	what    string // for a message
	key     string // of the resource it is about
	path    string
	version string
	many    bool // a list

	rows []json.RawMessage
	err  error
}

// send makes the requests, some at a time. The budget's end leaves the rest with its error.
func (d *discovery) send(ctx context.Context, requests []request) {
	var group errgroup.Group
	group.SetLimit(parallel)
	for i := range requests {
		group.Go(func() error {
			r := &requests[i]
			if r.many {
				r.rows, r.err = d.list(ctx, r.path, r.version)
				return nil
			}
			body, err := d.get(ctx, r.path, r.version)
			if r.err = err; err == nil {
				r.rows = []json.RawMessage{body}
			}
			return nil
		})
	}
	_ = group.Wait() // Each request keeps its own error.
}

// scopes are the paths under which a subscription's resources are listed: its own, or those of the resource groups named.
func (d *discovery) scopes(subscription string) []string {
	path := "/subscriptions/" + subscription
	if len(d.groups) == 0 {
		return []string{path}
	}
	var out []string
	for _, g := range d.groups {
		out = append(out, path+"/resourcegroups/"+g)
	}
	return out
}

// verify asks for the types that Resource Graph shows none of, because it says nothing of what the credential may not read.
func (d *discovery) verify(ctx context.Context, p *part, q query, subscriptions []string) {
	var requests []request
	for _, id := range subscriptions {
		for _, scope := range d.scopes(id) {
			for _, t := range q.checked {
				key := scope + " " + strings.ToLower(t.name)
				if d.shown[key] > 0 || d.empty.known(key, d.options.At) {
					continue
				}
				requests = append(requests, request{part: p, what: "subscription " + strings.Replace(strings.TrimPrefix(scope, "/subscriptions/"), "/resourcegroups/", ", resource group ", 1) + ", " + t.name, key: key, path: scope + "/providers/" + t.name, version: t.version, many: true})
			}
		}
	}
	d.send(ctx, requests)
	for i := range requests {
		r := &requests[i]
		why := cause{}
		if r.err != nil {
			why = explain(r.err)
		}
		switch {
		case r.err == nil && len(r.rows) == 0, why.unused, why.gone && len(d.groups) > 0: // Not every subscription has each group.
			d.empty.note(r.key, d.options.At)
		case r.err == nil:
			d.add(p.name, "ARM", r.rows) // Resource Graph is minutes behind.
		case why.forbidden:
			d.fail(p, r.what, cause{what: why.what + "; whether there are any is not known"})
		default:
			d.fail(p, r.what, why)
		}
	}
}

// assemble puts all files together by the way every export takes.
func (d *discovery) assemble() importer.Result {
	d.seen = nil
	return importer.Import(d.files, d.options, d.read)
}

// read is package azure's reader with the configuration's rules, and without what was deleted meanwhile.
func (d *discovery) read(f importer.File) (importer.FileReport, []importer.Resource) {
	report, resources := azure.Read(f)
	kept := resources[:0]
	for i := range resources {
		r := &resources[i]
		if d.deleted(r.Key) {
			continue
		}
		if !d.rules.apply(r, d.own[r.Key]) {
			d.clashes[r.Key] = r.Name
		}
		kept = append(kept, *r)
	}
	d.seen = append(d.seen, kept...)
	return report, kept
}

// deleted reports whether a resource, or one it is a part of, is gone.
func (d *discovery) deleted(key string) bool {
	for at := len(key); at > 0; at = strings.LastIndexByte(key[:at], '/') {
		if d.gone[key[:at]] {
			return true
		}
	}
	return false
}
