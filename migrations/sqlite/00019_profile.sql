-- +goose Up
-- A person's picture. Its id is part of an address that apps are told, and new with
-- each picture.
CREATE TABLE pictures (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    png        BLOB NOT NULL
);
ALTER TABLE users ADD COLUMN picture TEXT NOT NULL DEFAULT ''; -- its id; '' for none

-- The sign-in that wants to connect the account it comes back with; '' for a new
-- sign-in.
ALTER TABLE sign_in_states ADD COLUMN session_id TEXT NOT NULL DEFAULT '';
-- How the provider called the account when it was connected.
ALTER TABLE sign_in_links ADD COLUMN account TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE sign_in_links DROP COLUMN account;
ALTER TABLE sign_in_states DROP COLUMN session_id;
ALTER TABLE users DROP COLUMN picture;
DROP TABLE pictures;
