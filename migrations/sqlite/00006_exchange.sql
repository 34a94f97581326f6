-- +goose Up
-- Apps that acted for app_id, the one that made the call first; separated by spaces.
ALTER TABLE audit ADD COLUMN actors TEXT NOT NULL DEFAULT '';

-- Where the browser was that a code was given to, coarsely; '' when nobody compares.
ALTER TABLE codes ADD COLUMN network TEXT NOT NULL DEFAULT '';

-- What a replay of a device code takes back.
ALTER TABLE devices ADD COLUMN family_id TEXT NOT NULL DEFAULT '';

-- What a client demands of its own requests (RFC 9126 section 6, RFC 9449 section 5.2).
ALTER TABLE apps ADD COLUMN must_push BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE apps ADD COLUMN must_prove BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE apps DROP COLUMN must_prove;
ALTER TABLE apps DROP COLUMN must_push;
ALTER TABLE devices DROP COLUMN family_id;
ALTER TABLE codes DROP COLUMN network;
ALTER TABLE audit DROP COLUMN actors;
