-- +goose Up
-- Who decides whether an app may have a scope, where it is not the person alone.
CREATE TABLE rules (
    app_id  TEXT NOT NULL,    -- '' for every app
    scope   TEXT NOT NULL,    -- '' for every scope of at least risk
    risk    INTEGER NOT NULL,
    decider TEXT NOT NULL,    -- person | admin
    PRIMARY KEY (app_id, scope, risk)
);

-- What people asked an administrator for.
CREATE TABLE petitions (
    id          TEXT PRIMARY KEY,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id      TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    app_digest  TEXT NOT NULL,    -- of the app when it was asked for
    scopes      TEXT NOT NULL,    -- separated by spaces
    state       TEXT NOT NULL,    -- waiting | approved | refused
    why         TEXT NOT NULL,    -- the person's reason
    answer      TEXT NOT NULL,    -- the administrator's
    asked_at    INTEGER NOT NULL,
    answered_at INTEGER NOT NULL, -- 0 while it waits
    expires_at  INTEGER NOT NULL  -- it counts for nothing from then on
);
CREATE INDEX petitions_by_user ON petitions (user_id, app_id);
CREATE INDEX petitions_by_app ON petitions (app_id);
CREATE INDEX petitions_by_state ON petitions (state, asked_at);
CREATE INDEX petitions_by_end ON petitions (expires_at);

-- +goose Down
DROP TABLE petitions;
DROP TABLE rules;
