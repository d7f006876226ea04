package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"

	"github.com/meridian-federation/meridian/federation/history/migrations"
)

// Migrate brings the schema to the newest version and applies the retention, or brings it to the given version. It may be
// called by several replicas at once and again after a failure. It drops nothing but rows that the retention does not keep.
func (s *Store) Migrate(ctx context.Context, version ...int64) error {
	files, err := render(migrations.Files, s.options.Replicated, s.options.Cluster)
	if err != nil {
		return fmt.Errorf("migrate history: %w", err)
	}
	login := *s.login
	db := clickhouse.OpenDB(&login)
	provider, err := goose.NewProvider(goose.DialectClickHouse, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName("schema_migrations"))
	if err != nil {
		return errors.Join(fmt.Errorf("migrate history: %w", err), db.Close())
	}
	var results []*goose.MigrationResult
	if len(version) > 0 {
		results, err = provider.UpTo(ctx, version[0])
	} else {
		results, err = provider.Up(ctx)
	}
	for _, r := range results {
		s.logger.Info("history schema migrated", "version", r.Source.Version, "took", r.Duration)
	}
	if err == nil && len(version) == 0 {
		err = s.Retain(ctx)
	}
	return errors.Join(wrap("migrate history", err), wrap("migrate history", db.Close()))
}

// render fills the templates of the migrations.
func render(source fs.FS, replicated bool, cluster string) (fs.FS, error) {
	functions := template.FuncMap{
		"engine": func(family, arguments string) string {
			if replicated {
				family = "Replicated" + family
			}
			return family + "(" + arguments + ")"
		},
		"cluster": func() string { return onCluster(cluster) },
	}
	names, err := fs.Glob(source, "*.sql")
	if err != nil {
		return nil, err
	}
	out := fstest.MapFS{}
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		t, err := template.New(name).Funcs(functions).Option("missingkey=error").Parse(string(text))
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, nil); err != nil {
			return nil, err
		}
		out[name] = &fstest.MapFile{Data: b.Bytes(), Mode: 0o444}
	}
	return out, nil
}

// onCluster is the clause that has a statement run on every server of a cluster; empty without one.
func onCluster(cluster string) string {
	if cluster == "" {
		return ""
	}
	return " ON CLUSTER `" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(cluster) + "`"
}
