-- +goose Up
-- OpenID providers that people can sign in with.
CREATE TABLE sign_in_providers (
    id            TEXT PRIMARY KEY, -- part of the redirect URI
    name          TEXT NOT NULL,
    issuer        TEXT NOT NULL,
    client_id     TEXT NOT NULL,
    secret        BYTEA NOT NULL,    -- sealed
    verified_mail BOOLEAN NOT NULL, -- the operator answers for its e-mail addresses
    domains       TEXT NOT NULL,    -- whose people get an account; separated by spaces
    updated_at    BIGINT NOT NULL
);

-- Which account there is which account here.
CREATE TABLE sign_in_links (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX sign_in_links_by_user ON sign_in_links (user_id);

-- People on their way there and back.
CREATE TABLE sign_in_states (
    hash       BYTEA PRIMARY KEY, -- SHA-256 of the state
    browser    BYTEA NOT NULL,    -- SHA-256 of the browser cookie
    provider   TEXT NOT NULL,
    nonce      TEXT NOT NULL,
    verifier   TEXT NOT NULL,    -- PKCE
    return_to  TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sign_in_states_by_end ON sign_in_states (expires_at);

-- +goose Down
DROP TABLE sign_in_states;
DROP TABLE sign_in_links;
DROP TABLE sign_in_providers;
