package collect

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/file"
	"github.com/meridian-federation/meridian/planner/sources/folder"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// SiteFile is a SiteInventory file, which declares.
type SiteFile struct {
	Title   string // name of the source
	Path    string
	Regions *geo.Table
}

// Name implements Source.
func (s SiteFile) Name() string { return s.Title }

// Collect implements Source.
func (s SiteFile) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	read := file.Read(s.Regions, s.Path)
	if err := read.Err(); err != nil {
		return nil, nil, err
	}
	sites := read.Sites()
	if len(sites) != 1 {
		return nil, nil, document.NewError([]document.Problem{{
			File: s.Path, What: fmt.Sprintf("%d inventories where one is expected", len(sites)), Remedy: "give the file of one site",
		}})
	}
	return sites[0], nil, nil
}

// Watch implements Source.
func (s SiteFile) Watch(ctx context.Context, changed func()) error {
	return file.Watch(ctx, s.Path, changed)
}

// Exports are raw files that an import understands: configuration of hosts, exports of a cloud, manifests.
type Exports struct {
	Title   string // name of the source
	Site    string // id
	Paths   []string
	Cluster string // id of the only cluster that the files describe; "" keeps the one derived from them
	// InPlace: the files are read where the programs read them, so that what they say holds now. Otherwise they may be
	// copies, and what they say is as old as the newest of them.
	InPlace bool
	Import  func([]importer.File, importer.Options) importer.Result
	Regions *geo.Table
	Now     func() time.Time
}

// Name implements Source.
func (s Exports) Name() string { return s.Title }

// Collect implements Source.
func (s Exports) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	files, err := folder.Collect(s.Paths)
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("%s: the paths hold no file", strings.Join(s.Paths, ", "))
	}
	at := s.Now().UTC().Truncate(time.Second)
	if !s.InPlace {
		at = Newest(files, at)
	}
	result := s.Import(files, importer.Options{Site: s.Site, At: at, Regions: s.Regions})
	if result.Site == nil {
		var problems []document.Problem
		for i := range result.Files {
			problems = append(problems, result.Files[i].Problems...)
		}
		return nil, nil, document.NewError(problems)
	}
	outcome := inventory.Source{Name: s.Title, Status: inventory.SourceOK, At: s.Now().UTC()}
	var details []string
	for _, src := range result.Site.Sources {
		if src.Status != inventory.SourceOK {
			outcome.Status = inventory.SourcePartial
		}
		details = append(details, src.Detail)
	}
	details = append(details, leftOut(&result, details)...)
	if problem := s.own(result.Site); problem != "" {
		outcome.Status = inventory.SourcePartial
		details = append(details, problem)
	}
	outcome.Detail = bounded(strings.Join(slices.Compact(details), "; "))
	result.Site.Sources = nil
	return result.Site, []inventory.Source{outcome}, nil
}

// maxLeftOut bounds the refused files that an outcome names.
const maxLeftOut = 5

// leftOut names the refused files that no detail names yet. One that is none of the source's kind does not make the outcome
// partial, since folders hold notes too.
func leftOut(r *importer.Result, told []string) []string {
	var names []string
	for i := range r.Files {
		f := &r.Files[i]
		if f.Status == importer.Refused && !slices.ContainsFunc(told, func(d string) bool { return strings.Contains(d, f.Path) }) {
			names = append(names, f.Path)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"left out, because they are of no use here: " + importer.List(names, maxLeftOut)}
}

// own gives the only cluster the id that the configuration says.
func (s Exports) own(site *inventory.Site) string {
	switch {
	case s.Cluster == "":
	case len(site.Clusters) == 1:
		site.Clusters[0].ID = s.Cluster
	default:
		return fmt.Sprintf("the files describe %d clusters, and so none of them can be taken for %s: configure a source for each", len(site.Clusters), s.Cluster)
	}
	return ""
}

// Newest is the time of the newest file, as its file system tells it, never after now.
func Newest(files []importer.File, now time.Time) time.Time {
	var at time.Time
	for _, f := range files {
		if info, err := os.Stat(f.Name); err == nil && info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	if at.IsZero() || at.After(now) {
		return now
	}
	return at.UTC().Truncate(time.Second)
}

// Watch implements Source.
func (s Exports) Watch(ctx context.Context, changed func()) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range s.Paths {
		group.Go(func() error { return file.WatchTree(ctx, p, changed) })
	}
	return group.Wait()
}
