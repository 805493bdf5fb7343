-- serves: 20260307000000_start
-- How many requests a subject made in each minute, hour and day, in all and by what
-- they are told apart by. at is when the span began; the numbers of resolution and
-- dimension are those of the package usage. PostgreSQL has no table without row ids.

-- on sqlite
CREATE TABLE usage_counts (
	subject      TEXT NOT NULL,
	resolution   BIGINT NOT NULL,
	dimension    BIGINT NOT NULL,
	at           BIGINT NOT NULL,
	name         TEXT NOT NULL,
	requests     BIGINT NOT NULL,
	refused      BIGINT NOT NULL,
	limited      BIGINT NOT NULL,
	failed       BIGINT NOT NULL,
	last_used_at BIGINT NOT NULL,
	PRIMARY KEY (subject, resolution, dimension, at, name)
) WITHOUT ROWID;
CREATE INDEX usage_counts_at ON usage_counts (resolution, at);

-- The number of the last batch that a node has added.
CREATE TABLE usage_writers (
	id      TEXT PRIMARY KEY,
	number  BIGINT NOT NULL,
	seen_at BIGINT NOT NULL
);

-- on postgres
CREATE TABLE usage_counts (
	subject      TEXT NOT NULL,
	resolution   BIGINT NOT NULL,
	dimension    BIGINT NOT NULL,
	at           BIGINT NOT NULL,
	name         TEXT NOT NULL,
	requests     BIGINT NOT NULL,
	refused      BIGINT NOT NULL,
	limited      BIGINT NOT NULL,
	failed       BIGINT NOT NULL,
	last_used_at BIGINT NOT NULL,
	PRIMARY KEY (subject, resolution, dimension, at, name)
);
CREATE INDEX usage_counts_at ON usage_counts (resolution, at);
CREATE TABLE usage_writers (
	id      TEXT PRIMARY KEY,
	number  BIGINT NOT NULL,
	seen_at BIGINT NOT NULL
);
