-- +goose Up
-- Where a registration's further hosts are, when not where the catalogue says:
-- name=URL, separated by spaces.
ALTER TABLE registrations ADD COLUMN hosts TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE registrations DROP COLUMN hosts;
