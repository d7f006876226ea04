package hostconfig

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// maxMembers bounds the members of one ensemble and the lines reported.
const maxMembers = 64

// zooCfg reads zoo.cfg and the file of its dynamic configuration.
func (r *reader) zooCfg(data []byte) {
	r.report.Kind = "zoo.cfg"
	r.out.Source = Source
	s := deployment.Server{Host: r.host, Place: deployment.Place{Line: 1}}
	s.Kind = inventory.KindZooKeeper
	port, members, self := 0, map[int]string{}, 0
	ports := map[int]int{}
	lines(data, func(n int, line string) {
		if line == "" || line[0] == '#' {
			return
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		number, isServer := strings.CutPrefix(key, "server.")
		switch {
		case !ok:
			r.problem(n, "", "a line is neither a comment nor key=value", "correct the line")
		case key == "clientPort" || key == "secureClientPort":
			p, err := strconv.Atoi(value)
			if err != nil || p < 1 || p > 65535 {
				r.hidden(n, value, key+" is no port")
				return
			}
			if key == "clientPort" || port == 0 {
				if port != 0 && port != p {
					r.problem(n, "", "clientPort is given twice with different values; the last one was read", "remove one of them")
				}
				port = p
			}
		case key == "dynamicConfigFile":
			r.note(n, "", "the members stand in the file of the dynamic configuration; import it too")
		case isServer:
			id, err := strconv.Atoi(number)
			if err != nil || id < 0 || members[id] != "" || len(members) == maxMembers {
				r.problem(n, "", "a server line has no number of its own", "number the servers from 1")
				return
			}
			r.member(n, id, value, members, ports, &self)
		}
	})
	if self != 0 && r.host != "" {
		members[self] = r.host
	}
	for _, id := range sortedIDs(members) {
		host := members[id]
		if host == "" {
			continue
		}
		p := ports[id]
		if p == 0 {
			p = port
		}
		s.Hosts = append(s.Hosts, deployment.HostPort{Host: host, Port: p})
		node := inventory.Node{Name: host}
		if host == r.host {
			node.Machine = host
		}
		s.Nodes = append(s.Nodes, node)
	}
	if len(members) == 0 {
		r.note(0, "", "no server lines: a single ZooKeeper server")
		s.Hosts = []deployment.HostPort{{Host: "localhost", Port: port}}
		if r.host != "" {
			s.Hosts = []deployment.HostPort{{Host: r.host, Port: port}}
		}
		s.Nodes = []inventory.Node{r.node("zookeeper")}
	} else if self != 0 && members[self] == "" {
		r.note(0, "", "this server's own line names no host; the file of another member does")
	}
	s.Members = len(members)
	r.out.Servers = append(r.out.Servers, s)
}

// member reads server.N=host:port:port[:role][;clientPort]. The own line of a server may stand for its host with 0.0.0.0.
func (r *reader) member(n, id int, value string, members map[int]string, ports map[int]int, self *int) {
	if expression(value) != "" {
		r.hidden(n, value, "a member of the ensemble is not known")
		members[id] = ""
		return
	}
	address, client, _ := strings.Cut(value, ";")
	// Of several addresses of one member, which ZooKeeper 3.6 allows, the first stands for it.
	address, _, _ = strings.Cut(address, "|")
	if strings.HasSuffix(strings.ToLower(address), ":observer") {
		r.note(n, "", "an observer, which has no vote, is not counted among the members")
		return
	}
	host, rest, _ := strings.Cut(address, ":")
	if strings.HasPrefix(address, "[") {
		host, rest, _ = strings.Cut(strings.TrimPrefix(address, "["), "]")
	}
	name := deployment.Host(host)
	if name == "" || rest == "" {
		r.problem(n, "", "a server line is not host:port:port", "correct the line")
		return
	}
	if deployment.Loopback(name) {
		*self, name = id, ""
	}
	members[id] = name
	if i := strings.LastIndexByte(client, ':'); client != "" {
		if p, err := strconv.Atoi(strings.TrimSpace(client[i+1:])); err == nil && p > 0 && p < 1<<16 {
			ports[id] = p
		}
	}
}

// hidden reports a value that is not what it should be, with the expression when it is one.
func (r *reader) hidden(line int, value, what string) {
	if e := expression(value); e != "" {
		what += isExpression(e)
	}
	r.problem(line, "", what, "give the file with its values filled in")
}

func sortedIDs(m map[int]string) []int {
	out := make([]int, 0, len(m))
	for id := range m {
		at := len(out)
		for at > 0 && out[at-1] > id {
			at--
		}
		out = append(out, 0)
		copy(out[at+1:], out[at:])
		out[at] = id
	}
	return out
}

var (
	askLine = regexp.MustCompile(`\b(?:stat|srvr|mntr|conf|cons|ruok)\b.*\|\s*nc\s+(?:-\S+\s+(?:\d+\s+)?)*([A-Za-z0-9_.:-]+)`)
	version = regexp.MustCompile(`^(\d+\.\d+(?:\.\d+)*)`)
	consRow = regexp.MustCompile(`^/\S+\[\d+\]\(`)
)

// words reads the answers of ZooKeeper to mntr, srvr, stat and cons, alone or in a terminal's session over several
// servers. ClickHouse Keeper answers the same words and is not ZooKeeper.
func (r *reader) words(data []byte) {
	r.report.Kind = "answer of a ZooKeeper server"
	r.out.Source = Source
	var all []deployment.Sighting
	at := func(n int) *deployment.Sighting {
		if len(all) == 0 {
			all = append(all, deployment.Sighting{Place: deployment.Place{Line: n}, Host: r.host})
		}
		return &all[len(all)-1]
	}
	keeper, clients, followers := false, 0, 0
	lines(data, func(n int, line string) {
		if m := askLine.FindStringSubmatch(line); m != nil && len(all) < maxMembers {
			h, _ := deployment.ParseHost(m[1])
			for i := range all {
				if all[i].Host == h.Host {
					all = append(append(all[:i:i], all[i+1:]...), all[i])
					return
				}
			}
			if len(all) == 0 || all[len(all)-1].Host != h.Host {
				all = append(all, deployment.Sighting{Place: deployment.Place{Line: n}, Host: h.Host})
			}
			return
		}
		key, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(line, "zk_") {
			fields := strings.Fields(line)
			if key = fields[0]; len(fields) > 1 {
				value = fields[1]
			}
		} else if line != "" && line[0] != '#' && line[0] != '[' && !strings.Contains(line, ":") && !strings.Contains(line, "(") {
			r.problem(n, "", "a line is no answer of ZooKeeper", "copy the answer whole")
			return
		}
		switch value = strings.TrimSpace(value); key {
		case "zk_version", "Zookeeper version":
			if strings.HasPrefix(value, "v") {
				keeper = true
			}
			if m := version.FindString(value); m != "" {
				at(n).Version = m
			}
		case "zk_server_state", "Mode":
			if value == "leader" || value == "follower" {
				at(n).Role = value
			}
		case "zk_followers":
			followers, _ = strconv.Atoi(value)
		default:
			if consRow.MatchString(line) {
				clients++
			}
		}
	})
	switch {
	case keeper:
		r.note(0, "", "ClickHouse Keeper answered, which is not ZooKeeper")
		r.report.Count("keeper server", importer.ClassNotRelevant)
	case len(all) == 0 && clients > 0:
		r.note(0, "", "a list of clients, which tells nothing about the ensemble")
		r.report.Count("zookeeper clients", importer.ClassContext)
	default:
		r.sightings(all, followers)
	}
}

// sightings makes an ensemble of the servers of one session when leader and followers are all there; else each server
// goes to the ensemble that has a member of its name.
func (r *reader) sightings(all []deployment.Sighting, followers int) {
	leaders, others := 0, 0
	for _, s := range all {
		switch {
		case s.Role == "leader" && s.Host != "":
			leaders++
		case s.Role == "follower" && s.Host != "":
			others++
		}
	}
	if leaders == 1 && others > 0 && others == followers && leaders+others == len(all) {
		s := deployment.Server{Place: all[0].Place}
		s.Kind = inventory.KindZooKeeper
		for _, x := range all {
			s.Hosts = append(s.Hosts, deployment.HostPort{Host: x.Host})
			s.Nodes = append(s.Nodes, inventory.Node{Name: x.Host, Role: x.Role})
			if s.Version == "" {
				s.Version = x.Version
			}
		}
		r.out.Servers = append(r.out.Servers, s)
		return
	}
	r.out.Sightings = append(r.out.Sightings, all...)
}
