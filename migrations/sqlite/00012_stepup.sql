-- +goose Up
-- How surely, and when, the person showed who they are (RFC 9470). It goes from
-- the sign-in into the code and stays with the family, so that a refreshed token
-- says the same. Every sign-in before this was one with a password.
ALTER TABLE sessions ADD COLUMN acr TEXT NOT NULL DEFAULT 'urn:deputy:acr:password';
ALTER TABLE codes ADD COLUMN acr TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN acr TEXT NOT NULL DEFAULT '';
ALTER TABLE families ADD COLUMN acr TEXT NOT NULL DEFAULT '';
ALTER TABLE families ADD COLUMN auth_time INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE families DROP COLUMN auth_time;
ALTER TABLE families DROP COLUMN acr;
ALTER TABLE devices DROP COLUMN acr;
ALTER TABLE codes DROP COLUMN acr;
ALTER TABLE sessions DROP COLUMN acr;
