-- 0001_inventory_revisions.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per inventory revision of a site. A revision accepted again later keeps its first acceptance.
CREATE TABLE IF NOT EXISTS inventory_revisions
(
    site            String,
    revision        String,
    sequence        UInt64,
    observed_at     DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    accepted_at     DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    planner_version LowCardinality(String),
    instance        String,
    document        String CODEC(ZSTD(3)),
    earlier         UInt64 MATERIALIZED 18446744073709551615 - sequence
)
ENGINE = ReplacingMergeTree(earlier)
PARTITION BY toYYYYMM(observed_at)
ORDER BY (site, observed_at, revision);

-- 0002_facts.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per leaf of an inventory revision: path is its JSON pointer, value its JSON text.
CREATE TABLE IF NOT EXISTS facts
(
    site        String,
    revision    String,
    observed_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    path        LowCardinality(String),
    value       String CODEC(ZSTD),
    source      LowCardinality(String)
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(observed_at)
ORDER BY (site, path, observed_at, revision);

-- 0003_assessments.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per assessment of a site. The finding_ arrays hold the findings that fail or are unknown, one element each.
-- A removed row ends the site's part of the federation from that instant on.
CREATE TABLE IF NOT EXISTS assessments
(
    site                   String,
    at                     DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    revision               String,
    sequence               UInt64,
    pack_version           LowCardinality(String),
    pack_hash              LowCardinality(String),
    removed                Bool,
    clusters               UInt32,
    pass                   UInt32,
    fail                   UInt32,
    unknown                UInt32,
    not_applicable         UInt32,
    waived                 UInt32,
    finding_id             Array(String),
    finding_rule           Array(LowCardinality(String)),
    finding_verdict        Array(LowCardinality(String)),
    finding_severity       Array(LowCardinality(String)),
    finding_cluster        Array(String),
    finding_infrastructure Array(String),
    finding_node           Array(String),
    finding_message        Array(String) CODEC(ZSTD),
    finding_first_seen     Array(Nullable(DateTime64(9, 'UTC'))),
    finding_failing_since  Array(Nullable(DateTime64(9, 'UTC'))),
    finding_waiver         Array(String),
    document               String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(sequence)
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, revision, pack_hash);

-- 0004_finding_events.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per change of a finding between an assessment of a site and the one before it. written and withdrawn belong to
-- the engine: an assessment that arrives late may take an event back.
CREATE TABLE IF NOT EXISTS finding_events
(
    site           String,
    at             DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    finding_id     String,
    change         Enum8('opened' = 1, 'changed' = 2, 'closed' = 3),
    rule           LowCardinality(String),
    verdict        LowCardinality(String),
    severity       LowCardinality(String),
    cluster        String,
    infrastructure String,
    node           String,
    message        String CODEC(ZSTD),
    first_seen     Nullable(DateTime64(9, 'UTC')),
    failing_since  Nullable(DateTime64(9, 'UTC')),
    waiver         String,
    revision       String,
    pack_hash      LowCardinality(String),
    written        UInt64 CODEC(DoubleDelta, ZSTD),
    withdrawn      UInt8
)
ENGINE = ReplacingMergeTree(written, withdrawn)
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, finding_id, revision, pack_hash);

-- 0005_rejections.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per inventory the hub refused. problems is a JSON array.
CREATE TABLE IF NOT EXISTS rejections
(
    site     String,
    at       DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    sequence UInt64,
    revision String,
    reason   LowCardinality(String),
    detail   String CODEC(ZSTD),
    problems String CODEC(ZSTD)
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, sequence);

-- 0006_acceptances.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row each time that the stream accepted a revision of a site. A site that returns to an earlier content has accepted
-- that revision twice, of which inventory_revisions keeps the first.
CREATE TABLE IF NOT EXISTS acceptances
(
    site        String,
    accepted_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    sequence    UInt64,
    observed_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    revision    String
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (site, accepted_at, sequence);

INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision)
SELECT site, accepted_at, sequence, observed_at, revision FROM inventory_revisions FINAL;

-- 0007_recommendations.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per cluster of an assessment: what it is, where it runs, how available it is and what it should be. The option_
-- arrays hold the options, the recommended one first.
CREATE TABLE IF NOT EXISTS recommendations
(
    site                String,
    at                  DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    cluster             String,
    revision            String,
    pack_hash           LowCardinality(String),
    environment         LowCardinality(String),
    architecture        LowCardinality(String),
    distance            Float64,
    serving             Float64 CODEC(ZSTD),
    thingworx_regions   Array(LowCardinality(String)),
    database_region     LowCardinality(String),
    region_match        Nullable(Bool),
    recommended         LowCardinality(String),
    option_objective    Array(LowCardinality(String)),
    option_architecture Array(LowCardinality(String)),
    option_serving      Array(Float64) CODEC(ZSTD),
    option_cost_index   Array(Float64) CODEC(ZSTD),
    option_changes      Array(UInt32)
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, cluster, revision, pack_hash);

-- 0008_probe_samples.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per measurement of a probe, whichever inventory revisions tell it; round trips are in nanoseconds, 0 when not measured.
CREATE TABLE IF NOT EXISTS probe_samples
(
    site        String,
    measured_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    source      String,
    target      String,
    kind        LowCardinality(String),
    p50         Int64 CODEC(ZSTD),
    p95         Int64 CODEC(ZSTD),
    samples     UInt32
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(measured_at)
ORDER BY (site, target, kind, source, measured_at);

-- 0009_audit_entries.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per write that somebody made. before and after are JSON texts, empty where there was or is nothing.
CREATE TABLE IF NOT EXISTS audit_entries
(
    id         String,
    at         DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    actor      LowCardinality(String),
    action     LowCardinality(String),
    object     String,
    reason     String CODEC(ZSTD),
    before     String CODEC(ZSTD(3)),
    after      String CODEC(ZSTD(3)),
    request_id String
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(at)
ORDER BY (at, id);

-- 0010_waivers.sql
-- +goose NO TRANSACTION
-- +goose Up

-- A waiver that comes or goes is a change of its own.
ALTER TABLE finding_events
    MODIFY COLUMN change Enum8('opened' = 1, 'changed' = 2, 'closed' = 3, 'waived' = 4, 'unwaived' = 5);

-- 0011_extracts.sql
-- +goose NO TRANSACTION
-- +goose Up

-- What a report of the past takes: of an assessment its extract, as federation/report writes it, and of an accepted inventory the
-- part that says who the site is. Rows of before have neither until Store.Fill gives it to them; their documents are read instead.
ALTER TABLE assessments
    ADD COLUMN IF NOT EXISTS extract String CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS extracted Bool MATERIALIZED notEmpty(extract);

ALTER TABLE acceptances
    ADD COLUMN IF NOT EXISTS identity String CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS identified Bool MATERIALIZED notEmpty(identity);

