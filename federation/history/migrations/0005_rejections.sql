-- +goose NO TRANSACTION
-- +goose Up

-- One row per inventory the hub refused. problems is a JSON array.
CREATE TABLE IF NOT EXISTS rejections{{cluster}}
(
    site     String,
    at       DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    sequence UInt64,
    revision String,
    reason   LowCardinality(String),
    detail   String CODEC(ZSTD),
    problems String CODEC(ZSTD)
)
ENGINE = {{engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, sequence);
