-- +goose Up
-- What a stranger calls itself, when people do not read that as its name.
ALTER TABLE apps ADD COLUMN claimed TEXT NOT NULL DEFAULT '';
-- The name that an operator approved.
ALTER TABLE apps ADD COLUMN approved_name TEXT NOT NULL DEFAULT '';
UPDATE apps SET approved_name = name WHERE approved <> '';
CREATE INDEX apps_approved ON apps (id) WHERE approved <> '';

-- Where an app says its logo is, and the digest of the picture that was made of it.
ALTER TABLE apps ADD COLUMN logo_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN logo TEXT NOT NULL DEFAULT '';
CREATE TABLE logos (
    app_id TEXT PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    digest TEXT NOT NULL, -- SHA-256 of the picture, in hex
    png    BYTEA NOT NULL
);
CREATE INDEX logos_by_digest ON logos (digest);

-- +goose Down
DROP TABLE logos;
ALTER TABLE apps DROP COLUMN logo;
ALTER TABLE apps DROP COLUMN logo_uri;
DROP INDEX apps_approved;
ALTER TABLE apps DROP COLUMN approved_name;
ALTER TABLE apps DROP COLUMN claimed;
