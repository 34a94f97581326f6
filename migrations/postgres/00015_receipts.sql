-- +goose Up
-- What a person answered one app, the newest first.
CREATE INDEX receipts_by_app ON receipts (user_id, app_id, decided_at);

-- +goose Down
DROP INDEX receipts_by_app;
