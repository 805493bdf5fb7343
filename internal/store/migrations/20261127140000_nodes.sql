-- serves: 20260307000000_start
-- The nodes that serve the database, each in its own words. seen_at is by the
-- database's clock.

CREATE TABLE nodes (
	id       TEXT PRIMARY KEY,
	name     TEXT NOT NULL,
	redis    TEXT,
	lost     BOOLEAN NOT NULL,
	settings TEXT NOT NULL,
	seen_at  BIGINT NOT NULL
);
