-- +goose NO TRANSACTION
-- +goose Up

-- One row per measurement of a probe, whichever inventory revisions tell it; round trips are in nanoseconds, 0 when not measured.
CREATE TABLE IF NOT EXISTS probe_samples{{cluster}}
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
ENGINE = {{engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(measured_at)
ORDER BY (site, target, kind, source, measured_at);
