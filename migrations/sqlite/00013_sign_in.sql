-- +goose Up
-- Passkeys (WebAuthn Level 3): only public keys.
CREATE TABLE passkeys (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id BLOB NOT NULL UNIQUE,
    public_key    BLOB NOT NULL,    -- COSE
    counter       INTEGER NOT NULL, -- of signatures, as the authenticator counts them
    flags         INTEGER NOT NULL, -- of the authenticator; among them whether the key is backed up
    transports    TEXT NOT NULL,    -- separated by spaces
    name          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    used_at       INTEGER,
    copied_at     INTEGER           -- when the counter went back: the key may be on two devices
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- Codes from an app (RFC 6238): one app a person.
CREATE TABLE one_time_codes (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret     BLOB NOT NULL,    -- sealed
    last_step  INTEGER NOT NULL, -- the last half minute whose code was used
    created_at INTEGER NOT NULL
);

-- What a person kept for the day the app is lost. Each counts once.
CREATE TABLE recovery_codes (
    hash    BLOB PRIMARY KEY, -- keyed
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at INTEGER
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- When the person of a session last showed who they are.
ALTER TABLE sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET proved_at = created_at;

-- +goose Down
ALTER TABLE sessions DROP COLUMN proved_at;
DROP TABLE recovery_codes;
DROP TABLE one_time_codes;
DROP TABLE passkeys;
