-- +goose Up
-- The app as it was at the last yes: name, publisher, website, return hosts, in JSON.
-- '{}' for a yes of before this was written down, which is compared with nothing.
ALTER TABLE grants ADD COLUMN app_face TEXT NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE grants DROP COLUMN app_face;
