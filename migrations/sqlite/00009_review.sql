-- +goose Up
-- The digest of an app that nobody registered by hand, when an operator approved
-- it; '' for never. With another digest it waits again.
ALTER TABLE apps ADD COLUMN approved TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE apps DROP COLUMN approved;
