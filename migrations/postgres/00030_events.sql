-- +goose Up
-- What a provider signs its messages to us with: sealed, NULL when it sends none.
ALTER TABLE registrations ADD COLUMN webhook_secret BYTEA;
-- Whose account a message is about.
CREATE INDEX connections_by_subject ON connections (registration_id, subject) WHERE ended_at IS NULL;

-- +goose Down
DROP INDEX connections_by_subject;
ALTER TABLE registrations DROP COLUMN webhook_secret;
