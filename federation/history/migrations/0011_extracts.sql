-- +goose NO TRANSACTION
-- +goose Up

-- What a report of the past takes: of an assessment its extract, as federation/report writes it, and of an accepted inventory the
-- part that says who the site is. Rows of before have neither until Store.Fill gives it to them; their documents are read instead.
ALTER TABLE assessments{{cluster}}
    ADD COLUMN IF NOT EXISTS extract String CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS extracted Bool MATERIALIZED notEmpty(extract);

ALTER TABLE acceptances{{cluster}}
    ADD COLUMN IF NOT EXISTS identity String CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS identified Bool MATERIALIZED notEmpty(identity);
