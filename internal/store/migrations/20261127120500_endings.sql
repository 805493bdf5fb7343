-- serves: 20260307000000_start
-- The ends of sessions that one transaction did not finish, since there may be any
-- number: the sessions of app_id or minted_by, except one and those that it
-- minted, which were made no later than made_by. It is NULL until the first of
-- them is ended. Until worker_until only the worker goes on with it.

CREATE TABLE endings (
	id           TEXT PRIMARY KEY,
	app_id       TEXT,
	minted_by    TEXT,
	except_id    TEXT,
	made_by      BIGINT,
	worker       TEXT,
	worker_until BIGINT
);
