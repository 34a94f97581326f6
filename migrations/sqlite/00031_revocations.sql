-- +goose Up
-- What a provider did not confirm when it was told that we are done: tokens that are
-- good for telling it again and for nothing else. A row lives for a day.
CREATE TABLE revocations (
    connection_id TEXT PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    version       INTEGER NOT NULL, -- of the sealed tokens, which are bound to this table
    access_token  BLOB NOT NULL,
    refresh_token BLOB,
    issued_at     INTEGER NOT NULL,
    expires_at    INTEGER, -- of the access token
    tries         INTEGER NOT NULL,
    next_try_at   INTEGER NOT NULL, -- whoever tries moves it on first, so that nobody else does
    given_up_at   INTEGER NOT NULL
);
CREATE INDEX revocations_due ON revocations (next_try_at);

-- +goose Down
DROP TABLE revocations;
