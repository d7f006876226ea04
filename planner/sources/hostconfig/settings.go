package hostconfig

import (
	"math"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

const (
	platformSection = "PlatformSettingsConfig"
	providerSection = "PersistenceProviderPackageConfigs"
	settingsRemedy  = "correct the file at this place"
)

// settingsLike reports whether a text is platform-settings.json, whole or in part.
func settingsLike(start, name string) bool {
	switch start[0] {
	case '{', '"', '\'', '/', '#':
	default:
		if !strings.HasPrefix(start, "“") && !strings.HasPrefix(start, "„") && !strings.HasPrefix(start, "{%") {
			return false
		}
	}
	for _, word := range []string{platformSection, providerSection, "ClusteredModeSettings", "HASettings", "BasicSettings", "CoordinatorHosts", "ZKNamespace", "IgniteCacheProvider"} {
		if strings.Contains(start, word) {
			return true
		}
	}
	return ownName(name) && strings.Contains(strings.ToLower(name), "settings")
}

// settingsFile is one platform-settings.json.
type settingsFile struct {
	*reader
	doc  *loose.Document
	part bool // without its outer sections, so that the levels are not told
	f    deployment.Foundation
}

func (r *reader) settings(data []byte) {
	r.out.Source = Source
	doc, problem := loose.JSON(data)
	if problem != nil {
		r.report.Kind = "platform-settings.json that cannot be read"
		r.report.Refuse(*problem)
		return
	}
	s := &settingsFile{reader: r, doc: doc}
	r.report.Kind = "platform-settings.json"
	if doc.Template {
		r.report.Kind = "template of platform-settings.json"
		r.note(0, "", "a template: what stands in it holds only for the file that is made of it")
	}
	s.part = !doc.Root.Has(platformSection, providerSection)
	if s.part {
		r.report.Kind += ", in part"
	}
	for _, f := range doc.Faults {
		what := f.What
		if f.Dropped {
			what += "; it was left out"
		}
		r.problem(f.Line, "", what, "correct the file at this place; ThingWorx may not read it at all")
	}
	if doc.More > 0 {
		r.problem(0, "", "and further mistakes of this kind", "")
	}
	s.read()
}

// section finds a section where it belongs: in PlatformSettingsConfig, or at the top level where either says. One that
// stands elsewhere is reported; ThingWorx does not see it, unless a bracket is missing and the place is not certain.
func (s *settingsFile) section(name string, top, inner bool) (*loose.Value, string) {
	root := s.doc.Root
	if inner {
		if v := root.Get(platformSection, name); v != nil {
			return v, "/" + platformSection + "/" + name
		}
	}
	if top || s.part {
		if v := root.Get(name); v != nil {
			return v, "/" + name
		}
	}
	v, where := find(root, name, "", 0)
	if v == nil {
		return nil, ""
	}
	line, _ := v.Place()
	if s.doc.Unclosed {
		s.problem(line, where, name+" stands inside another section, perhaps because of the bracket that is missing; it was read", settingsRemedy)
		return v, where
	}
	right := "at the top level"
	if inner {
		right = "in " + platformSection
	}
	s.problem(line, where, name+" stands in the wrong place, so that ThingWorx does not see it; it was left out", "move it; its place is "+right)
	return nil, ""
}

// find looks for a key at any depth that a section could have been misplaced to. The pointer names known sections only.
func find(v *loose.Value, name, pointer string, depth int) (*loose.Value, string) {
	if depth > 4 || v.Kind() != loose.Object {
		return nil, ""
	}
	for i := range v.Len() {
		kid := v.At(i)
		at := pointer
		if knownSection(kid.Key()) {
			at += "/" + kid.Key()
		}
		if kid.Key() == name && kid.Kind() == loose.Object {
			return kid, at
		}
		if found, where := find(kid, name, at, depth+1); found != nil {
			return found, where
		}
	}
	return nil, ""
}

func knownSection(key string) bool {
	switch key {
	case platformSection, providerSection, "BasicSettings", "ClusteredModeSettings", "HASettings", "cache", "ignite", "address-resolver", "ExtensionPackageImportPolicy", "Storage", "LicensingConnectionSettings", "AdministratorUserSettings", "ConnectionInformation", "SolutionCentralSettings", "OrchestrationSettings":
		return true
	}
	return false
}

func (s *settingsFile) read() {
	s.f.Line, s.f.Column = s.doc.Root.Place()
	basic, at := s.section("BasicSettings", false, true)
	node := s.node("foundation")
	if s.part && basic == nil && s.doc.Root.Has("EnableHA", "EnableClusteredMode", "CoordinatorHosts") {
		basic = s.doc.Root
	}
	enabled := s.flag(basic, "EnableClusteredMode", at)
	ha := s.flag(basic, "EnableHA", at)
	switch {
	case enabled != nil:
		s.f.Clustered = enabled
		s.f.Joins = *enabled
	case ha != nil && !*ha:
		s.f.Clustered = ha
	case ha != nil:
		// The high availability of 8.x is one active and one passive server, which is not clustered mode.
		s.f.Joins = true
		s.note(0, at+"/EnableHA", "high availability of 8.x is on: one server is active; whether that is clustered mode is left open")
	}
	s.coordination(&node)
	if v, where := s.section("ExtensionPackageImportPolicy", false, true); v != nil {
		level := v.Get("haCompatibilityImportLevel")
		switch word := strings.ToUpper(level.Text()); word {
		case "":
		case "WARN", "DENY":
			s.f.Cluster.Settings.HACompatibilityImportLevel = word
		default:
			s.unreadable(level, where+"/haCompatibilityImportLevel", "haCompatibilityImportLevel is neither WARN nor DENY")
		}
	}
	s.storage(basic, at)
	s.providers()
	s.f.Nodes = []inventory.Node{node}
	s.out.Foundations = append(s.out.Foundations, s.f)
}

func (s *settingsFile) unreadable(v *loose.Value, pointer, what string) {
	line, _ := v.Place()
	if expression(v.Text()) != "" {
		what += isExpression(expression(v.Text()))
	}
	s.problem(line, pointer, what, settingsRemedy)
}

func (s *settingsFile) flag(v *loose.Value, key, at string) *bool {
	m := v.Get(key)
	if m == nil {
		return nil
	}
	if b, ok := m.Bool(); ok {
		return &b
	}
	s.unreadable(m, at+"/"+key, key+" is neither true nor false")
	return nil
}

// coordination reads how the node finds the others: ClusteredModeSettings of 9.x or HASettings of 8.x, and the cache.
func (s *settingsFile) coordination(node *inventory.Node) {
	v, at := s.section("ClusteredModeSettings", true, true)
	if v == nil {
		v, at = s.section("HASettings", true, true)
	}
	if v == nil && s.part && s.doc.Root.Has("CoordinatorHosts", "ZKNamespace") {
		v, at = s.doc.Root, ""
	}
	cache, cacheAt := s.section("cache", true, true)
	if s.f.Clustered != nil && !*s.f.Clustered {
		if v != nil {
			s.note(0, at, "clustered mode is off, so that ThingWorx ignores the settings of a cluster given here")
		}
		return
	}
	set := &s.f.Cluster.Settings
	for _, d := range []struct {
		key string
		to  *inventory.Duration
	}{
		{"ModelSyncPollInterval", &set.ModelSyncPollInterval},
		{"ModelSyncWaitPeriod", &set.ModelSyncWaitPeriod},
		{"ModelSyncTimeout", &set.ModelSyncTimeout},
		{"CoordinatorSessionTimeout", &set.CoordinatorSessionTimeout},
		{"CoordinatorConnectionTimeout", &set.CoordinatorConnectionTimeout},
		{"CoordinatorRetryTimeout", &set.CoordinatorRetryTimeout},
	} {
		if n := s.number(v, d.key, at); n != nil {
			*d.to = inventory.Duration(time.Duration(*n) * time.Millisecond)
		}
	}
	set.ModelSyncMaxDBUnavailableErrors = s.number(v, "ModelSyncMaxDBUnavailableErrors", at)
	set.ModelSyncMaxCacheUnavailableError = s.number(v, "ModelSyncMaxCacheUnavailableErrors", at)
	set.CoordinatorMaxRetries = s.number(v, "CoordinatorMaxRetries", at)
	if id := v.Get("PlatformId"); id.Text() != "" {
		if word := importer.Token(id.Text()); word != "" {
			node.Settings.PlatformID = word
			if s.host == "" {
				node.Name = word
			}
		} else {
			s.unreadable(id, at+"/PlatformId", "PlatformId is not made of letters and digits")
		}
	}
	u := deployment.Use{Use: inventory.Use{As: inventory.AsZooKeeper}}
	u.Server.Kind = inventory.KindZooKeeper
	u.Server.Place = placeOf(v, at)
	u.Namespace = s.znode(&u, v, "ZKNamespace", at, "namespace")
	if u.Namespace == "" && u.Unknown == nil {
		u.Namespace = s.znode(&u, v, "CoordinatorZNode", at, "namespace")
	}
	hosts := v.Get("CoordinatorHosts")
	s.connect(&u, hosts, at+"/CoordinatorHosts")
	s.cache(cache, cacheAt, &u)
	if len(u.Server.Hosts) > 0 || u.Server.Unknown != "" || u.Namespace != "" || u.IgniteBasePath != "" {
		s.f.Uses = append(s.f.Uses, u)
	}
}

// connect reads a ZooKeeper connect string.
func (s *settingsFile) connect(u *deployment.Use, v *loose.Value, at string) {
	if v.Text() == "" {
		return
	}
	if e := expression(v.Text()); e != "" {
		u.Server.Unknown = e
		s.unreadable(v, at, "the ZooKeeper servers are not known")
		return
	}
	found, odd := deployment.ParseHosts(v.Text())
	u.Server.Hosts = append(u.Server.Hosts, found...)
	if odd > 0 {
		s.unreadable(v, at, "a part of the list of ZooKeeper servers is no address")
	}
}

func (s *settingsFile) cache(v *loose.Value, at string, u *deployment.Use) {
	if v == nil {
		return
	}
	if provider := v.Get("provider-type").Text(); provider != "" && !strings.Contains(strings.ToLower(provider), "ignite") {
		return
	}
	ignite := v.Get("ignite")
	s.f.HasIgnite = true
	for _, key := range []string{"client-mode", "clientMode"} {
		if client, ok := ignite.Get(key).Bool(); ok && client {
			s.f.Ignite = inventory.IgniteSeparate
		} else if ok {
			s.f.Ignite = inventory.IgniteEmbedded
		}
	}
	resolver := ignite.Get("address-resolver")
	if kind := resolver.Get("type").Text(); kind != "" && !strings.EqualFold(kind, "zookeeper") {
		return
	}
	u.IgniteBasePath = s.znode(u, resolver, "basePath", at+"/ignite/address-resolver", "igniteBasePath")
	for _, key := range []string{"connection", "connectionString", "zkConnectionString"} {
		if c := resolver.Get(key); c != nil && len(u.Server.Hosts) == 0 && u.Server.Unknown == "" {
			s.connect(u, c, at+"/ignite/address-resolver/"+key)
		}
	}
}

// znode reads a path in ZooKeeper.
func (s *settingsFile) znode(u *deployment.Use, v *loose.Value, key, at, field string) string {
	m := v.Get(key)
	text := strings.TrimSpace(m.Text())
	switch {
	case text == "":
		return ""
	case expression(text) != "":
		unknown(u, field, expression(text))
		s.unreadable(m, at+"/"+key, key+" is not known")
		return ""
	case !pathLike(text, "/"):
		s.unreadable(m, at+"/"+key, key+" is no path")
		return ""
	}
	return text
}

func unknown(u *deployment.Use, field, expression string) {
	if u.Unknown == nil {
		u.Unknown = map[string]string{}
	}
	u.Unknown[field] = expression
}

func (s *settingsFile) number(v *loose.Value, key, at string) *int {
	m := v.Get(key)
	if m == nil || m.Kind() == loose.Null {
		return nil
	}
	if n, ok := m.Int(); ok && n >= 0 && n <= math.MaxInt32 {
		return &n
	}
	s.unreadable(m, at+"/"+key, key+" is no whole number of 0 or more")
	return nil
}

// storage reads where the node keeps its files. Two different paths are two storages.
func (s *settingsFile) storage(basic *loose.Value, at string) {
	var seen []string
	for _, key := range []string{"Storage", "FileRepositoryRoot"} {
		m := basic.Get(key)
		text := strings.TrimSpace(m.Text())
		if text == "" || len(seen) > 0 && seen[0] == text {
			continue
		}
		seen = append(seen, text)
		u := deployment.Use{Use: inventory.Use{As: inventory.AsStorage}}
		u.Server.Kind = inventory.KindStorage
		u.Server.Place = placeOf(m, at+"/"+key)
		switch {
		case expression(text) != "":
			unknown(&u, "path", expression(text))
			s.unreadable(m, at+"/"+key, "the path of "+key+" is not known")
		case !pathLike(text, `/\: $`):
			s.unreadable(m, at+"/"+key, key+" is no path; a backslash has to be doubled")
			continue
		default:
			u.Path = text
			if host := share(text); host != "" {
				u.Server.Hosts = []deployment.HostPort{{Host: host}}
				u.Server.Protocol = "smb"
			}
		}
		s.f.Uses = append(s.f.Uses, u)
	}
}

// share is the host of a path of the form \\host\share or //host/share.
func share(text string) string {
	text = strings.ReplaceAll(text, `\`, "/")
	rest, ok := strings.CutPrefix(text, "//")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	return deployment.Host(host)
}

func pathLike(s, allowed string) bool {
	return len(s) <= 260 && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_."+allowed, c)
	})
}

func placeOf(v *loose.Value, pointer string) deployment.Place {
	line, column := v.Place()
	return deployment.Place{Line: line, Column: column, Pointer: pointer}
}
