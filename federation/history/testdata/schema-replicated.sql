-- 0001_inventory_revisions.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per inventory revision of a site. A revision accepted again later keeps its first acceptance.
CREATE TABLE IF NOT EXISTS inventory_revisions ON CLUSTER `main\`shard`
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
ENGINE = ReplicatedReplacingMergeTree(earlier)
PARTITION BY toYYYYMM(observed_at)
ORDER BY (site, observed_at, revision);

-- 0002_facts.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per leaf of an inventory revision: path is its JSON pointer, value its JSON text.
CREATE TABLE IF NOT EXISTS facts ON CLUSTER `main\`shard`
(
    site        String,
    revision    String,
    observed_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    path        LowCardinality(String),
    value       String CODEC(ZSTD),
    source      LowCardinality(String)
)
ENGINE = ReplicatedReplacingMergeTree()
PARTITION BY toYYYYMM(observed_at)
ORDER BY (site, path, observed_at, revision);

-- 0003_assessments.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per assessment of a site. The finding_ arrays hold the findings that fail or are unknown, one element each.
-- A removed row ends the site's part of the federation from that instant on.
CREATE TABLE IF NOT EXISTS assessments ON CLUSTER `main\`shard`
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
ENGINE = ReplicatedReplacingMergeTree(sequence)
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, revision, pack_hash);

-- 0004_finding_events.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per change of a finding between an assessment of a site and the one before it. written and withdrawn belong to
-- the engine: an assessment that arrives late may take an event back.
CREATE TABLE IF NOT EXISTS finding_events ON CLUSTER `main\`shard`
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
ENGINE = ReplicatedReplacingMergeTree(written, withdrawn)
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, finding_id, revision, pack_hash);

-- 0005_rejections.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row per inventory the hub refused. problems is a JSON array.
CREATE TABLE IF NOT EXISTS rejections ON CLUSTER `main\`shard`
(
    site     String,
    at       DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    sequence UInt64,
    revision String,
    reason   LowCardinality(String),
    detail   String CODEC(ZSTD),
    problems String CODEC(ZSTD)
)
ENGINE = ReplicatedReplacingMergeTree()
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, sequence);

-- 0006_acceptances.sql
-- +goose NO TRANSACTION
-- +goose Up

-- One row each time that the stream accepted a revision of a site. A site that returns to an earlier content has accepted
-- that revision twice, of which inventory_revisions keeps the first.
CREATE TABLE IF NOT EXISTS acceptances ON CLUSTER `main\`shard`
(
    site        String,
    accepted_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    sequence    UInt64,
    observed_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    revision    String
)
ENGINE = ReplicatedReplacingMergeTree()
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (site, accepted_at, sequence);

INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision)
SELECT site, accepted_at, sequence, observed_at, revision FROM inventory_revisions FINAL;

