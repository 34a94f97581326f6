-- +goose Up
-- What apps used of the operator's allowance. One row a grant, from its first call.
CREATE TABLE spent_calls (
    grant_id       TEXT PRIMARY KEY REFERENCES grants (id) ON DELETE CASCADE,
    minute         INTEGER NOT NULL, -- since 1970, as the day
    minute_calls   INTEGER NOT NULL,
    minute_changes INTEGER NOT NULL,
    day            INTEGER NOT NULL,
    day_calls      INTEGER NOT NULL,
    day_changes    INTEGER NOT NULL
);

-- +goose Down
DROP TABLE spent_calls;
