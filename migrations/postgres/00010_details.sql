-- +goose Up
-- Which resources tokens are narrowed to (RFC 9396), as JSON; '' when they are not.
ALTER TABLE codes ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE families ADD COLUMN details TEXT NOT NULL DEFAULT '';
-- The types of details an app has registered, separated by spaces; '' for any.
ALTER TABLE apps ADD COLUMN detail_types TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE apps DROP COLUMN detail_types;
ALTER TABLE families DROP COLUMN details;
ALTER TABLE devices DROP COLUMN details;
ALTER TABLE codes DROP COLUMN details;
