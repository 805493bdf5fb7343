-- serves: 20260307000000_start
-- How many rows of a table there are. A release that does not count leaves the
-- number as it is; it is corrected when it has reached its bound.

CREATE TABLE counters (
	name  TEXT PRIMARY KEY,
	value BIGINT NOT NULL
);
