-- +goose Up
-- What apps made at providers, so that they can be given what is their own. Rows go 90
-- days later, the oldest of a grant earlier when there are many.
CREATE TABLE made (
    id         TEXT PRIMARY KEY, -- a digest of grant, connection, kind, place and the provider's id
    grant_id   TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX made_by_grant ON made (grant_id, expires_at);
CREATE INDEX made_by_end ON made (expires_at);

-- +goose Down
DROP TABLE made;
