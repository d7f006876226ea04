-- +goose NO TRANSACTION
-- +goose Up

-- One row per write that somebody made. before and after are JSON texts, empty where there was or is nothing.
CREATE TABLE IF NOT EXISTS audit_entries{{cluster}}
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
ENGINE = {{engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(at)
ORDER BY (at, id);
