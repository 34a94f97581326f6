-- +goose Up
-- How much of a file an app read.
ALTER TABLE audit ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE audit DROP COLUMN bytes;
