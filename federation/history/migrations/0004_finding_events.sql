-- +goose NO TRANSACTION
-- +goose Up

-- One row per change of a finding between an assessment of a site and the one before it. written and withdrawn belong to
-- the engine: an assessment that arrives late may take an event back.
CREATE TABLE IF NOT EXISTS finding_events{{cluster}}
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
ENGINE = {{engine "ReplacingMergeTree" "written, withdrawn"}}
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, finding_id, revision, pack_hash);
