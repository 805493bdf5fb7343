-- serves: 20260307000000_start
-- What a user keeps. The numbers hold while workouts_counted_at is last_synced_at:
-- a release that does not count moves only the latter.

ALTER TABLE users ADD COLUMN workouts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN workout_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN workouts_counted_at BIGINT;
