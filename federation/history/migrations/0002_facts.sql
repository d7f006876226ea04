-- +goose NO TRANSACTION
-- +goose Up

-- One row per leaf of an inventory revision: path is its JSON pointer, value its JSON text.
CREATE TABLE IF NOT EXISTS facts{{cluster}}
(
    site        String,
    revision    String,
    observed_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    path        LowCardinality(String),
    value       String CODEC(ZSTD),
    source      LowCardinality(String)
)
ENGINE = {{engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(observed_at)
ORDER BY (site, path, observed_at, revision);
