// Package compose reads docker compose files, with and without the key "services": which containers run Foundation,
// connection servers, ZooKeeper, Ignite and databases, and what the variables of PTC's images say about them. Variables
// that the environment fills in stay unknown, with their expression; users, passwords and keys are never looked at. It
// runs no Docker and hands fragments to package deployment; `meridian import --from compose` calls Import.
package compose

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Source is the name of this source in provenance and among the sources of a document.
const Source = "compose"

// Import reads the files and assembles one document. Every file has a report; none is skipped.
func Import(files []importer.File, opts importer.Options) importer.Result {
	return deployment.Import(files, opts, []deployment.Reader{Read})
}

// Read reads one file; it is the deployment.Reader of this source. The names of services mean something within their
// project only, which is the file. All containers of a project run on one machine, unless the file is for a swarm.
func Read(f importer.File) (importer.FileReport, deployment.Fragment) {
	r := &reader{report: importer.FileReport{Path: f.Name, Kind: "other file"}}
	r.out.Scope = "compose " + f.Name
	if f.Unreadable != "" {
		r.report.Kind = "unreadable file"
		r.report.Refuse(f.Unread())
		return r.report, deployment.Fragment{}
	}
	const remedy = "this source reads docker compose files"
	own := servicesLine.Match(f.Data)
	if trimmed := bytes.TrimLeft(f.Data, " \t\r\n\ufeff"); !own && (len(trimmed) == 0 || !keyLine.Match(f.Data)) {
		r.report.Refuse(document.Problem{Line: 1, What: "no compose file: it has no services", Remedy: remedy})
		return r.report, deployment.Fragment{}
	}
	docs, problems := loose.YAML(f.Data)
	var services *loose.Value
	var root *loose.Value
	for _, d := range docs {
		if s := servicesOf(d); s != nil {
			root, services = d, s
			break
		}
	}
	switch {
	case services == nil && own && len(problems) > 0:
		r.report.Kind = "compose file that cannot be read"
		r.report.Refuse(problems[0])
		return r.report, deployment.Fragment{Source: Source}
	case services == nil:
		p := document.Problem{Line: 1, What: "no compose file: it has no services", Remedy: remedy}
		if len(problems) > 0 {
			p = problems[0]
		}
		r.report.Refuse(p)
		return r.report, deployment.Fragment{}
	}
	for _, p := range problems {
		r.report.Problem(p)
	}
	r.out.Source = Source
	r.report.Kind = "compose file"
	r.project = importer.Slug(root.Get("name").Text())
	if r.project == "" {
		r.project = projectOf(f.Name)
	}
	r.read(services)
	if slices.ContainsFunc(r.out.Foundations, func(f deployment.Foundation) bool { return onDockerHost(f.Nodes) }) || slices.ContainsFunc(r.out.Servers, func(s deployment.Server) bool { return onDockerHost(s.Nodes) }) {
		r.report.Note(document.Problem{What: "all containers of a compose file run on one machine, which the file does not name; it is called " + importer.Quote(dockerHost(r.project)) + " in the inventory"})
	}
	return r.report, r.out
}

// dockerHost names the machine of a project's containers.
func dockerHost(project string) string { return strings.TrimPrefix(project+"-docker-host", "-") }

func onDockerHost(nodes []inventory.Node) bool {
	return slices.ContainsFunc(nodes, func(n inventory.Node) bool { return n.Machine != "" })
}

var (
	servicesLine = regexp.MustCompile(`(?m)^services:`)
	keyLine      = regexp.MustCompile(`(?m)^["']?[A-Za-z0-9_.-]+["']?:`)
)

// servicesOf returns the services of a document; in a file of version 1 they are its top level.
func servicesOf(d *loose.Value) *loose.Value {
	if d.Kind() != loose.Object || d.Has("apiVersion", "kind") {
		return nil
	}
	if s := d.Get("services"); s.Kind() == loose.Object {
		return s
	}
	if d.Len() == 0 {
		return nil
	}
	for i := range d.Len() {
		if v := d.At(i); v.Kind() != loose.Object || !v.Has("image", "build") {
			return nil
		}
	}
	return d
}

// projectOf is the name compose gives a project: that of the file's folder; of a file with a name of its own, its name.
func projectOf(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	base := path.Base(name)
	base = strings.TrimSuffix(strings.TrimSuffix(base, path.Ext(base)), ".docker-compose")
	switch strings.ToLower(base) {
	case "docker-compose", "compose", "docker-compose.override", "compose.override":
		base = path.Base(path.Dir(name))
	}
	return importer.Slug(strings.TrimSuffix(strings.TrimSuffix(base, "-docker-compose"), "_docker-compose"))
}

type reader struct {
	report  importer.FileReport
	out     deployment.Fragment
	project string
	swarm   bool
	keepers []keeper
}

// maxServices bounds the services of one file.
const maxServices = 500

// service is one service of the file.
type service struct {
	*reader
	v       *loose.Value
	name    string
	pointer string
	image   hostconfig.Image
	env     map[string]*loose.Value
	values  map[string]string
}

// keeper is a service that runs ZooKeeper.
type keeper struct {
	server deployment.Server
	id     string // ZOO_MY_ID
	listed bool   // it names the members of its ensemble
}

func (r *reader) problem(v *loose.Value, pointer, what, remedy string) {
	line, column := v.Place()
	r.report.Problem(document.Problem{Line: line, Column: column, Path: pointer, What: what, Remedy: remedy})
}

func (r *reader) read(services *loose.Value) {
	for i := range services.Len() {
		d := services.At(i).Get("deploy")
		r.swarm = r.swarm || d.Has("placement", "mode", "endpoint_mode") || services.At(i).Get("deploy", "update_config") != nil
	}
	links := map[string][]string{} // service to the names others give it
	for i := range services.Len() {
		l := services.At(i).Get("links")
		for j := range l.Len() {
			if name, alias, ok := strings.Cut(l.At(j).Text(), ":"); ok {
				links[name] = append(links[name], alias)
			}
		}
	}
	for i := range services.Len() {
		v := services.At(i)
		if i == maxServices {
			r.problem(v, "/services", "more than "+strconv.Itoa(maxServices)+" services; the rest was left out", "split the file")
			break
		}
		s := &service{reader: r, v: v, name: v.Key(), pointer: "/services"}
		if importer.Token(s.name) != "" {
			s.pointer += "/" + s.name
		}
		if v.Kind() != loose.Object {
			r.problem(v, s.pointer, "the service is "+v.Kind().String()+", not an object", "correct the file")
			r.report.Count("service", importer.ClassUnknown)
			continue
		}
		s.read(links[s.name])
	}
	r.ensembles()
}

func (s *service) read(aliases []string) {
	s.environment()
	s.image = hostconfig.ReadImage(s.v.Get("image").Text())
	if s.image.Role == hostconfig.RoleUnknown || s.image.Role == hostconfig.RoleOther && s.v.Has("build") {
		if role := s.byContent(); role != hostconfig.RoleUnknown {
			s.image.Role = role
		}
	}
	switch s.image.Role {
	case hostconfig.RoleFoundation:
		s.foundation()
	case hostconfig.RoleConnection:
		s.connection()
	case hostconfig.RoleIgnite:
		s.out.Ignites = append(s.out.Ignites, deployment.Satellite{Place: s.place(), Name: s.name, Nodes: s.nodes()})
	case hostconfig.RoleZooKeeper:
		s.zookeeper(aliases)
	case hostconfig.RoleDatabase:
		x := s.server(inventory.KindDatabase, aliases)
		x.Engine = s.image.Engine
		s.out.Servers = append(s.out.Servers, x)
	case hostconfig.RolePgpool:
		s.pgpool(aliases)
	case hostconfig.RoleInflux:
		x := s.server(inventory.KindInfluxDB, aliases)
		if tag := s.v.Get("image").Text(); !strings.Contains(tag, "meta") && !strings.HasSuffix(tag, "data") {
			x.Edition = inventory.EditionOSS
		}
		s.out.Servers = append(s.out.Servers, x)
	case hostconfig.RoleBalancer:
		b := deployment.Balancer{Server: s.server(inventory.KindLoadBalancer, nil)}
		s.out.Balancers = append(s.out.Balancers, b)
	case hostconfig.RoleUnknown:
		s.out.Open = append(s.out.Open, deployment.Open{
			Place: s.place(), Type: "service", Name: s.name, Reason: "neither image nor environment tells what it runs",
			Remedy: "name an image, or list it in a site file",
		})
	case hostconfig.RoleOther:
		s.report.Count("service", importer.ClassNotRelevant)
	}
}

func (s *service) place() deployment.Place {
	line, column := s.v.Place()
	return deployment.Place{Line: line, Column: column, Pointer: s.pointer}
}

// byContent tells what a service built from a Dockerfile runs: Foundation by where its files are, or by its variables.
func (s *service) byContent() hostconfig.Role {
	if s.mount("/ThingworxStorage") != nil || s.mount("/ThingworxPlatform") != nil || s.env["TWX_DATABASE_USERNAME"] != nil && s.env["THINGWORX_INITIAL_ADMIN_PASSWORD"] != nil {
		return hostconfig.RoleFoundation
	}
	return hostconfig.RoleUnknown
}

// environment collects the variables, of which only the value of those asked for is ever read.
func (s *service) environment() {
	s.env = map[string]*loose.Value{}
	s.values = map[string]string{}
	e := s.v.Get("environment")
	for i := range e.Len() {
		v := e.At(i)
		name, value, ok := v.Key(), v.Text(), true
		if e.Kind() == loose.List {
			name, value, ok = strings.Cut(v.Text(), "=")
		} else if v.Kind() == loose.Null {
			ok = false
		}
		if !ok {
			value = "${" + name + "}" // Taken from the environment in which compose runs.
		}
		s.env[name], s.values[name] = v, value
	}
}

// get returns a variable; $$ stands for one dollar sign that compose leaves alone.
func (s *service) get(name string) (string, int, bool) {
	v, ok := s.env[name]
	if !ok {
		return "", 0, false
	}
	line, _ := v.Place()
	return strings.ReplaceAll(s.values[name], "$$", "$"), line, true
}

func (s *service) variables() hostconfig.Variables {
	return hostconfig.Variables{
		Get: s.get,
		Problem: func(line int, name, what string) {
			s.report.Problem(document.Problem{Line: line, Path: s.pointer + "/environment/" + name, What: what, Remedy: "give the file as docker compose config prints it"})
		},
	}
}

// maxReplicas bounds the containers of one service.
const maxReplicas = 100

// nodes are the containers of the service.
func (s *service) nodes() []inventory.Node {
	n := 1
	for _, v := range []*loose.Value{s.v.Get("scale"), s.v.Get("deploy", "replicas")} {
		if v == nil {
			continue
		}
		if count, ok := v.Int(); ok && count >= 0 && count <= maxReplicas {
			n = count
			continue
		}
		what := "the number of replicas is no number up to " + strconv.Itoa(maxReplicas)
		if e := hostconfig.Expression(v.Text()); e != "" {
			what = "the number of replicas is not known: it is the expression " + e
		}
		s.problem(v, s.pointer, what, "give the file as docker compose config prints it")
	}
	name := importer.Slug(s.name)
	if name == "" {
		name = "service"
	}
	machine := ""
	if !s.swarm {
		machine = dockerHost(s.project)
	}
	if n == 1 {
		return []inventory.Node{{Name: name, Machine: machine}}
	}
	out := make([]inventory.Node, n)
	for i := range out {
		out[i] = inventory.Node{Name: name + "-" + strconv.Itoa(i+1), Machine: machine}
	}
	return out
}

// server is the infrastructure that a service runs, under all names that other services may use.
func (s *service) server(kind inventory.InfrastructureKind, aliases []string) deployment.Server {
	x := deployment.Server{Place: s.place(), Key: s.name}
	x.Kind, x.Version, x.Nodes = kind, s.image.Version, s.nodes()
	x.ID = importer.Slug(s.project + "-" + s.name)
	if kind == inventory.KindLoadBalancer {
		return x
	}
	names := append([]string{s.name, s.v.Get("hostname").Text(), s.v.Get("container_name").Text()}, aliases...)
	networks := s.v.Get("networks")
	for i := range networks.Len() {
		list := networks.At(i).Get("aliases")
		for j := range list.Len() {
			names = append(names, list.At(j).Text())
		}
	}
	for _, name := range names {
		if h := deployment.Host(name); h != "" && !deployment.Loopback(h) {
			x.Hosts = append(x.Hosts, deployment.HostPort{Host: h})
		}
	}
	return x
}
