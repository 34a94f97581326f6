-- +goose Up
-- What a provider did not confirm when it was told that we are done: tokens that are
-- good for telling it again and for nothing else. A row lives for a day.
CREATE TABLE revocations (
    connection_id TEXT PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    version       INTEGER NOT NULL, -- of the sealed tokens, which are bound to this table
    access_token  BYTEA NOT NULL,
    refresh_token BYTEA,
    issued_at     BIGINT NOT NULL,
    expires_at    BIGINT, -- of the access token
    tries         INTEGER NOT NULL,
    next_try_at   BIGINT NOT NULL, -- whoever tries moves it on first, so that nobody else does
    given_up_at   BIGINT NOT NULL
);
CREATE INDEX revocations_due ON revocations (next_try_at);

-- +goose Down
DROP TABLE revocations;
