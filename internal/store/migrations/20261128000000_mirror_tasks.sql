-- serves: 20260307000000_start
-- What is still to be done for a user in the product behind this server, or to be undone
-- there: an outbox. id is the user's or, of one that is being made there, the external id
-- by which it is found there. Until "until" only the worker goes on with it, or nobody.

CREATE TABLE mirror_tasks (
	id         TEXT PRIMARY KEY,
	action     TEXT NOT NULL,
	actor      TEXT NOT NULL,
	worker     TEXT,
	until      BIGINT NOT NULL,
	attempts   BIGINT NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE INDEX mirror_tasks_until ON mirror_tasks (until);
