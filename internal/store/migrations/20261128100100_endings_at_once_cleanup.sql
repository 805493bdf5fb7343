-- serves: 20261128100000_endings_at_once
-- What the migration before has replaced. A transaction of its own, so that nobody who
-- waits for that one's locks is waited for. A server that does not look for endings would
-- go on to take the sessions that they have ended.

DROP INDEX sessions_app_id;
DROP INDEX sessions_minted_by;
ALTER TABLE endings DROP COLUMN worker;
ALTER TABLE endings DROP COLUMN worker_until;
