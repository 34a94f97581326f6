-- +goose Up
-- Letters that wait to be sent. They are deleted then, or at their end.
CREATE TABLE letters (
    id         TEXT PRIMARY KEY,
    recipient  TEXT NOT NULL,        -- whose: an id or a digest
    about      TEXT NOT NULL UNIQUE, -- only one about the same waits
    content    BYTEA NOT NULL,        -- sealed
    tries      BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,     -- while one is being sent, the end of its lease
    expires_at BIGINT NOT NULL
);
CREATE INDEX letters_by_due ON letters (due_at);
CREATE INDEX letters_by_recipient ON letters (recipient);

-- In which language letters are written, and which kinds a person does not want,
-- separated by spaces.
ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN muted TEXT NOT NULL DEFAULT '';
-- When somebody was invited who has not come yet.
ALTER TABLE users ADD COLUMN invited_at BIGINT;

-- +goose Down
ALTER TABLE users DROP COLUMN invited_at;
ALTER TABLE users DROP COLUMN muted;
ALTER TABLE users DROP COLUMN language;
DROP TABLE letters;
