-- +goose Up
-- Clients that register themselves, or whose metadata is a document of theirs.
ALTER TABLE apps ADD COLUMN origin TEXT NOT NULL DEFAULT 'operator'; -- operator | dynamic | document
ALTER TABLE apps ADD COLUMN auth_method TEXT NOT NULL DEFAULT '';    -- '' means by kind: secret or none
ALTER TABLE apps ADD COLUMN jwks TEXT NOT NULL DEFAULT '';           -- public keys, for private_key_jwt
ALTER TABLE apps ADD COLUMN jwks_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN website TEXT NOT NULL DEFAULT '';        -- client_uri, shown with its host
ALTER TABLE apps ADD COLUMN metadata TEXT NOT NULL DEFAULT '';       -- JSON: what else was registered, echoed back
ALTER TABLE apps ADD COLUMN digest TEXT NOT NULL DEFAULT '';         -- of redirect addresses, keys and method: a change asks people again
ALTER TABLE apps ADD COLUMN manage_hash BYTEA;                       -- SHA-256 of the registration access token (RFC 7592)
ALTER TABLE apps ADD COLUMN used_at BIGINT;                          -- last request; unused self-registered apps vanish by it
CREATE INDEX apps_by_use ON apps (origin, used_at);

-- What was seen once and must not be seen again: ids of client assertions and
-- DPoP proofs.
CREATE TABLE seen (
    id         TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX seen_by_end ON seen (expires_at);

-- Pushed authorization requests (RFC 9126).
CREATE TABLE pushed (
    hash       BYTEA PRIMARY KEY, -- SHA-256 of the request_uri
    app_id     TEXT NOT NULL,
    query      TEXT NOT NULL,     -- the request, form encoded, without credentials
    jkt        TEXT NOT NULL,     -- key the request was pushed with; '' for none
    expires_at BIGINT NOT NULL
);
CREATE INDEX pushed_by_end ON pushed (expires_at);

-- Device authorizations (RFC 8628).
CREATE TABLE devices (
    hash       BYTEA PRIMARY KEY, -- SHA-256 of the device_code
    user_code  TEXT NOT NULL UNIQUE,
    app_id     TEXT NOT NULL,
    query      TEXT NOT NULL,     -- what is asked, form encoded
    address    TEXT NOT NULL,     -- where the device asked from
    agent      TEXT NOT NULL,     -- what the device said it is
    state      TEXT NOT NULL,     -- waiting | claimed | allowed | refused | used
    user_id    TEXT NOT NULL DEFAULT '',
    session_id TEXT NOT NULL DEFAULT '',
    grant_id   TEXT NOT NULL DEFAULT '',
    scopes     TEXT NOT NULL DEFAULT '',
    audience   TEXT NOT NULL DEFAULT '',
    auth_time  BIGINT NOT NULL DEFAULT 0,
    wait       BIGINT NOT NULL,   -- seconds between polls
    polled_at  BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX devices_by_end ON devices (expires_at);

-- Key binding (RFC 9449) and the format of access tokens.
ALTER TABLE codes ADD COLUMN jkt TEXT NOT NULL DEFAULT '';
ALTER TABLE families ADD COLUMN jkt TEXT NOT NULL DEFAULT '';
ALTER TABLE resource_servers ADD COLUMN token_format TEXT NOT NULL DEFAULT 'opaque'; -- opaque | jwt

-- +goose Down
ALTER TABLE resource_servers DROP COLUMN token_format;
ALTER TABLE families DROP COLUMN jkt;
ALTER TABLE codes DROP COLUMN jkt;
DROP TABLE devices;
DROP TABLE pushed;
DROP TABLE seen;
DROP INDEX apps_by_use;
ALTER TABLE apps DROP COLUMN used_at;
ALTER TABLE apps DROP COLUMN manage_hash;
ALTER TABLE apps DROP COLUMN digest;
ALTER TABLE apps DROP COLUMN metadata;
ALTER TABLE apps DROP COLUMN website;
ALTER TABLE apps DROP COLUMN jwks_uri;
ALTER TABLE apps DROP COLUMN jwks;
ALTER TABLE apps DROP COLUMN auth_method;
ALTER TABLE apps DROP COLUMN origin;
