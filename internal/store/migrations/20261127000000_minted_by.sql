-- serves: 20260307000000_start
-- The session of the developer that minted the session of a user. It is NULL in
-- sessions that were minted otherwise or by a release that does not know it.

ALTER TABLE sessions ADD COLUMN minted_by TEXT;
CREATE INDEX sessions_minted_by ON sessions (minted_by) WHERE minted_by IS NOT NULL;
