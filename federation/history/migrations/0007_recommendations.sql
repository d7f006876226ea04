-- +goose NO TRANSACTION
-- +goose Up

-- One row per cluster of an assessment: what it is, where it runs, how available it is and what it should be. The option_
-- arrays hold the options, the recommended one first.
CREATE TABLE IF NOT EXISTS recommendations{{cluster}}
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
ENGINE = {{engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, cluster, revision, pack_hash);
