package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/history/bare"
	clickhouseembedded "github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// archive is a ClickHouse of its own with a store on it and a fleet whose life it is told.
type archive struct {
	dir    string
	server *clickhouseembedded.Server
	store  *history.Store
	conn   *bare.Conn
	engine *assess.Engine
	fleet  *sitesim.Fleet
	hash   string
}

func newArchive(ctx context.Context, c config, sites int, every time.Duration) (a *archive, err error) {
	a = &archive{fleet: sitesim.New(sitesim.Options{Seed: c.seed, Sites: sites, Every: every})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if a.engine, err = assess.Builtin(); err != nil {
		return a, fmt.Errorf("make the engine: %w", err)
	}
	a.hash = a.engine.Hash(policy.Default())
	if a.dir, err = os.MkdirTemp("", "meridian-bench-"); err != nil {
		return a, fmt.Errorf("make a folder: %w", err)
	}
	// The library lies under the module above this one.
	if a.server, err = clickhouseembedded.Start(ctx, clickhouseembedded.Options{Dir: filepath.Join(a.dir, "clickhouse"), Library: library()}); err != nil {
		return a, err
	}
	if a.store, err = history.Open(ctx, history.Options{DSN: a.server.DSN(), Timeout: patience}); err != nil {
		return a, err
	}
	if err = a.store.Migrate(ctx); err != nil {
		return a, err
	}
	a.conn, err = bare.Open(a.server.DSN(), patience)
	return a, err
}

// library is the one that the repository fetches, when this runs within it; empty looks where the product looks.
func library() string {
	found, err := filepath.Glob("../embedded-clickhouse/node_modules/@chdb/*/libchdb.so")
	if os.Getenv(clickhouseembedded.LibraryEnv) != "" || err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

func (a *archive) close() error {
	var failed []error
	if a.conn != nil {
		failed = append(failed, a.conn.Close())
	}
	if a.store != nil {
		failed = append(failed, a.store.Close())
	}
	if a.server != nil {
		failed = append(failed, a.server.Close())
	}
	if a.dir != "" {
		failed = append(failed, os.RemoveAll(a.dir))
	}
	return errors.Join(failed...)
}

// rows are a step of some sites' lives, as the hub's streams would give them.
func (a *archive) rows(from, to, step int, at time.Time) ([]history.InventoryRow, []history.AssessmentRow, error) {
	inventories, assessments := make([]history.InventoryRow, to-from), make([]history.AssessmentRow, to-from)
	for i := from; i < to; i++ {
		s := inventory.Normalise(a.fleet.Site(i, step), a.engine.Regions)
		s.ObservedAt = at
		body, err := inventory.Canonical(s)
		if err != nil {
			return nil, nil, fmt.Errorf("write a document: %w", err)
		}
		revision := inventory.Revision(s)
		inventories[i-from] = history.InventoryRow{
			Site: s.Site.ID, Revision: revision, Sequence: uint64(step), ObservedAt: at, AcceptedAt: at.Add(time.Second), Document: body,
		}
		judged := a.engine.Site(assess.View{Site: s, Revision: revision, PackHash: a.hash, At: at.Add(2 * time.Second), HubInView: true})
		if assessments[i-from], err = hub.AssessmentRow(s.Site.ID, revision, uint64(step), judged); err != nil {
			return nil, nil, err
		}
	}
	return inventories, assessments, nil
}

func (a *archive) write(ctx context.Context, inventories []history.InventoryRow, assessments []history.AssessmentRow) error {
	return errors.Join(a.store.WriteInventories(ctx, inventories), a.store.WriteAssessments(ctx, assessments))
}

// spent is the processor time of this process and of ClickHouse, which is another.
func (a *archive) spent() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.server.PID()))
	if err != nil {
		return now()
	}
	// After the name, which ends with the last parenthesis, user and system time are the 12th and 13th field, in ticks of 10 ms.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return now()
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return now() + time.Duration(user+system)*10*time.Millisecond
}

// told are the tables that a step fills, with the column that tells it from other steps.
func told() [7][2]string {
	return [7][2]string{
		{"facts", "observed_at"},
		{"inventory_revisions", "observed_at"},
		{"acceptances", "observed_at"},
		{"probe_samples", "measured_at"},
		{"recommendations", "at"},
		{"finding_events", "at"},
		{"assessments", "at"},
	}
}

// writes is B9: steps of a fleet's life are written as the hub writes them, and the rows that came of it once more by the bare
// driver, into equal tables.
func writes(ctx context.Context, c config) (figures []Figure, err error) {
	sites := c.size(1000, 20)
	a, err := newArchive(ctx, c, sites, time.Hour)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	var tables []string
	for _, t := range told() {
		tables = append(tables, t[0])
	}
	if err := a.conn.Copies(ctx, tables...); err != nil {
		return nil, err
	}
	var r rounds
	total := 0
	for step := range c.rounds + 1 {
		at := a.fleet.Start().Add(time.Duration(step) * time.Hour)
		inventories, assessments, err := a.rows(0, sites, step, at)
		if err != nil {
			return nil, err
		}
		runtime.GC()
		start := a.spent()
		if err := a.write(ctx, inventories, assessments); err != nil {
			return nil, err
		}
		ours := a.spent() - start
		var blocks []bare.Block
		total = 0
		for _, t := range told() {
			b, err := a.conn.Read(ctx, t[0], t[1], at.Add(-30*time.Minute), at.Add(30*time.Minute))
			if err != nil {
				return nil, err
			}
			if b.Rows > 0 {
				blocks = append(blocks, b)
			}
			total += b.Rows
		}
		runtime.GC()
		start = a.spent()
		for _, b := range blocks {
			if err := a.conn.Send(ctx, b); err != nil {
				return nil, err
			}
		}
		if step > 0 { // The first is not counted.
			r.ours = append(r.ours, float64(ours)/float64(total))
			r.raw = append(r.raw, float64(a.spent()-start)/float64(total))
		}
	}
	return []Figure{compared(Figure{
		ID: "B9", Figure: fmt.Sprintf("a row of history, %d of %d sites and assessments", total, sites),
		Ours:  Side{Does: "flatten, compare with the assessment before, write"},
		Raw:   Side{Does: "columnar batches of the same rows by clickhouse-go"},
		Notes: []string{"processor time of this process and of ClickHouse; merges in the background fall on both"},
	}, r, true).atLeast(0.8)}, nil
}

// lives writes a year of the fleet's life, a step a month. Every third step is judged anew; in those between nothing happened but
// that time went on, which is most of what happens at a plant. Sites go in groups, so that the documents of one fit in memory.
func (a *archive) lives(ctx context.Context, sites, steps int, month time.Duration) error {
	for from := 0; from < sites; from += 500 {
		to := min(from+500, sites)
		var inventories []history.InventoryRow
		var assessments []history.AssessmentRow
		for step := range steps {
			at := a.fleet.Start().Add(time.Duration(step) * month)
			var err error
			if step%3 == 0 {
				inventories, assessments, err = a.rows(from, to, step, at)
			} else {
				err = later(inventories, assessments, step, at)
			}
			if err != nil {
				return err
			}
			if err := a.write(ctx, inventories, assessments); err != nil {
				return err
			}
		}
	}
	return nil
}

// later makes rows those of a later step at which everything is as it was.
func later(inventories []history.InventoryRow, assessments []history.AssessmentRow, step int, at time.Time) error {
	for i := range inventories {
		v, j := &inventories[i], &assessments[i]
		v.Revision = strconv.Itoa(step) + "-" + v.Revision
		v.Sequence, v.ObservedAt, v.AcceptedAt = uint64(step), at, at.Add(time.Second)
		var judged assess.Assessment
		if err := json.Unmarshal(j.Document, &judged); err != nil {
			return fmt.Errorf("read an assessment: %w", err)
		}
		judged.At = at.Add(2 * time.Second)
		judged.Inventories[0].Revision, judged.Inventories[0].ObservedAt = v.Revision, at
		var err error
		if *j, err = hub.AssessmentRow(j.Site, v.Revision, uint64(step), &judged); err != nil {
			return err
		}
	}
	return nil
}

// pastReport is B10: the compliance report of an instant in the middle of a year, against the statements that read its rows.
func pastReport(ctx context.Context, c config) (figures []Figure, err error) {
	sites, steps := c.size(c.past, 20), c.size(12, 3)
	month := 365 * 24 * time.Hour / time.Duration(steps)
	a, err := newArchive(ctx, c, sites, month)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.lives(ctx, sites, steps, month); err != nil {
		return nil, err
	}
	at := a.fleet.Start().Add(time.Duration(steps/2)*month + time.Hour)
	h, err := hub.New(hub.Options{
		Engine: a.engine, Policy: policy.Default(), Logger: slog.New(slog.DiscardHandler), Past: a.store,
		Now: func() time.Time { return at.AddDate(1, 0, 0) },
	})
	if err != nil {
		return nil, fmt.Errorf("make the hub: %w", err)
	}
	ours := func() error {
		report, err := h.Compliance(ctx, rest.ReportRequest{Format: "json", AsOf: at, Then: true})
		if err != nil {
			return err
		}
		return report.Write(io.Discard)
	}
	read := 0
	raw := func() error {
		read = 0
		return a.store.ReportedAsOf(ctx, at, nil, func(history.Reported) error { read++; return nil })
	}
	var r rounds
	for round := range c.rounds + 1 {
		var took [2]float64
		for i, side := range []func() error{ours, raw} {
			runtime.GC()
			start := a.spent()
			if err := side(); err != nil {
				return nil, err
			}
			took[i] = float64(a.spent()-start) / float64(sites)
		}
		if round > 0 {
			r.ours, r.raw = append(r.ours, took[0]), append(r.raw, took[1])
		}
	}
	if read != sites {
		return nil, fmt.Errorf("the statements read %d of %d sites", read, sites)
	}
	return []Figure{compared(Figure{
		ID: "B10", Figure: fmt.Sprintf("a site in the report of an instant, %d sites with %d assessments each in a year", sites, steps),
		Ours:  Side{Does: "read, judge who complies, write JSON"},
		Raw:   Side{Does: "the statements that read the same rows, each row scanned"},
		Notes: []string{"processor time of this process and of ClickHouse"},
	}, r, false).atMost(1.5)}, nil
}
