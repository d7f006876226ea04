package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/azure/live"
	"github.com/meridian-federation/meridian/planner/sources/collect"
	"github.com/meridian-federation/meridian/planner/sources/compose"
	"github.com/meridian-federation/meridian/planner/sources/file"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/kubernetes"
	"github.com/meridian-federation/meridian/planner/sources/probe"
	"github.com/meridian-federation/meridian/planner/sources/terraform"
)

// SourceConfig is one entry of the configuration's sources: exactly one kind, with its options.
type SourceConfig struct {
	Name string `json:"name,omitempty"` // in the inventory's sources; the kind when empty

	SiteFile    *SiteFileConfig   `json:"siteFile,omitempty"`
	Hostconfig  *HostconfigConfig `json:"hostconfig,omitempty"`
	Terraform   *FilesConfig      `json:"terraform,omitempty"`
	Kubernetes  *FilesConfig      `json:"kubernetes,omitempty"`
	Compose     *FilesConfig      `json:"compose,omitempty"`
	AzureExport *FilesConfig      `json:"azureExport,omitempty"`
	Azure       *live.Config      `json:"azure,omitempty"`  // Azure itself
	Probes      *ProbesConfig     `json:"probes,omitempty"` // at most one entry; asks what all others name
}

// SiteFileConfig is a SiteInventory file.
type SiteFileConfig struct {
	Path string `json:"path"`
}

// FilesConfig is files and folders of raw exports.
type FilesConfig struct {
	Paths   []string `json:"paths"`
	Cluster string   `json:"cluster,omitempty"` // id of the only cluster they describe, in the words of the site's file
}

// HostconfigConfig is configuration files of hosts.
type HostconfigConfig struct {
	FilesConfig
	// InPlace: the paths are those from which the programs read, so that what they say holds now. Without it they may be
	// copies, and are as old as the newest of them.
	InPlace bool `json:"inPlace,omitempty"`
}

// ProbesConfig is the configuration of the probes, here or in a file of its own.
type ProbesConfig struct {
	File string `json:"file,omitempty"`
	probe.Config
}

// refresh is the time after which what was seen again, and says the same, makes a new revision: often enough that an
// inventory is never late (rule DQ-001, 24 h), seldom enough that the history is no log of polling.
const refresh = time.Hour

// kindOf returns the kind of a source, and of how many it has options.
func (s *SourceConfig) kindOf() (kind string, number int) {
	for name, given := range map[string]bool{
		SourceName: s.SiteFile != nil, hostconfig.Source: s.Hostconfig != nil, terraform.Source: s.Terraform != nil, kubernetes.Source: s.Kubernetes != nil,
		compose.Source: s.Compose != nil, "azure-export": s.AzureExport != nil, live.Name: s.Azure != nil,
		probe.Source: s.Probes != nil,
	} {
		if given {
			kind = name
			number++
		}
	}
	return kind, number
}

// files returns the paths of a source, nil for probes and Azure.
func (s *SourceConfig) files() (paths []string, cluster string) {
	switch {
	case s.SiteFile != nil:
		return []string{s.SiteFile.Path}, ""
	case s.Hostconfig != nil:
		return s.Hostconfig.Paths, s.Hostconfig.Cluster
	}
	for _, f := range []*FilesConfig{s.Terraform, s.Kubernetes, s.Compose, s.AzureExport} {
		if f != nil {
			return f.Paths, f.Cluster
		}
	}
	return nil, ""
}

// name is what the inventory calls the source.
func (s *SourceConfig) name() string {
	if s.Name != "" {
		return s.Name
	}
	kind, _ := s.kindOf()
	return kind
}

// CheckSources returns all problems of the sources as one error; each names the place and the remedy. With files it looks
// whether what they name can be read, too, and whether the site's file is an inventory.
func CheckSources(sources []SourceConfig, files bool) error {
	var problems []error
	names, probes := map[string]int{}, 0
	for i := range sources {
		s := &sources[i]
		add := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("sources/%d: %w", i, fmt.Errorf(format, args...)))
		}
		_, number := s.kindOf()
		if number != 1 {
			add("it has %d kinds: give exactly one of siteFile, hostconfig, terraform, kubernetes, compose, azureExport, azure, probes", number)
			continue
		}
		if other, taken := names[s.name()]; taken {
			add("the name %s is that of sources/%d too: give one of them another with name:", s.name(), other)
		}
		names[s.name()] = i
		if strings.ContainsAny(s.name(), "/\n") || len(s.name()) > 63 {
			add("name: it has a slash or more than 63 characters")
		}
		if s.Probes != nil {
			probes++
			if probes > 1 {
				add("there are two entries of probes: put their targets into one")
			}
			if err := s.Probes.check(files); err != nil {
				add("%w", err)
			}
			continue
		}
		if s.Azure != nil {
			if err := s.Azure.Check(); err != nil {
				add("%w", err)
			}
			continue
		}
		paths, cluster := s.files()
		if len(paths) == 0 || slices.Contains(paths, "") {
			add("the path is missing")
		}
		if cluster != "" && !inventory.ValidID(cluster) {
			add("cluster: %q is no id: lower-case letters, digits and dashes, at most 63", cluster)
		}
		if files && s.SiteFile != nil && s.SiteFile.Path != "" {
			if err := file.Read(nil, s.SiteFile.Path).Err(); err != nil {
				add("%w", err)
			}
			continue
		}
		for _, p := range paths {
			if _, err := os.Stat(p); files && p != "" && err != nil {
				add("%w: check that it exists and may be read", err)
			}
		}
	}
	if probes == len(sources) && probes > 0 {
		problems = append(problems, errors.New("sources: there are only probes, which ask what another source names: add the site's file or another source"))
	}
	return errors.Join(problems...)
}

// load returns the configuration of the probes, from its file if it names one.
func (p *ProbesConfig) load() (*probe.Config, error) {
	if p.File == "" {
		return &p.Config, p.Check()
	}
	if inline, err := json.Marshal(p.Config); err != nil || string(inline) != "{}" {
		return nil, errors.New("probes: give either file or the options themselves")
	}
	return probe.Load(p.File)
}

func (p *ProbesConfig) check(files bool) error {
	c, err := p.load()
	if err != nil || !files {
		return err
	}
	var problems []error
	for i := range c.Targets {
		for _, path := range []string{c.Targets[i].PasswordFile, c.Targets[i].TLS.CA} {
			if path == "" {
				continue
			}
			if f, err := os.Open(path); err != nil {
				problems = append(problems, fmt.Errorf("probes: targets/%d: %w: check that it exists and may be read", i, err))
			} else if err := f.Close(); err != nil {
				problems = append(problems, fmt.Errorf("probes: targets/%d: %w", i, err))
			}
		}
	}
	return errors.Join(problems...)
}

// importers are the imports of the file sources by kind.
func importers() map[string]func([]importer.File, importer.Options) importer.Result {
	return map[string]func([]importer.File, importer.Options) importer.Result{
		hostconfig.Source: hostconfig.Import, terraform.Source: terraform.Import, kubernetes.Source: kubernetes.Import, compose.Source: compose.Import, "azure-export": azure.Import,
	}
}

// KeptFile is the file in the state folder that holds what each source said last.
const KeptFile = "sources.json"

// ProbesFile is the file in the state folder that holds what the probes learned last.
const ProbesFile = "probes.json"

// source joins the configured sources into one.
func (o *Options) source() (agent.Source, error) {
	if err := CheckSources(o.Sources, false); err != nil {
		return nil, err
	}
	var members []collect.Member
	var probes *probe.Config
	for i := range o.Sources {
		s := &o.Sources[i]
		if s.Probes != nil {
			var err error
			if probes, err = s.Probes.load(); err != nil {
				return nil, err
			}
			continue
		}
		m, err := o.member(s)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	c, err := collect.New(collect.Options{Site: o.Site, Regions: o.Engine.Regions, Members: members, Keep: filepath.Join(o.Dir, KeptFile)})
	if err != nil {
		return nil, err
	}
	if probes == nil {
		return c, nil
	}
	p, err := probe.New(*probes, nil)
	if err != nil {
		return nil, err
	}
	live := probe.Over(c, p)
	return live, live.Remember(filepath.Join(o.Dir, ProbesFile))
}

func (o *Options) member(s *SourceConfig) (collect.Member, error) {
	spec, err := json.Marshal(s)
	if err != nil {
		return collect.Member{}, err
	}
	kind, _ := s.kindOf()
	if s.SiteFile != nil {
		return collect.Member{Source: collect.SiteFile{Title: s.name(), Path: s.SiteFile.Path, Regions: o.Engine.Regions}, Spec: string(spec)}, nil
	}
	if s.Azure != nil {
		source, err := live.New(*s.Azure, live.Options{Site: o.Site, Regions: o.Engine.Regions, Hosts: func() []importer.NamedHost { return o.hosts(s.name()) }, Name: s.name()})
		if err != nil {
			return collect.Member{}, err
		}
		return collect.Member{Source: source, Observed: true, Interval: s.Azure.Every(), Refresh: refresh, Spec: string(spec)}, nil
	}
	paths, cluster := s.files()
	e := collect.Exports{Title: s.name(), Site: o.Site, Paths: paths, Cluster: cluster, Import: importers()[kind], Regions: o.Engine.Regions, Now: time.Now}
	m := collect.Member{Observed: slices.Contains(observing(), kind), Spec: string(spec)}
	if s.Hostconfig != nil && s.Hostconfig.InPlace {
		e.InPlace, m.Refresh = true, refresh
	}
	m.Source = e
	return m, nil
}

// hosts are what the other sources said last that ThingWorx connects to, with the cluster where only one does.
func (o *Options) hosts(except string) []importer.NamedHost {
	kept, err := collect.Read(filepath.Join(o.Dir, KeptFile))
	if err != nil {
		return nil // Nothing has been said yet.
	}
	var out []importer.NamedHost
	for _, k := range kept {
		if k.Name == except || k.Site == nil {
			continue
		}
		for i := range k.Site.Infrastructure {
			infra := &k.Site.Infrastructure[i]
			var clusters []string
			for j := range k.Site.Clusters {
				if c := &k.Site.Clusters[j]; slices.ContainsFunc(c.Uses, func(u inventory.Use) bool { return u.Infrastructure == infra.ID }) {
					clusters = append(clusters, c.ID)
				}
			}
			for _, key := range inventory.Keys(o.Site, infra) {
				_, host, ok := strings.Cut(key[strings.LastIndexByte(key, '|')+1:], ":")
				if !ok || strings.HasPrefix(host, "/") {
					continue // the id of a cloud resource
				}
				h := importer.NamedHost{Name: host, Elsewhere: true}
				if len(clusters) == 1 {
					h.Cluster = clusters[0]
				}
				out = append(out, h)
			}
		}
	}
	return out
}

// observing are the kinds of source that tell what is there, where the others tell what somebody wants to be there.
func observing() []string { return []string{hostconfig.Source, terraform.Source, "azure-export"} }
