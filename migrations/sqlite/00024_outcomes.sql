-- +goose Up
-- Writes that apps made under a key of their own, so that each is made once. The
-- answer is sealed. Rows go a day later.
CREATE TABLE outcomes (
    id         TEXT PRIMARY KEY,      -- a digest of grant, app and key
    grant_id   TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    request    TEXT NOT NULL,         -- a digest of what was asked
    stage      TEXT NOT NULL,         -- begun, ended, unseen
    answer     TEXT NOT NULL,
    began_at   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX outcomes_by_grant ON outcomes (grant_id);
CREATE INDEX outcomes_by_end ON outcomes (expires_at);

-- +goose Down
DROP TABLE outcomes;
