// Package hostconfig reads the configuration files of ThingWorx and of what it runs on: platform-settings.json of 8.x and
// 9.x, Ignite and connection server configuration, zoo.cfg, pgpool.conf, haproxy.cfg, files of the image's variables, and
// what ZooKeeper, pgpool-II and InfluxDB say about themselves. Passwords, users, keys and licences are never looked at.
// It reads no clock and hands fragments to package deployment; `meridian import --from hostconfig` calls Import.
package hostconfig

import (
	"bytes"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// Source is the name of this source in provenance and among the sources of a document.
const Source = "hostconfig"

const known = "this source reads platform-settings.json, zoo.cfg, pgpool.conf, haproxy.cfg, Ignite and connection server configuration"

// Import reads the files and assembles one document. Every file has a report; none is skipped.
func Import(files []importer.File, opts importer.Options) importer.Result {
	return deployment.Import(files, opts, []deployment.Reader{Read})
}

// Read reads one file; it is the deployment.Reader of this source. The machine a file is of is told by the folder it is
// in, when that looks like a host (twx-1/ThingworxPlatform/platform-settings.json); the file's name is only a hint.
func Read(f importer.File) (importer.FileReport, deployment.Fragment) {
	r := &reader{report: importer.FileReport{Path: f.Name}, file: f.Name, host: hostOf(f.Name)}
	if ownName(f.Name) {
		r.out.Source = Source
	}
	if f.Unreadable != "" {
		p := f.Unread()
		r.refuse("unreadable file", 0, p.What, p.Remedy)
		return r.report, r.out
	}
	data, problem := tree.DecodeText(f.Data)
	switch {
	case problem != nil:
		r.refuse("text in UTF-16", 0, problem.What, problem.Remedy)
	case len(bytes.TrimSpace(data)) == 0:
		r.refuse("empty file", 0, "the file is empty", "copy it again")
	case bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data):
		r.refuse("binary file", 0, "not a text in UTF-8", known)
	default:
		r.recognise(data)
	}
	if r.report.Status == importer.Refused {
		return r.report, deployment.Fragment{Source: r.out.Source}
	}
	r.out.Source = Source
	return r.report, r.out
}

// reader reads one file.
type reader struct {
	report importer.FileReport
	out    deployment.Fragment
	file   string
	host   string // "" when the folder does not tell
}

func (r *reader) refuse(kind string, line int, what, remedy string) {
	r.report.Kind = kind
	r.report.Refuse(document.Problem{Line: line, What: what, Remedy: remedy})
}

func (r *reader) problem(line int, pointer, what, remedy string) {
	r.report.Problem(document.Problem{Line: line, Path: pointer, What: what, Remedy: remedy})
}

func (r *reader) note(line int, pointer, what string) {
	r.report.Note(document.Problem{Line: line, Path: pointer, What: what})
}

// node is the machine the file is of, under a name that says what it is when the machine is not known.
func (r *reader) node(otherwise string) inventory.Node {
	if r.host == "" {
		return inventory.Node{Name: otherwise}
	}
	return inventory.Node{Name: r.host, Machine: r.host}
}

func ownName(name string) bool {
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	for _, word := range []string{"platform-settings", "platform_settings", "zoo.cfg", "pgpool", "haproxy", "cxserver"} {
		if strings.Contains(base, word) && !strings.HasSuffix(base, ".yaml") && !strings.HasSuffix(base, ".yml") {
			return true
		}
	}
	return false
}

// hostOf finds the host in the folders of a file: the one that holds ThingworxPlatform, or the nearest that has a digit
// or a dot in its name, as hosts have and folders of exports seldom do.
func hostOf(name string) string {
	parts := strings.Split(path.Dir(strings.ReplaceAll(name, `\`, "/")), "/")
	for i := len(parts) - 1; i >= 0; i-- {
		p := strings.ToLower(parts[i])
		switch p {
		case "thingworxplatform", "thingworxstorage", "conf", "conf.d", "config", "etc", "opt", "zookeeper", "haproxy", "ignite", "pgpool", "pgpool-ii", "pgpool2", "postgresql", "tomcat", "connectionserver", "cxserver", "influxdb":
			if p == "thingworxplatform" && i > 0 && deployment.Host(parts[i-1]) != "" {
				return deployment.Host(parts[i-1])
			}
			continue
		}
		if strings.ContainsAny(p, "0123456789") && p[0] >= 'a' && p[0] <= 'z' && !strings.Contains(p, "_") && !versionFolder.MatchString(p) {
			return deployment.Host(p)
		}
		return ""
	}
	return ""
}

var (
	versionFolder = regexp.MustCompile(`^v?\d|^(apache-)?(zookeeper|haproxy|ignite|tomcat|pgpool)[-.]?v?\d+[.\d]*`)
	manifest      = regexp.MustCompile(`(?m)^(apiVersion|services|kind):`)
	haproxyLine   = regexp.MustCompile(`(?m)^(global|defaults|frontend|backend|listen)\b[^=:{]*$`)
	pgpoolLine    = regexp.MustCompile(`(?m)^\s*#?\s*(backend_hostname0|num_init_children|pcp_port|backend_clustering_mode|other_pgpool_hostname0)\s*=`)
	zooLine       = regexp.MustCompile(`(?m)^\s*(server\.\d+|tickTime|dataDir|clientPort|dynamicConfigFile)\s*=`)
	wordsLine     = regexp.MustCompile(`(?m)^\s*(zk_version\s|Zookeeper version:|/\S+\[\d+\]\(queued=)`)
	variableLine  = regexp.MustCompile(`(?m)^(export )?(DEFAULT_)?(DATABASE_HOST|DATABASE_PORT|ENABLE_CLUSTERED_MODE|PLATFORM_ID|COORDINATOR_HOSTS|TWX_DATABASE_\w+|PLATFORM_VERSION|DB_TYPE|ZK_NAMESPACE)=`)
	connectLine   = regexp.MustCompile(`(?m)^\s*"?cx-server"?\s*[{.]`)
)

// maxHead is how far into a file its kind is looked for; comments at the beginning are seldom longer.
const maxHead = 128 << 10

func (r *reader) recognise(data []byte) {
	if len(data) > loose.MaxBytes {
		r.refuse("large file", 0, "larger than a configuration file may be", known)
		return
	}
	start := strings.TrimLeft(string(data), " \t\r\n")
	head := data[:min(len(data), maxHead)]
	switch {
	case settingsLike(start, r.file):
		r.settings(data)
	case strings.Contains(start, "IgniteConfiguration") || strings.Contains(start, "TcpDiscoveryZookeeperIpFinder"):
		r.ignite(data)
	case connectLine.Match(head):
		r.connection(data)
	case start[0] == '<' || start[0] == '{' || start[0] == '[' && !bytes.Contains(data, []byte("[meta]")) && !bytes.Contains(data, []byte(" nc ")) && !poolHead.Match(head):
		r.refuse("other file", 1, "neither platform-settings.json nor configuration of Ignite", known)
	case manifest.Match(head):
		r.refuse("manifest", 1, "a manifest of Kubernetes or a compose file", "import it with --from kubernetes or --from compose")
	case bytes.Contains(data, []byte("Data Nodes")) && bytes.Contains(data, []byte("Meta Nodes")):
		r.influxShow(data)
	case metaSection.Match(head):
		r.influxMeta(data)
	case poolHead.Match(head):
		r.poolNodes(data)
	case wordsLine.Match(head):
		r.words(data)
	case pgpoolLine.Match(head):
		r.pgpool(data)
	case len(haproxyLine.FindAllIndex(head, 2)) > 1 || haproxyLine.Match(head) && strings.Contains(strings.ToLower(r.file), "haproxy"):
		r.haproxy(data)
	case zooLine.Match(head):
		r.zooCfg(data)
	case variableLine.Match(head):
		r.variables(data)
	default:
		r.refuse("other text", 1, "no configuration of ThingWorx or of what it runs on", known)
	}
}

// lines calls f with each line, without blanks around it, and its number.
func lines(data []byte, f func(n int, line string)) {
	n := 0
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		n++
		f(n, strings.TrimSpace(string(line)))
	}
}
