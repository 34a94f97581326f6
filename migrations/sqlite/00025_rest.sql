-- +goose Up
-- How a refresh went that went wrong, where every replica sees it.
ALTER TABLE credentials ADD COLUMN unsure BOOLEAN NOT NULL DEFAULT FALSE; -- a refresh of this version ended without an answer that was read
ALTER TABLE credentials ADD COLUMN fail_class TEXT NOT NULL DEFAULT '';   -- of the last refresh, '' when it went well
ALTER TABLE credentials ADD COLUMN fail_count INTEGER NOT NULL DEFAULT 0;  -- in a row
ALTER TABLE credentials ADD COLUMN next_try_at INTEGER NOT NULL DEFAULT 0; -- nobody refreshes before
-- Whether it is the registration that is refused, and not its people.
ALTER TABLE registrations ADD COLUMN refused_count INTEGER NOT NULL DEFAULT 0; -- connections in a row, with no refresh between that went well
ALTER TABLE registrations ADD COLUMN refused_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE registrations ADD COLUMN trouble_until INTEGER NOT NULL DEFAULT 0; -- no connection is given up before

-- +goose Down
ALTER TABLE registrations DROP COLUMN trouble_until;
ALTER TABLE registrations DROP COLUMN refused_since;
ALTER TABLE registrations DROP COLUMN refused_count;
ALTER TABLE credentials DROP COLUMN next_try_at;
ALTER TABLE credentials DROP COLUMN fail_count;
ALTER TABLE credentials DROP COLUMN fail_class;
ALTER TABLE credentials DROP COLUMN unsure;
