-- +goose Up
-- How much of a scope a person allows where nobody looks on, and what was counted
-- under it. 0 is what the catalogue says. The counters end with the item.
ALTER TABLE grant_items ADD COLUMN daily INTEGER NOT NULL DEFAULT 0;       -- calls in a day
ALTER TABLE grant_items ADD COLUMN every INTEGER NOT NULL DEFAULT 0;       -- milliseconds between visits
ALTER TABLE grant_items ADD COLUMN day_began INTEGER NOT NULL DEFAULT 0;   -- the first call counted in day_calls
ALTER TABLE grant_items ADD COLUMN day_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grant_items ADD COLUMN visit_began INTEGER NOT NULL DEFAULT 0;

-- The end that a person was reminded of: it changes when the item is renewed.
ALTER TABLE grant_items ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0;
CREATE INDEX grant_items_unreminded ON grant_items (until) WHERE reminded < until;

-- Scopes that an app says it cannot work without, separated by spaces.
ALTER TABLE apps ADD COLUMN required TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE apps DROP COLUMN required;
DROP INDEX grant_items_unreminded;
ALTER TABLE grant_items DROP COLUMN reminded;
ALTER TABLE grant_items DROP COLUMN visit_began;
ALTER TABLE grant_items DROP COLUMN day_calls;
ALTER TABLE grant_items DROP COLUMN day_began;
ALTER TABLE grant_items DROP COLUMN every;
ALTER TABLE grant_items DROP COLUMN daily;
