-- serves: 20260307000000_start
-- Windows of rate limits, for processes that share nothing but the database. What
-- a crash loses of them is not worth a write to the log. ends_at is in seconds.

CREATE /* unlogged */ TABLE windows (
	policy  TEXT NOT NULL,
	id      TEXT NOT NULL,
	used    BIGINT NOT NULL,
	ends_at BIGINT NOT NULL,
	PRIMARY KEY (policy, id)
);
