-- +goose Up
-- What the last yes rested on: a digest of the app's return addresses and keys.
-- '' for apps that an operator answers for, which nobody compares.
ALTER TABLE grants ADD COLUMN app_digest TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE grants DROP COLUMN app_digest;
