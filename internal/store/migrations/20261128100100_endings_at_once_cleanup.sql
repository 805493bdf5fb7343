-- serves: 20260307000000_start
-- What the migration before has replaced. A transaction of its own, so that nobody who
-- waits for that one's locks is waited for.

DROP INDEX sessions_app_id;
DROP INDEX sessions_minted_by;
ALTER TABLE endings DROP COLUMN worker;
ALTER TABLE endings DROP COLUMN worker_until;
