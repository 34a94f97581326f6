-- +goose Up
-- Where an app may have a browser sent after a sign-out: a JSON list.
ALTER TABLE apps ADD COLUMN post_logout_uris TEXT NOT NULL DEFAULT '[]';

-- When a person, or the app itself, last changed what was agreed.
ALTER TABLE grants ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;

-- The code was asked for to replace every refresh token of its grant.
ALTER TABLE codes ADD COLUMN merges BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE codes DROP COLUMN merges;
ALTER TABLE grants DROP COLUMN updated_at;
ALTER TABLE apps DROP COLUMN post_logout_uris;
