-- +goose NO TRANSACTION
-- +goose Up

-- One row each time that the stream accepted a revision of a site. A site that returns to an earlier content has accepted
-- that revision twice, of which inventory_revisions keeps the first.
CREATE TABLE IF NOT EXISTS acceptances{{cluster}}
(
    site        String,
    accepted_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    sequence    UInt64,
    observed_at DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD),
    revision    String
)
ENGINE = {{engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (site, accepted_at, sequence);

INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision)
SELECT site, accepted_at, sequence, observed_at, revision FROM inventory_revisions FINAL;
