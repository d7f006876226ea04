-- +goose NO TRANSACTION
-- +goose Up

-- A waiver that comes or goes is a change of its own.
ALTER TABLE finding_events{{cluster}}
    MODIFY COLUMN change Enum8('opened' = 1, 'changed' = 2, 'closed' = 3, 'waived' = 4, 'unwaived' = 5);
