-- +goose NO TRANSACTION
-- +goose Up

-- One row per inventory revision of a site. A revision accepted again later keeps its first acceptance.
CREATE TABLE IF NOT EXISTS inventory_revisions{{cluster}}
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
ENGINE = {{engine "ReplacingMergeTree" "earlier"}}
PARTITION BY toYYYYMM(observed_at)
ORDER BY (site, observed_at, revision);
