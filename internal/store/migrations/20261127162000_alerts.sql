-- serves: 20260307000000_start
-- What needs a look, what was set of the rules that find it, and what they remember.

CREATE TABLE alerts (
	id              TEXT PRIMARY KEY,
	rule            TEXT NOT NULL,
	subject         TEXT NOT NULL,
	message         TEXT NOT NULL,
	link            TEXT NOT NULL,
	opened_at       BIGINT NOT NULL,
	last_seen_at    BIGINT NOT NULL,
	occurrences     BIGINT NOT NULL,
	acknowledged_at BIGINT,
	acknowledged_by TEXT,
	resolved_at     BIGINT,
	stage           BIGINT NOT NULL
);
CREATE UNIQUE INDEX alerts_unresolved ON alerts (rule, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_opened_at ON alerts (opened_at, id);
CREATE INDEX alerts_unresolved_at ON alerts (opened_at, id) WHERE resolved_at IS NULL;
CREATE INDEX alerts_rule ON alerts (rule, opened_at, id);
CREATE INDEX alerts_subject ON alerts (subject, opened_at, id);
CREATE INDEX alerts_resolved_at ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

CREATE TABLE alert_rules (
	rule       TEXT PRIMARY KEY,
	disabled   BOOLEAN NOT NULL,
	thresholds TEXT NOT NULL
);

CREATE TABLE alert_mutes (
	rule    TEXT NOT NULL,
	subject TEXT NOT NULL,
	until   BIGINT NOT NULL,
	PRIMARY KEY (rule, subject)
);

-- The networks from which keys and developers were seen.
CREATE TABLE alert_sightings (
	subject  TEXT NOT NULL,
	network  TEXT NOT NULL,
	first_at BIGINT NOT NULL,
	seen_at  BIGINT NOT NULL,
	PRIMARY KEY (subject, network)
);
CREATE INDEX alert_sightings_seen_at ON alert_sightings (seen_at);

-- One row: the last evaluation, and how far it and those before have come.
CREATE TABLE alert_runs (
	id          BIGINT PRIMARY KEY,
	number      BIGINT NOT NULL,
	claimed_at  BIGINT NOT NULL,
	began_at    BIGINT NOT NULL,
	events_at   BIGINT NOT NULL,
	seen        TEXT NOT NULL,
	used_at     BIGINT NOT NULL,
	swept_at    BIGINT NOT NULL,
	ledgers_at  BIGINT NOT NULL,
	ledger_user TEXT
);
