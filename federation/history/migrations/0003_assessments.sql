-- +goose NO TRANSACTION
-- +goose Up

-- One row per assessment of a site. The finding_ arrays hold the findings that fail or are unknown, one element each.
-- A removed row ends the site's part of the federation from that instant on.
CREATE TABLE IF NOT EXISTS assessments{{cluster}}
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
ENGINE = {{engine "ReplacingMergeTree" "sequence"}}
PARTITION BY toYYYYMM(at)
ORDER BY (site, at, revision, pack_hash);
