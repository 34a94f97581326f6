-- +goose Up
-- Times are milliseconds since 1970 in both databases; 0 or NULL as stated.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Layer 1: who is the person.
CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL UNIQUE, -- lower case: what sign-in looks up
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER
);

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER,
    user_agent TEXT NOT NULL,
    address    TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Counters that every replica shares: sign-in tries per account and address.
CREATE TABLE attempts (
    subject    TEXT PRIMARY KEY,
    tries      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX attempts_by_end ON attempts (expires_at);

-- Layer 2: the person's accounts at providers.
CREATE TABLE registrations (
    id         TEXT PRIMARY KEY, -- the connection context, part of the redirect URI
    provider   TEXT NOT NULL,
    variant    TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    secret     BLOB NOT NULL, -- sealed
    web_url    TEXT NOT NULL,
    api_url    TEXT NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE connections (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    provider        TEXT NOT NULL,
    variant         TEXT NOT NULL,
    subject         TEXT NOT NULL, -- the provider's id of the account
    login           TEXT NOT NULL,
    name            TEXT NOT NULL,
    picture         TEXT NOT NULL,
    granted         TEXT NOT NULL, -- provider scopes, separated by spaces
    health          TEXT NOT NULL,
    reason          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    used_at         INTEGER,
    ended_at        INTEGER
);
-- An account that was disconnected and comes back is a new connection.
CREATE UNIQUE INDEX connections_live ON connections (user_id, registration_id, subject) WHERE ended_at IS NULL;
CREATE INDEX connections_by_user ON connections (user_id);
CREATE INDEX connections_by_registration ON connections (registration_id);

CREATE TABLE credentials (
    connection_id TEXT PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    version       INTEGER NOT NULL,
    access_token  BLOB NOT NULL, -- sealed, bound to this row, column and version
    refresh_token BLOB,          -- sealed likewise; NULL when there is none
    issued_at     INTEGER NOT NULL,
    expires_at    INTEGER,         -- of the access token; NULL when it does not expire
    attempt       TEXT,           -- the refresh under way
    lease_until   INTEGER NOT NULL DEFAULT 0,
    updated_at    INTEGER NOT NULL
);

CREATE TABLE connect_states (
    hash            BLOB PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id      TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    browser         BLOB NOT NULL,
    registration_id TEXT NOT NULL REFERENCES registrations (id) ON DELETE CASCADE,
    purpose         TEXT NOT NULL,
    connection_id   TEXT NOT NULL, -- '' when a new account is connected
    redirect_uri    TEXT NOT NULL,
    verifier        BLOB,         -- sealed
    scopes          TEXT NOT NULL,
    return_to       TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    used_at         INTEGER
);
CREATE INDEX connect_states_by_end ON connect_states (expires_at);
CREATE INDEX connect_states_by_session ON connect_states (session_id);
CREATE INDEX connect_states_by_user ON connect_states (user_id);
CREATE INDEX connect_states_by_registration ON connect_states (registration_id);

-- Who may ask.
CREATE TABLE apps (
    id            TEXT PRIMARY KEY, -- the client_id
    name          TEXT NOT NULL,
    publisher     TEXT NOT NULL,
    kind          TEXT NOT NULL,    -- public | confidential
    secret_hash   BLOB,            -- SHA-256 of 256 random bits; NULL for public
    redirect_uris TEXT NOT NULL,    -- JSON list
    grant_types   TEXT NOT NULL,    -- separated by spaces
    scopes        TEXT NOT NULL,    -- what it asks for when it names none
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER
);

CREATE TABLE resource_servers (
    id          TEXT PRIMARY KEY,
    identifier  TEXT NOT NULL UNIQUE, -- the audience
    name        TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    created_at  INTEGER NOT NULL
);

CREATE TABLE resource_server_scopes (
    name               TEXT PRIMARY KEY,
    resource_server_id TEXT NOT NULL REFERENCES resource_servers (id) ON DELETE CASCADE,
    words              TEXT NOT NULL,
    access             TEXT NOT NULL
);
CREATE INDEX resource_server_scopes_by_server ON resource_server_scopes (resource_server_id);

-- Layer 3: what the person agreed to.
CREATE TABLE grants (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
);
CREATE UNIQUE INDEX grants_live ON grants (user_id, app_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_by_user ON grants (user_id);
CREATE INDEX grants_by_app ON grants (app_id);

CREATE TABLE grant_items (
    grant_id      TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    scope         TEXT NOT NULL,
    connection_id TEXT NOT NULL, -- '' for scopes without a provider
    everything    BOOLEAN NOT NULL,
    resources     TEXT NOT NULL, -- JSON list of {t,i,n}
    since         INTEGER NOT NULL,
    until         INTEGER NOT NULL,
    used_at       INTEGER,
    PRIMARY KEY (grant_id, scope, connection_id)
);
CREATE INDEX grant_items_by_connection ON grant_items (connection_id);

CREATE TABLE refusals (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    scope      TEXT NOT NULL,
    refused_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, app_id, scope)
);
CREATE INDEX refusals_by_app ON refusals (app_id);

CREATE TABLE receipts (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id     TEXT NOT NULL,
    grant_id   TEXT NOT NULL, -- '' when the answer was no and nothing stood
    decision   TEXT NOT NULL,
    body       TEXT NOT NULL, -- JSON: what was shown and answered
    digest     TEXT NOT NULL,
    decided_at INTEGER NOT NULL
);
CREATE INDEX receipts_by_user ON receipts (user_id, decided_at);

-- One consent page: the choices made so far, and the one decision.
CREATE TABLE consents (
    id         BLOB PRIMARY KEY, -- SHA-256 of the flow's id
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    choices    TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER
);
CREATE INDEX consents_by_end ON consents (expires_at);
CREATE INDEX consents_by_session ON consents (session_id);
CREATE INDEX consents_by_user ON consents (user_id);

-- Tokens.
CREATE TABLE codes (
    hash         BLOB PRIMARY KEY,
    grant_id     TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    app_id       TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    session_id   TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge    TEXT NOT NULL,
    nonce        TEXT NOT NULL,
    audience     TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    auth_time    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER,
    family_id    TEXT -- what a replay takes back
);
CREATE INDEX codes_by_end ON codes (expires_at);
CREATE INDEX codes_by_grant ON codes (grant_id);

CREATE TABLE families (
    id           TEXT PRIMARY KEY,
    grant_id     TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    app_id       TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    session_id   TEXT NOT NULL, -- the sign-in it was born under
    scopes       TEXT NOT NULL,
    audience     TEXT NOT NULL,
    offline      BOOLEAN NOT NULL, -- outlives the sign-in
    rotates      BOOLEAN NOT NULL,
    generation   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER
);
CREATE INDEX families_by_grant ON families (grant_id);
CREATE INDEX families_by_session ON families (session_id);
CREATE INDEX families_by_end ON families (expires_at);

-- Single access tokens taken back before their end.
CREATE TABLE denials (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL, -- its family, or itself
    expires_at INTEGER NOT NULL
);
CREATE INDEX denials_by_owner ON denials (owner);
CREATE INDEX denials_by_end ON denials (expires_at);

CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY,
    alg        TEXT NOT NULL,
    private    BLOB NOT NULL, -- sealed
    public     TEXT NOT NULL,  -- JWK
    created_at INTEGER NOT NULL,
    active_at  INTEGER NOT NULL,
    expires_at INTEGER
);

CREATE TABLE audit (
    id            TEXT PRIMARY KEY, -- UUIDv7: sorted by time
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    app_id        TEXT NOT NULL,
    grant_id      TEXT NOT NULL,
    family_id     TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    scope         TEXT NOT NULL,
    operation     TEXT NOT NULL,
    resource      TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    detail        TEXT NOT NULL
);
CREATE INDEX audit_by_user ON audit (user_id, id);
CREATE INDEX audit_by_time ON audit (at);

-- +goose Down
DROP TABLE audit;
DROP TABLE signing_keys;
DROP TABLE denials;
DROP TABLE families;
DROP TABLE codes;
DROP TABLE consents;
DROP TABLE receipts;
DROP TABLE refusals;
DROP TABLE grant_items;
DROP TABLE grants;
DROP TABLE resource_server_scopes;
DROP TABLE resource_servers;
DROP TABLE apps;
DROP TABLE connect_states;
DROP TABLE credentials;
DROP TABLE connections;
DROP TABLE registrations;
DROP TABLE attempts;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE meta;
